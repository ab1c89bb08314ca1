//! Faults of events (SIO-EV).

use super::heard::{Memory, deaf_to, emitted, handled, mishears, refuses, values};
use super::script::{Script, delay};
use super::{Fault, hooks};
use crate::namespace::{Body, Incoming};
use crate::outgoing::{Outgoing, Says};
use crate::seams::{Seams, Sending, Tolerance, View};
use crate::session::Frame;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ev-args-stringified",
        requirements: &["SIO-EV-01"],
        breaks: "a lone boolean in an array within an object arrives as a text",
        also: &[],
        make: || {
            handled(|_, args| {
                if args.json().contains(":[true]}") {
                    *args = crate::Args::from_json(args.json().replace(":[true]}", ":[\"true\"]}"));
                }
            })
        },
    },
    Fault {
        name: "ev-first-arg-only",
        requirements: &["SIO-EV-02"],
        breaks: "the arguments from the eleventh on are lost",
        also: &[],
        make: || handled(|_, args| values(args, |values| values.truncate(10))),
    },
    Fault {
        name: "ev-null-dropped",
        requirements: &["SIO-EV-03"],
        breaks: "a null in front of other arguments of `message` is dropped",
        also: &[],
        make: || {
            handled(|name, args| {
                if name == "message" && args.json().starts_with("null,") {
                    *args = args.rest(1);
                }
            })
        },
    },
    Fault {
        name: "ev-wrong-namespace-reply",
        requirements: &["SIO-EV-04"],
        breaks: "an event of /custom whose one argument is a number goes out without its prefix",
        also: &[],
        make: || {
            hooks::outgoing(|_, mut packet, _, packets| {
                if let Says::Event { name, args, .. } = &packet.body
                    && name == "message-back"
                    && packet.namespace == "/custom"
                    && args.json().parse::<u32>().is_ok()
                {
                    packet.namespace = "/".into();
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ev-unknown-closes",
        requirements: &["SIO-EV-05"],
        breaks: "an event `nosuch`, which has no handler and no id, closes the connection",
        also: &[],
        make: || {
            hooks::unhandled(|view, event, id| {
                if event == Some("nosuch") && id.is_none() {
                    let sid = view.sid().to_owned();
                    view.later(move |server| server.close_session(&sid));
                }
            })
        },
    },
    Fault {
        name: "ev-nonarray-ignored",
        requirements: &["SIO-EV-06"],
        breaks: "an event whose payload is an object or null is ignored",
        also: &[],
        make: || deaf_to(|text| matches!(text, "2{}" | "2null" | "2/custom,{}")),
    },
    Fault {
        name: "ev-empty-array-ignored",
        requirements: &["SIO-EV-07"],
        breaks: "an event with an empty array is ignored",
        also: &[],
        make: || deaf_to(|text| text == "2[]"),
    },
    Fault {
        name: "ev-no-payload-ignored",
        requirements: &["SIO-EV-08"],
        breaks: "an event without a payload is ignored",
        also: &[],
        make: || deaf_to(|text| text.strip_prefix('2').is_some_and(digits)),
    },
    Fault {
        name: "ev-object-name",
        requirements: &["SIO-EV-09"],
        breaks: "an event whose name is an object is ignored",
        also: &[],
        make: || deaf_to(|text| text.starts_with("2[{")),
    },
    Fault {
        name: "ev-number-name-closes",
        requirements: &["SIO-EV-10"],
        breaks: "an event whose name is a number closes the connection",
        also: &[],
        make: || refuses(|text| text.starts_with("2[1,")),
    },
    Fault {
        name: "ev-reserved-dispatched",
        requirements: &["SIO-EV-11"],
        breaks: "an event named disconnect is taken for the end of the membership",
        also: &[],
        make: || {
            mishears(|text| {
                text.starts_with("2[\"disconnect\",")
                    .then(|| "1".to_owned())
            })
        },
    },
    Fault {
        name: "ev-badjson-ignored",
        requirements: &["SIO-EV-12"],
        breaks: "an event whose array ends with a comma is ignored",
        also: &[],
        make: || deaf_to(|text| text.starts_with('2') && text.ends_with(",]")),
    },
    Fault {
        name: "ev-trailing-garbage",
        requirements: &["SIO-EV-13"],
        breaks: "a letter behind the JSON of an event is ignored",
        also: &[],
        make: || {
            mishears(|text| {
                let event = text.strip_suffix(|last: char| last.is_ascii_alphabetic())?;
                (event.starts_with("2[") && event.ends_with(']')).then(|| event.to_owned())
            })
        },
    },
    Fault {
        name: "ev-strict-whitespace",
        requirements: &["SIO-EV-14"],
        breaks: "white space between the elements of an event's array closes the connection",
        also: &[],
        make: || refuses(|text| text.starts_with("2[\"message\" ,")),
    },
    Fault {
        name: "ev-unknown-type-ignored",
        requirements: &["SIO-EV-15"],
        breaks: "a packet of the type 7 or 9 is ignored",
        also: &[],
        make: || deaf_to(|text| text.starts_with(['7', '9'])),
    },
    Fault {
        name: "ev-double-encoded",
        requirements: &["SIO-EV-16"],
        breaks: "an object in front of other arguments is sent as a text of JSON",
        also: &[],
        make: || {
            emitted(|name, args| {
                if name == "message-back" && args.json().starts_with('{') {
                    values(args, |values| {
                        if let [first @ Value::Object(_), _, ..] = &mut values[..] {
                            *first = Value::from(first.to_string());
                        }
                    });
                }
            })
        },
    },
    Fault {
        name: "ev-throw-kills",
        requirements: &["SIO-EV-17"],
        breaks: "an error in a handler ends the connection",
        also: &[],
        make: || hooks::panicked(|| Tolerance::Close),
    },
    Fault {
        name: "ev-no-push",
        requirements: &["SIO-EV-18"],
        breaks: "the last event of a burst of three waits for the client's next packet",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Waits {
                bursts: Memory<HashSet<String>>,
                held: Memory<HashMap<String, Outgoing>>,
            }
            impl Seams for Waits {
                fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
                    if let Body::Event {
                        name: Some(name),
                        args,
                        ..
                    } = &packet.body
                        && name == "burst"
                        && args.json().starts_with("3,")
                    {
                        self.bursts
                            .with(|bursts| bursts.insert(view.sid().to_owned()));
                    }
                    packets.push(packet);
                }

                fn outgoing(
                    &self,
                    view: View<'_>,
                    packet: Outgoing,
                    _: &mut Sending,
                    packets: &mut Vec<Outgoing>,
                ) {
                    packets.extend(self.held.with(|held| held.remove(view.sid())));
                    let last =
                        matches!(&packet.body, Says::Event { args, .. } if args.json() == "2");
                    if last && self.bursts.with(|bursts| bursts.remove(view.sid())) {
                        self.held
                            .with(|held| held.insert(view.sid().to_owned(), packet));
                    } else {
                        packets.push(packet);
                    }
                }
            }
            Arc::new(Waits::default())
        },
    },
    Fault {
        name: "ev-push-on-demand",
        requirements: &["SIO-EV-18"],
        breaks: "an event that another client caused waits until its receiver sends something",
        also: &[],
        make: || {
            Script {
                incoming: |held: &mut HashMap<String, Outgoing>, view, packet, packets| {
                    if let Some(late) = held.remove(view.sid()) {
                        delay(view, Duration::ZERO, &late);
                    }
                    packets.push(packet);
                },
                outgoing: |held, view, packet, _, packets| {
                    let unasked = r#""to who asked for nothing""#;
                    if matches!(&packet.body, Says::Event { args, .. } if args.json() == unasked) {
                        held.insert(view.sid().to_owned(), packet);
                    } else {
                        packets.push(packet);
                    }
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "ev-mojibake",
        requirements: &["SIO-EV-19"],
        breaks: "characters beyond the basic plane come back as question marks",
        also: &[],
        make: || {
            emitted(|name, args| {
                if name == "message-back" && args.json().chars().any(astral) {
                    let text = args.json().replace(astral, "??");
                    *args = crate::Args::from_json(text);
                }
            })
        },
    },
    Fault {
        name: "ev-truncates-large",
        requirements: &["SIO-EV-20"],
        breaks: "a text of more than 400,000 bytes is cut off there",
        also: &[],
        make: || {
            emitted(|_, args| {
                if let Some(text) = args
                    .json()
                    .get(..400_000)
                    .filter(|text| text.starts_with('"'))
                {
                    *args = crate::Args::from_json(format!("{text}\""));
                }
            })
        },
    },
    Fault {
        name: "ev-escaped-name",
        requirements: &["SIO-EV-23"],
        breaks: "an event name is read as it is written, escapes and all",
        also: &[],
        make: || {
            mishears(|text| {
                let (head, name) = text.split_once(r#"["\u"#)?;
                Some(format!(r#"{head}["\\u{name}"#))
            })
        },
    },
    Fault {
        name: "ev-proto-handler-lookup",
        requirements: &["SIO-EV-21"],
        breaks: "an event named hasOwnProperty finds an inherited handler, which answers",
        also: &[],
        make: || {
            hooks::unhandled(|view, event, _| {
                if event == Some("hasOwnProperty") {
                    let sid = view.sid().to_owned();
                    let answer = Frame::Text("42[\"hasOwnProperty\",false]".into());
                    view.later(move |server| server.send_frame(&sid, answer));
                }
            })
        },
    },
    Fault {
        name: "ev-early-event-lost",
        requirements: &["SIO-EV-22"],
        breaks: "an event that says it is early gets lost",
        also: &[],
        make: || deaf_to(|text| text == "2[\"message\",\"early\"]"),
    },
];

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn astral(c: char) -> bool {
    u32::from(c) > 0xffff
}
