//! A server that is kept from running for a while does not hold that against its clients.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not known as tests to clippy"
)]

mod websocket;

use siospec_reference_server::{Config, SocketIo};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use websocket::{join, until};

/// How long a pong may take.
const TIMEOUT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_pong_that_came_in_time_counts_though_it_is_read_late() {
    let config = Config {
        ping_interval: Duration::from_millis(50),
        ping_timeout: TIMEOUT,
        ..Config::default()
    };
    let running = SocketIo::new(config)
        .start(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
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
