//! A header and the binary packets after it, to one message.

use bytes::Bytes;
use bytestring::ByteString;
use smallvec::SmallVec;

use super::{Argument, OwnedPacket, Packet};
use crate::{DecodeError, DecodeErrorKind, Leniency, Limits};

/// A packet with all its attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    packet: OwnedPacket,
    /// Most messages have one or two.
    attachments: SmallVec<[Bytes; 2]>,
}

impl Message {
    /// The packet.
    #[must_use]
    pub fn packet(&self) -> Packet<'_> {
        self.packet.as_packet()
    }

    /// The text that the packet was decoded from.
    #[must_use]
    pub const fn text(&self) -> &ByteString {
        self.packet.text()
    }

    /// The attachments in the order in which they came.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The arguments: of an event what follows its name, of an acknowledgement all.
    pub fn args(&self) -> impl Iterator<Item = Argument<'_>> + Clone {
        let attachments = &*self.attachments;
        self.packet()
            .raw_args()
            .map(move |raw| Argument::new(raw, attachments))
    }
}

/// Puts the packets of one connection together (SIO-BI-01).
///
/// Attachments follow their header immediately: a text packet in between is an error (SIO-BI-05,
/// SIO-BI-12), and so is a binary packet that no header announced (SIO-BI-14, SIO-BI-15). Engine
/// pings never come here, so they may (SIO-BI-13). Nothing is reserved for what a header announces
/// (SIO-SEC-02). After an error nothing is due and nothing is kept.
///
/// ```
/// use siospec_codec::{Leniency, Limits, socket::Assembler};
///
/// let mut assembler = Assembler::new(Limits::default(), Leniency::STRICT);
/// let header = r#"51-["image",{"_placeholder":true,"num":0}]"#;
/// assert_eq!(assembler.text(header.into())?, None);
/// assert_eq!(assembler.due(), 1);
/// let message = assembler.binary(vec![1, 2, 3].into())?.unwrap();
/// assert_eq!(message.args().next().unwrap().as_binary().unwrap().as_ref(), [1, 2, 3]);
/// # Ok::<(), siospec_codec::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Assembler {
    limits: Limits,
    leniency: Leniency,
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone)]
struct Waiting {
    message: Message,
    /// Attachments still to come, never zero.
    due: usize,
    /// Bytes of those that came.
    bytes: usize,
}

impl Assembler {
    /// An assembler with nothing due.
    #[must_use]
    pub const fn new(limits: Limits, leniency: Leniency) -> Self {
        Self {
            limits,
            leniency,
            waiting: None,
        }
    }

    /// How many attachments are still to come; none if no header is open.
    #[must_use]
    pub fn due(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.due)
    }

    /// The header whose attachments are due.
    #[must_use]
    pub fn header(&self) -> Option<Packet<'_>> {
        self.waiting
            .as_ref()
            .map(|waiting| waiting.message.packet())
    }

    /// Takes the text of a packet. Gives the message if it needs no attachments (SIO-BI-18), `None`
    /// if some are due now.
    pub fn text(&mut self, text: ByteString) -> Result<Option<Message>, DecodeError> {
        const RULE: DecodeErrorKind = DecodeErrorKind::TextWhileAttachmentsDue;
        if self.waiting.is_some() && !self.leniency.allows(RULE) {
            self.waiting = None;
            return Err(DecodeError::new(0, RULE));
        }
        let packet = OwnedPacket::decode(text, &self.limits, self.leniency)?;
        let due = packet.attachments();
        let message = Message {
            packet,
            attachments: SmallVec::new(),
        };
        if due == 0 {
            return Ok(Some(message));
        }
        self.waiting = Some(Waiting {
            message,
            due,
            bytes: 0,
        });
        Ok(None)
    }

    /// Takes an attachment, empty ones too (SIO-BI-11). Gives the message if it was the last one.
    pub fn binary(&mut self, data: Bytes) -> Result<Option<Message>, DecodeError> {
        let Some(waiting) = &mut self.waiting else {
            return match self.leniency.allows(DecodeErrorKind::UnexpectedBinary) {
                true => Ok(None),
                false => Err(DecodeError::new(0, DecodeErrorKind::UnexpectedBinary)),
            };
        };
        waiting.bytes = waiting.bytes.saturating_add(data.len());
        if waiting.bytes > self.limits.attachment_bytes {
            self.waiting = None;
            return Err(DecodeError::new(0, DecodeErrorKind::AttachmentsTooLarge));
        }
        waiting.message.attachments.push(data);
        waiting.due -= 1;
        if waiting.due > 0 {
            return Ok(None);
        }
        Ok(self.waiting.take().map(|waiting| waiting.message))
    }
}
