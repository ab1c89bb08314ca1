//! Requests of somebody who is no client of the conversation, and how they must be answered.

use super::feature::Feature;

/// A request and its answer.
#[derive(Debug)]
pub struct Stranger {
    /// Its name, and the scenarios that check the same.
    pub feature: Feature,
    /// The value of `http:`.
    pub request: &'static str,
    /// The value of `http.expect:`; empty where any answer will do.
    pub answer: &'static str,
}

const fn row(
    name: &'static str,
    request: &'static str,
    answer: &'static str,
    like: &'static [&'static str],
) -> Stranger {
    let feature = Feature {
        name,
        needs: &[],
        fixture: false,
        like,
    };
    Stranger {
        feature,
        request,
        answer,
    }
}

const REFUSED: &str = "{status: 400}";
const NOT_TAKEN: &str = "{status: [4xx, 5xx, cut]}";
const ANY: &str = "{status: [2xx, 4xx, 5xx, cut]}";

/// Everything that is tried.
pub static TABLE: &[Stranger] = &[
    row(
        "handshake-without-eio",
        "{request: 'GET /socket.io/?transport=polling'}",
        REFUSED,
        &["engine.io/query/eio-is-mandatory"],
    ),
    row(
        "handshake-of-version-3",
        "{request: 'GET /socket.io/?EIO=3&transport=polling'}",
        REFUSED,
        &["engine.io/query/other-versions-are-refused"],
    ),
    row(
        "handshake-of-no-version",
        "{request: 'GET /socket.io/?EIO=abc&transport=polling'}",
        REFUSED,
        &["engine.io/query/eio-must-be-a-version"],
    ),
    row(
        "handshake-without-transport",
        "{request: 'GET /socket.io/?EIO=4'}",
        REFUSED,
        &["engine.io/query/transport-is-mandatory"],
    ),
    row(
        "unknown-transport",
        "{request: 'GET /socket.io/?EIO=4&transport=__proto__'}",
        REFUSED,
        &[
            "engine.io/query/transport-must-be-known",
            "engine.io/query/transport-names-are-no-property-names",
        ],
    ),
    row(
        "get-with-unknown-sid",
        "{request: 'GET /socket.io/?EIO=4&transport=polling&sid=AAAAbbbbCCCCdddd'}",
        REFUSED,
        &["engine.io/query/get-with-unknown-sid"],
    ),
    row(
        "post-with-unknown-sid",
        "{request: 'POST /socket.io/?EIO=4&transport=polling&sid=AAAAbbbbCCCCdddd', body: '40'}",
        REFUSED,
        &["engine.io/query/post-with-unknown-sid"],
    ),
    row(
        "post-without-sid",
        "{request: 'POST /socket.io/?EIO=4&transport=polling', body: ''}",
        REFUSED,
        &["engine.io/query/post-opens-no-session"],
    ),
    row(
        "websocket-without-upgrade",
        "{request: 'GET /socket.io/?EIO=4&transport=websocket'}",
        REFUSED,
        &["engine.io/query/websocket-needs-an-upgrade-request"],
    ),
    row(
        "delete",
        "{request: 'DELETE /socket.io/?EIO=4&transport=polling', body: ''}",
        NOT_TAKEN,
        &["engine.io/query/other-methods-open-no-session"],
    ),
    row(
        "upgrade-to-h2c",
        "{request: 'GET /socket.io/?EIO=4&transport=polling', headers: {Connection: Upgrade, Upgrade: h2c}}",
        ANY,
        &["engine.io/query/upgrade-to-something-else"],
    ),
    row(
        "empty-sid",
        "{request: 'GET /socket.io/?EIO=4&transport=polling&sid='}",
        ANY,
        &["engine.io/query/empty-sid"],
    ),
    row(
        "long-query",
        "{request: 'GET /socket.io/?EIO=4&transport=polling&x=$(x*5000)'}",
        ANY,
        &["socket.io/robustness/long-query"],
    ),
    row(
        "two-versions",
        "{request: 'GET /socket.io/?EIO=4&EIO=3&transport=polling'}",
        ANY,
        &["engine.io/query/duplicate-keys"],
    ),
];
