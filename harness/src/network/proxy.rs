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
use super::link::{Link, Passage};
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

    /// Bytes that have passed, upward and downward.
    #[must_use]
    pub fn passed(&self) -> (u64, u64) {
        self.shared.link().position()
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
mod tests {
    use super::*;
    use crate::network::{Counted, Shaping, Trigger, Ways};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A server that says back what it hears, until its peer ends.
    async fn echo() -> (String, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    let _ = tokio::io::copy(&mut reader, &mut writer).await;
                    let _ = writer.shutdown().await;
                });
            }
        });
        ("127.0.0.1".to_owned(), port)
    }

    async fn proxy() -> (Proxy, Arc<Mutex<Vec<String>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = {
            let told = Arc::clone(&told);
            Arc::new(move |event: Event| {
                told.lock()
                    .unwrap()
                    .push(format!("{} at {}/{}", event.what, event.up, event.down));
            })
        };
        (Proxy::start(echo().await, log).await.unwrap(), told)
    }

    async fn read_all(stream: &mut TcpStream) -> (Vec<u8>, Option<io::ErrorKind>) {
        let mut got = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut got))
            .await
            .expect("an end within 10 s");
        (got, end.err().map(|e| e.kind()))
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_a_fin_is_passed_on() {
        let (proxy, _) = proxy().await;
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        a.write_all(b"hello").await.unwrap();
        a.shutdown().await.unwrap();
        assert_eq!(read_all(&mut a).await, (b"hello".to_vec(), None));
        assert_eq!(proxy.passed(), (5, 5));
    }

    #[tokio::test]
    async fn a_cut_downward_after_three_bytes_delivers_three_bytes_and_a_reset() {
        let (proxy, told) = proxy().await;
        let trigger = Trigger {
            direction: Direction::Down,
            counted: Counted::Bytes,
            count: 3,
        };
        proxy.command(Command::After(trigger, Action::Reset)).await;
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        a.write_all(b"hello").await.unwrap();
        let (got, error) = read_all(&mut a).await;
        assert_eq!(error, Some(io::ErrorKind::ConnectionReset));
        assert!(got.is_empty() || got == b"hel", "{got:?}");
        assert_eq!(proxy.passed(), (5, 3));
        assert!(
            told.lock().unwrap().iter().any(|t| t == "reset at 5/3"),
            "{told:?}"
        );
        let mut b = TcpStream::connect(proxy.address()).await.unwrap();
        b.write_all(b"x").await.unwrap();
        b.shutdown().await.unwrap();
        assert_eq!(
            read_all(&mut b).await.0,
            b"x",
            "a cut is over when it has fallen"
        );
    }

    #[tokio::test]
    async fn a_close_ends_with_a_fin_and_a_half_close_leaves_the_other_way_open() {
        let (proxy, _) = proxy().await;
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        let trigger = Trigger {
            direction: Direction::Up,
            counted: Counted::Bytes,
            count: 2,
        };
        proxy
            .command(Command::After(trigger, Action::HalfClose(Direction::Up)))
            .await;
        a.write_all(b"hello").await.unwrap();
        assert_eq!(
            read_all(&mut a).await,
            (b"he".to_vec(), None),
            "the echo of what passed still came back"
        );
        let (proxy, _) = super::tests::proxy().await;
        let mut b = TcpStream::connect(proxy.address()).await.unwrap();
        let mut byte = [0];
        b.write_all(b"x").await.unwrap();
        b.read_exact(&mut byte).await.unwrap();
        proxy.command(Command::Now(Action::Close)).await;
        assert_eq!(read_all(&mut b).await, (vec![], None));
    }

    #[tokio::test]
    async fn a_black_hole_holds_bytes_back_and_lets_them_go_when_restored() {
        let (proxy, _) = proxy().await;
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        let mut byte = [0];
        a.write_all(b"1").await.unwrap();
        a.read_exact(&mut byte).await.unwrap();
        proxy
            .command(Command::Now(Action::Blackhole(Ways::Both)))
            .await;
        a.write_all(b"2").await.unwrap();
        assert!(
            tokio::time::timeout(Duration::from_millis(50), a.read(&mut byte))
                .await
                .is_err(),
            "nothing passes"
        );
        proxy.command(Command::Now(Action::Restore)).await;
        a.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"2");
    }

    #[tokio::test]
    async fn the_first_connection_fails_and_the_second_passes_in_slices() {
        let (proxy, _) = proxy().await;
        proxy.command(Command::Fail { connections: 1 }).await;
        proxy
            .command(Command::Shape(
                Ways::One(Direction::Down),
                Shaping::Slice(1),
            ))
            .await;
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(matches!(
            read_all(&mut a).await.1,
            Some(io::ErrorKind::ConnectionReset)
        ));
        let mut b = TcpStream::connect(proxy.address()).await.unwrap();
        b.write_all(b"hello").await.unwrap();
        b.shutdown().await.unwrap();
        assert_eq!(read_all(&mut b).await, (b"hello".to_vec(), None));
    }

    #[tokio::test]
    async fn a_target_that_is_not_there_is_a_reset_for_the_client() {
        let nobody = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let proxy = Proxy::start(("127.0.0.1".into(), nobody.port()), Arc::new(|_| {}))
            .await
            .unwrap();
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(
            read_all(&mut a).await.1,
            Some(io::ErrorKind::ConnectionReset)
        );
    }

    #[tokio::test]
    async fn a_black_hole_of_one_direction_lets_the_other_pass() {
        let (proxy, _) = proxy().await;
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        let hole = Action::Blackhole(Ways::One(Direction::Down));
        proxy.command(Command::Now(hole)).await;
        a.write_all(b"hello").await.unwrap();
        let there = async {
            while proxy.passed().0 < 5 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), there)
            .await
            .expect("what goes up passes");
        assert_eq!(proxy.passed(), (5, 0));
        proxy.command(Command::Now(Action::Restore)).await;
        a.shutdown().await.unwrap();
        assert_eq!(read_all(&mut a).await, (b"hello".to_vec(), None));
    }

    /// What the log tells of a conversation of three pieces under jitter, slices and a cut.
    async fn conversation(seed: u64) -> Vec<String> {
        let (proxy, told) = proxy().await;
        let delay = Shaping::Delay {
            time: Duration::from_millis(1),
            jitter: Duration::from_millis(8),
            seed,
        };
        for shaping in [delay, Shaping::Slice(2)] {
            let shape = Command::Shape(Ways::One(Direction::Up), shaping);
            proxy.command(shape).await;
        }
        let trigger = Trigger {
            direction: Direction::Down,
            counted: Counted::Bytes,
            count: 13,
        };
        proxy.command(Command::After(trigger, Action::Reset)).await;
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        for piece in [b"one--", b"two--"] {
            a.write_all(piece).await.unwrap();
            a.read_exact(&mut [0; 5]).await.unwrap();
        }
        a.write_all(b"three").await.unwrap();
        assert!(read_all(&mut a).await.1.is_some());
        drop(proxy);
        let told = told.lock().unwrap();
        told.clone()
    }

    #[tokio::test]
    async fn the_same_seed_does_the_same_thing() {
        let first = conversation(7).await;
        assert!(
            first.iter().any(|told| told == "reset at 15/13"),
            "{first:?}"
        );
        assert_eq!(first, conversation(7).await);
        assert_ne!(first, conversation(8).await);
    }
}
