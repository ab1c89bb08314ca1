//! The face that a harness holds: instances side by side in one process, quick to start, and gone when dropped.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not known as tests to clippy"
)]

use siospec_reference_server::fixture::{FixtureConfig, serve};
use siospec_reference_server::trace::Step;
use siospec_reference_server::{Config, Cors, Server, SocketIo, args};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(10);

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    answer
}

async fn open(address: SocketAddr) -> String {
    let answer = ask(address, "GET /socket.io/?EIO=4&transport=polling").await;
    answer
        .split("\"sid\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_instances_live_side_by_side_and_know_nothing_of_each_other() {
    let mut running = Vec::new();
    for _ in 0..20 {
        running.push(serve(FixtureConfig::default()).await.unwrap());
    }
    let sid = open(running[0].address()).await;
    for other in &running[1..] {
        let request = format!("GET /socket.io/?EIO=4&transport=polling&sid={sid}");
        let answer = ask(other.address(), &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert_eq!(other.server().sessions(), 0);
    }
    assert_eq!(running[0].server().sessions(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_instance_frees_its_port_and_cuts_its_connections() {
    let running = serve(FixtureConfig::default()).await.unwrap();
    let address = running.address();
    let sid = open(address).await;
    let mut pending = TcpStream::connect(address).await.unwrap();
    let get =
        format!("GET /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: test\r\n\r\n");
    pending.write_all(get.as_bytes()).await.unwrap();
    drop(running);
    let mut rest = Vec::new();
    let cut = tokio::time::timeout(PATIENCE, pending.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(
        cut.is_err() || rest.is_empty(),
        "nothing is answered by a server that is gone: {}",
        String::from_utf8_lossy(&rest)
    );
    let free = async {
        while tokio::net::TcpListener::bind(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, free).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_stopped_answers_what_pends() {
    let running = serve(FixtureConfig::default()).await.unwrap();
    let address = running.address();
    let sid = open(address).await;
    let get = format!("GET /socket.io/?EIO=4&transport=polling&sid={sid}");
    let pending = tokio::spawn(async move { ask(address, &get).await });
    while !running.server().waits_for_data(&sid) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    running.stop().await;
    let answer = pending.await.unwrap();
    assert!(answer.ends_with("\r\n\r\n1"), "{answer}");
}

#[tokio::test]
async fn the_page_says_what_the_server_is_and_can_do() {
    let running = serve(FixtureConfig::default()).await.unwrap();
    let answer = ask(running.address(), "GET /fixture").await;
    for part in [
        "\"name\":\"reference\"",
        "\"double-ack\"",
        "\"middleware\":{\"/\":0",
        "\"sessions\":0",
    ] {
        assert!(answer.contains(part), "{part} is missing in {answer}");
    }
}

#[tokio::test]
async fn a_cache_is_told_of_everything_that_an_answer_varies_with() {
    let config = Config {
        cors: Cors::parse("http://a.example"),
        compression_threshold: 0,
        ..Config::default()
    };
    let running = SocketIo::new(config)
        .start(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
                   Origin: http://a.example\r\nAccept-Encoding: gzip\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    for header in [
        "content-encoding: gzip\r\n",
        "vary: Accept-Encoding\r\n",
        "vary: Origin\r\n",
        "access-control-allow-origin: http://a.example\r\n",
    ] {
        assert!(answer.contains(header), "{header} is missing in {answer}");
    }
}

#[test]
fn the_contracts_variables_set_the_knobs() {
    let variables = [
        ("PORT", "0"),
        ("PING_INTERVAL_MS", "300"),
        ("MAX_PAYLOAD", "10000"),
        ("UPGRADES", "0"),
        ("CORS", "http://a.example, http://b.example"),
        ("COOKIE", ""),
        ("RECOVERY", "1"),
        ("RECOVERY_WINDOW_MS", "500"),
    ];
    let get = |name: &str| {
        variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let config = FixtureConfig::from_variables(get).server;
    assert_eq!(config.ping_interval, Duration::from_millis(300));
    assert_eq!(config.ping_timeout, Duration::from_secs(20));
    assert_eq!(
        (config.max_payload, config.upgrades, config.cookie),
        (10_000, false, None)
    );
    assert_eq!(config.recovery.unwrap().window, Duration::from_millis(500));
    assert_eq!(
        config.cors,
        Cors::parse("http://a.example,http://b.example")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_gone_before_its_101_leaves_no_session() {
    let running = serve(FixtureConfig::default()).await.unwrap();
    let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
                Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for _ in 0..500 {
        let mut stream = TcpStream::connect(running.address()).await.unwrap();
        stream.set_zero_linger().unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    let emptied = async {
        while running.server().sessions() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let emptied = tokio::time::timeout(PATIENCE, emptied).await;
    assert!(
        emptied.is_ok(),
        "{} sessions left",
        running.server().sessions()
    );
}

#[tokio::test]
async fn a_broadcast_reaches_whoever_is_just_being_told_of_its_admission() {
    let server = Arc::new(OnceLock::<Server>::new());
    let mut app = SocketIo::new(Config::default());
    app.of("/");
    let seen = server.clone();
    app.trace(Arc::new(move |record| {
        if let (Step::EngineOut(packet), Some(server)) = (&record.step, seen.get())
            && packet.starts_with("40")
            && let Some(everybody) = server.of("/")
        {
            everybody.emit("news", args![]);
        }
    }));
    let running = app.start(([127, 0, 0, 1], 0).into()).await.unwrap();
    assert!(server.set(running.server()).is_ok());

    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
                Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
        .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'4', b'0'])
        .await
        .unwrap();
    let mut received = String::new();
    let news = async {
        while !received.contains("42[\"news\"]") {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).await.unwrap();
            received.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    };
    let news = tokio::time::timeout(Duration::from_secs(5), news).await;
    assert!(news.is_ok(), "{received}");
    assert!(received.find("40{") < received.find("42[\"news\"]"));
}
