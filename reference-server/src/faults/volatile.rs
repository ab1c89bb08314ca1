//! Faults of volatile events (SIO-VO).

use super::script::{Script, heard, lock, said, send};
use super::{Fault, hooks};
use crate::session::{Edge, Frame};
use crate::wire;
use std::collections::HashMap;
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "vo-never-delivered",
        requirements: &["SIO-VO-01"],
        breaks: "a volatile event is dropped, whether the client is ready or not",
        also: &[
            ("SIO-VO-06", "its ready receiver waits for a volatile event"),
            ("SIO-CSR-03", "it looks at a volatile event, too"),
        ],
        make: || {
            hooks::outgoing(|_, packet, sending, packets| {
                if !sending.volatile {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "vo-drops-regular",
        requirements: &["SIO-VO-02"],
        breaks: "a volatile event that is dropped takes along the regular ones before it that wait for a GET",
        also: &[("SIO-VO-04", "its first event is such a regular one")],
        make: || {
            Script {
                outgoing: |windows: &mut Windows, view, packet, sending, packets| {
                    let window = windows.entry(view.sid().to_owned()).or_default();
                    window.count(sending.volatile, sending.ready, said(&packet).is_some());
                    packets.push(packet);
                },
                outward: |windows, view, edge, frames| {
                    let window = windows.remove(view.sid()).unwrap_or_default();
                    if edge == Edge::Poll && window.dropped {
                        let mut doomed = window.regular;
                        frames.retain(|frame| {
                            let event =
                                matches!(frame, Frame::Text(text) if text.starts_with("42"));
                            let dropped = event && doomed > 0;
                            doomed -= usize::from(dropped);
                            !dropped
                        });
                    }
                },
                ..Script::new(Windows::new())
            }
            .seams()
        },
    },
    Fault {
        name: "vo-buffers-all",
        requirements: &["SIO-VO-03"],
        breaks: "volatile events are kept like any other",
        also: &[],
        make: || {
            hooks::outgoing(|_, packet, sending, packets| {
                sending.volatile = false;
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "vo-stalls-queue",
        requirements: &["SIO-VO-04"],
        breaks: "behind a regular and a dropped volatile event no event follows before the next GET",
        also: &[],
        make: || {
            Script {
                outgoing: |windows: &mut Windows, view, packet, sending, packets| {
                    let window = windows.entry(view.sid().to_owned()).or_default();
                    let event = said(&packet).is_some();
                    if !window.dropped || !event {
                        packets.push(packet);
                    }
                    window.count(sending.volatile, sending.ready, event);
                },
                outward: |windows, view, _, _| {
                    windows.remove(view.sid());
                },
                ..Script::new(Windows::new())
            }
            .seams()
        },
    },
    Fault {
        name: "vo-splits-binary",
        requirements: &["SIO-VO-05"],
        breaks: "of a volatile binary event only the header is delivered",
        also: &[],
        make: || {
            hooks::outgoing(|view, packet, sending, packets| {
                let encoded = wire::encode(&packet);
                if sending.volatile && sending.ready && !encoded.rest.is_empty() {
                    send(view, view.sid(), Duration::ZERO, vec![encoded.first]);
                } else {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "vo-broadcast-all-or-none",
        requirements: &["SIO-VO-06"],
        breaks: "a volatile broadcast reaches nobody while one of its receivers is not ready",
        also: &[],
        make: || {
            Script {
                incoming: |volatile, _, packet, packets| {
                    *volatile = heard(&packet).is_some_and(|(name, args)| {
                        let options: serde_json::Value = args.first().unwrap_or_default();
                        name == "emit-to" && options["volatile"] == true
                    });
                    packets.push(packet);
                },
                select: |volatile, inner, selection, visit| {
                    let mut all = true;
                    if std::mem::take(&mut *lock(volatile)) {
                        inner.select(selection, &mut |_, socket| {
                            all &= socket.0.link.state().session.is_writable();
                        });
                    }
                    if all {
                        inner.select(selection, visit);
                    }
                },
                ..Script::new(false)
            }
            .seams()
        },
    },
];

/// What each client was sent since something went out to it.
type Windows = HashMap<String, Window>;

#[derive(Default)]
struct Window {
    /// Regular events before the first volatile one that was dropped.
    regular: usize,
    /// Whether a volatile event was dropped behind a regular one.
    dropped: bool,
}

impl Window {
    fn count(&mut self, volatile: bool, ready: bool, event: bool) {
        if volatile && !ready {
            self.dropped |= self.regular > 0;
        } else if event && !self.dropped {
            self.regular += 1;
        }
    }
}
