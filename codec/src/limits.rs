//! What a peer may make this side hold or walk through.

/// Bounds on one Socket.IO packet and its attachments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attachments of one packet (SIO-SEC-01).
    pub attachments: usize,
    /// Bytes of all attachments of one packet together (SIO-SEC-02).
    pub attachment_bytes: usize,
    /// Arrays and objects inside one another, the payload's own array included (SIO-SEC-03).
    pub nesting: usize,
    /// Bytes of the packet's text (SIO-SEC-12).
    pub packet_bytes: usize,
}

impl Limits {
    /// No bound but the addressable memory.
    pub const UNLIMITED: Self = Self {
        attachments: usize::MAX,
        attachment_bytes: usize::MAX,
        nesting: usize::MAX,
        packet_bytes: usize::MAX,
    };
}

impl Default for Limits {
    /// Ten attachments, as the reference implementation has it; ten times its `maxPayload` for
    /// their bytes; as deep as `serde_json` is willing to read values; packets of any length,
    /// since the transport has bounded them already.
    fn default() -> Self {
        Self {
            attachments: 10,
            attachment_bytes: 10_000_000,
            nesting: 127,
            packet_bytes: usize::MAX,
        }
    }
}
