//! Faults of HTTP long-polling (EIO-PO).

use super::{Fault, hooks};
use crate::exchange::Request;
use crate::seams::{Dropped, Seams, Tolerance, View};
use std::sync::Arc;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "po-OK-uppercase",
        requirements: &["EIO-PO-01"],
        breaks: "a successful POST is answered `OK` instead of `ok`",
        also: &[],
        make: || {
            hooks::response(|_, _, response| {
                if &response.body[..] == b"ok" {
                    response.body = "OK".into();
                }
            })
        },
    },
    Fault {
        name: "po-abort-ignored",
        requirements: &["EIO-PO-17"],
        breaks: "a session outlives the TCP connection of its pending GET",
        also: &[],
        make: || {
            hooks::dropped(|_, what| match what {
                Dropped::Poll => Tolerance::Ignore,
                _ => Tolerance::Close,
            })
        },
    },
    Fault {
        name: "po-partial-post-delivered",
        requirements: &["EIO-PO-18"],
        breaks: "what came of a POST whose connection broke is delivered, and the session lives on",
        also: &[],
        make: || {
            struct Partial;
            impl Seams for Partial {
                fn partial_body(&self, _: View<'_>, _: &Request, _: &mut Vec<u8>) -> bool {
                    true
                }

                fn dropped(&self, _: View<'_>, what: Dropped) -> Tolerance {
                    if what == Dropped::Post {
                        Tolerance::Ignore
                    } else {
                        Tolerance::Close
                    }
                }
            }
            Arc::new(Partial)
        },
    },
];
