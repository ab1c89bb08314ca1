//! A WebSocket client byte by byte.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A client in the main namespace.
pub(crate) async fn join(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
                Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"\x81\x82\0\0\0\x0040").await.unwrap();
    until(&mut stream, |received| {
        received.ends_with(b"\"}") && received.windows(3).any(|part| part == b"40{")
    })
    .await;
    stream
}

/// Reads until what was read satisfies.
pub(crate) async fn until(stream: &mut TcpStream, satisfies: impl Fn(&[u8]) -> bool) {
    let reading = async {
        let mut received = Vec::new();
        while !satisfies(&received) {
            received.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
}
