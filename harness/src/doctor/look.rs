//! The questions that a client would ask, one after the other, until it is clear what is wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::timeout;

use super::seen::{Came, Seen, Session, Spoke};
use crate::client::{
    Call, Exchange, Heartbeat, Ids, NoAnswer, NoWebSocket, Reach, WebSocket, What,
};
use crate::judge::{Answer, Received};
use crate::play::Endpoint;
use crate::target::url::{self, UrlError};
use crate::transcript::{Lane, Recorder};

/// How many requests of one session are made. A balancer that draws lots between two servers hides behind that many
/// once in a thousand times.
const REQUESTS: usize = 10;
/// Bytes of a body that are looked at.
const BODY: usize = 64 * 1024;
/// Where Socket.IO, or something like it, is often found.
const PATHS: [&str; 6] = [
    "/socket.io/",
    "/api/socket.io/",
    "/ws/socket.io/",
    "/app/socket.io/",
    "/ws/",
    "/",
];
const SOCKETS: [&str; 3] = ["/", "/ws", "/websocket"];

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The server, as `siospec run --url` and its companions name it.
    pub server: url::Asked,
    /// The origin of the page that a browser would have open.
    pub origin: Option<String>,
    /// Whether to wait for the first ping, which takes as long as the server's pingInterval.
    pub wait: bool,
}

struct Looking {
    reach: Reach,
    path: String,
    patience: Duration,
    origin: Vec<(String, String)>,
}

/// Asks the server. Nothing of what it answers is an error here.
///
/// # Errors
/// The URL, or the file of `--ca`, cannot be used.
pub async fn look(asked: &Asked) -> Result<Seen, UrlError> {
    let endpoint = asked.server.endpoint()?;
    let base = endpoint.base.as_str().trim_end_matches('/').to_owned();
    let looking = Looking::at(endpoint, asked)?;
    let mut seen = Seen {
        base,
        path: looking.path.clone(),
        origin: asked.origin.clone(),
        polling: looking.handshake(&looking.path, 4, true).await,
        without_origin: None,
        websocket: None,
        old: None,
        elsewhere: Vec::new(),
        plain_websocket: None,
        session: None,
        connect: None,
        ping: None,
    };
    if matches!(seen.polling, Came::Unreachable(_) | Came::Silent) {
        return Ok(seen);
    }
    if seen.origin.is_some() && !seen.polling.opens() {
        seen.without_origin = Some(looking.handshake(&looking.path, 4, false).await);
    }
    let (spoke, socket) = looking.websocket(&looking.path).await;
    seen.websocket = Some(spoke);
    if seen.polling.opens() {
        looking.go_on(&mut seen, socket, asked.wait).await;
    } else {
        looking.search(&mut seen).await;
    }
    Ok(seen)
}

impl Looking {
    fn at(endpoint: Endpoint, asked: &Asked) -> Result<Self, UrlError> {
        let path = endpoint.socket_path.clone();
        let reach = Reach::new(Arc::new(endpoint), Recorder::start(), Ids::default());
        let origin = asked.origin.iter();
        Ok(Self {
            reach: reach.map_err(|error| UrlError::Setup {
                reason: error.to_string(),
            })?,
            path,
            patience: asked.server.patience,
            origin: origin
                .map(|origin| ("origin".to_owned(), origin.clone()))
                .collect(),
        })
    }

    async fn handshake(&self, path: &str, version: u8, with_origin: bool) -> Came {
        let mut call = Call::get(format!("{path}?EIO={version}&transport=polling"));
        if with_origin {
            call.headers.clone_from(&self.origin);
        }
        self.ask(call).await
    }

    async fn ask(&self, call: Call) -> Came {
        let exchange = Exchange::start(&self.reach, Lane::client("doctor"), call);
        match timeout(self.patience, exchange.outcome()).await {
            Ok((_, outcome)) => came(outcome),
            Err(_) => Came::Silent,
        }
    }

    /// Asks for a WebSocket and waits for the first packet on it.
    async fn websocket(&self, path: &str) -> (Spoke, Option<WebSocket>) {
        let target = format!("{path}?EIO=4&transport=websocket");
        match self.socket(&target).await {
            Err(spoke) => (spoke, None),
            Ok(socket) => match self
                .heard(&socket, self.patience.min(Duration::from_secs(5)))
                .await
            {
                Some(packet) if packet.starts_with("0{") => (Spoke::Open(packet), Some(socket)),
                other => (Spoke::Other(other), None),
            },
        }
    }

    async fn socket(&self, target: &str) -> Result<WebSocket, Spoke> {
        let lane = Lane::client("doctor").of("ws");
        let opening = WebSocket::open(&self.reach, lane, target, &self.origin, Heartbeat::Manual);
        match timeout(self.patience, opening).await {
            Ok(Ok(socket)) => Ok(socket),
            Ok(Err(NoWebSocket::Refused(answer))) => Err(Spoke::Refused(came(Ok(answer)))),
            Ok(Err(NoWebSocket::Unreachable(error))) => {
                Err(Spoke::Refused(Came::Unreachable(error.to_string())))
            }
            Ok(Err(error)) => Err(Spoke::Refused(Came::Broken(error.to_string()))),
            Err(_) => Err(Spoke::Refused(Came::Silent)),
        }
    }

    /// The next text packet; `None` where none comes in time, or the connection ends.
    async fn heard(&self, socket: &WebSocket, within: Duration) -> Option<String> {
        let deadline = Instant::now() + within;
        loop {
            match socket.arrivals.next(deadline).await?.what {
                What::Packet(Received::Text(text)) => return Some(text),
                What::Packet(Received::Binary(_)) => return Some("a binary frame".to_owned()),
                What::Control(..) => {}
                What::Ended(_) | What::Broken(_) => return None,
            }
        }
    }

    /// The handshake by polling succeeded: does a session go on?
    async fn go_on(&self, seen: &mut Seen, socket: Option<WebSocket>, wait: bool) {
        let open = seen.polling.body().to_owned();
        if let Some(sid) = told(&open, "sid") {
            let sid = sid.as_str().unwrap_or_default().to_owned();
            seen.session = Some(self.session(&sid, &seen.polling).await);
        }
        let Some(socket) = socket else { return };
        socket.send(&Received::Text("40".to_owned())).await;
        let deadline = Instant::now() + self.patience;
        seen.connect = Some(self.answered(&socket, deadline).await);
        if wait {
            let interval = told(&open, "pingInterval").and_then(|value| value.as_u64());
            let within = Duration::from_millis(interval.unwrap_or(25_000)) + self.patience;
            seen.ping = Some(self.pinged(&socket, within).await);
        }
    }

    /// The answer to CONNECT; pings before it are answered.
    async fn answered(&self, socket: &WebSocket, deadline: Instant) -> Option<String> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let packet = self.heard(socket, left).await?;
            if packet == "2" {
                socket.send(&Received::Text("3".to_owned())).await;
            } else if packet.starts_with("40") || packet.starts_with("44") {
                return Some(packet);
            }
        }
    }

    async fn pinged(&self, socket: &WebSocket, within: Duration) -> (bool, u64) {
        let start = Instant::now();
        let mut came = false;
        while !came {
            let left = within.saturating_sub(start.elapsed());
            match self.heard(socket, left).await {
                Some(packet) => came = packet == "2",
                None => break,
            }
        }
        let took = start.elapsed().as_millis();
        (came, u64::try_from(took).unwrap_or(u64::MAX))
    }

    /// Several POSTs of one session, each on a connection of its own; then the same session as a WebSocket.
    async fn session(&self, sid: &str, polling: &Came) -> Session {
        let posts = self.posts(sid, None).await;
        let lost = !Session::lost(&posts).is_empty();
        let cookie = polling.header("set-cookie").filter(|_| lost);
        let with_cookie = match cookie.and_then(|cookie| cookie.split(';').next()) {
            Some(cookie) => Some(self.posts(sid, Some(cookie)).await),
            None => None,
        };
        let target = format!("{}?EIO=4&transport=websocket&sid={sid}", self.path);
        let probe = match self.socket(&target).await {
            Err(spoke) => Some(spoke),
            Ok(socket) => {
                socket.send(&Received::Text("2probe".to_owned())).await;
                Some(Spoke::Other(self.heard(&socket, self.patience).await))
            }
        };
        // The session was the doctor's own.
        self.ask(self.post(sid, "1", None)).await;
        Session {
            posts,
            with_cookie,
            probe,
        }
    }

    async fn posts(&self, sid: &str, cookie: Option<&str>) -> Vec<Came> {
        let mut all = Vec::new();
        for _ in 0..REQUESTS {
            // A namespace that no application has: it is refused, in the answer to a GET that nobody sends.
            let came = self.ask(self.post(sid, "40/siospec-doctor,", cookie)).await;
            all.push(came);
        }
        all
    }

    fn post(&self, sid: &str, body: &'static str, cookie: Option<&str>) -> Call {
        let mut headers = self.origin.clone();
        headers.push((
            "content-type".to_owned(),
            "text/plain;charset=UTF-8".to_owned(),
        ));
        headers.extend(cookie.map(|cookie| ("cookie".to_owned(), cookie.to_owned())));
        Call {
            method: "POST".to_owned(),
            target: format!("{}?EIO=4&transport=polling&sid={sid}", self.path),
            headers,
            body: Some(body.into()),
        }
    }

    /// The handshake did not succeed: is there something else?
    async fn search(&self, seen: &mut Seen) {
        let status = seen.polling.status();
        if status.is_some_and(|status| matches!(status, 300..=399 | 401 | 403 | 407)) {
            return;
        }
        seen.old = Some(self.handshake(&self.path, 3, true).await);
        if seen.old.as_ref().is_some_and(Came::opens_in_old) {
            return;
        }
        for path in PATHS.into_iter().filter(|path| *path != self.path) {
            if self.handshake(path, 4, true).await.opens() {
                seen.elsewhere.push(path.to_owned());
                return;
            }
        }
        if matches!(seen.websocket, Some(Spoke::Open(_) | Spoke::Other(_))) {
            return;
        }
        for path in SOCKETS {
            let said = match self.websocket(path).await.0 {
                Spoke::Other(said) => said,
                Spoke::Open(packet) => Some(packet),
                Spoke::Refused(_) => continue,
            };
            seen.plain_websocket = Some((path.to_owned(), said));
            return;
        }
    }
}

fn came(outcome: Result<Answer, NoAnswer>) -> Came {
    match outcome {
        Ok(Answer {
            status: Some(status),
            headers,
            body,
        }) => Came::Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&body[..body.len().min(BODY)]).into_owned(),
        },
        Ok(_) => Came::Broken("the connection ended".to_owned()),
        Err(NoAnswer::Unreachable(reason)) => Came::Unreachable(reason),
        Err(error) => Came::Broken(error.to_string()),
    }
}

/// A field of an open packet.
fn told(open: &str, field: &str) -> Option<Value> {
    let json = open.strip_prefix('0')?.split('\u{1e}').next()?;
    siospec_codec::read_json(json).ok()?.get(field).cloned()
}
