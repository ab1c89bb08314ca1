//! A server that is kept from running for a while does not hold that against its clients.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not known as tests to clippy"
)]

mod websocket;

use siospec_reference_server::{Config, Running, SocketIo};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use websocket::{join, until};

/// How long a pong may take.
const TIMEOUT: Duration = Duration::from_secs(1);

async fn server() -> Running {
    let config = Config {
        ping_interval: Duration::from_millis(50),
        ping_timeout: TIMEOUT,
        ..Config::default()
    };
    let address = ([127, 0, 0, 1], 0).into();
    SocketIo::new(config).start(address).await.unwrap()
}

#[tokio::test]
async fn a_pong_that_came_in_time_counts_though_it_is_read_late() {
    let running = server().await;
    let mut client = join(running.address()).await;
    until(&mut client, |received| received.ends_with(b"\x81\x012")).await;
    client.write_all(b"\x81\x81\0\0\0\x003").await.unwrap();
    // The server shares this thread: it stands still.
    std::thread::sleep(TIMEOUT + TIMEOUT / 5);
    // The next thing that it says is another ping.
    until(&mut client, |received| match received {
        [] | [0x81] | [0x81, 1] => false,
        other => {
            assert_eq!(other, b"\x81\x012");
            true
        }
    })
    .await;
}

#[tokio::test]
async fn a_pong_that_was_posted_in_time_counts_though_it_is_read_late() {
    let running = server().await;
    let mut client = TcpStream::connect(running.address()).await.unwrap();
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = request(&mut client, &format!("GET {path}"), "").await;
    let (_, sid) = opened.split_once("\"sid\":\"").unwrap();
    let path = format!("{path}&sid={}", sid.split_once('"').unwrap().0);
    request(&mut client, &format!("POST {path}"), "40").await;
    while !request(&mut client, &format!("GET {path}"), "")
        .await
        .ends_with('2')
    {}
    write(&mut client, &format!("POST {path}"), "3").await;
    // The server shares this thread: it stands still.
    std::thread::sleep(TIMEOUT + TIMEOUT / 5);
    assert!(answer(&mut client).await.ends_with("ok"));
    let next = request(&mut client, &format!("GET {path}"), "").await;
    assert!(next.ends_with("\r\n\r\n2"), "{next}");
}

/// Asks, and reads the answer.
async fn request(stream: &mut TcpStream, line: &str, body: &str) -> String {
    write(stream, line, body).await;
    answer(stream).await
}

async fn write(stream: &mut TcpStream, line: &str, body: &str) {
    let length = body.len();
    let text = format!("{line} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// The next answer on this connection, head and body.
async fn answer(stream: &mut TcpStream) -> String {
    let reading = async {
        let mut received = String::new();
        let whole = |received: &str| {
            let (head, body) = received.split_once("\r\n\r\n")?;
            let (_, length) = head.split_once("content-length: ")?;
            let length: usize = length.lines().next()?.parse().ok()?;
            (body.len() >= length).then_some(())
        };
        while whole(&received).is_none() {
            received.push(char::from(stream.read_u8().await.unwrap()));
        }
        received
    };
    tokio::time::timeout(websocket::PATIENCE, reading)
        .await
        .unwrap()
}
