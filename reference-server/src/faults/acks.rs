//! Faults of acknowledgements (SIO-ACK).

use super::heard::{Memory, deaf_to, handled, mishears, refuses};
use super::{Fault, hooks};
use crate::Args;
use crate::namespace::{Body, Id, Incoming};
use crate::outgoing::{Outgoing, Says};
use crate::seams::{Seams, Sending, View, Waits};
use crate::session::Frame;
use bytestring::ByteString;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ack-wrong-id",
        requirements: &["SIO-ACK-01"],
        breaks: "an acknowledgement of several arguments carries the id of the event plus one",
        also: &[],
        make: || {
            acknowledgement(|_, id, args| {
                if let Id::Number(id) = id
                    && args.len() > 1
                    && args.attachments().is_empty()
                {
                    *id += 1;
                }
            })
        },
    },
    Fault {
        name: "ack-no-payload",
        requirements: &["SIO-ACK-02"],
        breaks: "an acknowledgement without arguments, for the id 5, has no payload",
        also: &[],
        make: || sent(|text| (text == "435[]").then(|| "435".to_owned())),
    },
    Fault {
        name: "ack-zero-falsy",
        requirements: &["SIO-ACK-03"],
        breaks: "an event with the id 0 is taken for one without",
        also: &[],
        make: || {
            asked(|id| {
                if *id == Some(Id::Number(0)) {
                    *id = None;
                }
            })
        },
    },
    Fault {
        name: "ack-unasked",
        requirements: &["SIO-ACK-04"],
        breaks: "an event without an id is acknowledged under the id 0",
        also: &[],
        make: || {
            hooks::incoming(|_, mut packet, packets| {
                if let Body::Event {
                    name: Some(name),
                    id: id @ None,
                    ..
                } = &mut packet.body
                    && name == "message-with-ack"
                {
                    *id = Some(Id::Number(0));
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ack-in-root",
        requirements: &["SIO-ACK-05"],
        breaks: "the acknowledgement of the id 13 is sent in the main namespace",
        also: &[],
        make: || {
            hooks::outgoing(|_, mut packet, _, packets| {
                if matches!(
                    packet.body,
                    Says::Ack {
                        id: Id::Number(13),
                        ..
                    }
                ) {
                    packet.namespace = ByteString::from_static("/");
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ack-binary-as-43",
        requirements: &["SIO-ACK-06"],
        breaks: "an acknowledgement with two attachments is sent as type 3",
        also: &[],
        make: || sent(|text| Some(format!("43{}", text.strip_prefix("462-")?))),
    },
    Fault {
        name: "ack-mirrors-binary-type",
        requirements: &["SIO-ACK-07"],
        breaks: "the acknowledgement of the id 14 is a BINARY_ACK, as its event is",
        also: &[],
        make: || sent(|text| Some(format!("460-14[{}", text.strip_prefix("4314[")?))),
    },
    Fault {
        name: "ack-twice",
        requirements: &["SIO-ACK-08"],
        breaks: "an application that acknowledges twice is heard twice",
        also: &[],
        make: hooks::acknowledges_again,
    },
    Fault {
        name: "ack-auto",
        requirements: &["SIO-ACK-09"],
        breaks: "an event without a handler is acknowledged",
        also: &[],
        make: || {
            hooks::unhandled(|view, _, id| {
                if let Some(Id::Number(id)) = id {
                    send(view, format!("43{id}[]"));
                }
            })
        },
    },
    Fault {
        name: "ack-dedup-by-id",
        requirements: &["SIO-ACK-10"],
        breaks: "a second event with the same id is dropped",
        also: &[],
        make: || {
            let seen = Memory::<HashSet<(String, ByteString, u64)>>::default();
            hooks::incoming(move |view, packet, packets| {
                let again = match &packet.body {
                    Body::Event {
                        id: Some(Id::Number(id)),
                        ..
                    } => {
                        let key = (view.sid().to_owned(), packet.namespace.clone(), *id);
                        !seen.with(|seen| seen.insert(key))
                    }
                    _ => false,
                };
                if !again {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "ack-serialised",
        requirements: &["SIO-ACK-11"],
        breaks: "a handler of `slow` that waits holds up the client's next event",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Serial(Memory<bool>);
            impl Seams for Serial {
                fn incoming(&self, _: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
                    let slow = matches!(&packet.body, Body::Event { name: Some(name), .. } if name == "slow");
                    self.0.with(|waits| *waits = slow);
                    packets.push(packet);
                }

                fn waits(&self) -> Waits {
                    match self.0.with(|waits| *waits) {
                        true => Waits::InTurn,
                        false => Waits::Apart,
                    }
                }
            }
            Arc::new(Serial::default())
        },
    },
    Fault {
        name: "ack-32bit-id",
        requirements: &["SIO-ACK-12"],
        breaks: "an id that 53 bits hold is cut to 31",
        also: &[],
        make: || {
            asked(|id| {
                if let Some(Id::Number(id)) = id
                    && *id < 1 << 53
                {
                    *id &= 0x7fff_ffff;
                }
            })
        },
    },
    Fault {
        name: "ack-id-float-mangled",
        requirements: &["SIO-ACK-13"],
        breaks: "an id beyond 53 bits loses its last one",
        also: &[],
        make: || {
            asked(|id| {
                if let Some(Id::Number(id)) = id
                    && *id > 1 << 53
                {
                    *id &= !1;
                }
            })
        },
    },
    Fault {
        name: "ack-octal",
        requirements: &["SIO-ACK-14"],
        breaks: "the id 010 is read as octal",
        also: &[],
        make: || mishears(|text| Some(format!("28[{}", text.strip_prefix("2010[")?))),
    },
    Fault {
        name: "ack-bad-id-ignored",
        requirements: &["SIO-ACK-15"],
        breaks: "an event whose id is negative or made of letters is ignored",
        also: &[],
        make: || deaf_to(|text| text.starts_with("2-1[") || text.starts_with("2abc[")),
    },
    Fault {
        name: "ack-server-id-reused",
        requirements: &["SIO-ACK-16"],
        breaks: "the third call to a client has the id of its first",
        also: &[(
            "SIO-ACK-29",
            "its first call is outstanding when the third is made",
        )],
        make: || {
            calls(|_, _, id| {
                if *id == 2 {
                    *id = 0;
                }
            })
        },
    },
    Fault {
        name: "ack-result-dropped",
        requirements: &["SIO-ACK-17"],
        breaks: "of several arguments of an answer only the first reaches the call",
        also: &[],
        make: || {
            answers(|args| match args.len() {
                0 | 1 => Some(args.clone()),
                _ => Some(crate::args![args.first()]),
            })
        },
    },
    Fault {
        name: "ack-binary-in-lost",
        requirements: &["SIO-ACK-18"],
        breaks: "the buffers of an answer do not reach the call",
        also: &[],
        make: || {
            answers(|args| match args.attachments() {
                [] => Some(args.clone()),
                _ => Some(Args::from_json(args.json().to_owned())),
            })
        },
    },
    Fault {
        name: "ack-empty-not-completing",
        requirements: &["SIO-ACK-19"],
        breaks: "an empty answer does not complete the call",
        also: &[],
        make: || answers(|args| (!args.is_empty()).then(|| args.clone())),
    },
    Fault {
        name: "ack-unknown-closes",
        requirements: &["SIO-ACK-20"],
        breaks: "an ACK with an id far beyond all calls ends the connection",
        also: &[],
        make: || refuses(|text| text.starts_with("399999[")),
    },
    Fault {
        name: "ack-callback-twice",
        requirements: &["SIO-ACK-21"],
        breaks: "a repeated answer completes a call again",
        also: &[],
        make: || {
            let answered = Memory::<HashSet<(String, ByteString, Option<u64>)>>::default();
            let callers = Memory::<HashSet<String>>::default();
            hooks::incoming(move |view, packet, packets| {
                match &packet.body {
                    Body::Event {
                        name: Some(name), ..
                    } if name == "call" => {
                        callers.with(|callers| callers.insert(view.sid().to_owned()));
                    }
                    Body::Ack { id, args } if callers.with(|all| all.contains(view.sid())) => {
                        let key = (view.sid().to_owned(), packet.namespace.clone(), *id);
                        if !answered.with(|answered| answered.insert(key)) {
                            send(view, format!("42[\"call-result\",null,{}]", args.json()));
                        }
                    }
                    _ => {}
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ack-global-map",
        requirements: &["SIO-ACK-22"],
        breaks: "the answer of a client that was not asked completes another client's call",
        also: &[],
        make: || {
            Outstanding::and(|asked, view, packet| {
                if let Body::Ack { id: Some(id), args } = &packet.body
                    && !asked.iter().any(|(sid, _, _)| sid == view.sid())
                    && let Some((other, _, _)) = asked.iter().find(|(_, _, of)| of == id)
                {
                    let (sid, answer) = (
                        other.clone(),
                        format!("42[\"call-result\",null,{}]", args.json()),
                    );
                    view.later(move |server| server.send_frame(&sid, Frame::Text(answer.into())));
                }
            })
        },
    },
    Fault {
        name: "ack-cross-namespace",
        requirements: &["SIO-ACK-23"],
        breaks: "an ACK of /custom that nobody waits for there completes a call of the main namespace",
        also: &[],
        make: || {
            Outstanding::and(|asked, view, packet| {
                if let Body::Ack { id: Some(id), .. } = &packet.body
                    && packet.namespace == "/custom"
                    && !asked.contains(&(view.sid().to_owned(), packet.namespace.clone(), *id))
                {
                    packet.namespace = ByteString::from_static("/");
                }
            })
        },
    },
    Fault {
        name: "ack-object-payload",
        requirements: &["SIO-ACK-24"],
        breaks: "an ACK whose payload is an object is ignored",
        also: &[],
        make: || deaf_to(|text| text == "31{}"),
    },
    Fault {
        name: "ack-no-payload-completes",
        requirements: &["SIO-ACK-25"],
        breaks: "an ACK without a payload completes the call without arguments",
        also: &[],
        make: || {
            mishears(|text| {
                let id = text.strip_prefix('3')?;
                let bare = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
                bare.then(|| format!("{text}[]"))
            })
        },
    },
    Fault {
        name: "ack-no-timeout",
        requirements: &["SIO-ACK-26"],
        breaks: "a call with a timeout of 250 ms waits for ever",
        also: &[],
        make: || {
            handled(|name, args| {
                if let ("call", Some(rest)) = (name, args.json().strip_prefix("250,")) {
                    *args = Args::from_json(format!("3600000,{rest}"));
                }
            })
        },
    },
    Fault {
        name: "ack-late-fires",
        requirements: &["SIO-ACK-27"],
        breaks: "an answer after the timeout completes the call all the same",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Late(Memory<HashSet<String>>);
            impl Seams for Late {
                fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
                    if let Body::Ack { args, .. } = &packet.body
                        && self.0.with(|late| late.contains(view.sid()))
                    {
                        send(view, format!("42[\"call-result\",null,{}]", args.json()));
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
                    if let Says::Event { name, args, .. } = &packet.body
                        && name == "call-result"
                        && args.json() == "\"timeout\""
                    {
                        self.0.with(|late| late.insert(view.sid().to_owned()));
                    }
                    packets.push(packet);
                }
            }
            Arc::new(Late::default())
        },
    },
    Fault {
        name: "ack-timer-not-cleared",
        requirements: &["SIO-ACK-28"],
        breaks: "a call with a timeout of 300 ms times out, answered or not",
        also: &[],
        make: || {
            hooks::incoming(|view, packet, packets| {
                if let Body::Event {
                    name: Some(name),
                    args,
                    ..
                } = &packet.body
                    && name == "call"
                    && args.json().starts_with("300,")
                {
                    let sid = view.sid().to_owned();
                    view.later(move |server| {
                        let task = server.clone();
                        server.start_background_task(async move {
                            task.sleep(Duration::from_millis(300)).await;
                            task.send_frame(
                                &sid,
                                Frame::Text("42[\"call-result\",\"timeout\"]".into()),
                            );
                        });
                    });
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ack-id-wraps",
        requirements: &["SIO-ACK-29"],
        breaks: "the ids of calls begin anew after a thousand",
        also: &[],
        make: || {
            calls(|_, _, id| {
                if *id >= 1000 {
                    *id -= 1000;
                }
            })
        },
    },
    Fault {
        name: "ack-server-namespace-lost",
        requirements: &["SIO-ACK-30"],
        breaks: "a call without binary in /custom goes out without its prefix",
        also: &[],
        make: || {
            calls(|args, namespace, _| {
                if args.attachments().is_empty() && *namespace == "/custom" {
                    *namespace = ByteString::from_static("/");
                }
            })
        },
    },
];

/// Sends a text frame to the client.
fn send(view: View<'_>, text: String) {
    let sid = view.sid().to_owned();
    view.later(move |server| server.send_frame(&sid, Frame::Text(text.into())));
}

/// Changes the text frames that go out.
fn sent(change: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Arc<dyn Seams> {
    hooks::outward(move |_, _, frames| {
        for frame in frames {
            hooks::rewrite(frame, &change);
        }
    })
}

/// Changes the acknowledgements that go out.
fn acknowledgement(
    change: impl Fn(View<'_>, &mut Id, &Args) + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    hooks::outgoing(move |view, mut packet, _, packets| {
        if let Says::Ack { id, args } = &mut packet.body {
            change(view, id, args);
        }
        packets.push(packet);
    })
}

/// Changes the id under which an event of a client wants to be acknowledged.
fn asked(change: impl Fn(&mut Option<Id>) + Send + Sync + 'static) -> Arc<dyn Seams> {
    hooks::incoming(move |_, mut packet, packets| {
        if let Body::Event { id, .. } = &mut packet.body {
            change(id);
        }
        packets.push(packet);
    })
}

/// Changes the answers of clients; none is not heard.
fn answers(change: impl Fn(&Args) -> Option<Args> + Send + Sync + 'static) -> Arc<dyn Seams> {
    hooks::incoming(move |_, mut packet, packets| {
        if let Body::Ack { args, .. } = &mut packet.body {
            let Some(changed) = change(args) else { return };
            *args = changed;
        }
        packets.push(packet);
    })
}

/// Changes namespace and id of the server's calls as they go out.
fn calls(
    change: impl Fn(&Args, &mut ByteString, &mut u64) + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    hooks::outgoing(move |_, mut packet, _, packets| {
        if let Says::Event {
            args,
            id: Some(Id::Number(id)),
            ..
        } = &mut packet.body
        {
            change(args, &mut packet.namespace, id);
        }
        packets.push(packet);
    })
}

type Asked = HashSet<(String, ByteString, u64)>;

/// Knows whom the server has asked, in which namespace and under which id.
struct Outstanding {
    asked: Memory<Asked>,
    hears: fn(&Asked, View<'_>, &mut Incoming),
}

impl Outstanding {
    fn and(hears: fn(&Asked, View<'_>, &mut Incoming)) -> Arc<dyn Seams> {
        let asked = Memory::default();
        Arc::new(Self { asked, hears })
    }
}

impl Seams for Outstanding {
    fn incoming(&self, view: View<'_>, mut packet: Incoming, packets: &mut Vec<Incoming>) {
        self.asked
            .with(|asked| (self.hears)(asked, view, &mut packet));
        packets.push(packet);
    }

    fn outgoing(
        &self,
        view: View<'_>,
        packet: Outgoing,
        _: &mut Sending,
        packets: &mut Vec<Outgoing>,
    ) {
        if let Says::Event {
            id: Some(Id::Number(id)),
            ..
        } = &packet.body
        {
            let key = (view.sid().to_owned(), packet.namespace.clone(), *id);
            self.asked.with(|asked| asked.insert(key));
        }
        packets.push(packet);
    }
}
