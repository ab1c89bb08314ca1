//! Faults of CONNECT (SIO-CN).

use super::heard::{Hears, Members, Memory, heard, incoming_of_members, object};
use super::namespaces::CUSTOM;
use super::script::{Script, delay};
use super::{Fault, hooks};
use crate::namespace::{Body, Incoming, Violation};
use crate::outgoing::{Outgoing, Says};
use crate::seams::{Seams, Sending, Tolerance, View, Waits};
use crate::session::{Frame, Source};
use bytestring::ByteString;
use serde_json::Value;
use siospec_codec::engine::OwnedPacket;
use siospec_codec::read_json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

const CUSTOM_ID: (&str, &str) = (
    "SIO-DC-12",
    "it knows the member of /custom by the id in the CONNECT reply",
);

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "cn-no-reply",
        requirements: &["SIO-CN-01"],
        breaks: "a CONNECT with an empty payload on a WebSocket is not answered",
        also: &[],
        make: || {
            heard(|_, source, text| match source {
                Source::Socket(_) if text == "0{}" => Hears::Nothing,
                _ => Hears::It,
            })
        },
    },
    Fault {
        name: "cn-extra-keys",
        requirements: &["SIO-CN-02"],
        breaks: "the CONNECT reply of /custom has a key more",
        also: &[],
        make: || {
            reply(|_, packet, json| {
                if packet == CUSTOM {
                    object(json, |reply| {
                        reply.insert("time".to_owned(), Value::from(1));
                    });
                }
            })
        },
    },
    Fault {
        name: "cn-reply-in-root",
        requirements: &["SIO-CN-03"],
        breaks: "a CONNECT with an empty payload to /custom is answered in the main namespace",
        also: &[],
        make: || {
            #[derive(Default)]
            struct InRoot(Memory<HashSet<String>>);
            impl Seams for InRoot {
                fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
                    if packet.namespace == CUSTOM && packet.body == Body::Connect(Some("{}".into()))
                    {
                        self.0.with(|clients| clients.insert(view.sid().to_owned()));
                    }
                    packets.push(packet);
                }

                fn outgoing(
                    &self,
                    view: View<'_>,
                    mut packet: Outgoing,
                    _: &mut Sending,
                    packets: &mut Vec<Outgoing>,
                ) {
                    if matches!(packet.body, Says::Connect(_))
                        && packet.namespace == CUSTOM
                        && self.0.with(|clients| clients.remove(view.sid()))
                    {
                        packet.namespace = ByteString::from_static("/");
                    }
                    packets.push(packet);
                }
            }
            Arc::new(InRoot::default())
        },
    },
    Fault {
        name: "cn-speaks-first",
        requirements: &["SIO-CN-06"],
        breaks: "a client that gives its name in the query is greeted before it has joined",
        also: &[],
        make: || {
            hooks::outward(|view, _, frames| {
                let opens =
                    |frame: &Frame| matches!(frame, Frame::Text(text) if text.starts_with('0'));
                if view.query().contains("name=") && frames.iter().any(opens) {
                    frames.push(Frame::Text("42[\"welcome\"]".into()));
                }
            })
        },
    },
    Fault {
        name: "cn-event-before-connect",
        requirements: &["SIO-CN-07"],
        breaks: "the first event of /custom goes out before the CONNECT reply",
        also: &[],
        make: || {
            let held = Memory::<HashMap<String, Outgoing>>::default();
            hooks::outgoing(move |view, packet, _, packets| {
                if packet.namespace != CUSTOM {
                    packets.push(packet);
                } else if matches!(packet.body, Says::Connect(_)) {
                    held.with(|held| held.insert(view.sid().to_owned(), packet));
                } else {
                    packets.push(packet);
                    packets.extend(held.with(|held| held.remove(view.sid())));
                }
            })
        },
    },
    Fault {
        name: "cn-sid-is-eio-sid",
        requirements: &["SIO-CN-08"],
        breaks: "the id in /custom is the one of the Engine.IO session",
        also: &[CUSTOM_ID],
        make: || {
            reply(|view, namespace, json| {
                if namespace == CUSTOM {
                    set_sid(json, view.sid());
                }
            })
        },
    },
    Fault {
        name: "cn-same-sid-all-nsps",
        requirements: &["SIO-CN-09"],
        breaks: "the id in /custom is the one in the main namespace",
        also: &[CUSTOM_ID],
        make: || {
            let main = Memory::<HashMap<String, String>>::default();
            reply(move |view, namespace, json| {
                if namespace == "/" {
                    main.with(|main| main.insert(view.sid().to_owned(), json.clone()));
                } else if namespace == CUSTOM
                    && let Some(first) = main.with(|main| main.get(view.sid()).cloned())
                {
                    *json = first;
                }
            })
        },
    },
    Fault {
        name: "cn-reconnect-accepted",
        requirements: &["SIO-CN-16"],
        breaks: "a second CONNECT to a joined namespace is ignored",
        also: &[],
        make: || {
            hooks::violation(|_, violation| match violation {
                Violation::AlreadyConnected => Tolerance::Ignore,
                _ => Tolerance::Close,
            })
        },
    },
    Fault {
        name: "cn-event-before-connect-ignored",
        requirements: &["SIO-CN-17"],
        breaks: "whatever comes before the first CONNECT is ignored",
        also: &[],
        make: || {
            incoming_of_members(|members, view, packet, packets| {
                if matches!(packet.body, Body::Connect(_)) || members.count(view).is_some() {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "cn-garbage-first-ignored",
        requirements: &["SIO-CN-18"],
        breaks: "a first message that is no Socket.IO packet is ignored",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Patient(Members);
            impl Seams for Patient {
                fn inward(
                    &self,
                    view: View<'_>,
                    _: Source,
                    packet: OwnedPacket,
                    packets: &mut Vec<OwnedPacket>,
                ) {
                    let text = match &packet {
                        OwnedPacket::Text { data, .. } => &**data,
                        OwnedPacket::Binary(_) => "",
                    };
                    let message = matches!(&packet, OwnedPacket::Text { kind, .. } if kind.name() == "message");
                    let garbage = message && !text.starts_with(|c: char| c.is_ascii_digit());
                    if !(garbage && self.0.count(view).is_none()) {
                        packets.push(packet);
                    }
                }

                fn outgoing(
                    &self,
                    view: View<'_>,
                    packet: Outgoing,
                    _: &mut Sending,
                    packets: &mut Vec<Outgoing>,
                ) {
                    self.0.tell(view, &packet);
                    packets.push(packet);
                }
            }
            Arc::new(Patient::default())
        },
    },
    Fault {
        name: "cn-no-connect-timeout",
        requirements: &["SIO-CN-19"],
        breaks: "a client that never asks to join may stay for good",
        also: &[("SIO-SEC-10", "its clients never ask")],
        make: || Timer::spares(|asked| !asked),
    },
    Fault {
        name: "cn-error-stops-timer",
        requirements: &["SIO-CN-20"],
        breaks: "a client that asked to join may stay for good, refused or not",
        also: &[],
        make: || Timer::spares(|asked| asked),
    },
    Fault {
        name: "cn-connect-error-from-client",
        requirements: &["SIO-CN-22"],
        breaks: "a CONNECT_ERROR of a client that has joined is ignored",
        also: &[],
        make: || {
            incoming_of_members(|members, view, packet, packets| {
                if packet.body != Body::ConnectError || members.count(view).is_none() {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "cn-no-rejoin",
        requirements: &["SIO-CN-23"],
        breaks: "a client that joins again on the same connection is given its old id",
        also: &[],
        make: || {
            let first = Memory::<HashMap<(String, String), String>>::default();
            reply(move |view, namespace, json| {
                if view.config().recovery.is_none() {
                    let key = (view.sid().to_owned(), namespace.to_owned());
                    *json = first.with(|first| first.entry(key).or_insert(json.clone()).clone());
                }
            })
        },
    },
    Fault {
        name: "cn-ws-only",
        requirements: &["SIO-CN-24"],
        breaks: "a CONNECT with an empty payload over polling is not answered",
        also: &[],
        make: || {
            heard(|_, source, text| match source {
                Source::Post if text == "0{}" => Hears::Nothing,
                _ => Hears::It,
            })
        },
    },
    Fault {
        name: "cn-auth-shared",
        requirements: &["SIO-CN-27"],
        breaks: "the payload of a CONNECT is added to those of the connection's other namespaces",
        also: &[],
        make: || {
            let known = Memory::<HashMap<String, serde_json::Map<String, Value>>>::default();
            hooks::incoming(move |view, mut packet, packets| {
                if let Body::Connect(Some(json)) = &mut packet.body
                    && let Ok(Value::Object(own)) = read_json(json)
                {
                    let all = known.with(|known| {
                        let all = known.entry(view.sid().to_owned()).or_default();
                        all.extend(own);
                        all.clone()
                    });
                    *json = Value::Object(all).to_string().into();
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "cn-middleware-blocks",
        requirements: &["SIO-CN-28"],
        breaks: "a middleware that waits holds up the client's other packets",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Blocks(Memory<bool>);
            impl Seams for Blocks {
                fn incoming(&self, _: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
                    let connects = matches!(packet.body, Body::Connect(_));
                    self.0.with(|joining| *joining = connects);
                    packets.push(packet);
                }

                fn waits(&self) -> Waits {
                    match self.0.with(|joining| *joining) {
                        true => Waits::InTurn,
                        false => Waits::Apart,
                    }
                }
            }
            Arc::new(Blocks::default())
        },
    },
    Fault {
        name: "cn-middleware-blocks-others",
        requirements: &["SIO-CN-28"],
        breaks: "who connects while the middleware of another client waits is answered after that one",
        also: &[],
        make: || {
            Script {
                incoming: |waiting: &mut HashSet<String>, view, packet, packets| {
                    if matches!(packet.body, Body::Connect(_)) && packet.namespace == "/slow" {
                        waiting.insert(view.sid().to_owned());
                    }
                    packets.push(packet);
                },
                outgoing: |waiting, view, packet, _, packets| {
                    let connected = matches!(packet.body, Says::Connect(_));
                    if connected && packet.namespace == "/slow" {
                        waiting.remove(view.sid());
                    }
                    let others = !waiting.is_empty() && !waiting.contains(view.sid());
                    if connected && others && packet.namespace == "/" {
                        delay(view, Duration::from_millis(600), &packet);
                    } else {
                        packets.push(packet);
                    }
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "cn-ghost-connect",
        requirements: &["SIO-CN-29"],
        breaks: "a client that was lost while its middleware ran joins all the same",
        also: &[],
        make: || {
            hooks::incoming(|view, packet, packets| {
                if matches!(packet.body, Body::Connect(_)) && packet.namespace == "/slow" {
                    let sid = view.sid().to_owned();
                    view.later(move |server| {
                        let task = server.clone();
                        server.start_background_task(async move {
                            task.sleep(Duration::from_millis(350)).await;
                            if task.session(&sid).is_none() {
                                task.emit("/monitor", "joined", crate::args!["/slow", sid]);
                            }
                        });
                    });
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "cn-timer-not-cleared",
        requirements: &["SIO-CN-30"],
        breaks: "the connect timer closes clients that have joined in time",
        also: &[("SIO-DC-05", "its client has joined, and would join again")],
        make: || {
            hooks::incoming(|view, packet, packets| {
                if matches!(packet.body, Body::Connect(_)) {
                    let (sid, time) = (view.sid().to_owned(), view.config().connect_timeout);
                    view.later(move |server| {
                        let task = server.clone();
                        server.start_background_task(async move {
                            task.sleep(time).await;
                            task.close_session(&sid);
                        });
                    });
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "cn-early-connect-lost",
        requirements: &["SIO-CN-31"],
        breaks: "the CONNECT of a WebSocket client that says in its query that it is early gets lost",
        also: &[],
        make: || {
            heard(|view, _, text| match text {
                "0" if view.query().contains("t=early") => Hears::Nothing,
                _ => Hears::It,
            })
        },
    },
];

/// Changes the payload of CONNECT replies; `change` gets the namespace and the JSON.
fn reply(change: impl Fn(View<'_>, &str, &mut String) + Send + Sync + 'static) -> Arc<dyn Seams> {
    hooks::outgoing(move |view, mut packet, _, packets| {
        if let Says::Connect(json) = &mut packet.body {
            change(view, &packet.namespace, json);
        }
        packets.push(packet);
    })
}

fn set_sid(json: &mut String, sid: &str) {
    object(json, |reply| {
        reply.insert("sid".to_owned(), Value::from(sid));
    });
}

/// Spares some clients from the connect timer, by whether they ever asked to join.
struct Timer {
    asked: Memory<HashSet<String>>,
    spares: fn(bool) -> bool,
}

impl Timer {
    fn spares(spares: fn(bool) -> bool) -> Arc<dyn Seams> {
        let asked = Memory::default();
        Arc::new(Self { asked, spares })
    }
}

impl Seams for Timer {
    fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
        if matches!(packet.body, Body::Connect(_)) {
            self.asked.with(|asked| asked.insert(view.sid().to_owned()));
        }
        packets.push(packet);
    }

    fn violation(&self, view: View<'_>, violation: Violation) -> Tolerance {
        let asked = self.asked.with(|asked| asked.contains(view.sid()));
        match violation {
            Violation::ConnectTimeout if (self.spares)(asked) => Tolerance::Ignore,
            _ => Tolerance::Close,
        }
    }
}
