//! Faults of requests (EIO-QE).

use super::{Fault, hooks};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "qe-eio-optional",
        requirements: &["EIO-QE-01"],
        breaks: "a polling handshake without `EIO` is served",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                let polling = request.query.get("transport") == Some("polling");
                if polling
                    && request.query.get("sid").is_none()
                    && request.query.get("EIO").is_none()
                {
                    request.query.set("EIO", "4");
                }
                None
            })
        },
    },
    Fault {
        name: "qe-put-405",
        requirements: &["EIO-QE-09"],
        breaks: "a PUT without sid is refused with 405 instead of 400",
        also: &[],
        make: || {
            hooks::response(|_, request, response| {
                if request.method == "PUT" && request.query.get("sid").is_none() {
                    response.status = 405;
                }
            })
        },
    },
];
