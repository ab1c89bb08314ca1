//! The reconnecting client as the script holds it: what it is asked to do, and what has arrived.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use siospec_codec::read_json;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::attempts::AttemptsOptions;
use super::session::EngineOptions;
use super::socket::{Emit, SocketOptions};
use super::worker::Worker;
use crate::client::packet::head;
use crate::client::{Arrivals, Reach, SelfWilled};
use crate::judge::Received;
use crate::transcript::Lane;

/// How a reconnecting client behaves; the defaults are the official client's.
#[derive(Debug, Clone)]
pub struct ReconnectingOptions {
    /// The namespace that it joins.
    pub namespace: String,
    /// Transports, upgrade and fallback.
    pub engine: EngineOptions,
    /// When it tries again.
    pub attempts: AttemptsOptions,
    /// What it does with events.
    pub socket: SocketOptions,
}

/// Where its decisions go, in words.
pub type Decisions = Arc<dyn Fn(String) + Send + Sync>;

/// A client that reconnects by itself. Dropping it ends its connection without a word.
pub struct Reconnecting {
    /// What the server sent, over all connections: CONNECT replies, events, acknowledgements. The ids of
    /// acknowledgements are the labels of [`Emit::ack`]; one that failed is `ack-failed <label> <why>`.
    pub arrivals: Arrivals,
    orders: mpsc::UnboundedSender<Wish>,
    connected: watch::Receiver<Connected>,
    /// Losses that the script has been told of.
    told: AtomicU64,
    task: AbortHandle,
}

/// Whether the namespace is connected, and how often it was lost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Connected {
    pub(super) now: bool,
    pub(super) losses: u64,
}

/// What the script asks for.
pub(super) enum Wish {
    Open,
    Close,
    Emit(Emit),
    /// A Socket.IO packet as written, such as the acknowledgement of a server's call.
    Write(Received),
}

impl Reconnecting {
    /// A client that does nothing before [`Reconnecting::open`].
    pub fn start(
        reach: Reach,
        lane: Lane,
        options: ReconnectingOptions,
        decisions: Decisions,
    ) -> Self {
        let arrivals = Arrivals::default();
        let (connected, seen) = watch::channel(Connected::default());
        let (orders, wishes) = mpsc::unbounded_channel();
        let worker = Worker::new(reach, lane, options, decisions, arrivals.clone(), connected);
        Self {
            arrivals,
            orders,
            connected: seen,
            told: AtomicU64::new(0),
            task: tokio::spawn(worker.run(wishes)).abort_handle(),
        }
    }

    /// Connects, and from then on reconnects by itself.
    pub fn open(&self) {
        self.wish(Wish::Open);
    }

    /// Emits an event: now, after the next CONNECT, or never, as the official client would.
    pub fn emit(&self, emit: Emit) {
        self.wish(Wish::Emit(emit));
    }

    /// Sends a packet as it is, where there is a connection.
    pub fn write(&self, packet: Received) {
        self.wish(Wish::Write(packet));
    }

    fn wish(&self, wish: Wish) {
        // The worker ends with this client only.
        let _ = self.orders.send(wish);
    }
}

impl SelfWilled for Reconnecting {
    fn arrivals(&self) -> Arrivals {
        self.arrivals.clone()
    }

    fn send(&self, packet: &Received) -> Result<(), String> {
        match head(packet) {
            Some(head) if head.kind == 2 => {
                let args = match read_json(head.payload) {
                    Ok(Value::Array(args)) => args,
                    Ok(_) => return Err(format!("{packet} is no event")),
                    Err(error) => return Err(error.to_string()),
                };
                self.emit(Emit {
                    args,
                    ack: head.ack.map(str::to_owned),
                    ..Emit::default()
                });
                Ok(())
            }
            Some(head) if head.kind == 3 => {
                self.write(packet.clone());
                Ok(())
            }
            _ => Err(format!(
                "a reconnecting client emits events and answers calls; it cannot send {packet}"
            )),
        }
    }

    fn close(&self) {
        self.wish(Wish::Close);
    }

    fn is_connected(&self) -> bool {
        self.connected.borrow().now
    }

    fn disconnected(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let told = self.told.fetch_add(1, Ordering::Relaxed);
        let mut connected = self.connected.clone();
        Box::pin(async move {
            // The worker ends with this client only.
            let _ = connected
                .wait_for(|connected| connected.losses > told)
                .await;
        })
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        self.task.abort();
    }
}
