//! Faults of CONNECT_ERROR (SIO-CE).

use super::heard::{Hears, Memory, emitted, heard, mishears, object};
use super::script::{Script, say};
use super::{Fault, hooks};
use crate::adapter::{Adapter, Selection};
use crate::exchange::Response;
use crate::namespace::{Body, Incoming};
use crate::outgoing::{Outgoing, Says};
use crate::seams::{Seams, Sending, View};
use crate::session::Frame;
use crate::socket::Socket;
use serde_json::Value;
use siospec_codec::read_json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const AUTH: &str = "/auth";

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ce-no-error",
        requirements: &["SIO-CE-01"],
        breaks: "a CONNECT to an unknown namespace with a slash in its name is not answered",
        also: &[],
        make: || {
            refusal(|_, packet, packets| {
                if !packet.namespace[1..].trim_end_matches('/').contains('/') {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "ce-string-payload",
        requirements: &["SIO-CE-02"],
        breaks: "the refusal of a CONNECT to /auth without credentials is a text, not an object",
        also: &[],
        make: || {
            Refusals::of("", |mut packet, packets| {
                packet.body = Says::ConnectError("\"not authorized\"".to_owned());
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ce-other-message",
        requirements: &["SIO-CE-03"],
        breaks: "an unknown namespace is refused with a message of its own",
        also: &[],
        make: || {
            refusal(|_, mut packet, packets| {
                if let Says::ConnectError(json) = &mut packet.body {
                    *json = json.replace("Invalid namespace", "No such namespace");
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ce-closes-connection",
        requirements: &["SIO-CE-04"],
        breaks: "the third refused CONNECT ends the connection",
        also: &[],
        make: || {
            let refused = Memory::<HashMap<String, u32>>::default();
            refusal(move |view, packet, packets| {
                let sid = view.sid().to_owned();
                let count = refused.with(|refused| {
                    let count = refused.entry(sid.clone()).or_default();
                    *count += 1;
                    *count
                });
                packets.push(packet);
                if count == 3 {
                    view.later(move |server| server.close_session(&sid));
                }
            })
        },
    },
    Fault {
        name: "ce-refusal-as-disconnect",
        requirements: &["SIO-CE-05"],
        breaks: "a CONNECT to /auth whose token is null is refused with DISCONNECT",
        also: &[],
        make: || {
            Refusals::of(r#"{"token":null}"#, |mut packet, packets| {
                packet.body = Says::Disconnect;
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ce-drops-data",
        requirements: &["SIO-CE-06"],
        breaks: "the details of a refusal are left out",
        also: &[],
        make: || {
            refusal(|_, mut packet, packets| {
                if let Says::ConnectError(json) = &mut packet.body {
                    object(json, |refusal| {
                        refusal.shift_remove("data");
                    });
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ce-refused-still-joined",
        requirements: &["SIO-CE-07"],
        breaks: "an event for /auth of a client that was refused there is handled",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Handled {
                refused: Memory<HashSet<String>>,
                answering: Memory<HashSet<String>>,
            }
            impl Seams for Handled {
                fn incoming(
                    &self,
                    view: View<'_>,
                    mut packet: Incoming,
                    packets: &mut Vec<Incoming>,
                ) {
                    if matches!(packet.body, Body::Event { .. })
                        && packet.namespace == AUTH
                        && self.refused.with(|all| all.contains(view.sid()))
                    {
                        self.answering.with(|all| all.insert(view.sid().to_owned()));
                        packet.namespace = "/".into();
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
                    match &packet.body {
                        Says::ConnectError(_) if packet.namespace == AUTH => {
                            self.refused.with(|all| all.insert(view.sid().to_owned()));
                        }
                        Says::Connect(_) if packet.namespace == AUTH => {
                            self.refused.with(|all| all.remove(view.sid()));
                        }
                        Says::Event { .. } if self.answering.with(|all| all.remove(view.sid())) => {
                            packet.namespace = AUTH.into();
                        }
                        _ => {}
                    }
                    packets.push(packet);
                }
            }
            Arc::new(Handled::default())
        },
    },
    Fault {
        name: "ce-refused-hears",
        requirements: &["SIO-CE-07"],
        breaks: "a broadcast to /auth reaches who was refused there too",
        also: &[],
        make: || {
            Script {
                outgoing: |refused: &mut HashSet<String>, view, packet, _, packets| {
                    match &packet.body {
                        Says::ConnectError(_) if packet.namespace == AUTH => {
                            refused.insert(view.sid().to_owned());
                        }
                        Says::Connect(_) if packet.namespace == AUTH => {
                            refused.remove(view.sid());
                        }
                        Says::Event { name, args, .. }
                            if packet.namespace == AUTH && name == "msg" =>
                        {
                            let text = format!(r#"42/auth,["msg",{}]"#, args.json());
                            refused.iter().for_each(|sid| say(view, sid, text.clone()));
                        }
                        _ => {}
                    }
                    packets.push(packet);
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "ce-connect-then-error",
        requirements: &["SIO-CE-08"],
        breaks: "a CONNECT to /auth with an empty token is refused and then answered",
        also: &[],
        make: || {
            Refusals::of(r#"{"token":""}"#, |packet, packets| {
                let answer = Outgoing {
                    body: Says::Connect(r#"{"sid":"nobody"}"#.to_owned()),
                    ..packet.clone()
                };
                packets.extend([packet, answer]);
            })
        },
    },
    Fault {
        name: "ce-auth-dropped",
        requirements: &["SIO-CE-09"],
        breaks: "a CONNECT payload of more than two keys does not reach the application",
        also: &[],
        make: || {
            hooks::incoming(|_, mut packet, packets| {
                if let Body::Connect(payload) = &mut packet.body {
                    let keys = payload
                        .as_deref()
                        .and_then(|json| read_json(json).ok())
                        .and_then(|value| value.as_object().map(serde_json::Map::len));
                    if keys.is_some_and(|keys| keys > 2) {
                        *payload = None;
                    }
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ce-auth-null",
        requirements: &["SIO-CE-10"],
        breaks: "without a CONNECT payload the application sees null",
        also: &[],
        make: || {
            emitted(|name, args| {
                if name == "auth" && args.json() == "{}" {
                    *args = crate::args![Value::Null];
                }
            })
        },
    },
    Fault {
        name: "ce-array-auth-accepted",
        requirements: &["SIO-CE-11"],
        breaks: "a CONNECT payload that is an array is taken for none",
        also: &[],
        make: || mishears(|text| text.starts_with("0[").then(|| "0".to_owned())),
    },
    Fault {
        name: "ce-bad-json-auth-accepted",
        requirements: &["SIO-CE-12"],
        breaks: "a CONNECT payload that is not JSON is taken for none",
        also: &[],
        make: || {
            mishears(|text| {
                let payload = text
                    .strip_prefix('0')
                    .filter(|rest| rest.starts_with('{'))?;
                read_json(payload).is_err().then(|| "0".to_owned())
            })
        },
    },
    Fault {
        name: "ce-refusal-sticky",
        requirements: &["SIO-CE-13"],
        breaks: "a client that was refused in /auth is refused there for good",
        also: &[],
        make: || {
            let tried = Memory::<HashSet<String>>::default();
            heard(move |view, _, text| {
                let again = text.starts_with("0/auth,")
                    && !tried.with(|tried| tried.insert(view.sid().to_owned()));
                match again {
                    true => Hears::Instead("0/auth,{}".to_owned()),
                    false => Hears::It,
                }
            })
        },
    },
    Fault {
        name: "ce-room-leak",
        requirements: &["SIO-CE-14"],
        breaks: "a client that was refused in /auth stays in the room that its middleware joined",
        also: &[],
        make: || Arc::new(Leak::default()),
    },
    Fault {
        name: "ce-runs-all-middlewares",
        requirements: &["SIO-CE-15"],
        breaks: "a CONNECT to /auth runs the middlewares of the main namespace as well",
        also: &[],
        make: || {
            #[derive(Default)]
            struct All(AtomicU64);
            impl Seams for All {
                fn incoming(&self, _: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
                    if matches!(packet.body, Body::Connect(_)) && packet.namespace == AUTH {
                        self.0.fetch_add(1, Ordering::Relaxed);
                    }
                    packets.push(packet);
                }

                fn response(
                    &self,
                    _: &crate::Server,
                    request: &crate::exchange::Request,
                    response: &mut Response,
                ) {
                    if request.path != "/fixture" {
                        return;
                    }
                    let page = std::str::from_utf8(&response.body).map(read_json);
                    if let Ok(Ok(mut page)) = page {
                        let ran = page["middleware"]["/"].as_u64().unwrap_or_default();
                        page["middleware"]["/"] = (ran + self.0.load(Ordering::Relaxed)).into();
                        response.body = page.to_string().into();
                    }
                }
            }
            Arc::new(All::default())
        },
    },
];

/// Changes refusals on their way out.
fn refusal(
    change: impl Fn(View<'_>, Outgoing, &mut Vec<Outgoing>) + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    hooks::outgoing(move |view, packet, _, packets| match packet.body {
        Says::ConnectError(_) => change(view, packet, packets),
        _ => packets.push(packet),
    })
}

/// Changes the refusals of CONNECTs to /auth with a certain payload.
struct Refusals {
    payload: &'static str,
    asked: Memory<HashSet<String>>,
    change: fn(Outgoing, &mut Vec<Outgoing>),
}

impl Refusals {
    fn of(payload: &'static str, change: fn(Outgoing, &mut Vec<Outgoing>)) -> Arc<dyn Seams> {
        let asked = Memory::default();
        Arc::new(Self {
            payload,
            asked,
            change,
        })
    }
}

impl Seams for Refusals {
    fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
        if let Body::Connect(payload) = &packet.body
            && packet.namespace == AUTH
            && payload.as_deref().unwrap_or_default() == self.payload
        {
            self.asked.with(|asked| asked.insert(view.sid().to_owned()));
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
        let meant = matches!(packet.body, Says::ConnectError(_))
            && packet.namespace == AUTH
            && self.asked.with(|asked| asked.remove(view.sid()));
        match meant {
            true => (self.change)(packet, packets),
            false => packets.push(packet),
        }
    }
}

/// Copies what is broadcast to the room `pre` to those who were refused.
#[derive(Default)]
struct Leak {
    refused: Memory<HashSet<String>>,
    to_pre: Arc<AtomicBool>,
}

impl Seams for Leak {
    fn outgoing(
        &self,
        view: View<'_>,
        packet: Outgoing,
        _: &mut Sending,
        packets: &mut Vec<Outgoing>,
    ) {
        if packet.namespace == AUTH {
            match &packet.body {
                Says::ConnectError(_) => {
                    self.refused
                        .with(|refused| refused.insert(view.sid().to_owned()));
                }
                Says::Event { .. } if self.to_pre.swap(false, Ordering::Relaxed) => {
                    let crate::Encoded { first, .. } = crate::wire::encode(&packet);
                    let refused = self.refused.with(|refused| refused.clone());
                    view.later(move |server| {
                        for sid in refused {
                            server.send_frame(&sid, Frame::clone(&first));
                        }
                    });
                }
                _ => {}
            }
        }
        packets.push(packet);
    }

    fn adapter(&self, _: &str, inner: Box<dyn Adapter<Socket>>) -> Box<dyn Adapter<Socket>> {
        struct Watching {
            inner: Box<dyn Adapter<Socket>>,
            to_pre: Arc<AtomicBool>,
        }
        impl hooks::Around for Watching {
            fn inner(&self) -> &dyn Adapter<Socket> {
                &*self.inner
            }

            fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &Socket)) {
                if selection.rooms.iter().any(|room| room == "pre") {
                    self.to_pre.store(true, Ordering::Relaxed);
                }
                self.inner.select(selection, visit);
            }
        }
        let to_pre = Arc::clone(&self.to_pre);
        Box::new(hooks::Altered(Watching { inner, to_pre }))
    }
}
