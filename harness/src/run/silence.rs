//! Whether a server that trials share has fallen silent: any of them may have done that, and only one shall answer for it.

use std::sync::Arc;
use std::time::Duration;

use crate::client::{Call, Exchange, Ids, NoAnswer, Reach};
use crate::play::Endpoint;
use crate::transcript::{Direction, Entry, Lane, Recorder, Transcript};

/// Whether it leaves a handshake without any answer for so long. What it answers is no matter here.
pub(super) async fn is_silent(endpoint: &Endpoint, patience: Duration) -> bool {
    let endpoint = Arc::new(endpoint.clone());
    let target = endpoint.target("/socket.io/?EIO=4&transport=polling");
    let Ok(reach) = Reach::new(endpoint, Recorder::start(), Ids::default()) else {
        return false;
    };
    let handshake = Exchange::start(&reach, Lane::trial(), Call::get(target));
    match tokio::time::timeout(patience, handshake.outcome()).await {
        Ok((_, answer)) => matches!(answer, Err(NoAnswer::Unreachable(_))),
        Err(_) => true,
    }
}

/// Whether the server has answered anything at all.
pub(super) fn heard(transcript: &Transcript) -> bool {
    let received = |entry: &Entry| entry.direction == Direction::Received;
    transcript.entries.iter().any(received)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn who_says_anything_is_not_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::local(listener.local_addr().unwrap()).unwrap();
        // The system takes the connection; nobody answers on it.
        assert!(is_silent(&endpoint, Duration::from_millis(50)).await);
        let answering = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let refused = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
                // The one that gave up has closed.
                let _ = stream.write_all(refused).await;
                std::mem::forget(stream);
            }
        });
        assert!(!is_silent(&endpoint, Duration::from_secs(10)).await);
        answering.abort();
        let _ = answering.await;
        assert!(is_silent(&endpoint, Duration::from_secs(10)).await);
    }
}
