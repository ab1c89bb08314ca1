//! Faults of CONNECT_ERROR (SIO-CE).

use super::{Fault, hooks};
use crate::outgoing::Says;
use serde_json::Value;

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "ce-drops-data",
    requirements: &["SIO-CE-06"],
    breaks: "the details of a refusal are left out",
    also: &[],
    make: || {
        hooks::outgoing(|_, mut packet, _, packets| {
            if let Says::ConnectError(json) = &mut packet.body
                && let Ok(Value::Object(mut object)) = serde_json::from_str(json)
            {
                object.shift_remove("data");
                *json = Value::Object(object).to_string();
            }
            packets.push(packet);
        })
    },
}];
