//! A TCP proxy in front of a target, one for each client that is `via proxy`.
//!
//! It carries bytes and obeys its [`Link`]; every action is told to the log with its byte position.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::command::{Action, Command};
use super::link::{Link, Passage, Traffic};
use super::pump::{End, Orders, Pump};
use super::scanner::Direction;

/// How long a command waits for the connections that it ends.
const SETTLE: Duration = Duration::from_millis(500);
/// How long the target may take to accept a connection.
const REACH: Duration = Duration::from_secs(10);

/// One thing the proxy did, for the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The connection's number, from 1; `None` where it concerns them all.
    pub connection: Option<u64>,
    /// Bytes that had passed upward, over all connections.
    pub up: u64,
    /// Bytes that had passed downward, over all connections.
    pub down: u64,
    /// What happened, such as `reset`.
    pub what: String,
}

/// Where events go.
pub type Log = Arc<dyn Fn(Event) + Send + Sync>;

/// A running proxy; dropping it closes its listener and all its connections.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ends the accepting task, and with it every connection.
    _life: watch::Sender<()>,
}

/// What the proxy and its connections have in common.
pub(super) struct Shared {
    link: Mutex<Link>,
    orders: watch::Sender<Orders>,
    log: Log,
    /// The numbers of the connections that stand.
    standing: watch::Sender<BTreeSet<u64>>,
}

impl Proxy {
    /// Listens on a free port of the loopback interface and carries every connection to `target`
    /// (host, port).
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(target: (String, u16), log: Log) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            link: Mutex::new(Link::default()),
            orders: watch::channel(Orders::default()).0,
            log,
            standing: watch::channel(BTreeSet::new()).0,
        });
        let (life, ended) = watch::channel(());
        tokio::spawn(accept(listener, target, Arc::clone(&shared), ended));
        Ok(Self {
            address,
            shared,
            _life: life,
        })
    }

    /// Where the client connects to instead of the target.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Arms or does what the command says; logged. Where it ends connections, they have ended when this returns.
    pub async fn command(&self, command: Command) {
        let action = self.shared.link().command(command);
        self.shared.tell(None, &command.to_string());
        let Some(action) = action else { return };
        let mut standing = self.shared.standing.subscribe();
        let last = standing.borrow().last().copied();
        self.shared.order(action);
        if action.ends() {
            let ended =
                |standing: &BTreeSet<u64>| standing.first().copied() > last || standing.is_empty();
            // A peer that keeps its half open does not hold up the script.
            let _ = tokio::time::timeout(SETTLE, standing.wait_for(ended)).await;
        }
    }

    /// What has passed, upward and downward.
    #[must_use]
    pub fn passed(&self) -> (Traffic, Traffic) {
        self.shared.link().traffic()
    }
}

impl Shared {
    /// The rules and the counters.
    pub(super) fn link(&self) -> MutexGuard<'_, Link> {
        // A panic while the link was held leaves counters, no broken invariant.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done with these bytes, and the position behind them.
    pub(super) fn passage(
        &self,
        connection: u64,
        direction: Direction,
        bytes: &[u8],
    ) -> (Passage, (u64, u64)) {
        let mut link = self.link();
        let passage = link.passage(connection, direction, bytes);
        (passage, link.position())
    }

    /// Tells all connections that stand.
    pub(super) fn order(&self, action: Action) {
        self.orders.send_modify(|orders| orders.add(action));
    }

    /// Tells the log what happened just now.
    pub(super) fn tell(&self, connection: Option<u64>, what: &str) {
        let at = self.link().position();
        self.tell_at(at, connection, what);
    }

    /// Tells the log what happened behind so many bytes.
    pub(super) fn tell_at(&self, (up, down): (u64, u64), connection: Option<u64>, what: &str) {
        (self.log)(Event {
            connection,
            up,
            down,
            what: what.to_owned(),
        });
    }
}

async fn accept(
    listener: TcpListener,
    target: (String, u16),
    shared: Arc<Shared>,
    mut ended: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        let client = tokio::select! {
            // The sender never sends; an error means that the proxy was dropped.
            _ = ended.changed() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => client,
                // Out of file descriptors, or the peer was gone again: the next one may do better.
                Err(_) => { tokio::time::sleep(Duration::from_millis(5)).await; continue }
            },
        };
        // Asked before the link lets it in, so that no order between the two is missed.
        let orders = shared.orders.subscribe();
        let since = *orders.borrow();
        let Some(number) = shared.link().connect() else {
            shared.tell(None, "new connection reset");
            reset(&client);
            continue;
        };
        let (shared, target) = (Arc::clone(&shared), target.clone());
        shared.standing.send_modify(|standing| {
            standing.insert(number);
        });
        let broken = watch::channel(false).0;
        let pump = |direction| Pump {
            number,
            direction,
            shared: Arc::clone(&shared),
            orders: orders.clone(),
            since,
            broken: broken.clone(),
        };
        let pumps = (pump(Direction::Up), pump(Direction::Down));
        connections.spawn(async move {
            carry(number, client, &target, &shared, pumps).await;
            shared.link().closed(number);
            shared.standing.send_modify(|standing| {
                standing.remove(&number);
            });
        });
    }
}

async fn carry(
    number: u64,
    client: TcpStream,
    target: &(String, u16),
    shared: &Shared,
    (mut up, mut down): (Pump, Pump),
) {
    let reached = TcpStream::connect((target.0.as_str(), target.1));
    let server = match tokio::time::timeout(REACH, reached).await {
        Ok(Ok(server)) => server,
        failed => {
            let why = match failed {
                Ok(Err(error)) => error.to_string(),
                _ => "it did not answer".to_owned(),
            };
            shared.tell(Some(number), &format!("target not reached: {why}"));
            reset(&client);
            return;
        }
    };
    shared.tell(Some(number), "open");
    // Without this the kernel would join what `slice` separates, and hold back small frames.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let ends = tokio::join!(
        up.run(&mut from_client, &mut to_server),
        down.run(&mut from_server, &mut to_client)
    );
    let hard = ends.0 == End::Reset || ends.1 == End::Reset;
    // Sockets are closed only here: a reset must hit both halves of both connections.
    if hard {
        reset(from_client.as_ref());
        reset(from_server.as_ref());
        // A dropped write half would send FIN before the reset.
        to_client.forget();
        to_server.forget();
    }
    shared.tell(Some(number), if hard { "reset" } else { "closed" });
}

/// Dropping the socket after this sends RST instead of FIN.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests;
