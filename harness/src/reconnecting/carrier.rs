//! What carries a session: polling, or a WebSocket; and what it brings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{Exchange, Polling, Reach, WebSocket, What};
use crate::judge::Received;
use crate::scenario::model::Transport;

/// Why packets could not be written, or the official client's name for it.
pub(super) type Written = Result<(), &'static str>;

/// The present transport of a session.
pub(super) enum Carrier {
    Polling {
        polling: Polling,
        get: Option<Exchange>,
    },
    WebSocket(Arc<WebSocket>),
}

/// What happens in a session, one thing at a time.
pub(super) enum Happened {
    Written(Written),
    Probed(Result<Arc<WebSocket>, String>),
    Packets(Vec<Received>),
    Ended(&'static str),
    Silent,
}

impl Carrier {
    /// What comes next from the server; `asks` is whether another GET may be sent.
    pub(super) async fn next(&mut self, asks: bool) -> Happened {
        match self {
            Self::WebSocket(ws) => match ws.arrivals.next(far()).await.map(|a| a.what) {
                Some(What::Packet(packet)) => Happened::Packets(vec![packet]),
                Some(What::Control(..)) => Happened::Packets(Vec::new()),
                _ => Happened::Ended("transport close"),
            },
            Self::Polling { polling, get } => {
                if get.is_none() {
                    if !asks {
                        return std::future::pending().await;
                    }
                    *get = Some(polling.get());
                }
                let Some(under_way) = get else {
                    return std::future::pending().await;
                };
                let outcome = under_way.outcome().await.1;
                *get = None;
                match outcome {
                    Ok(answer) if answer.status == Some(200) => match polling.read(&answer.body) {
                        Ok(packets) => Happened::Packets(packets),
                        Err(_) => Happened::Ended("transport error"),
                    },
                    _ => Happened::Ended("transport error"),
                }
            }
        }
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(24 * 3600)
}

/// The first packet of a connection.
pub(super) async fn first(ws: &WebSocket) -> Result<Received, String> {
    match ws.arrivals.next(far()).await.map(|arrival| arrival.what) {
        Some(What::Packet(packet)) => Ok(packet),
        _ => Err("the connection ended".to_owned()),
    }
}

/// Where a transport of the server is asked for.
pub(super) fn target(reach: &Reach, path: &str, transport: Transport) -> String {
    let path = reach.endpoint.target(path);
    format!("{path}?EIO=4&transport={transport}")
}

/// What a client needs of the open packet.
pub(super) struct Open {
    pub(super) sid: String,
    /// Interval and timeout together.
    pub(super) heartbeat: Duration,
    /// Whether an upgrade to WebSocket is offered.
    pub(super) websocket: bool,
}

impl Open {
    /// Reads it.
    pub(super) fn parse(packet: &str) -> Result<Self, String> {
        let broken = || format!("the first packet is no open packet but {packet}");
        let open = packet
            .strip_prefix('0')
            .and_then(|json| siospec_codec::read_json(json).ok())
            .ok_or_else(broken)?;
        let sid = open["sid"].as_str().ok_or_else(broken)?.to_owned();
        let number = |name: &str| open[name].as_u64().unwrap_or(0);
        let upgrades = open["upgrades"].as_array();
        Ok(Self {
            sid,
            heartbeat: Duration::from_millis(number("pingInterval") + number("pingTimeout")),
            websocket: upgrades.is_some_and(|all| all.iter().any(|one| one == "websocket")),
        })
    }
}
