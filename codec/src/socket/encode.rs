//! A packet to its canonical text.

use super::Packet;
use super::ack_id::push_number;
use super::packet::MAIN_NAMESPACE;

impl Packet<'_> {
    /// Appends type, attachments, namespace, id and payload, in that order (SIO-CO-01). The main
    /// namespace is left out (SIO-CN-12), any other ends with a comma; id and payload stay as they
    /// were written.
    #[inline]
    pub fn encode(&self, out: &mut String) {
        self.encode_header(out);
        if let Some(payload) = self.payload {
            out.push_str(payload);
        }
    }

    /// Appends all but the payload; the caller appends it.
    #[inline]
    pub fn encode_header(&self, out: &mut String) {
        out.push(char::from(self.kind.digit()));
        if self.kind.is_binary() {
            push_number(self.attachments as u64, out);
            out.push('-');
        }
        if self.namespace != MAIN_NAMESPACE {
            out.push_str(self.namespace);
            out.push(',');
        }
        if let Some(id) = self.id {
            id.encode(out);
        }
    }

    /// The packet as text of its own.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.encode(&mut out);
        out
    }
}
