//! TCP and TLS connections, made by hand so that they can also be lost by hand.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::reach::Reach;
use crate::transcript::{Direction, Lane, Layer};

/// One TCP connection, encrypted or not. Clones share it, so that one task can read while another
/// writes and a third resets it; it is closed when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Wire {
    stream: Arc<Mutex<Stream>>,
}

enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// No connection came about.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no connection to {to}: {reason}")]
pub struct Unreachable {
    /// Host and port.
    pub to: String,
    /// What the system, or TLS, says.
    pub reason: String,
    /// Whether somebody was there and ended the connection while it was made.
    pub cut: bool,
}

/// Whether an error is the end of a connection, not the lack of one.
pub(super) fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let ends = [
        ConnectionReset,
        ConnectionAborted,
        BrokenPipe,
        UnexpectedEof,
    ];
    ends.contains(&error.kind())
}

impl Wire {
    /// Connects to the endpoint.
    pub(crate) async fn dial(reach: &Reach, lane: &Lane) -> Result<Self, Unreachable> {
        let endpoint = &reach.endpoint;
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let host = endpoint.host().trim_matches(['[', ']']);
        let port = endpoint.base.port_or_known_default().unwrap_or(80);
        let to = match endpoint.connect {
            Some(address) => address.to_string(),
            None => format!("{}:{port}", endpoint.host()),
        };
        let unreachable = |reason: String, cut| Unreachable {
            to: to.clone(),
            reason,
            cut,
        };
        let failed = |error: io::Error| unreachable(error.to_string(), is_cut(&error));
        let tcp = match endpoint.connect {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect((host, port)).await,
        }
        .map_err(failed)?;
        let _ = tcp.set_nodelay(true);
        let stream = if endpoint.encrypted() {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| unreachable(error.to_string(), false))?;
            let tls = TlsConnector::from(reach.tls.clone())
                .connect(name, tcp)
                .await
                .map_err(failed)?;
            Stream::Encrypted(Box::new(tls))
        } else {
            Stream::Plain(tcp)
        };
        reach.recorder.wire(
            lane,
            Layer::Tcp,
            Direction::Sent,
            b"",
            vec![format!("connected to {to}")],
        );
        Ok(Self {
            stream: Arc::new(Mutex::new(stream)),
        })
    }

    /// Makes the end of this connection an RST instead of a FIN.
    pub(crate) fn reset_when_dropped(&self) {
        let stream = self.lock();
        let tcp = match &*stream {
            Stream::Plain(tcp) => tcp,
            Stream::Encrypted(tls) => tls.get_ref().0,
        };
        let _ = tcp.set_zero_linger();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self.lock() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Stream::Encrypted(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self.lock() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Stream::Encrypted(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.lock() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Encrypted(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.lock() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Encrypted(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
