//! Faults of rooms and broadcasts (SIO-RM).

use super::hooks::{Altered, Around};
use super::{Fault, hooks};
use crate::adapter::{Adapter, Selection};
use crate::socket::Socket;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "rm-intersection",
        requirements: &["SIO-RM-03"],
        breaks: "several rooms mean only those who are in the first one",
        also: &[],
        make: || {
            hooks::select(|selection| Selection {
                rooms: selection.rooms.first().cloned().into_iter().collect(),
                except: selection.except.clone(),
            })
        },
    },
    Fault {
        name: "rm-leave-noop",
        requirements: &["SIO-RM-10"],
        breaks: "a room that was left still delivers",
        also: &[("SIO-RM-11", "one leave is to end it there as well")],
        make: || {
            struct Sticky(Box<dyn Adapter<Socket>>);
            impl Around for Sticky {
                fn inner(&self) -> &dyn Adapter<Socket> {
                    &*self.0
                }

                fn leave(&self, _: &str, _: &str) {}
            }
            hooks::adapter(|_, inner| Box::new(Altered(Sticky(inner))))
        },
    },
];
