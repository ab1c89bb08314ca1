//! Faults of namespaces: what a name means, and that each stands for itself (SIO-CN).

use super::heard::{Members, Memory, deaf_to, incoming_of_members, mishears, refuses};
use super::script::say;
use super::{Fault, hooks};
use crate::namespace::{Body, Incoming};
use crate::outgoing::{Outgoing, Says};
use crate::seams::{Seams, Sending, View};
use bytestring::ByteString;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) const CUSTOM: &str = "/custom";

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "cn-needs-comma",
        requirements: &["SIO-CN-04"],
        breaks: "a CONNECT to a namespace without a comma behind it is ignored",
        also: &[],
        make: || deaf_to(|text| text.starts_with("0/") && !text.contains(',') && text.len() > 2),
    },
    Fault {
        name: "cn-implicit-root",
        requirements: &["SIO-CN-05"],
        breaks: "a client of another namespace joins the main one by an event for it",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Implicit {
                members: Members,
                silent: Memory<HashSet<String>>,
            }
            impl Seams for Implicit {
                fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
                    let joins = matches!(packet.body, Body::Event { .. })
                        && packet.namespace == "/"
                        && self.members.count(view).is_some_and(|count| count > 0)
                        && !self.members.contain(view, "/");
                    if joins {
                        self.silent
                            .with(|clients| clients.insert(view.sid().to_owned()));
                        let (namespace, body) = (packet.namespace.clone(), Body::Connect(None));
                        packets.push(Incoming { namespace, body });
                    }
                    self.members.hear(view, &packet);
                    packets.push(packet);
                }

                fn outgoing(
                    &self,
                    view: View<'_>,
                    packet: Outgoing,
                    _: &mut Sending,
                    packets: &mut Vec<Outgoing>,
                ) {
                    self.members.tell(view, &packet);
                    let greeting = match &packet.body {
                        Says::Connect(_) => true,
                        Says::Event { name, .. } => name == "auth",
                        _ => false,
                    };
                    let silent = self.silent.with(|clients| clients.contains(view.sid()));
                    if !(greeting && silent && packet.namespace == "/") {
                        packets.push(packet);
                    }
                }
            }
            Arc::new(Implicit::default())
        },
    },
    Fault {
        name: "cn-one-namespace-only",
        requirements: &["SIO-CN-10"],
        breaks: "a CONNECT to a third namespace on one connection is ignored",
        also: &[],
        make: || {
            incoming_of_members(|members, view, packet, packets| {
                let third = matches!(packet.body, Body::Connect(_))
                    && !members.contain(view, &packet.namespace)
                    && members.count(view).is_some_and(|count| count >= 2);
                if !third {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "cn-namespace-bleed",
        requirements: &["SIO-CN-11"],
        breaks: "an event `message` in /custom is handled in the main namespace as well",
        also: &[],
        make: || {
            incoming_of_members(|members, view, packet, packets| {
                let named = matches!(&packet.body, Body::Event { name: Some(name), .. } if name == "message");
                packets.push(packet.clone());
                if named && packet.namespace == CUSTOM && members.contain(view, "/") {
                    let namespace = ByteString::from_static("/");
                    packets.push(Incoming {
                        namespace,
                        ..packet
                    });
                }
            })
        },
    },
    Fault {
        name: "cn-prefix-root",
        requirements: &["SIO-CN-12"],
        breaks: "an acknowledgement of one digit in the main namespace carries its prefix",
        also: &[],
        make: || {
            hooks::outward(|_, _, frames| {
                for frame in frames {
                    hooks::rewrite(frame, |text| {
                        let rest = text.strip_prefix("43")?;
                        let digits = rest.find('[')?;
                        (digits == 1).then(|| format!("43/,{rest}"))
                    });
                }
            })
        },
    },
    Fault {
        name: "cn-slash-is-unknown",
        requirements: &["SIO-CN-13"],
        breaks: "a namespace written as a lone slash is unknown",
        also: &[],
        make: || mishears(|text| matches!(text, "0/" | "0/,").then(|| "0//,".to_owned())),
    },
    Fault {
        name: "cn-case-insensitive",
        requirements: &["SIO-CN-14"],
        breaks: "capitals in the name of /custom make no difference",
        also: &[],
        make: || {
            mishears(|text| {
                let name = text.strip_prefix('0')?.strip_suffix(',')?;
                name.eq_ignore_ascii_case(CUSTOM)
                    .then(|| format!("0{CUSTOM},"))
            })
        },
    },
    Fault {
        name: "cn-strips-query",
        requirements: &["SIO-CN-15"],
        breaks: "a query behind a namespace is taken off its name",
        also: &[],
        make: || {
            mishears(|text| {
                let (name, rest) = text.strip_prefix("0/")?.split_once(',')?;
                let (name, _) = name.split_once('?')?;
                Some(format!("0/{name},{rest}"))
            })
        },
    },
    Fault {
        name: "cn-foreign-nsp-ignored",
        requirements: &["SIO-CN-21"],
        breaks: "an event without binary for a namespace that a member of another one never joined is ignored",
        also: &[],
        make: || {
            let past = Memory::<HashSet<(String, ByteString)>>::default();
            incoming_of_members(move |members, view, packet, packets| {
                let key = (view.sid().to_owned(), packet.namespace.clone());
                let plain = match &packet.body {
                    Body::Event { args, .. } => args.attachments().is_empty(),
                    _ => false,
                };
                let foreign = members.count(view).is_some_and(|count| count > 0)
                    && !members.contain(view, &packet.namespace)
                    && !past.with(|past| past.contains(&key));
                if matches!(packet.body, Body::Connect(_)) {
                    past.with(|past| past.insert(key));
                }
                if !(plain && foreign) {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "cn-dyn-shared",
        requirements: &["SIO-CN-25"],
        breaks: "all names of a dynamic namespace are one namespace",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Shared(Memory<HashMap<String, ByteString>>);
            impl Seams for Shared {
                fn incoming(
                    &self,
                    view: View<'_>,
                    mut packet: Incoming,
                    packets: &mut Vec<Incoming>,
                ) {
                    let digits = packet.namespace.strip_prefix("/dyn-").unwrap_or("x");
                    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
                        let name = std::mem::replace(&mut packet.namespace, "/dyn-0".into());
                        self.0
                            .with(|names| names.insert(view.sid().to_owned(), name));
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
                    if packet.namespace == "/dyn-0"
                        && let Some(name) = self.0.with(|names| names.get(view.sid()).cloned())
                    {
                        packet.namespace = name;
                    }
                    packets.push(packet);
                }
            }
            Arc::new(Shared::default())
        },
    },
    Fault {
        name: "cn-dyn-any-name",
        requirements: &["SIO-CN-25"],
        breaks: "a name that only begins as the pattern of a dynamic namespace is let in",
        also: &[],
        make: || {
            hooks::incoming(|view, packet, packets| {
                let rest = packet.namespace.strip_prefix("/dyn-").unwrap_or_default();
                let unlike = rest.bytes().any(|byte| !byte.is_ascii_digit());
                if unlike && matches!(packet.body, Body::Connect(_)) {
                    let reply = format!(r#"40{},{{"sid":"nobody"}}"#, packet.namespace);
                    say(view, view.sid(), reply);
                } else {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "cn-proto-namespace",
        requirements: &["SIO-CN-26"],
        breaks: "a namespace named hasOwnProperty ends the connection",
        also: &[],
        make: || refuses(|text| text == "0/hasOwnProperty,"),
    },
];
