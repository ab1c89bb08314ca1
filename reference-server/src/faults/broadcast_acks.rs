//! Faults of broadcasts with acknowledgements (SIO-BA).

use super::Fault;
use super::script::{Script, heard, lock, said, say, send, values};
use crate::namespace::{Body, Incoming};
use crate::outgoing::{Outgoing, Says};
use crate::wire;
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ba-no-id",
        requirements: &["SIO-BA-01"],
        breaks: "a broadcast that wants acknowledgements asks for none",
        also: &[
            ("SIO-BA-02", "nobody can answer"),
            ("SIO-BA-03", "nobody can answer"),
            ("SIO-BA-05", "nobody can answer"),
            ("SIO-BA-06", "nobody can answer"),
            ("SIO-BA-07", "nobody can answer"),
        ],
        make: || {
            Script {
                incoming: |many, _, packet, packets| {
                    *many = asks_many(&packet);
                    packets.push(packet);
                },
                outgoing: |many, _, mut packet, _, packets| {
                    if let (true, Says::Event { id, .. }) = (*many, &mut packet.body) {
                        *id = None;
                    }
                    packets.push(packet);
                },
                ..Script::new(false)
            }
            .seams()
        },
    },
    Fault {
        name: "ba-first-only",
        requirements: &["SIO-BA-02"],
        breaks: "a broadcast ends with the first acknowledgement",
        also: &[
            ("SIO-BA-03", "answers have come before the timeout"),
            ("SIO-BA-07", "an answer has come before the timeout"),
        ],
        make: || {
            Script {
                incoming: |call: &mut Call, view, packet, packets| {
                    call.hear(view.sid(), &packet);
                    if let Some(first) = answer(&packet).filter(|_| !call.over) {
                        call.over = true;
                        let result = format!(r#"42["call-many-result",null,[{first}]]"#);
                        say(view, &call.caller, result);
                    }
                    packets.push(packet);
                },
                outgoing: |call, _, packet, _, packets| {
                    if result(&packet).is_none() || !call.over {
                        packets.push(packet);
                    }
                },
                ..Script::new(Call::default())
            }
            .seams()
        },
    },
    Fault {
        name: "ba-hangs",
        requirements: &["SIO-BA-03"],
        breaks: "a broadcast that misses an acknowledgement never ends",
        also: &[
            ("SIO-BA-05", "it waits for the timeout"),
            ("SIO-BA-07", "it waits for the timeout"),
        ],
        make: || {
            Script {
                outgoing: |_, _, packet, _, packets| {
                    if result(&packet).is_none_or(|(error, _)| error.is_null()) {
                        packets.push(packet);
                    }
                },
                ..Script::new(())
            }
            .seams()
        },
    },
    Fault {
        name: "ba-empty-waits",
        requirements: &["SIO-BA-04"],
        breaks: "a broadcast that asks nobody ends only with its timeout",
        also: &[],
        make: || {
            Script {
                incoming: |call: &mut Call, view, packet, packets| {
                    call.hear(view.sid(), &packet);
                    packets.push(packet);
                },
                outgoing: |call, view, packet, _, packets| match result(&packet) {
                    Some((_, answers)) if answers.is_empty() && call.asked == 0 => {
                        let frames = vec![wire::encode(&packet).first];
                        send(view, view.sid(), call.timeout, frames);
                    }
                    _ => {
                        call.asked += usize::from(asks(&packet));
                        packets.push(packet);
                    }
                },
                ..Script::new(Call::default())
            }
            .seams()
        },
    },
    Fault {
        name: "ba-late-second-result",
        requirements: &["SIO-BA-05"],
        breaks: "an acknowledgement after the timeout gives a second result",
        also: &[],
        make: || {
            Script {
                incoming: |call: &mut Call, view, packet, packets| {
                    call.hear(view.sid(), &packet);
                    if let Some(late) = answer(&packet).filter(|_| call.over) {
                        let result = format!(r#"42["call-many-result",null,[{late}]]"#);
                        say(view, &call.caller, result);
                    }
                    packets.push(packet);
                },
                outgoing: |call, _, packet, _, packets| {
                    call.over |= result(&packet).is_some();
                    packets.push(packet);
                },
                ..Script::new(Call::default())
            }
            .seams()
        },
    },
    Fault {
        name: "ba-ignores-rooms",
        requirements: &["SIO-BA-06"],
        breaks: "a broadcast that wants acknowledgements asks the whole namespace",
        also: &[],
        make: || {
            Script {
                incoming: |many, _, packet, packets| {
                    *many = asks_many(&packet);
                    packets.push(packet);
                },
                select: |many, inner, selection, visit| {
                    let mut selection = selection.clone();
                    if std::mem::take(&mut *lock(many)) {
                        selection.rooms.clear();
                        selection.except.truncate(1);
                    }
                    inner.select(&selection, visit);
                },
                ..Script::new(false)
            }
            .seams()
        },
    },
    Fault {
        name: "ba-double-counts",
        requirements: &["SIO-BA-07"],
        breaks: "the second acknowledgement of one client counts as that of the other",
        also: &[],
        make: || {
            Script {
                incoming: |call: &mut Call, view, packet, packets| {
                    call.hear(view.sid(), &packet);
                    if let Some(answer) = answer(&packet) {
                        call.answers.push(answer);
                        if !call.answered.insert(view.sid().to_owned()) {
                            call.over = true;
                            let answers = call.answers.join(",");
                            let result = format!(r#"42["call-many-result",null,[{answers}]]"#);
                            say(view, &call.caller, result);
                        }
                    }
                    packets.push(packet);
                },
                outgoing: |call, _, packet, _, packets| {
                    if result(&packet).is_none() || !call.over {
                        packets.push(packet);
                    }
                },
                ..Script::new(Call::default())
            }
            .seams()
        },
    },
];

/// The last broadcast that wanted acknowledgements.
#[derive(Default)]
struct Call {
    caller: String,
    timeout: Duration,
    asked: usize,
    answered: HashSet<String>,
    answers: Vec<String>,
    over: bool,
}

impl Call {
    /// Begins anew with each one.
    fn hear(&mut self, sid: &str, packet: &Incoming) {
        if let Some(("call-many", args)) = heard(packet) {
            *self = Self {
                caller: sid.to_owned(),
                timeout: Duration::from_millis(args.get(1).unwrap_or(0)),
                ..Self::default()
            };
        }
    }
}

fn asks_many(packet: &Incoming) -> bool {
    heard(packet).is_some_and(|(name, _)| name == "call-many")
}

/// The JSON of an acknowledgement.
fn answer(packet: &Incoming) -> Option<String> {
    match &packet.body {
        Body::Ack { args, .. } => Some(args.json().to_owned()),
        _ => None,
    }
}

fn asks(packet: &Outgoing) -> bool {
    matches!(&packet.body, Says::Event { id: Some(_), .. })
}

/// The error and the answers that the application was left with.
fn result(packet: &Outgoing) -> Option<(Value, Vec<Value>)> {
    let (_, args) = said(packet).filter(|(name, _)| *name == "call-many-result")?;
    let mut values = values(args).into_iter();
    let (error, answers) = (values.next()?, values.next()?);
    Some((error, serde_json::from_value(answers).ok()?))
}
