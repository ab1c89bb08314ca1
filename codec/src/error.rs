//! The ways the wire can be wrong.

/// Input that broke a rule: which rule, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at byte {offset})")]
pub struct DecodeError {
    /// Bytes from the start of the decoded input to the place that is wrong; at most its length.
    pub offset: usize,
    /// The rule that was broken.
    pub kind: DecodeErrorKind,
}

impl DecodeError {
    pub(crate) const fn new(offset: usize, kind: DecodeErrorKind) -> Self {
        Self { offset, kind }
    }

    /// The same error as seen from an enclosing text in which the decoded one starts at `start`.
    #[must_use]
    pub const fn shifted(self, start: usize) -> Self {
        Self {
            offset: self.offset + start,
            kind: self.kind,
        }
    }
}

/// The rules of both layers, one for each way the wire can break them.
///
/// Each names the requirements it enforces. Those that end with "Lenient:" can be let pass with
/// [`Leniency`](crate::Leniency), and say what the decoder does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
#[repr(u8)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// EIO-PL-13, EIO-WS-06, SIO-CN-18. Lenient: in a polling payload it is skipped.
    #[error("empty packet: there is not even a type digit")]
    EmptyPacket,
    /// EIO-PL-09, EIO-PL-11, EIO-WS-06, EIO-WS-08, EIO-WS-20, EIO-PL-12. Lenient: in a polling
    /// payload the packet is skipped and the next one is read.
    #[error("unknown Engine.IO packet type: expected a digit 0 to 6, or `b` before base64")]
    UnknownEngineType,
    /// EIO-PL-02, EIO-PL-14. Lenient: padding may be missing, the URL-safe alphabet is read too.
    #[error("binary packet is not standard base64 with padding")]
    InvalidBase64,
    /// EIO-PL-05, EIO-PL-15.
    #[error("text is not UTF-8")]
    InvalidUtf8,
    /// EIO-HS-01, EIO-HS-02.
    #[error("handshake is not one JSON object")]
    HandshakeNotObject,
    /// EIO-HS-02.
    #[error("handshake needs a string `sid`")]
    HandshakeSid,
    /// EIO-HS-02, EIO-HS-06, EIO-HS-07.
    #[error("handshake needs `upgrades`, an array of strings")]
    HandshakeUpgrades,
    /// EIO-HS-02, EIO-HS-04.
    #[error("handshake needs a number `pingInterval`, whole milliseconds")]
    HandshakePingInterval,
    /// EIO-HS-02, EIO-HS-04.
    #[error("handshake needs a number `pingTimeout`, whole milliseconds")]
    HandshakePingTimeout,
    /// EIO-HS-02, EIO-HS-05.
    #[error("handshake needs a number `maxPayload`, whole bytes")]
    HandshakeMaxPayload,

    /// SIO-EV-15, SIO-CO-05, SIO-CO-06, SIO-CO-09, SIO-CN-18.
    #[error("unknown Socket.IO packet type: expected an ASCII digit 0 to 6")]
    UnknownSocketType,
    /// SIO-BI-19, SIO-CO-07. Lenient: the packet has no attachments.
    #[error("attachment count is not decimal digits followed by `-`")]
    AttachmentCount,
    /// SIO-SEC-01, SIO-SEC-02. The limit is [`Limits::attachments`](crate::Limits::attachments).
    #[error("more attachments announced than the limit allows")]
    TooManyAttachments,
    /// SIO-SEC-02, SIO-SEC-14. The limit is
    /// [`Limits::attachment_bytes`](crate::Limits::attachment_bytes).
    #[error("the attachments of one packet hold more bytes than the limit allows")]
    AttachmentsTooLarge,
    /// EIO-LM-06, SIO-SEC-12. The limit is [`Limits::packet_bytes`](crate::Limits::packet_bytes).
    #[error("packet is longer than the limit allows")]
    PacketTooLong,
    /// SIO-SEC-03, SIO-SEC-04. The limit is [`Limits::nesting`](crate::Limits::nesting).
    #[error("JSON is nested deeper than the limit allows")]
    NestingTooDeep,
    /// SIO-EV-12, SIO-CE-12, SIO-ACK-15, SIO-CO-17. Lenient: the payload is kept unread.
    #[error("payload is not JSON")]
    InvalidJson,
    /// SIO-EV-13, SIO-CO-12. Lenient: the payload ends where its JSON ends.
    #[error("something follows the JSON of the payload")]
    TrailingData,
    /// SIO-EV-08, SIO-BI-27. Lenient: an event without a name.
    #[error("event has no payload: expected a non-empty array")]
    MissingPayload,
    /// SIO-EV-06, SIO-BI-27. Lenient: an event without a name.
    #[error("event payload is not an array")]
    EventNotArray,
    /// SIO-EV-07, SIO-BI-27. Lenient: an event without a name.
    #[error("event payload is an empty array: the event's name is missing")]
    EventEmpty,
    /// SIO-EV-09, SIO-EV-10. Lenient: an event without a name.
    #[error("event name is neither a string nor a number")]
    EventName,
    /// SIO-EV-11. Lenient: an event of that name.
    #[error(
        "event name is reserved: connect, connect_error, disconnect, disconnecting, newListener or removeListener"
    )]
    ReservedEventName,
    /// SIO-ACK-25. Lenient: an acknowledgement without an id.
    #[error("acknowledgement has no id")]
    MissingAckId,
    /// SIO-ACK-02, SIO-ACK-24, SIO-ACK-25. Lenient: an acknowledgement without arguments.
    #[error("acknowledgement payload is not an array")]
    AckNotArray,
    /// SIO-CE-11. Lenient: the payload is kept as it is.
    #[error("CONNECT payload is not an object")]
    ConnectPayload,
    /// SIO-CE-02. Lenient: the payload is kept as it is.
    #[error("CONNECT_ERROR payload is neither an object nor a string")]
    ConnectErrorPayload,
    /// SIO-DC-09, SIO-DC-10. Lenient: the payload is kept as it is.
    #[error("DISCONNECT carries a payload")]
    DisconnectPayload,
    /// SIO-BI-16, SIO-BI-17, SIO-SEC-14. Lenient: the object stays an ordinary object.
    #[error("placeholder `num` is not the index of an announced attachment")]
    PlaceholderIndex,
    /// SIO-BI-05, SIO-BI-12. Lenient: the text is a packet of its own, the attachments stay due.
    #[error("text packet while attachments are due")]
    TextWhileAttachmentsDue,
    /// SIO-BI-14, SIO-BI-15. Lenient: the bytes are dropped.
    #[error("binary packet that no header announced")]
    UnexpectedBinary,
}
