//! Packets and frames that are wrong, and what a server may do with them: the corpus has a scenario for each.

use super::feature::Feature;

/// One thing that is wrong.
#[derive(Debug)]
pub struct Hostile {
    /// Its name, and the scenarios that check the same.
    pub feature: Feature,
    /// What is sent, one step each.
    pub sends: &'static [Sent],
    /// What may come of it.
    pub outcome: Outcome,
    /// Only on a WebSocket.
    pub websocket: bool,
    /// Only where the client has, or has not, joined `/`; `None` where that is no matter.
    pub joined: Option<bool>,
}

impl Hostile {
    /// Whether it is long: a text repeated so often that a slow connection would take its time.
    pub fn is_long(&self) -> bool {
        let long =
            |sent: &Sent| matches!(sent, Sent::Packet(literal) if literal.contains("*100000"));
        self.sends.iter().any(long) || self.feature.name == "above-the-limit"
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub enum Sent {
    /// A packet, as a literal.
    Packet(&'static str),
    /// A frame below the library, as YAML.
    Frame(&'static str),
}

/// What the server may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It must end the connection.
    Closes,
    /// It must ignore it.
    Ignores,
    /// It may do either.
    Either,
    /// It may also wait for the rest of what was only begun.
    Waits,
}

use Outcome::{Closes, Either, Ignores, Waits};
use Sent::{Frame, Packet};

const fn packets(
    name: &'static str,
    sends: &'static [Sent],
    outcome: Outcome,
    joined: Option<bool>,
    like: &'static [&'static str],
) -> Hostile {
    let feature = Feature {
        name,
        needs: &[],
        fixture: false,
        like,
    };
    Hostile {
        feature,
        sends,
        outcome,
        websocket: false,
        joined,
    }
}

const fn frames(
    name: &'static str,
    sends: &'static [Sent],
    outcome: Outcome,
    like: &'static [&'static str],
) -> Hostile {
    let feature = Feature {
        name,
        needs: &[],
        fixture: false,
        like,
    };
    Hostile {
        feature,
        sends,
        outcome,
        websocket: true,
        joined: None,
    }
}

/// With a handler that would answer it, were it right.
const fn to_the_app(mut row: Hostile) -> Hostile {
    row.feature.fixture = true;
    row
}

/// Over HTTP a request can be refused, and the session lives on.
const fn on_websocket(mut row: Hostile) -> Hostile {
    row.websocket = true;
    row
}

const JOINED: Option<bool> = Some(true);
const PLACEHOLDER: &[&str] = &[
    "socket.io/binary/placeholder-out-of-range-closes",
    "socket.io/robustness/placeholder-reads-nothing-foreign",
];
const COUNT: &[&str] = &["socket.io/binary/bad-attachment-count-closes"];
const NO_ARRAY: &[&str] = &["socket.io/events/payload-that-is-no-array-closes"];
const BROKEN: &[&str] = &["socket.io/events/broken-json-closes"];
const NAME: &[&str] = &["socket.io/events/name-of-another-type-closes"];
const TYPE: &[&str] = &[
    "socket.io/events/unknown-type-closes",
    "engine.io/websocket/unknown-type-ends-the-connection",
    "engine.io/payload/unknown-type-closes-the-session",
    "socket.io/codec/other-digits-are-no-type",
];
const ACK_ID: &[&str] = &["socket.io/acks/id-that-is-no-number-closes"];
const GARBAGE: &[&str] = &["socket.io/robustness/garbage"];

/// Everything that is tried.
pub static TABLE: &[Hostile] = &[
    packets(
        "empty-array",
        &[Packet("42[]")],
        Closes,
        JOINED,
        &["socket.io/events/empty-array-closes"],
    ),
    packets(
        "no-payload",
        &[Packet("42")],
        Closes,
        JOINED,
        &["socket.io/events/missing-payload-closes"],
    ),
    packets(
        "no-payload-behind-an-id",
        &[Packet("4212")],
        Closes,
        JOINED,
        &["socket.io/events/missing-payload-closes"],
    ),
    packets(
        "object-as-payload",
        &[Packet("42{}")],
        Closes,
        JOINED,
        NO_ARRAY,
    ),
    packets(
        "string-as-payload",
        &[Packet("42\"x\"")],
        Closes,
        JOINED,
        NO_ARRAY,
    ),
    packets(
        "null-as-payload",
        &[Packet("42null")],
        Closes,
        JOINED,
        NO_ARRAY,
    ),
    packets(
        "open-bracket",
        &[Packet("42[\"message\"")],
        Closes,
        JOINED,
        BROKEN,
    ),
    packets(
        "trailing-comma",
        &[Packet("42[\"a\",]")],
        Closes,
        JOINED,
        BROKEN,
    ),
    packets(
        "not-a-number",
        &[Packet("42[\"message\",NaN]")],
        Closes,
        JOINED,
        BROKEN,
    ),
    packets(
        "null-as-name",
        &[Packet("42[null,\"x\"]")],
        Closes,
        JOINED,
        NAME,
    ),
    packets(
        "object-as-name",
        &[Packet("42[{\"toString\":\"foo\"},\"x\"]")],
        Closes,
        JOINED,
        NAME,
    ),
    packets(
        "number-as-name",
        &[Packet("42[1,\"x\"]")],
        Ignores,
        JOINED,
        &["socket.io/events/number-as-name"],
    ),
    packets(
        "reserved-name",
        &[Packet("42[\"disconnect\",\"x\"]")],
        Closes,
        JOINED,
        &[
            "socket.io/events/reserved-name-closes",
            "socket.io/events/reserved-name-triggers-no-handler",
        ],
    ),
    to_the_app(packets(
        "text-behind-the-payload",
        &[Packet("42[\"message\",\"x\"]y")],
        Closes,
        JOINED,
        &["socket.io/events/text-behind-the-payload-closes"],
    )),
    packets(
        "unknown-socket-type",
        &[Packet("49[\"x\"]")],
        Closes,
        JOINED,
        TYPE,
    ),
    packets("letters-as-type", &[Packet("4abc")], Closes, JOINED, TYPE),
    packets("unknown-engine-type", &[Packet("9")], Closes, None, TYPE),
    packets(
        "unhandled-name",
        &[Packet("42[\"__proto__\",\"x\"]")],
        Ignores,
        JOINED,
        &[
            "socket.io/robustness/prototype-names",
            "socket.io/events/without-a-handler",
        ],
    ),
    to_the_app(packets(
        "negative-id",
        &[Packet("42-1[\"message-with-ack\",1]")],
        Closes,
        JOINED,
        ACK_ID,
    )),
    to_the_app(packets(
        "fraction-as-id",
        &[Packet("421.5[\"message-with-ack\",1]")],
        Closes,
        JOINED,
        ACK_ID,
    )),
    packets(
        "ack-of-an-object",
        &[Packet("431{}")],
        Closes,
        JOINED,
        &["socket.io/acks/payload-that-is-no-array-closes"],
    ),
    packets(
        "ack-of-nothing-asked",
        &[Packet("4399999[1]")],
        Ignores,
        JOINED,
        &["socket.io/acks/unknown-id-is-ignored"],
    ),
    packets(
        "count-without-dash",
        &[Packet("451[\"m\"]")],
        Closes,
        JOINED,
        COUNT,
    ),
    packets(
        "letter-as-count",
        &[Packet("45a-[\"m\"]")],
        Closes,
        JOINED,
        COUNT,
    ),
    packets(
        "fraction-as-count",
        &[Packet("451.23-[\"m\"]")],
        Closes,
        JOINED,
        COUNT,
    ),
    packets(
        "negative-count",
        &[Packet("45-1-[\"m\"]")],
        Closes,
        JOINED,
        COUNT,
    ),
    packets(
        "eleven-attachments",
        &[Packet(
            "4511-[\"message\",{\"_placeholder\":true,\"num\":0}]",
        )],
        Closes,
        JOINED,
        &["socket.io/robustness/too-many-attachments"],
    ),
    packets(
        "billion-attachments",
        &[Packet(
            "451000000000-[\"message\",{\"_placeholder\":true,\"num\":0}]",
        )],
        Either,
        JOINED,
        &[
            "socket.io/robustness/announced-attachments-reserve-no-memory",
            "socket.io/robustness/too-many-attachments",
        ],
    ),
    packets(
        "stray-attachment",
        &[Packet("<01>")],
        Closes,
        JOINED,
        &["socket.io/binary/stray-attachment-closes"],
    ),
    packets(
        "text-for-an-attachment",
        &[
            Packet("451-[\"message\",{\"_placeholder\":true,\"num\":0}]"),
            Packet("42[\"message\",\"x\"]"),
        ],
        Closes,
        JOINED,
        &["socket.io/binary/text-in-place-of-an-attachment-closes"],
    ),
    packets(
        "placeholder-beyond",
        &[
            Packet("451-[\"message\",{\"_placeholder\":true,\"num\":1}]"),
            Packet("<01>"),
        ],
        Closes,
        JOINED,
        PLACEHOLDER,
    ),
    packets(
        "placeholder-far-beyond",
        &[
            Packet("451-[\"message\",{\"_placeholder\":true,\"num\":1000000000}]"),
            Packet("<01>"),
        ],
        Closes,
        JOINED,
        PLACEHOLDER,
    ),
    packets(
        "text-as-placeholder",
        &[
            Packet("451-[\"message\",{\"_placeholder\":true,\"num\":\"splice\"}]"),
            Packet("<01>"),
        ],
        Closes,
        JOINED,
        &[
            "socket.io/binary/placeholder-number-of-another-type-closes",
            "socket.io/robustness/placeholder-reads-nothing-foreign",
        ],
    ),
    packets(
        "negative-placeholder",
        &[
            Packet("451-[\"message\",{\"_placeholder\":true,\"num\":-1}]"),
            Packet("<01>"),
        ],
        Closes,
        JOINED,
        &[
            "socket.io/binary/placeholder-number-of-another-type-closes",
            "socket.io/robustness/placeholder-reads-nothing-foreign",
        ],
    ),
    packets(
        "binary-object",
        &[
            Packet("451-{\"a\":{\"_placeholder\":true,\"num\":0}}"),
            Packet("<01>"),
        ],
        Closes,
        JOINED,
        &["socket.io/binary/payload-that-is-no-array-closes"],
    ),
    packets(
        "binary-for-a-namespace-not-joined",
        &[
            Packet("451-/nowhere,[\"message\",{\"_placeholder\":true,\"num\":0}]"),
            Packet("<01>"),
        ],
        Closes,
        JOINED,
        &[
            "socket.io/binary/event-for-a-namespace-not-joined-closes",
            "socket.io/connect/event-for-a-namespace-not-joined-closes",
        ],
    ),
    packets(
        "event-for-a-namespace-not-joined",
        &[Packet("42/nowhere,[\"message\",\"x\"]")],
        Closes,
        JOINED,
        &["socket.io/connect/event-for-a-namespace-not-joined-closes"],
    ),
    packets(
        "second-connect",
        &[Packet("40")],
        Closes,
        JOINED,
        &["socket.io/connect/second-connect-closes"],
    ),
    packets(
        "connect-error-from-a-client",
        &[Packet("44{\"message\":\"x\"}")],
        Closes,
        JOINED,
        &["socket.io/connect/connect-error-from-a-client-closes"],
    ),
    packets(
        "auth-that-is-no-object",
        &[Packet("40/nowhere,[]")],
        Closes,
        JOINED,
        &["socket.io/connect-error/auth-that-is-no-object-closes"],
    ),
    packets(
        "auth-that-is-no-json",
        &[Packet("40/nowhere,{bad")],
        Closes,
        JOINED,
        &["socket.io/connect-error/auth-that-is-no-json-closes"],
    ),
    packets(
        "disconnect-from-a-namespace-not-joined",
        &[Packet("41/nowhere,")],
        Closes,
        JOINED,
        &[
            "socket.io/disconnect/from-a-namespace-not-joined-closes",
            "socket.io/connect/event-for-a-namespace-not-joined-closes",
        ],
    ),
    packets(
        "disconnect-with-a-payload",
        &[Packet("41{}")],
        Closes,
        JOINED,
        &["socket.io/disconnect/payload-from-a-client-closes"],
    ),
    packets(
        "event-before-connect",
        &[Packet("42[\"message\",\"x\"]")],
        Closes,
        Some(false),
        &[
            "socket.io/connect/other-packet-before-connect-closes",
            "socket.io/disconnect/event-after-leaving-closes",
            "socket.io/connect/event-for-a-namespace-not-joined-closes",
        ],
    ),
    packets("braces", &[Packet("4{{{{")], Either, JOINED, GARBAGE),
    packets("dashes", &[Packet("45----")], Either, JOINED, GARBAGE),
    packets("slashes", &[Packet("42////////")], Either, JOINED, GARBAGE),
    packets(
        "thousand-brackets",
        &[Packet("42[\"ignored\",$([*1000)$(]*1000)]")],
        Either,
        JOINED,
        &["socket.io/robustness/deep-json"],
    ),
    packets(
        "long-name",
        &[Packet("42[\"$(x*100000)\"]")],
        Either,
        JOINED,
        &["socket.io/robustness/long-event-name"],
    ),
    on_websocket(packets(
        "above-the-limit",
        &[Packet("4$(a*1000001)")],
        Closes,
        None,
        &["engine.io/limits/websocket-message-above-the-limit"],
    )),
    frames(
        "no-packet",
        &[Frame("{opcode: text, payload: abc}")],
        Closes,
        &["engine.io/websocket/no-packet-ends-the-connection"],
    ),
    frames(
        "reserved-bit",
        &[Frame("{opcode: text, rsv: 4, payload: '3'}")],
        Closes,
        &["engine.io/websocket/reserved-bit"],
    ),
    frames(
        "reserved-opcode",
        &[Frame("{opcode: 3, payload: ''}")],
        Closes,
        &["engine.io/websocket/reserved-opcode"],
    ),
    frames(
        "unmasked-frame",
        &[Frame("{opcode: text, masked: false, payload: '3'}")],
        Closes,
        &["engine.io/websocket/unmasked-frame"],
    ),
    frames(
        "no-utf-8",
        &[Frame(
            "{opcode: text, payload: !hex 34325b226e6f7465222c22ff225d}",
        )],
        Closes,
        &["engine.io/websocket/invalid-utf-8"],
    ),
    frames(
        "half-a-fragmented-message",
        &[
            Frame("{opcode: text, fin: false, payload: '42[\"mess'}"),
            Frame("{opcode: text, payload: '3'}"),
        ],
        Closes,
        &["engine.io/websocket/fragments"],
    ),
    frames(
        "continuation-of-nothing",
        &[Frame("{opcode: continuation, payload: 'x'}")],
        Closes,
        &["engine.io/websocket/fragments"],
    ),
    frames(
        "announced-exabyte",
        &[Frame(
            "{opcode: binary, payload: 'x', length: 1152921504606846976}",
        )],
        Waits,
        &["engine.io/limits/websocket-message-above-the-limit"],
    ),
];
