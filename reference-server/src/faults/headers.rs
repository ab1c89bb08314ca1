//! Faults of headers (EIO-HD).

use super::{Fault, hooks};

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "hd-cookie-by-default",
    requirements: &["EIO-HD-08"],
    breaks: "a handshake sets a cookie though nobody asked for one",
    also: &[],
    make: || {
        hooks::response(|server, request, response| {
            let handshake = request.query.get("sid").is_none() && response.body.starts_with(b"0");
            if handshake && server.config().cookie.is_none() {
                response.set("set-cookie", "io=1");
            }
        })
    },
}];
