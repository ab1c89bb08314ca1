//! Events and acknowledgements: JSON arguments with bytes in them, split into packets and back.

use std::collections::HashMap;

use bytes::Bytes;

use super::captures::{Captures, Unbound};
use super::mismatch::Mismatch;
use super::number;
use super::packet::read_payload;
use super::received::Received;
use super::socket::Head;
use crate::scenario::json::{Json, Node};
use crate::scenario::verb::Emit;

impl Json {
    /// The value with its holes filled, as text; bytes become placeholders and follow in order.
    ///
    /// # Errors
    /// A hole to which nothing is bound.
    pub fn render(&self, captures: &Captures) -> Result<(String, Vec<Bytes>), Unbound> {
        let filled = self.fill(captures)?;
        let mut attachments = Vec::new();
        let text = filled.write(&mut |node, out| match node {
            Node::Bytes(bytes) => {
                out.push_str(&format!(
                    "{{\"_placeholder\":true,\"num\":{}}}",
                    attachments.len()
                ));
                attachments.push(bytes.clone());
                true
            }
            _ => false,
        });
        Ok((text, attachments))
    }

    /// The value with every hole replaced by what is bound to it.
    fn fill(&self, captures: &Captures) -> Result<Self, Unbound> {
        let mut filled = self.clone();
        for index in 0..self.nodes.len() {
            let value = match &self.nodes[index] {
                Node::Hole(hole) => captures.fill(&hole.name)?.json(),
                Node::Spliced(template) => Self::text(template.render(captures)?),
                _ => continue,
            };
            let root = filled.graft(&value, 0);
            filled.nodes[index] = filled.nodes[root].clone();
        }
        Ok(filled)
    }

    /// The value with placeholders replaced by their attachments; a placeholder without one stays.
    fn with_attachments(mut self, attachments: &[Bytes]) -> Self {
        let mut found = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let Node::Object { entries, .. } = node else {
                continue;
            };
            let value = |wanted: &str| {
                entries
                    .iter()
                    .find(|(key, _)| key == wanted)
                    .map(|(_, v)| &self.nodes[*v])
            };
            let (Some(Node::Bool(true)), Some(Node::Number(digits))) =
                (value("_placeholder"), value("num"))
            else {
                continue;
            };
            let number = digits.parse::<usize>().ok();
            if let Some(bytes) = number.and_then(|n| attachments.get(n)) {
                found.insert(index, bytes.clone());
            }
        }
        for (index, bytes) in found {
            self.nodes[index] = Node::Bytes(bytes);
        }
        self
    }
}

impl Emit {
    /// The packets of this event: its header, and its attachments behind it.
    ///
    /// # Errors
    /// A hole to which nothing is bound.
    pub fn packets(
        &self,
        ns: &str,
        id: Option<u64>,
        captures: &Captures,
    ) -> Result<Vec<Received>, Unbound> {
        let (args, attachments) = self.args.render(captures)?;
        let ns = if ns == "/" {
            String::new()
        } else {
            format!("{ns},")
        };
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        let header = match attachments.len() {
            0 => format!("42{ns}{id}{args}"),
            count => format!("45{count}-{ns}{id}{args}"),
        };
        let mut packets = vec![Received::Text(header)];
        packets.extend(attachments.into_iter().map(Received::Binary));
        Ok(packets)
    }
}

/// Whether a text packet is the acknowledgement with this id, plain or binary, in this namespace.
#[must_use]
pub fn acknowledges(packet: &str, ns: &str, id: u64) -> bool {
    Head::read(packet).is_some_and(|head| {
        matches!(head.kind, '3' | '6')
            && head.ns == ns
            && number::same_integer(head.ack, &id.to_string())
    })
}

/// Compares the arguments of an acknowledgement, its attachments in their places. Binds holes only
/// if all of it is as expected.
///
/// # Errors
/// The first difference, with its path.
pub fn acknowledgement(
    wanted: &Json,
    packet: &str,
    attachments: &[Bytes],
    captures: &mut Captures,
) -> Result<(), Mismatch> {
    let head = Head::read(packet).ok_or_else(|| Mismatch::new("an acknowledgement", packet))?;
    let came = read_payload(wanted, head.payload)?.with_attachments(attachments);
    let mut bound = captures.clone();
    wanted.matches(&came, &mut bound).map_err(|m| m.at("$"))?;
    *captures = bound;
    Ok(())
}
