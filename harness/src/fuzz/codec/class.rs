//! The named ways in which parsers disagree, each with its reason and the requirements that our verdict follows from.

use siospec_codec::DecodeErrorKind as Rule;

/// One way to disagree.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: &'static str,
    /// What the others do, and why it is so.
    pub reason: &'static str,
    /// What we do.
    pub ours: &'static str,
    /// The requirements that our verdict follows from.
    pub requirements: &'static [&'static str],
    /// The bundled peers that do it; another one that does is news.
    pub peers: &'static [&'static str],
}

/// The bundled peers.
pub const BUNDLED: [&str; 3] = ["node", "python", "socketioxide"];

impl Class {
    /// Whether it may explain what a peer does; of somebody's own parser nothing is known.
    #[must_use]
    pub fn is_known_of(&self, peer: &str) -> bool {
        self.peers.contains(&peer) || !BUNDLED.contains(&peer)
    }
}

macro_rules! classes {
    ($($name:ident = $text:literal, $ours:literal, [$($id:literal),*], [$($peer:ident),*], $reason:literal;)*) => {
        $(
            #[doc = $reason]
            pub static $name: Class = Class {
                name: $text,
                reason: $reason,
                ours: $ours,
                requirements: &[$($id),*],
                peers: &[$(stringify!($peer)),*],
            };
        )*

        /// All of them, in the order in which a table lists them.
        pub static ALL: &[&Class] = &[$(&$name),*];
    };
}

classes! {
    EMPTY_PACKET = "empty-packet", "refused", ["EIO-PL-13", "EIO-WS-06"], [python, socketioxide],
        "An empty packet in a payload is passed over: an empty body, or one separator too many.";
    UNKNOWN_ENGINE_TYPE = "unknown-engine-type", "refused", ["EIO-PL-11", "EIO-WS-08"], [],
        "A packet of an unknown type is passed over.";
    BASE64 = "odd-base64", "refused", ["EIO-PL-02", "EIO-PL-14"], [node, python],
        "Base64 with missing or surplus padding, of the URL-safe alphabet, or with foreign characters is read as far as it goes.";
    ATTACHMENT_COUNT = "attachment-count", "refused", ["SIO-BI-19", "SIO-CO-07"], [python],
        "A binary packet without a count in front of its `-` is read as one without attachments.";
    TOO_MANY_ATTACHMENTS = "too-many-attachments", "refused", ["SIO-SEC-01", "SIO-SEC-02"], [python, socketioxide],
        "More than ten attachments are waited for; the limit is higher, or there is none.";
    NESTING = "nesting-limit", "refused", ["SIO-SEC-03", "SIO-SEC-04"], [node, python],
        "JSON that is nested deeper than 127 levels is read; the limit is higher, or there is none.";
    INVALID_JSON = "json-not-checked", "refused", ["SIO-EV-12", "SIO-CE-12"], [],
        "A payload that is not JSON is not looked at.";
    TRAILING_DATA = "text-behind-the-json", "refused", ["SIO-EV-13"], [socketioxide],
        "What follows the JSON of the payload is not looked at.";
    MISSING_PAYLOAD = "event-without-payload", "refused", ["SIO-EV-08"], [node, python],
        "An event may lack its payload; whoever handles it must cope.";
    EVENT_NOT_ARRAY = "event-is-no-array", "refused", ["SIO-EV-06"], [python],
        "The payload of an event may be any JSON value; whoever handles it must cope.";
    EVENT_EMPTY = "event-is-empty", "refused", ["SIO-EV-07"], [python],
        "An event may be an empty array; whoever handles it must cope.";
    EVENT_NAME = "event-name-of-any-kind", "refused", ["SIO-EV-09"], [python],
        "The name of an event may be any JSON value; whoever handles it must cope.";
    RESERVED_NAME = "reserved-event-name", "refused", ["SIO-EV-11"], [python, socketioxide],
        "The names of the library's own events are taken as any other.";
    MISSING_ACK_ID = "acknowledgement-without-id", "refused", ["SIO-ACK-25"], [node, python],
        "An acknowledgement may lack its id.";
    ACK_NOT_ARRAY = "acknowledgement-is-no-array", "refused", ["SIO-ACK-24", "SIO-ACK-25"], [node, python],
        "The payload of an acknowledgement may be missing or any JSON value.";
    CONNECT_PAYLOAD = "connect-is-no-object", "refused", ["SIO-CE-11"], [python, socketioxide],
        "The payload of a CONNECT may be any JSON value.";
    CONNECT_ERROR_PAYLOAD = "connect-error-of-any-kind", "refused", ["SIO-CE-02"], [node, python],
        "The payload of a CONNECT_ERROR may be missing or any JSON value.";
    DISCONNECT_PAYLOAD = "disconnect-with-payload", "refused", ["SIO-DC-09", "SIO-DC-10"], [python, socketioxide],
        "A DISCONNECT may carry a payload.";
    PLACEHOLDER_INDEX = "placeholder-out-of-range", "refused", ["SIO-BI-16", "SIO-BI-17"], [node, python, socketioxide],
        "A placeholder that refers to no announced attachment stays an ordinary object.";
    TEXT_WHILE_DUE = "text-while-attachments-are-due", "refused", ["SIO-BI-05", "SIO-BI-12"], [],
        "A text packet between a header and its attachments is a packet of its own.";
    UNEXPECTED_BINARY = "unannounced-attachment", "refused", ["SIO-BI-14", "SIO-BI-15"], [],
        "Bytes that no header announced are dropped.";
    NOTHING_BEFORE_THE_ERROR = "nothing-before-the-error", "what came before it is read", ["EIO-PL-12"], [python],
        "An error takes with it the good packets before it; both refuse.";
    MESSAGE_READ_AS_JSON = "message-read-as-json", "opaque text", ["EIO-PL-06"], [python],
        "The text of an Engine.IO packet that happens to be JSON is turned into a value.";
    ENGINE_DATA_DROPPED = "engine-data-dropped", "kept", ["EIO-PL-06"], [socketioxide],
        "What stands behind the type of an Engine.IO packet that is no message is dropped, except `probe`.";
    OPEN_NOT_READ = "open-not-read", "accepted", ["EIO-PL-17"], [socketioxide],
        "A parser for servers only does not know the open packet, which only a server sends.";
    CONNECT_ERROR_NOT_READ = "connect-error-not-read", "accepted", ["SIO-CE-02"], [socketioxide],
        "A parser for servers only does not know CONNECT_ERROR, which only a server sends.";
    TOO_MANY_PACKETS = "too-many-packets", "accepted", ["EIO-PO-20"], [python],
        "A payload of more than 16 packets is refused as a whole.";
    JSONP = "jsonp-prefix", "refused", ["EIO-PL-09"], [python],
        "A payload that begins with `d=` is read as a form, which JSONP of an older protocol sent.";
    EMPTY_IS_EVENT = "empty-text-is-an-event", "refused", ["SIO-CN-18"], [python],
        "An empty text is an event without name and payload.";
    TYPE_READ_AS_NUMBER = "type-read-as-a-number", "refused", ["SIO-CO-05", "SIO-CO-06", "SIO-CN-18"], [node],
        "The type is read with a conversion to a number: a blank and the empty text are 0, a CONNECT.";
    UNICODE_DIGITS = "unicode-digits", "refused", ["SIO-CO-05"], [python],
        "Digits of other scripts are taken for the type, the attachment count or the id.";
    BLANK_IN_ID = "blank-in-the-id", "part of the JSON", ["SIO-CO-06"], [node],
        "White space before the payload is taken for digits of the id: alone it is 0, between digits the id is NaN.";
    COUNT_READ_AS_NUMBER = "count-read-as-a-number", "refused", ["SIO-CO-07"], [node],
        "The attachment count is read with a conversion to a number: `1e0`, `0x1` and blanks will do.";
    COUNT_ON_ANY_TYPE = "count-on-any-type", "refused", ["SIO-CO-01"], [python],
        "A count and `-` are passed over behind a type that has no attachments.";
    ZERO_ATTACHMENTS_WAIT = "zero-attachments-wait", "accepted at once", ["SIO-BI-18"], [python],
        "A binary packet with no attachments waits for one that never comes, or that is then refused.";
    ZERO_ATTACHMENTS_REFUSED = "zero-attachments-refused", "accepted at once", ["SIO-BI-18"], [node],
        "A binary packet with no attachments is refused.";
    HEADER_NOT_CHECKED = "header-not-checked", "refused", ["SIO-BI-27", "SIO-EV-12"], [socketioxide],
        "The payload of a binary packet is not looked at before its attachments have come.";
    NAMESPACE_QUERY = "query-cut-off-the-namespace", "part of the name", ["SIO-CN-15"], [python],
        "What stands behind a `?` in a namespace is cut off.";
    ID_BEYOND_DOUBLES = "id-beyond-doubles", "kept exactly", ["SIO-ACK-12", "SIO-ACK-13"], [node],
        "An id is a double: beyond 2^53 it becomes another number, beyond the range Infinity.";
    ID_LOST = "id-lost", "kept exactly", ["SIO-ACK-13"], [socketioxide],
        "An id that 63 bits cannot hold is dropped, and the event is one that wants no acknowledgement.";
    ID_BEFORE_BLANK = "id-before-a-blank-lost", "kept", ["SIO-ACK-01", "SIO-EV-14"], [socketioxide],
        "An id that is not followed at once by a bracket is dropped.";
    ID_TOO_LONG = "id-too-long", "kept exactly", ["SIO-ACK-13", "SIO-SEC-05"], [python, socketioxide],
        "An id that is too long for the parser is refused.";
    STRAY_ID = "stray-id-ignored", "kept", ["SIO-CO-08"], [socketioxide],
        "An id on a packet that cannot have one is dropped.";
    NULL_IS_NOTHING = "null-is-nothing", "refused", ["SIO-CE-11"], [python],
        "A payload of `null` is the same as none.";
    NUMBER_BEYOND_DOUBLES = "number-beyond-doubles", "kept exactly", ["SIO-CO-10", "SIO-CO-11"], [node, python, socketioxide],
        "A number is a double: digits beyond its precision are lost, and beyond its range it is Infinity.";
    NUMBER_ROUNDED = "number-rounded-badly", "kept exactly", ["SIO-CO-10"], [socketioxide],
        "A fraction is read as the double next to the nearest one.";
    NUMBER_OUT_OF_RANGE = "number-out-of-range-refused", "kept exactly", ["SIO-CO-11", "SIO-CO-12"], [socketioxide],
        "A number beyond the range of a double is refused.";
    NAN = "nan-is-a-number", "refused", ["SIO-EV-12", "SIO-CO-12"], [python],
        "The words NaN, Infinity and -Infinity are taken for JSON.";
    SURROGATE_REFUSED = "lone-surrogate-refused", "kept", ["SIO-CO-14"], [socketioxide],
        "A string with a lone surrogate escape is refused.";
    NUMERIC_NAME = "numeric-event-name-refused", "accepted", ["SIO-EV-10"], [socketioxide],
        "A number as event name is refused.";
    ESCAPED_NAME = "escaped-event-name-refused", "accepted", ["SIO-EV-23"], [socketioxide],
        "An event name with an escape in it is refused, since it is read as a slice of the text.";
    ESCAPED_KEY = "escaped-key-refused", "accepted", ["SIO-CO-18"], [socketioxide],
        "An object whose first key has an escape in it is refused, since that key is read as a slice of the text.";
    ATTACHMENTS_BY_POSITION = "attachments-by-position", "by number", ["SIO-BI-04", "SIO-BI-22"], [socketioxide],
        "Attachments are put in the places of the placeholders in order, whatever their numbers say.";
    PLACEHOLDER_STRICT = "odd-placeholder-refused", "read, or an ordinary object", ["SIO-BI-03", "SIO-BI-17"], [python, socketioxide],
        "An object that looks like a placeholder and is not exactly one (a further key, an index such as `1.0`) is refused.";
    PLACEHOLDER_KEPT = "placeholder-kept", "replaced by the attachment", ["SIO-BI-04", "SIO-BI-29"], [socketioxide],
        "A placeholder with its keys in another order, or escaped, or after the last attachment was used, stays an object.";
    PLACEHOLDER_TRUTHY = "placeholder-by-truth", "an ordinary object", ["SIO-BI-03"], [python],
        "Anything true in `_placeholder` makes a placeholder.";
    PLACEHOLDER_NEGATIVE = "placeholder-index-converted", "refused", ["SIO-BI-17", "SIO-SEC-14"], [node, python],
        "The index of a placeholder may be what the language takes for one: negative, true, or a fraction.";
    TEXT_AS_ATTACHMENT = "text-taken-as-attachment", "refused", ["SIO-BI-12"], [python],
        "A text packet between a header and its attachments is taken for an attachment.";
}

/// The class of those who let a rule pass that we keep; `None` for rules that the others cannot let pass either.
#[must_use]
pub fn of_rule(rule: Rule) -> Option<&'static Class> {
    Some(match rule {
        Rule::EmptyPacket => &EMPTY_PACKET,
        Rule::UnknownEngineType => &UNKNOWN_ENGINE_TYPE,
        Rule::InvalidBase64 => &BASE64,
        Rule::AttachmentCount => &ATTACHMENT_COUNT,
        Rule::TooManyAttachments => &TOO_MANY_ATTACHMENTS,
        Rule::NestingTooDeep => &NESTING,
        Rule::InvalidJson => &INVALID_JSON,
        Rule::TrailingData => &TRAILING_DATA,
        Rule::MissingPayload => &MISSING_PAYLOAD,
        Rule::EventNotArray => &EVENT_NOT_ARRAY,
        Rule::EventEmpty => &EVENT_EMPTY,
        Rule::EventName => &EVENT_NAME,
        Rule::ReservedEventName => &RESERVED_NAME,
        Rule::MissingAckId => &MISSING_ACK_ID,
        Rule::AckNotArray => &ACK_NOT_ARRAY,
        Rule::ConnectPayload => &CONNECT_PAYLOAD,
        Rule::ConnectErrorPayload => &CONNECT_ERROR_PAYLOAD,
        Rule::DisconnectPayload => &DISCONNECT_PAYLOAD,
        Rule::PlaceholderIndex => &PLACEHOLDER_INDEX,
        Rule::TextWhileAttachmentsDue => &TEXT_WHILE_DUE,
        Rule::UnexpectedBinary => &UNEXPECTED_BINARY,
        _ => return None,
    })
}

/// The requirements that a refusal by a rule follows from.
#[must_use]
pub fn requirements(rule: Rule) -> &'static [&'static str] {
    match (rule, of_rule(rule)) {
        (Rule::UnknownEngineType, _) => &["EIO-PL-09", "EIO-PL-11", "EIO-WS-08"],
        (Rule::EmptyPacket, _) => &["EIO-PL-13", "EIO-WS-06", "SIO-CN-18"],
        (_, Some(class)) => class.requirements,
        (Rule::UnknownSocketType, _) => &["SIO-EV-15", "SIO-CO-05", "SIO-CO-09"],
        (Rule::InvalidUtf8, _) => &["EIO-PL-05", "EIO-PL-15"],
        (Rule::AttachmentsTooLarge, _) => &["SIO-SEC-02"],
        (Rule::PacketTooLong, _) => &["SIO-SEC-12"],
        _ => &[],
    }
}
