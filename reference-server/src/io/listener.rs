//! Accepts TCP connections, and stops.

use super::alarm::Alarm;
use super::clock::{Tasks, Tokio};
use super::router::{Connection, handle};
use super::websocket;
use crate::server::Server;
use crate::session::CloseReason;
use crate::shared::{Core, Surroundings};
use crate::trace::Step;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How long a stop waits for answers and close frames on their way out.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long the head of a request may take (SIO-SEC-09).
const HEAD: Duration = Duration::from_secs(30);

/// A server that runs. It ends when this is dropped; [`Running::stop`] ends it in order.
pub struct Running {
    address: SocketAddr,
    core: Arc<Core>,
    tokio: Arc<Tokio>,
    accepting: AbortHandle,
    stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server.
    pub fn server(&self) -> Server {
        Server(self.core.clone())
    }

    /// Closes all sessions, completes pending requests, frees the port (EIO-CL-11).
    pub async fn stop(self) {
        let deaf = self
            .core
            .seams
            .as_ref()
            .map_or(Duration::ZERO, |seams| seams.stopping());
        tokio::time::sleep(deaf).await;
        self.accepting.abort();
        for link in self.core.links.all() {
            link.close(CloseReason::ServerShutdown);
        }
        self.stopping.send_replace(true);
        if let Some(mut connections) = self.tokio.connections.take() {
            let all = async { while connections.join_next().await.is_some() {} };
            // Whoever does not take leave in time is cut off.
            let _ = tokio::time::timeout(FAREWELL, all).await;
        }
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.abort();
        // Dropping a set of tasks ends them.
        drop(self.tokio.connections.take());
        drop(self.tokio.background.take());
        self.core.forget();
    }
}

/// Listens on `address` and serves what `create` makes of the surroundings.
pub(crate) async fn start(
    address: SocketAddr,
    create: impl FnOnce(Arc<dyn Surroundings>) -> Arc<Core>,
) -> io::Result<Running> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let tokio = Arc::new(Tokio {
        connections: Tasks::new(),
        background: Tasks::new(),
    });
    let core = create(tokio.clone());
    let (stopping, stopped) = watch::channel(false);
    let accepting =
        tokio::spawn(accept(listener, core.clone(), tokio.clone(), stopped)).abort_handle();
    Ok(Running {
        address,
        core,
        tokio,
        accepting,
        stopping,
    })
}

async fn accept(
    listener: TcpListener,
    core: Arc<Core>,
    tokio: Arc<Tokio>,
    stopping: watch::Receiver<bool>,
) {
    let count = AtomicU64::new(0);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                core.trace_tcp(number, || Step::TcpConnection(peer.to_string()));
                let connection = Arc::new(Connection::new(core.clone(), tokio.clone(), number));
                tokio
                    .connections
                    .spawn(serve(stream, connection, stopping.clone()));
                // Its first request goes before that of whoever comes next: a client may speak on several connections.
                tokio::task::yield_now().await;
            }
            // No file descriptors left, for instance: later there may be.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn serve(
    stream: TcpStream,
    connection: Arc<Connection>,
    mut stopping: watch::Receiver<bool>,
) {
    // Without it small packets wait for the acknowledgement of the ones before.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| Box::pin(handle(connection.clone(), request)));
    let mut http = http1::Builder::new()
        .timer(Alarm::new(HEAD))
        .header_read_timeout(HEAD)
        // The head and the body of most answers are small: one piece costs the kernel less than two.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let ended = {
        let mut ended = pin!(std::future::poll_fn(
            |context| http.poll_without_shutdown(context)
        ));
        tokio::select! {
            ended = &mut ended => Some(ended),
            _ = stopping.changed() => None,
        }
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            std::pin::Pin::new(&mut http).graceful_shutdown();
            std::future::poll_fn(|context| http.poll_without_shutdown(context)).await
        }
    };
    let parts = http.into_parts();
    let stream = parts.io.into_inner();
    match (ended, connection.take_websocket()) {
        (Ok(()), Some(accepted)) => {
            let tokio = connection.tokio.clone();
            // A task of its own: the one that spoke HTTP is large, and ends here.
            tokio
                .connections
                .spawn(websocket::serve(stream, parts.read_buf, accepted));
        }
        (ended, accepted) => {
            if let (Err(_), Some(accepted)) = (ended, accepted) {
                // The 101 could not be written: nobody will ever carry that WebSocket.
                websocket::lost(&accepted);
            }
            linger(stream).await;
        }
    }
}

/// Ends a connection whose client may still be sending, so that it gets to read the answer.
async fn linger(mut stream: TcpStream) {
    super::websocket::linger(&mut stream).await;
}

#[cfg(test)]
mod tests {
    use crate::fixture::{self, FixtureConfig};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    const OPEN: &str = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: test\r\n\r\n";

    async fn asked(stream: &mut TcpStream, request: &str, ends: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(ends.as_bytes()) {
            answer.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_server_that_is_dropped_with_clients_on_it() {
        let running = fixture::serve(FixtureConfig::default()).await.unwrap();
        let core = Arc::downgrade(&running.core);
        let mut websocket = TcpStream::connect(running.address()).await.unwrap();
        let upgrade = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        asked(&mut websocket, upgrade, "}").await;
        let mut polling = TcpStream::connect(running.address()).await.unwrap();
        let opened = asked(&mut polling, OPEN, "}").await;
        let sid = opened.split('"').nth(3).unwrap();
        let join = format!(
            "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n40"
        );
        asked(&mut polling, &join, "ok").await;
        assert_eq!(running.server().sessions(), 2);
        drop(running);
        let gone = async {
            while core.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_session_that_begins_while_the_server_is_dropped_is_not_kept() {
        let running = fixture::serve(FixtureConfig::default()).await.unwrap();
        let core = running.core.clone();
        let mut polling = TcpStream::connect(running.address()).await.unwrap();
        asked(&mut polling, OPEN, "}").await;
        let late = core.links.all().remove(0);
        drop(running);
        core.links.insert(&late);
        assert_eq!(core.links.len(), 0);
    }
}
