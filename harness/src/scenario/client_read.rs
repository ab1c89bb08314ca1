//! The long form of a client: `A: {transport: websocket, via: proxy, opened: false}`, and
//! `A: {client: reconnecting, …}`.

use std::sync::Arc;

use super::lower::Lowerer;
use super::model::{Client, Link, Reconnect, Transport};
use super::node::{Node, Scalar, Value};

const FIELDS: [&str; 19] = [
    "client",
    "transport",
    "transports",
    "via",
    "opened",
    "upgrade",
    "try-all",
    "ns",
    "auth",
    "reconnection",
    "attempts",
    "delay",
    "delay-max",
    "randomization",
    "seed",
    "timeout",
    "ack-timeout",
    "retries",
    "note",
];
/// The fields that a client has that does nothing by itself.
const SCRIPTED: [&str; 6] = ["client", "transport", "transports", "via", "opened", "note"];

impl Lowerer {
    /// A client's way to connect: a word, a list of words, or its long form.
    pub(super) fn client(&mut self, name: String, count: Option<u32>, node: &Node) -> Client {
        let mut client = Client {
            name,
            count,
            links: Vec::new(),
            opened: true,
            reconnecting: None,
        };
        if matches!(node.value, Value::Entries(_)) {
            self.long_form(node, &mut client);
        } else {
            client.links = self.links(node);
        }
        client
    }

    fn long_form(&mut self, node: &Node, client: &mut Client) -> Option<()> {
        let fields = self.known(node, "a client", &FIELDS)?;
        let mut reconnecting = false;
        let mut transports = Vec::new();
        let mut via_proxy = false;
        let mut policy = Reconnect::default();
        for (field, node) in &fields {
            match *field {
                "client" => {
                    let kinds = [("scripted", false), ("reconnecting", true)];
                    reconnecting = self.word(node, "kind of client", &kinds)?;
                }
                "transport" | "transports" => {
                    for link in self.links(node) {
                        transports.push(link.transport);
                    }
                }
                "via" => via_proxy = self.word(node, "way", &[("proxy", true)])?,
                "opened" => client.opened = self.bool(node, "switch")?,
                "note" => {
                    self.text(node, "a sentence");
                }
                field => self.policy(field, node, &mut policy)?,
            }
        }
        let link = |transport| Link {
            transport,
            via_proxy,
        };
        if !reconnecting {
            for (field, node) in &fields {
                if !SCRIPTED.contains(field) {
                    let hint = "write `client: reconnecting` beside it";
                    self.fail::<()>(
                        node,
                        format!("`{field}` is for a reconnecting client"),
                        Some(hint.to_owned()),
                    );
                }
            }
            if transports.is_empty() {
                transports.push(Transport::WebSocket);
            }
            client.links = transports.into_iter().map(link).collect();
            return Some(());
        }
        if !transports.is_empty() {
            policy.transports = transports;
        }
        client.links = policy
            .transports
            .first()
            .copied()
            .map(link)
            .into_iter()
            .collect();
        client.reconnecting = Some(Arc::new(policy));
        Some(())
    }

    fn policy(&mut self, field: &str, node: &Node, policy: &mut Reconnect) -> Option<()> {
        match field {
            "upgrade" => policy.upgrade = self.bool(node, "switch")?,
            "try-all" => policy.try_all = self.bool(node, "switch")?,
            "ns" => policy.ns = self.text(node, "a namespace")?.to_owned(),
            "auth" => match plain(node) {
                Some(serde_json::Value::Object(auth)) => policy.auth = Some(auth),
                _ => return self.fail(node, "`auth` is a mapping, without holes", None),
            },
            "reconnection" => policy.reconnection = self.bool(node, "switch")?,
            "attempts" => policy.attempts = Some(self.number(node, "number of attempts")?),
            "delay" => policy.delay = self.duration(node)?,
            "delay-max" => policy.delay_max = self.duration(node)?,
            "randomization" => match node.text().and_then(|text| text.parse::<f64>().ok()) {
                Some(share @ 0.0..=1.0) => policy.randomization = (share * 1000.0).round() as u16,
                _ => return self.fail(node, "a share from 0 to 1 must stand here", None),
            },
            "seed" => policy.seed = self.number(node, "seed")?,
            "timeout" => policy.timeout = self.duration(node)?,
            "ack-timeout" => policy.ack_timeout = Some(self.duration(node)?),
            _ => policy.retries = Some(self.number(node, "number of retries")?),
        }
        Some(())
    }
}

/// A value as JSON, where it holds nothing but JSON.
fn plain(node: &Node) -> Option<serde_json::Value> {
    Some(match &node.value {
        Value::Scalar(text, kind) => match kind {
            Scalar::Null => serde_json::Value::Null,
            Scalar::Text => serde_json::Value::String(text.to_string()),
            Scalar::Bool | Scalar::Number => serde_json::from_str(text).ok()?,
        },
        Value::Items(items) => {
            serde_json::Value::Array(items.iter().map(plain).collect::<Option<_>>()?)
        }
        Value::Entries(entries) => serde_json::Value::Object(
            entries
                .iter()
                .map(|(key, value)| Some((key.text()?.to_owned(), plain(value)?)))
                .collect::<Option<_>>()?,
        ),
        Value::Tagged(..) => return None,
    })
}
