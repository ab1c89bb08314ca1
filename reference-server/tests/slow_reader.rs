//! A client that does not read costs the server so much memory and no more, and the others nothing.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not known as tests to clippy"
)]

mod websocket;

use siospec_reference_server::{Config, Server, SocketIo, args};
use std::sync::mpsc;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use websocket::{PATIENCE, join};

/// What may wait for a client.
const BOUND: usize = 1 << 20;
/// One broadcast, and how many there are at most: far more than the bound and what a kernel holds.
const BROADCAST: usize = 64 << 10;
const BROADCASTS: usize = 1600;

/// Reads on until the event `end`, tells of each broadcast, and says how many came, each behind the one before.
async fn listen(mut stream: TcpStream, heard: UnboundedSender<()>) -> usize {
    let (mut received, mut count) = (Vec::new(), 0);
    loop {
        let next = format!("42[\"flood\",{count},");
        let find = |what: &[u8]| received.windows(what.len()).position(|part| part == what);
        if let Some(at) = find(next.as_bytes()) {
            received.drain(..at + next.len());
            count += 1;
            heard.send(()).unwrap();
            continue;
        }
        if find(b"42[\"end\"]").is_some() {
            return count;
        }
        // Of what holds neither, only the end may be the beginning of one.
        received.drain(..received.len().saturating_sub(32));
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.unwrap();
        assert_ne!(length, 0, "the client that reads was cut off");
        received.extend_from_slice(&piece[..length]);
    }
}

/// Broadcasts, the next when one client has heard it, until one of the two is gone; says how many it were.
async fn flood(server: &Server, mut heard: UnboundedReceiver<()>) -> usize {
    let text = "x".repeat(BROADCAST);
    for number in 0..BROADCASTS {
        if server.sessions() < 2 {
            return number;
        }
        server.emit("/", "flood", args![number, text.as_str()]);
        tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap();
    }
    BROADCASTS
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_closed_and_the_others_lose_nothing() {
    let mut config = Config::default();
    config.outbox.bytes = BOUND;
    let (gone, reasons) = mpsc::channel();
    let mut app = SocketIo::new(config);
    app.of("/").on_disconnect(move |_, reason| {
        let _ = gone.send(reason);
        std::future::ready(())
    });
    let running = app.start(([127, 0, 0, 1], 0).into()).await.unwrap();
    let mut silent = join(running.address()).await;
    let (hears, heard) = unbounded_channel();
    let reader = tokio::spawn(listen(join(running.address()).await, hears));
    let server = running.server();

    let sent = flood(&server, heard).await;
    assert!(
        sent < BROADCASTS,
        "{sent} broadcasts wait for a client that does not read"
    );
    assert_eq!(reasons.recv_timeout(PATIENCE).unwrap(), "transport error");
    server.emit("/", "end", args![]);
    let heard = tokio::time::timeout(PATIENCE, reader).await;
    assert_eq!(heard.unwrap().unwrap(), sent);

    let mut rest = 0;
    let ended = async {
        let mut piece = vec![0; BROADCAST];
        while let Ok(length @ 1..) = silent.read(&mut piece).await {
            rest += length;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    assert!(ended.is_ok(), "the connection is still there");
    assert!(rest < sent * BROADCAST, "what waited was dropped");
}
