//! What a client does: handshakes, packets, requests, frames, bytes.

use std::future::Future;
use std::time::{Duration, Instant};

use super::player::{Actor, Player};
use super::trouble::Trouble;
use crate::client::packet::head;
use crate::client::{Arrival, Call, Connection, NoSession, Opened, RawFrame, What, sid};
use crate::judge::{Received, Value, acknowledgement, acknowledges};
use crate::scenario::json::{Json, Node};
use crate::scenario::literal::Content;
use crate::scenario::model::{Close, Emit, Frame, Layer, Open, Poll, Request, Transport};

/// How long a GET must stay unanswered to count as held, in so many separate waits: a machine
/// that stands still for a moment spends one of them, not all.
const HELD: (u32, Duration) = (5, Duration::from_millis(10));

impl Player<'_> {
    /// What being listed in `clients:` does.
    pub(super) async fn greet(&self, actor: &Actor) -> Result<(), Trouble> {
        let deadline = Instant::now() + self.patience(None);
        self.open(actor, Layer::Client, &Open::default(), deadline)
            .await?;
        if self.speaks_socket() {
            let ns = self.reconnects(&actor.name).map(|policy| policy.ns.clone());
            let ns = ns.as_deref().unwrap_or("/");
            self.connect(actor, Layer::Client, ns, None, deadline)
                .await?;
        }
        Ok(())
    }

    /// Whether the scenario's own path is Socket.IO's.
    pub(super) fn speaks_socket(&self) -> bool {
        self.trial.scenario.path != "/engine.io/"
    }

    pub(super) async fn open(
        &self,
        actor: &Actor,
        layer: Layer,
        open: &Open,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        if let Some(own) = self.reconnecting(actor) {
            own.open();
            return Ok(());
        }
        let transport = match layer {
            Layer::Ws => Transport::WebSocket,
            Layer::Poll | Layer::Http => Transport::Polling,
            Layer::Client | Layer::Tcp => open
                .transport
                .or(actor.link.map(|link| link.transport))
                .unwrap_or(self.endpoint.transport),
        };
        let target = self.target_of(actor, open, transport)?;
        let headers = self.rendered(actor, &open.headers)?;
        let opened = self.in_time(deadline, "the handshake was not answered", async {
            if layer == Layer::Ws {
                return actor
                    .client
                    .open_websocket(&target, &headers)
                    .await
                    .map(|()| None);
            }
            match actor.client.open(transport, &target, &headers).await? {
                Opened::Done { sid, .. } => Ok(Some(sid)),
                Opened::Pending(connection) => first_sid(&connection, deadline).await.map(Some),
            }
        });
        match (opened.await?, &open.refused) {
            (Ok(_), Some(statuses)) => Err(Trouble::new("the handshake was accepted")
                .expected(format!("a refusal with {statuses}"))
                .received("a session")),
            (Ok(None), None) => Ok(()),
            (Ok(Some(sid)), None) => {
                let transport = match transport {
                    Transport::Polling => "polling",
                    Transport::WebSocket => "websocket",
                };
                self.bind(actor, "sid", "/", Value::Text(sid));
                self.bind(actor, "transport", "/", Value::Text(transport.to_owned()));
                Ok(())
            }
            (Err(NoSession::Refused(answer)), Some(statuses)) => {
                if statuses.contains(answer.status) {
                    return Ok(());
                }
                Err(Trouble::from(NoSession::Refused(answer))
                    .expected(format!("a refusal with {statuses}")))
            }
            // Whether it may be refused is for the next step to say: `ws.dead`, `ws.closed`.
            (Err(NoSession::Refused(_)), None) if layer == Layer::Ws => Ok(()),
            (Err(error), _) => Err(error.into()),
        }
    }

    fn target_of(
        &self,
        actor: &Actor,
        open: &Open,
        transport: Transport,
    ) -> Result<String, Trouble> {
        let written = match &open.path {
            Some(path) => self.with(actor, |captures| path.render(captures))?,
            None => self.trial.scenario.path.clone(),
        };
        let mut target = self.endpoint.target(&written);
        let mut query = self.rendered(actor, &open.query)?;
        if !written.contains('?') {
            let transport = match transport {
                Transport::Polling => "polling",
                Transport::WebSocket => "websocket",
            };
            for (name, value) in [("transport", transport), ("EIO", "4")] {
                if !query.iter().any(|(own, _)| own == name) {
                    query.insert(0, (name.to_owned(), value.to_owned()));
                }
            }
        }
        for (name, value) in query {
            target.push(if target.contains('?') { '&' } else { '?' });
            target += &format!("{}={}", escape(&name), escape(&value));
        }
        Ok(target)
    }

    fn rendered(
        &self,
        actor: &Actor,
        pairs: &[(String, crate::scenario::literal::Template)],
    ) -> Result<Vec<(String, String)>, Trouble> {
        pairs
            .iter()
            .map(|(name, value)| {
                let value = self.with(actor, |captures| value.render(captures))?;
                Ok((name.clone(), value))
            })
            .collect()
    }

    /// CONNECT, its reply, and the fixture's `auth` event, in either order; what else arrives
    /// meanwhile stays in the queue.
    pub(super) async fn connect(
        &self,
        actor: &Actor,
        layer: Layer,
        ns: &str,
        auth: Option<String>,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        let own = self.reconnecting(actor);
        let usable = actor.client.connection(layer);
        if let Some(own) = &own {
            own.open();
        } else if usable.is_none_or(|connection| connection.arrivals().ended()) {
            self.open(actor, layer, &Open::default(), deadline).await?;
        }
        let connection = self.connection(actor, layer)?;
        let name = ns.split_once('?').map_or(ns, |(name, _)| name).to_owned();
        let prefix = match (ns, &auth) {
            ("/", _) => String::new(),
            (ns, _) => format!("{ns},"),
        };
        let connect = format!("40{prefix}{}", auth.unwrap_or_default());
        // A reconnecting client sends its CONNECT by itself.
        if own.is_none() {
            self.send(actor, layer, vec![Received::Text(connect)], deadline)
                .await?;
        }
        let reply = self
            .take(
                actor,
                &connection,
                deadline,
                "the answer to CONNECT",
                |packet| {
                    head(packet).is_some_and(|head| head.ns == name && matches!(head.kind, 0 | 4))
                },
            )
            .await?;
        self.took(actor, &reply);
        let Some(Received::Text(text)) = reply.first().map(packet) else {
            return Err(Trouble::new("CONNECT was answered by no text"));
        };
        if text.starts_with("44") {
            self.unlike(actor);
            return Err(Trouble::new("CONNECT was refused")
                .expected(format!("40{prefix}{{\"sid\":…}}"))
                .received(text));
        }
        let at = reply.first().map(|arrival| arrival.at).unwrap_or_default();
        self.bind_connected(actor, &name, &text);
        if self.endpoint.fixture && name != "/monitor" && self.speaks_socket() {
            self.auth_event(actor, &connection, &name, deadline).await?;
        }
        Ok(at)
    }

    fn bind_connected(&self, actor: &Actor, ns: &str, text: &str) {
        let reply = Received::Text(text.to_owned());
        let Some(head) = head(&reply) else { return };
        let Ok(payload) = siospec_codec::read_json(head.payload) else {
            return;
        };
        if let Some(id) = payload.get("sid").and_then(|sid| sid.as_str()) {
            self.bind(actor, "id", ns, Value::Text(id.to_owned()));
        }
        if let Some(pid) = payload.get("pid").and_then(|pid| pid.as_str()) {
            self.bind(actor, "pid", ns, Value::Text(pid.to_owned()));
        }
    }

    async fn auth_event(
        &self,
        actor: &Actor,
        connection: &Connection,
        ns: &str,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let event = self
            .take(actor, connection, deadline, "the event `auth`", |packet| {
                auth(packet, ns).is_some()
            })
            .await?;
        self.took(actor, &event);
        let came = event.first().and_then(|arrival| auth(&packet(arrival), ns));
        if let Some(payload) = came.flatten() {
            self.bind(actor, "auth", ns, Value::Json(payload));
        }
        Ok(())
    }

    pub(super) async fn send(
        &self,
        actor: &Actor,
        layer: Layer,
        packets: Vec<Received>,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let packets: Vec<Received> = packets
            .into_iter()
            .map(|packet| self.isolation.outgoing(packet))
            .collect();
        let sent = self
            .in_time(
                deadline,
                "the server did not take what was sent",
                actor.client.send(layer, &packets),
            )
            .await??;
        match sent {
            true => Ok(()),
            false => Err(no_connection(actor, layer)),
        }
    }

    pub(super) async fn emit(
        &self,
        actor: &Actor,
        layer: Layer,
        emit: &Emit,
        ns: &str,
        deadline: Instant,
    ) -> Result<Option<Duration>, Trouble> {
        let asked = emit.ack.is_some() || emit.ack_fails;
        let id = asked.then(|| actor.client.next_ack());
        let packets = self.with(actor, |captures| emit.packets(ns, id, captures))?;
        if emit.volatile || emit.timeout.is_some() || emit.ack_fails {
            let at = self
                .emit_by_policy(actor, emit, id, &packets, deadline)
                .await?;
            if emit.ack.is_none() {
                return Ok(at);
            }
        } else {
            self.send(actor, layer, packets, deadline).await?;
        }
        let (Some(id), Some(wanted)) = (id, &emit.ack) else {
            return Ok(None);
        };
        let connection = self.connection(actor, layer)?;
        let what = format!("the acknowledgement with id {id}");
        let ack = self
            .take(
                actor,
                &connection,
                deadline,
                &what,
                |packet| matches!(packet, Received::Text(text) if acknowledges(text, ns, id)),
            )
            .await?;
        self.took(actor, &ack);
        let mut came = ack
            .iter()
            .map(|arrival| self.isolation.incoming(&packet(arrival)));
        let Some(Received::Text(text)) = came.next() else {
            return Err(Trouble::new("the acknowledgement is no text"));
        };
        let attachments: Vec<bytes::Bytes> = came
            .filter_map(|packet| match packet {
                Received::Binary(bytes) => Some(bytes),
                Received::Text(_) => None,
            })
            .collect();
        self.with(actor, |captures| {
            acknowledgement(wanted, &text, &attachments, captures)
        })
        .map_err(|mismatch| {
            self.unlike(actor);
            Trouble {
                summary: "the acknowledgement carries something else".to_owned(),
                ..Trouble::from(mismatch)
            }
        })?;
        Ok(ack.last().map(|arrival| arrival.at))
    }

    pub(super) async fn close(
        &self,
        actor: &Actor,
        layer: Layer,
        close: &Close,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let late = "the server did not take the close";
        match close {
            Close::Default => {
                self.in_time(deadline, late, actor.client.close(layer))
                    .await??;
            }
            Close::Code(code, reason) => {
                let ws = self.websocket(actor)?;
                actor.client.expect_end();
                let frame = RawFrame::close(*code, reason);
                self.in_time(deadline, late, ws.frame(&frame, Vec::new()))
                    .await?;
            }
            Close::Tcp => actor.client.close_tcp().await,
        }
        Ok(())
    }

    pub(super) async fn frame(
        &self,
        actor: &Actor,
        frame: &Frame,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let payload = self.with(actor, |captures| frame.payload.render(captures))?;
        let frame = RawFrame {
            opcode: frame.opcode,
            fin: frame.fin,
            rsv: frame.rsv,
            masked: frame.masked,
            payload,
            length: frame.length,
        };
        let ws = self.websocket(actor)?;
        let sending = ws.frame(&frame, Vec::new());
        self.in_time(deadline, "the server did not take the frame", sending)
            .await
    }

    fn websocket(
        &self,
        actor: &Actor,
    ) -> Result<std::sync::Arc<crate::client::WebSocket>, Trouble> {
        match actor.client.connection(Layer::Ws) {
            Some(Connection::WebSocket(ws)) => Ok(ws),
            _ => Err(no_connection(actor, Layer::Ws)),
        }
    }

    pub(super) async fn bytes(
        &self,
        actor: &Actor,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let late = "the server did not take the bytes";
        let tcp = self
            .in_time(deadline, late, actor.client.tcp_or_connect())
            .await?
            .map_err(|error| Trouble::new(error.to_string()))?;
        self.in_time(deadline, late, tcp.write(bytes)).await
    }

    pub(super) fn http(&self, actor: &Actor, request: &Request) -> Result<(), Trouble> {
        let target = self.with(actor, |captures| request.target.render(captures))?;
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            if let Some(value) = value {
                let value = self.with(actor, |captures| value.render(captures))?;
                headers.push((name.clone(), value));
            }
        }
        let body = match &request.body {
            Some(body) => Some(self.with(actor, |captures| body.render(captures))?),
            None => None,
        };
        // As a browser says of a text; `content-type: null` leaves it out.
        let typed = |(name, _): &(String, _)| name.eq_ignore_ascii_case("content-type");
        if let Some(Content::Text(_)) = &request.body
            && !request.headers.iter().any(typed)
        {
            headers.push((
                "content-type".to_owned(),
                "text/plain;charset=UTF-8".to_owned(),
            ));
        }
        actor.client.request(Call {
            method: request.method.clone(),
            target: self.endpoint.target(&target),
            headers,
            body,
        });
        Ok(())
    }

    pub(super) async fn poll(&self, actor: &Actor, poll: Poll) -> Result<(), Trouble> {
        let Some(exchange) = actor.client.poll() else {
            return Err(no_connection(actor, Layer::Poll));
        };
        if poll == Poll::Now {
            return Ok(());
        }
        let mut exchange = exchange;
        loop {
            for _ in 0..HELD.0 {
                tokio::time::sleep(HELD.1).await;
            }
            let Some((_, outcome)) = exchange.done() else {
                return Ok(());
            };
            let answer = outcome?;
            // A ping is answered, and the next GET is the one to be held.
            if let Some(polling) = actor.client.polling()
                && answer.status == Some(200)
                && polling
                    .read(&answer.body)
                    .is_ok_and(|packets| packets.is_empty())
            {
                actor.client.oldest_poll();
                if let Some(next) = actor.client.poll() {
                    exchange = next;
                    continue;
                }
            }
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let status = answer.status.map_or("cut".to_owned(), |s| s.to_string());
            return Err(Trouble::new("the GET was answered at once")
                .expected("a GET that is held")
                .received(format!("{status}: {body}")));
        }
    }

    pub(super) fn connection(&self, actor: &Actor, layer: Layer) -> Result<Connection, Trouble> {
        actor
            .client
            .connection(layer)
            .ok_or_else(|| no_connection(actor, layer))
    }

    /// The result of something, or that it took too long.
    pub(super) async fn in_time<T>(
        &self,
        deadline: Instant,
        late: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, Trouble> {
        tokio::time::timeout_at(deadline.into(), work)
            .await
            .map_err(|_| Trouble::late(format!("{late} in time")))
    }
}

pub(super) fn no_connection(actor: &Actor, layer: Layer) -> Trouble {
    let what = match layer {
        Layer::Ws => "no WebSocket",
        _ => "no session",
    };
    Trouble::errored(format!("{} has {what}", actor.client.name))
}

/// What the fixture's event `auth` carries; `None` if it is another packet.
fn auth(packet: &Received, ns: &str) -> Option<Option<Json>> {
    let head = head(packet).filter(|head| head.ns == ns && head.kind == 2)?;
    let payload = Json::parse(head.payload).ok()?;
    let Node::Array { items, .. } = payload.root() else {
        return None;
    };
    let named = matches!(payload.node(*items.first()?), Node::Text(name) if name == "auth");
    named.then(|| items.get(1).map(|&argument| payload.subtree(argument)))
}

/// The packet that arrived; whatever is none is an empty text.
pub(super) fn packet(arrival: &Arrival) -> Received {
    match &arrival.what {
        What::Packet(packet) => packet.clone(),
        _ => Received::Text(String::new()),
    }
}

/// The session id in the first packet of a WebSocket.
async fn first_sid(connection: &Connection, deadline: Instant) -> Result<String, NoSession> {
    match connection
        .arrivals()
        .next(deadline)
        .await
        .map(|first| first.what)
    {
        Some(What::Packet(Received::Text(text))) => sid(&text),
        Some(what) => Err(NoSession::NotOpen(super::trouble::shown(&what))),
        None => Err(NoSession::NotOpen("nothing".to_owned())),
    }
}

/// A name or value in a query.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:@!*'(),;".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}
