//! Faults of the wire format (SIO-CO).

use super::heard::deaf_to;
use super::script::{self, Script, close, heard, reading, say, writing};
use super::{Fault, hooks};
use crate::args::Args;
use crate::namespace::Body;
use crate::outgoing::{Outgoing, Says};
use crate::seams::{Seams, Way};
use serde_json::{Value, json};
use siospec_codec::engine::OwnedPacket;
use std::collections::HashSet;
use std::sync::Arc;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "co-id-before-namespace",
        requirements: &["SIO-CO-01"],
        breaks: "the id of a binary ACK stands before its namespace",
        also: &[],
        make: || {
            writing(|text| {
                let (count, rest) = text.strip_prefix("46")?.split_once('-')?;
                let (namespace, rest) = rest.split_once(',').filter(|_| rest.starts_with('/'))?;
                let (id, json) = rest.split_once('[')?;
                Some(format!("46{count}-{id}{namespace},[{json}"))
            })
        },
    },
    Fault {
        name: "co-splits-last-comma",
        requirements: &["SIO-CO-02"],
        breaks: "a namespace ends at the last comma of the packet, even if that stands in a string",
        also: &[],
        make: || {
            reading(|text| {
                let (_, behind) = text.strip_prefix("2/")?.rsplit_once(',')?;
                let in_string = behind.matches('"').count() % 2 == 1;
                in_string.then(|| r#"2/custom,["message","a,["x"]"#.to_owned())
            })
        },
    },
    Fault {
        name: "co-dash-confusion",
        requirements: &["SIO-CO-03"],
        breaks: "a digit and a hyphen anywhere in an event are read as a count of attachments",
        also: &[],
        make: || {
            reading(|text| {
                let bytes = text.strip_prefix('2')?.as_bytes();
                let counts = |pair: &[u8]| pair[0].is_ascii_digit() && pair[1] == b'-';
                bytes.windows(2).any(counts).then(|| "51".to_owned())
            })
        },
    },
    Fault {
        name: "co-guesses-namespace",
        requirements: &["SIO-CO-04"],
        breaks: "JSON right behind `/` is taken for a payload of the main namespace",
        also: &[],
        make: || {
            reading(|text| {
                Some(format!(
                    "2{}",
                    text.strip_prefix("2/")
                        .filter(|rest| rest.starts_with('['))?
                ))
            })
        },
    },
    Fault {
        name: "co-unicode-digits",
        requirements: &["SIO-CO-05"],
        breaks: "a full-width digit counts as the type of a packet",
        also: &[],
        make: || reading(|text| Some(format!("2{}", text.strip_prefix('２')?))),
    },
    Fault {
        name: "co-space-is-zero",
        requirements: &["SIO-CO-06"],
        breaks: "white space before the payload of an event is read as id 0",
        also: &[],
        make: || reading(|text| Some(format!("20{}", text.strip_prefix("2 ")?))),
    },
    Fault {
        name: "co-space-connects",
        requirements: &["SIO-CO-06"],
        breaks: "a space is read as the type of a CONNECT",
        also: &[],
        make: || reading(|text| (text == " ").then(|| "0".to_owned())),
    },
    Fault {
        name: "co-count-number-coercion",
        requirements: &["SIO-CO-07"],
        breaks: "a count of attachments may be written with an exponent, or in hexadecimal digits",
        also: &[],
        make: || {
            reading(|text| {
                let rest = text.strip_prefix("51e0-").or(text.strip_prefix("50x1-"))?;
                Some(format!("51-{rest}"))
            })
        },
    },
    Fault {
        name: "co-connect-with-ack",
        requirements: &["SIO-CO-08"],
        breaks: "the answer to a CONNECT repeats the id that it came with",
        also: &[],
        make: || {
            Script {
                inward: |ids: &mut HashSet<String>, view, packet, packets| {
                    if let OwnedPacket::Text { data, .. } = &packet
                        && data.starts_with("05{")
                    {
                        ids.insert(view.sid().to_owned());
                    }
                    packets.push(packet);
                },
                outward: |ids, view, _, frames| {
                    if ids.contains(view.sid()) {
                        for frame in frames {
                            hooks::rewrite(frame, |text| {
                                Some(format!("405{{{}", text.strip_prefix("40{")?))
                            });
                        }
                    }
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "co-disconnect-with-ack",
        requirements: &["SIO-CO-08"],
        breaks: "a DISCONNECT with an id is acknowledged",
        also: &[],
        make: || {
            hooks::inward(|view, _, packet, packets| {
                if matches!(&packet, OwnedPacket::Text { data, .. } if &**data == "15") {
                    say(view, view.sid(), "435[]");
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "co-untyped-message",
        requirements: &["SIO-CO-09"],
        breaks: "an ACK in a custom namespace goes out without its type, if its id is below 100",
        also: &[
            ("SIO-ACK-05", "it waits for the ACK of a custom namespace"),
            ("SIO-CN-10", "it waits for the ACK of a custom namespace"),
        ],
        make: || {
            writing(|text| {
                let rest = text.strip_prefix("43/")?;
                let (_, answer) = rest.split_once(',')?;
                let (id, _) = answer.split_once('[')?;
                (id.len() < 3).then(|| format!("4/{rest}"))
            })
        },
    },
    Fault {
        name: "co-int32",
        requirements: &["SIO-CO-10"],
        breaks: "whole numbers are cut to 32 bits",
        also: &[],
        make: || {
            mapping(|value| match value {
                Value::Number(number) => {
                    let number = number.as_i64().filter(|n| n.unsigned_abs() < 1 << 53)?;
                    #[expect(clippy::cast_possible_truncation, reason = "this is the fault")]
                    let cut = number as i32;
                    (i64::from(cut) != number).then(|| json!(cut))
                }
                _ => None,
            })
        },
    },
    Fault {
        name: "co-bigint-string",
        requirements: &["SIO-CO-11"],
        breaks: "a whole number beyond 2^53 comes back as a string",
        also: &[],
        make: || {
            mapping(|value| match value {
                Value::Number(number) => {
                    let big = number.as_i128()?.unsigned_abs() > 1 << 53;
                    big.then(|| Value::String(number.to_string()))
                }
                _ => None,
            })
        },
    },
    Fault {
        name: "co-infinity-token",
        requirements: &["SIO-CO-12"],
        breaks: "a number too large for a float comes back as `Infinity`",
        also: &[],
        make: || {
            writing(|text| {
                text.contains(",1e400]")
                    .then(|| text.replace(",1e400]", ",Infinity]"))
            })
        },
    },
    Fault {
        name: "co-escaped-key-dropped",
        requirements: &["SIO-CO-18"],
        breaks: "an event with an object whose first key has an escape in it is dropped",
        also: &[],
        make: || deaf_to(|text| text.contains(r#",{"\"#)),
    },
    Fault {
        name: "co-nul-truncates",
        requirements: &["SIO-CO-13"],
        breaks: "a string ends at its first NUL",
        also: &[],
        make: || {
            mapping(|value| {
                let (cut, _) = value.as_str()?.split_once('\0')?;
                Some(json!(cut))
            })
        },
    },
    Fault {
        name: "co-surrogate-bad-utf8",
        requirements: &["SIO-CO-14"],
        breaks: "a lone surrogate goes out on a WebSocket as bytes that are no UTF-8",
        also: &[],
        make: || {
            hooks::wire(|_, way, bytes| {
                const ESCAPE: &[u8] = br"\ud800";
                let at = bytes.windows(ESCAPE.len()).position(|part| part == ESCAPE);
                if let (Way::Out, Some(at)) = (way, at) {
                    bytes[at..at + ESCAPE.len()].copy_from_slice(b"\xed\xa0\x80   ");
                }
            })
        },
    },
    Fault {
        name: "co-dupkey-crash",
        requirements: &["SIO-CO-15"],
        breaks: "an object with a key twice ends the connection",
        also: &[],
        make: || {
            hooks::incoming(|view, packet, packets| {
                let twice = heard(&packet).is_some_and(|(name, args)| {
                    let keys: usize = script::values(args).iter().map(keys).sum();
                    name == "message" && keys > 0 && args.json().matches("\":").count() > keys
                });
                if twice {
                    close(view);
                } else {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "co-proto-pollution",
        requirements: &["SIO-CO-16"],
        breaks: "what an object says under `__proto__` is in the next empty object as well",
        also: &[],
        make: || {
            Script {
                incoming: |polluted: &mut Option<Value>, _, mut packet, packets| {
                    if let Body::Event { name, args, .. } = &mut packet.body
                        && name.as_deref() == Some("message")
                    {
                        let values = script::values(args);
                        let first = values.first().unwrap_or(&Value::Null);
                        if first.get("__proto__").is_some_and(Value::is_object) {
                            *polluted = first.get("__proto__").cloned();
                        } else if *first == json!({})
                            && let Some(polluted) = polluted
                        {
                            *args = script::args(vec![polluted.clone()]);
                        }
                    }
                    packets.push(packet);
                },
                ..Script::new(None)
            }
            .seams()
        },
    },
    Fault {
        name: "co-bom-as-id",
        requirements: &["SIO-CO-17"],
        breaks: "a byte-order mark before the payload is read as id 0",
        also: &[],
        make: || reading(|text| Some(format!("20{}", text.strip_prefix("2\u{feff}")?))),
    },
];

/// Changes values on their way out: the arguments of events, one by one.
fn mapping(change: fn(&Value) -> Option<Value>) -> Arc<dyn Seams> {
    hooks::outgoing(move |_, packet: Outgoing, _, packets| {
        let mut packet = packet;
        if let Says::Event { args, .. } = &mut packet.body
            && let Some(changed) = changed(args, change)
        {
            *args = changed;
        }
        packets.push(packet);
    })
}

fn changed(args: &Args, change: fn(&Value) -> Option<Value>) -> Option<Args> {
    let mut values = script::values(args);
    let mut any = false;
    for value in &mut values {
        if let Some(other) = change(value) {
            (*value, any) = (other, true);
        }
    }
    any.then(|| script::args(values))
}

/// Number of keys of all objects in a value.
fn keys(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.len() + object.values().map(keys).sum::<usize>(),
        Value::Array(array) => array.iter().map(keys).sum(),
        _ => 0,
    }
}
