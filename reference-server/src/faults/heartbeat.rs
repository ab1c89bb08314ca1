//! Faults of the heartbeat (EIO-HB).

use super::{Fault, hooks};
use crate::config::Config;
use crate::seams::{Seams, View};
use siospec_codec::engine::{Handshake, OwnedPacket, PacketType};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "hb-no-timeout",
        requirements: &["EIO-HB-04"],
        breaks: "a session lives on though no pong ever comes; the handshake says otherwise",
        also: &[
            ("EIO-HB-05", "the same on polling"),
            ("EIO-HB-06", "what is never noticed is not noticed promptly"),
            ("EIO-HB-08", "there is no timeout to complete the GET"),
            ("EIO-HB-09", "there is no timeout at all"),
            ("EIO-HB-16", "there is no timeout to be seen"),
        ],
        make: || {
            #[derive(Default)]
            struct Patient(Mutex<Duration>);
            impl Seams for Patient {
                fn config(&self, config: &mut Config) {
                    let told =
                        std::mem::replace(&mut config.ping_timeout, Duration::from_secs(3600));
                    *self.0.lock().unwrap_or_else(PoisonError::into_inner) = told;
                }

                fn open(&self, _: View<'_>, handshake: &mut Handshake) {
                    let told = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    handshake.ping_timeout = u64::try_from(told.as_millis()).unwrap_or(u64::MAX);
                }
            }
            Arc::new(Patient::default())
        },
    },
    Fault {
        name: "hb-any-traffic-counts",
        requirements: &["EIO-HB-09"],
        breaks: "any message counts as a pong",
        also: &[],
        make: || {
            hooks::inward(|_, _, packet, packets| {
                let message = !matches!(&packet, OwnedPacket::Text { kind, .. } if *kind != PacketType::Message);
                packets.push(packet);
                if message {
                    packets.push(OwnedPacket::text(PacketType::Pong, ""));
                }
            })
        },
    },
];
