//! A TCP proxy in front of a target, one for each client that is `via proxy`.
//!
//! It carries bytes and obeys its [`Link`]; every action is told to the log with its byte position.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::link::{Action, Command, Link, Weather};
use super::scanner::Direction;

/// How many bytes are read at once, and so the most that the proxy holds of one direction.
const CHUNK: usize = 16 * 1024;
/// How long a command waits for the connections that it ends.
const SETTLE: Duration = Duration::from_millis(500);

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

struct Shared {
    link: Mutex<Link>,
    /// Counts actions; each connection looks at its link's orders when it moves.
    orders: watch::Sender<Order>,
    log: Log,
    seed: AtomicU64,
    /// The numbers of the connections that stand.
    standing: watch::Sender<BTreeSet<u64>>,
}

/// The last action, and its number so that the same one twice is seen twice.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    number: u64,
    action: Option<Action>,
}

impl Proxy {
    /// Listens on a free port of the loopback interface and carries every connection to `target`
    /// (host, port). `seed` decides jitter.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(target: (String, u16), seed: u64, log: Log) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            link: Mutex::new(Link::default()),
            orders: watch::channel(Order::default()).0,
            log,
            seed: AtomicU64::new(seed),
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
        self.shared.tell(None, &format!("{command:?}"));
        let Some(action) = action else { return };
        let mut standing = self.shared.standing.subscribe();
        let last = standing.borrow().last().copied();
        self.shared.order(action);
        if matches!(action, Action::Reset | Action::Close | Action::Refuse) {
            let ended =
                |standing: &BTreeSet<u64>| standing.first().copied() > last || standing.is_empty();
            // A peer that keeps its half open does not hold up the script.
            let _ = tokio::time::timeout(SETTLE, standing.wait_for(ended)).await;
        }
    }

    /// Decides jitter on connections that are made from now on.
    pub fn seed(&self, seed: u64) {
        self.shared.seed.store(seed, Ordering::Relaxed);
    }

    /// Bytes that have passed, upward and downward.
    #[must_use]
    pub fn passed(&self) -> (u64, u64) {
        let link = self.shared.link();
        (link.passed(Direction::Up), link.passed(Direction::Down))
    }
}

impl Shared {
    fn link(&self) -> MutexGuard<'_, Link> {
        // A panic while the link was held leaves counters, no broken invariant.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, action: Action) {
        self.orders.send_modify(|order| {
            *order = Order {
                number: order.number + 1,
                action: Some(action),
            };
        });
    }

    fn tell(&self, connection: Option<u64>, what: &str) {
        let link = self.link();
        let (up, down) = (link.passed(Direction::Up), link.passed(Direction::Down));
        drop(link);
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
        let Some(number) = shared.link().connect() else {
            shared.tell(None, "new connection reset");
            reset(&client);
            continue;
        };
        let (shared, target) = (Arc::clone(&shared), target.clone());
        shared.standing.send_modify(|standing| {
            standing.insert(number);
        });
        // Subscribed here, so that no order between now and its first byte is missed.
        let orders = shared.orders.subscribe();
        connections.spawn(async move {
            carry(number, client, &target, &shared, orders).await;
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
    shared: &Arc<Shared>,
    orders: watch::Receiver<Order>,
) {
    let server = match TcpStream::connect((target.0.as_str(), target.1)).await {
        Ok(server) => server,
        Err(error) => {
            shared.tell(Some(number), &format!("target not reached: {error}"));
            reset(&client);
            return;
        }
    };
    shared.tell(Some(number), "open");
    // Without this the kernel would join what `slice` separates, and hold back small frames.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let broken = watch::channel(false).0;
    let pump = |direction| Pump {
        number,
        direction,
        shared: Arc::clone(shared),
        orders: orders.clone(),
        broken: broken.clone(),
        rng: SmallRng::seed_from_u64(
            shared.seed.load(Ordering::Relaxed)
                ^ (number << 1)
                ^ u64::from(direction == Direction::Up),
        ),
    };
    let (mut up, mut down) = (pump(Direction::Up), pump(Direction::Down));
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

/// How one direction of a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A FIN was passed on, or ordered.
    Fin,
    /// A reset was passed on, or ordered.
    Reset,
}

/// One direction of one connection.
struct Pump {
    number: u64,
    direction: Direction,
    shared: Arc<Shared>,
    orders: watch::Receiver<Order>,
    broken: watch::Sender<bool>,
    rng: SmallRng,
}

impl Pump {
    async fn run(&mut self, reader: &mut OwnedReadHalf, writer: &mut OwnedWriteHalf) -> End {
        let (orders, broken) = (self.orders.clone(), self.broken.subscribe());
        let direction = self.direction;
        let end = tokio::select! {
            biased;
            end = stopped(direction, orders, broken) => end,
            end = self.flow(reader, writer) => end,
        };
        match end {
            End::Fin => {
                let _ = writer.shutdown().await;
            }
            End::Reset => {
                self.broken.send_replace(true);
            }
        }
        end
    }

    /// Carries bytes until the reader ends or breaks; what a rule stops here waits for its order.
    async fn flow(&mut self, reader: &mut OwnedReadHalf, writer: &mut OwnedWriteHalf) -> End {
        let mut chunk = vec![0; CHUNK];
        loop {
            self.fair().await;
            let read = match reader.read(&mut chunk).await {
                Ok(0) => return End::Fin,
                Ok(read) => read,
                Err(_) => return End::Reset,
            };
            let mut rest = &chunk[..read];
            while !rest.is_empty() {
                self.fair().await;
                let passage = self
                    .shared
                    .link()
                    .passage(self.number, self.direction, rest);
                if self.deliver(&rest[..passage.pass], writer).await.is_err() {
                    return End::Reset;
                }
                rest = &rest[passage.pass..];
                let Some(action) = passage.then else { continue };
                self.shared.tell(Some(self.number), &format!("{action:?}"));
                self.shared.order(action);
                if matches!(action, Action::Reset | Action::Close | Action::Refuse) {
                    // `stopped` ends this flow; no further byte may pass before it does.
                    return std::future::pending().await;
                }
                // Lets the order take effect before the next byte is looked at.
                tokio::task::yield_now().await;
            }
        }
    }

    async fn fair(&mut self) {
        while self.shared.link().weather() != Weather::Fair {
            if self.orders.changed().await.is_err() {
                return;
            }
        }
    }

    async fn deliver(&mut self, bytes: &[u8], writer: &mut OwnedWriteHalf) -> io::Result<()> {
        let shape = self.shared.link().shape(self.direction);
        let jitter = shape.jitter.mul_f64(self.rng.random_range(0.0..=1.0));
        if !(shape.delay + jitter).is_zero() {
            tokio::time::sleep(shape.delay + jitter).await;
        }
        for piece in bytes.chunks(shape.slice.unwrap_or(CHUNK).max(1)) {
            writer.write_all(piece).await?;
            if shape.slice.is_some() {
                // The peer's reader gets its turn, so that the pieces arrive apart.
                tokio::task::yield_now().await;
            }
            if let Some(bandwidth) = shape.bandwidth.filter(|b| *b > 0) {
                tokio::time::sleep(Duration::from_secs_f64(
                    piece.len() as f64 / bandwidth as f64,
                ))
                .await;
            }
        }
        Ok(())
    }
}

/// Waits for an order that ends this direction, or for the other direction to break.
async fn stopped(
    direction: Direction,
    mut orders: watch::Receiver<Order>,
    mut broken: watch::Receiver<bool>,
) -> End {
    loop {
        tokio::select! {
            changed = orders.changed() => if changed.is_err() { return End::Reset },
            gone = broken.wait_for(|broken| *broken) => { let _ = gone; return End::Reset }
        }
        let order = *orders.borrow_and_update();
        match order.action {
            Some(Action::Reset | Action::Refuse) => return End::Reset,
            Some(Action::Close) => return End::Fin,
            Some(Action::HalfClose(half)) if half == direction => return End::Fin,
            Some(Action::HalfClose(_) | Action::Blackhole | Action::Restore) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Counted, Shape, Trigger};

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
        (Proxy::start(echo().await, 7, log).await.unwrap(), told)
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
            told.lock().unwrap().iter().any(|t| t == "Reset at 5/3"),
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
        proxy.command(Command::Now(Action::Blackhole)).await;
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
                Direction::Down,
                Shape {
                    slice: Some(1),
                    ..Shape::default()
                },
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
        let proxy = Proxy::start(("127.0.0.1".into(), nobody.port()), 0, Arc::new(|_| {}))
            .await
            .unwrap();
        let mut a = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(
            read_all(&mut a).await.1,
            Some(io::ErrorKind::ConnectionReset)
        );
    }
}
