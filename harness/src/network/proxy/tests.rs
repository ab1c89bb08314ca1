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

fn passed(proxy: &Proxy) -> (u64, u64) {
    let (up, down) = proxy.passed();
    (up.bytes, down.bytes)
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
    assert_eq!(passed(&proxy), (5, 5));
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
    assert_eq!(passed(&proxy), (5, 3));
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
        while passed(&proxy).0 < 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), there)
        .await
        .expect("what goes up passes");
    assert_eq!(passed(&proxy), (5, 0));
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
