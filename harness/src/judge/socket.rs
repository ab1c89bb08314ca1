//! The head of a Socket.IO packet, as far as it can be read.

/// The fields of a message packet such as `451-/custom,7["x",…]`. What does not fit the grammar
/// is no [`Head`], and a packet that no pattern but a raw one matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'p> {
    /// `0` to `6`.
    pub kind: char,
    /// The announced number of attachments, for types 5 and 6.
    pub attachments: Option<u64>,
    /// The namespace, `/` where none is written; with its query, if it has one.
    pub ns: &'p str,
    /// The digits of the ack id; empty for none.
    pub ack: &'p str,
    /// The rest: JSON, or nothing.
    pub payload: &'p str,
}

impl<'p> Head<'p> {
    /// Reads an Engine.IO text packet that is a message (`4…`).
    #[must_use]
    pub fn read(packet: &'p str) -> Option<Self> {
        let mut rest = packet.strip_prefix('4')?;
        let kind = rest.chars().next().filter(|c| ('0'..='6').contains(c))?;
        rest = &rest[1..];
        let mut attachments = None;
        if matches!(kind, '5' | '6') {
            let (digits, after) = rest.split_once('-')?;
            if !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            attachments = Some(digits.parse().ok()?);
            rest = after;
        }
        let mut ns = "/";
        if rest.starts_with('/') {
            (ns, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        // The payload of an error may be a bare number; it has no ack id.
        let digits = if matches!(kind, '0' | '4') { 0 } else { digits };
        Some(Self {
            kind,
            attachments,
            ns,
            ack: &rest[..digits],
            payload: &rest[digits..],
        })
    }
}
