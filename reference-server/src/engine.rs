//! The engine without Socket.IO above it: messages come in and go out as they are.

use crate::link::Link;
use crate::session::{CloseReason, Message};
use bytestring::ByteString;
use std::sync::Arc;

/// An application that speaks Engine.IO only.
pub trait EngineApp: Send + Sync {
    /// A message of a client.
    fn message(&self, client: &EngineClient, message: Message);

    /// A message that goes with the open packet of each session (EIO-HS-20); none by default.
    fn greeting(&self) -> Option<ByteString> {
        None
    }
}

/// A client of an [`EngineApp`].
pub struct EngineClient(pub(crate) Arc<Link>);

impl EngineClient {
    /// Sends a message.
    pub fn send(&self, message: Message) {
        self.0.send_message(message);
    }

    /// Closes the session, after what was sent so far.
    pub fn close(&self) {
        self.0.close(CloseReason::ForcedClose);
    }
}
