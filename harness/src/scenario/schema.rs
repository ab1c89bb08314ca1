//! The JSON Schema of scenario files, from which editors complete and check them.

use serde_json::{Map, Value, json};

use super::grammar::{CAPABILITIES, Grammar, KNOBS, VERBS, written};
use super::network_read::FAULTS;

/// The schema, as it is committed in `scenarios/schema.json`.
///
/// Editors check words and shapes with it; literals, names and everything else that has a meaning
/// are checked by `siospec check`.
#[must_use]
pub fn schema() -> String {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A siospec scenario",
        "type": "object",
        "required": ["title", "steps"],
        "additionalProperties": false,
        "properties": header(),
        "$defs": {
            "duration": {"type": "string", "pattern": "^([0-9.]+(ms|s|min)|.*\\$\\(.*)$"},
            "text": {"type": ["string", "number", "boolean", "null"]},
            "texts": {"anyOf": [{"$ref": "#/$defs/text"}, {"type": "array", "items": {"$ref": "#/$defs/text"}}]},
            "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
            "step": step(),
        },
    });
    format!("{schema:#}\n")
}

fn header() -> Value {
    let link =
        json!({"enum": ["websocket", "polling", "websocket via proxy", "polling via proxy"]});
    let links = json!({"anyOf": [link, {"type": "array", "items": link, "minItems": 1}]});
    let words =
        json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
    json!({
        "title": {"type": "string", "description": "What a right server does, one sentence."},
        "requirement": describe(&words, "Ids of requirements.yaml, all of one level."),
        "needs": {"type": "array", "items": {"enum": CAPABILITIES}, "description": "Capabilities that the server must declare."},
        "config": {"type": "object", "additionalProperties": false, "properties": knobs(), "description": "How the server must be started."},
        "path": {"enum": ["/socket.io/", "/engine.io/"]},
        "transports": describe(&links, "One client A, a trial for each transport."),
        "clients": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z][A-Za-z0-9_]*(\\*[0-9]+)?$"},
            "additionalProperties": {"anyOf": [links, client(&links)]},
            "description": "Opened, and on /socket.io/ connected to /, before step 1. A list is a matrix.",
        },
        "cases": {
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": {"$ref": "#/$defs/text"}},
            "description": "Labelled texts, put in wherever $(key) stands.",
        },
        "alone": {"type": "boolean", "description": "Needs a server of its own."},
        "stress": {"type": "boolean", "description": "Played only with --stress."},
        "heartbeat": {"enum": ["manual", "answered"], "description": "manual: pings are neither answered nor hidden."},
        "drain": {"type": "boolean", "description": "What is left unread at the end is fine; needs a note."},
        "note": {"type": "string"},
        "aka": describe(&words, "Earlier names."),
        "steps": {"$ref": "#/$defs/steps"},
    })
}

/// The long form of a client.
fn client(links: &Value) -> Value {
    let (duration, count) = (
        json!({"$ref": "#/$defs/duration"}),
        json!({"type": "integer", "minimum": 0}),
    );
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "client": {"enum": ["scripted", "reconnecting"]},
            "transport": links,
            "transports": links,
            "via": {"const": "proxy"},
            "opened": {"type": "boolean", "description": "false leaves it to a step to open it."},
            "upgrade": {"type": "boolean"},
            "try-all": {"type": "boolean"},
            "ns": {"type": "string", "pattern": "^/"},
            "auth": {"type": "object"},
            "reconnection": {"type": "boolean"},
            "attempts": count,
            "delay": duration,
            "delay-max": duration,
            "randomization": {"type": "number", "minimum": 0, "maximum": 1},
            "seed": count,
            "timeout": duration,
            "ack-timeout": duration,
            "retries": count,
            "note": {"type": "string"},
        },
    })
}

fn knobs() -> Value {
    let knob = |name: &&str| {
        let kind = match *name {
            "maxPayload" => json!({"type": "integer", "minimum": 0}),
            "recovery" | "upgrades" => json!({"type": "boolean"}),
            "cors" | "cookie" | "initialPacket" => json!({"$ref": "#/$defs/text"}),
            _ => json!({"$ref": "#/$defs/duration"}),
        };
        ((*name).to_owned(), kind)
    };
    Value::Object(KNOBS.iter().map(knob).collect())
}

fn step() -> Value {
    let mut verbs = Map::new();
    for verb in &VERBS {
        verbs.insert(key(verb), value(verb.name));
    }
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": {
            "within": {"$ref": "#/$defs/duration", "description": "Instead of the default deadline."},
            "not-before": {"$ref": "#/$defs/duration", "description": "Counted from the step's start."},
            "at": {"type": "string", "pattern": "^\\$[a-z]", "description": "Binds the time, in milliseconds since the trial's start."},
            "ns": {"type": "string", "pattern": "^/", "description": "The namespace of an emit, or whose next packet is taken."},
            "ack": {"anyOf": [{"type": "array"}, {"const": "failed"}], "description": "What the acknowledgement of an emit carries; failed: that it is given up."},
            "volatile": {"type": "boolean", "description": "A reconnecting client may drop it."},
            "timeout": {"$ref": "#/$defs/duration", "description": "How long a reconnecting client waits for the acknowledgement."},
            "refused": {"$ref": "#/$defs/texts", "description": "The statuses with which an open must be refused."},
            "note": {"type": "string"},
        },
        "patternProperties": verbs,
        "additionalProperties": false,
    })
}

/// The pattern of a verb's key, with its subject.
fn key(verb: &Grammar) -> String {
    let name = |way: String| way.replace('.', "\\.");
    let mut ways: Vec<String> = verb
        .layers
        .iter()
        .map(|layer| name(written(verb, *layer)))
        .collect();
    if ways.is_empty() {
        ways.push(name(verb.name.to_owned()));
    }
    let subject = "([A-Z][A-Za-z0-9_]*(\\[[0-9]+\\])?\\.)?";
    let subject = if verb.layers.is_empty() && verb.name != "check" {
        ""
    } else {
        subject
    };
    format!("^{subject}({})$", ways.join("|"))
}

fn value(verb: &str) -> Value {
    match verb {
        "nothing" | "alive" | "target.exit" => json!({"type": "null"}),
        "silence" | "wait" => json!({"$ref": "#/$defs/duration"}),
        "dead" => json!({"anyOf": [{"type": "null"}, {"$ref": "#/$defs/duration"}]}),
        "send" | "expect.raw" | "check" => json!({"$ref": "#/$defs/text"}),
        "expect.any-order" => json!({"$ref": "#/$defs/texts"}),
        "emit" => json!({"type": "array", "minItems": 1}),
        "drop" => words(&["reset", "fin"]),
        "poll" => json!({"anyOf": [{"type": "null"}, words(&["hang"])]}),
        "target" => words(&["restart", "stop", "start", "pause", "resume", "term"]),
        "together" => json!({"$ref": "#/$defs/steps"}),
        "either" => json!({"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/steps"}}),
        "repeat" => json!({
            "type": "object",
            "required": ["times", "steps"],
            "additionalProperties": false,
            "properties": {"times": {"type": ["integer", "string"]}, "as": {"type": "string"}, "steps": {"$ref": "#/$defs/steps"}},
        }),
        "open" => fields(&["transport", "path", "query", "headers"]),
        "connect" => fields(&["ns", "auth"]),
        "close" => fields(&["code", "reason"]),
        "closed" => fields(&["code", "reason", "how"]),
        "http" => fields(&["request", "headers", "body"]),
        "http.expect" | "poll.expect" => fields(&["status", "headers", "body", "json", "packets"]),
        "expect" => {
            json!({"anyOf": [{"$ref": "#/$defs/texts"}, fields(&["status", "headers", "body", "json", "packets"])]})
        }
        "frame" => fields(&["opcode", "fin", "rsv", "masked", "payload", "length"]),
        "frame.expect" => fields(&["opcode", "payload"]),
        "network" => fields(&FAULTS),
        _ => json!({}),
    }
}

/// One of these words, or a macro that becomes one.
fn words(words: &[&str]) -> Value {
    json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": "\\$\\("}]})
}

/// A text, or an object with these keys.
fn fields(names: &[&str]) -> Value {
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({})))
        .collect();
    json!({"anyOf": [
        {"$ref": "#/$defs/text"},
        {"type": "object", "additionalProperties": false, "properties": properties},
    ]})
}

fn describe(schema: &Value, words: &str) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), json!(words));
    }
    schema
}
