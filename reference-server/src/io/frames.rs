//! tungstenite's WebSocket on a stream of tokio's, for one task that reads and writes.
//!
//! Where several tasks may poll one WebSocket, wakers are kept and passed on for each of them (tokio-tungstenite does
//! that). Here whoever polls is woken by the stream itself, and a stream that has nothing is not even asked.

use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What a WebSocket stands on.
pub(crate) trait Ground: AsyncRead + AsyncWrite + Unpin {
    /// Ready if a read may bring something; if not, the task is woken when one may.
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()>;
}

impl Ground for TcpStream {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // What is wrong with the stream the read will say.
        self.poll_read_ready(context).map(drop)
    }
}

/// The server's side of one WebSocket.
pub(crate) struct Frames<S> {
    rules: WebSocketContext,
    stream: S,
    /// Before there is more to read, there is no message.
    drained: bool,
    /// How many bytes were read and are of no message yet; not more than so many, if frames were longer than need be.
    held: usize,
    /// The last write did not get everything out.
    blocked: bool,
    /// Nothing more is read.
    over: bool,
}

impl<S: Ground> Frames<S> {
    /// With what was read already.
    pub(crate) fn new(stream: S, read: Vec<u8>, config: WebSocketConfig) -> Self {
        let held = read.len();
        Self {
            rules: WebSocketContext::from_partially_read(read, Role::Server, Some(config)),
            stream,
            drained: held == 0,
            held,
            blocked: false,
            over: false,
        }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    /// The next message; none when the WebSocket is closed. Nothing comes after an error.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        if self.over {
            return Poll::Ready(None);
        }
        // One that is closing has something to say itself.
        let idle = self.drained && self.rules.can_read();
        if idle && self.stream.poll_readable(context).is_pending() {
            return Poll::Pending;
        }
        let mut turn = Turn::new(&mut self.stream, context);
        let read = self.rules.read(&mut turn);
        self.held += turn.read;
        match read {
            Ok(message) => {
                self.held = self.held.saturating_sub(least(&message));
                self.drained = self.held == 0;
                Poll::Ready(Some(Ok(message)))
            }
            Err(error) if would_block(&error) => {
                self.drained = true;
                Poll::Pending
            }
            Err(error) => {
                self.over = true;
                let closed = matches!(error, Error::AlreadyClosed | Error::ConnectionClosed);
                Poll::Ready((!closed).then_some(Err(error)))
            }
        }
    }

    /// Ready if there is room for a frame.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.blocked {
            true => self.flush(context),
            false => Poll::Ready(Ok(())),
        }
    }

    /// Takes a frame.
    pub(crate) fn start_send(
        &mut self,
        context: &mut Context<'_>,
        message: Message,
    ) -> Result<(), Error> {
        let mut turn = Turn::new(&mut self.stream, context);
        match self.rules.write(&mut turn, message) {
            // It is taken, and waits.
            Err(error) if would_block(&error) => {
                self.blocked = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Writes out what was taken.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.flush(context).map(|flushed| match flushed {
            Err(Error::ConnectionClosed) => Ok(()),
            other => other,
        })
    }

    fn flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let flushed = self.rules.flush(&mut Turn::new(&mut self.stream, context));
        self.blocked = flushed.as_ref().is_err_and(would_block);
        match self.blocked {
            true => Poll::Pending,
            false => Poll::Ready(flushed),
        }
    }
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock)
}

/// The stream while a task has its turn.
struct Turn<'a, 'b, S> {
    stream: &'a mut S,
    context: &'a mut Context<'b>,
    /// How many bytes were read.
    read: usize,
}

impl<'a, 'b, S> Turn<'a, 'b, S> {
    fn new(stream: &'a mut S, context: &'a mut Context<'b>) -> Self {
        Self {
            stream,
            context,
            read: 0,
        }
    }
}

/// How many bytes a message took up at the least: in one masked frame, its length written as short as can be.
fn least(message: &Message) -> usize {
    let payload = message.len();
    let header = match payload {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    };
    match message {
        // Its reason is not counted.
        Message::Close(_) => 6,
        _ => header + 4 + payload,
    }
}

fn now<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl<S: AsyncRead + Unpin> Read for Turn<'_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        now(Pin::new(&mut *self.stream).poll_read(self.context, &mut buffer))?;
        self.read += buffer.filled().len();
        Ok(buffer.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> Write for Turn<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        now(Pin::new(&mut *self.stream).poll_write(self.context, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        now(Pin::new(&mut *self.stream).poll_flush(self.context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair() -> (TcpStream, Frames<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (server, _) = listener.accept().await.unwrap();
        let frames = Frames::new(server, Vec::new(), WebSocketConfig::default());
        (client.unwrap(), frames)
    }

    /// What comes next, in a time that only a message that is overlooked needs.
    async fn next(frames: &mut Frames<TcpStream>) -> Option<Result<Message, Error>> {
        let come = poll_fn(|context| frames.poll_next(context));
        let come = tokio::time::timeout(Duration::from_secs(10), come).await;
        come.expect("a message was overlooked")
    }

    async fn text(frames: &mut Frames<TcpStream>) -> String {
        match next(frames).await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn no_message_is_overlooked_however_the_bytes_come() {
        let (mut client, mut frames) = pair().await;
        // A mask of zeros leaves the text as it is.
        let segments: [&[u8]; 6] = [
            b"\x81\x81\0\0\0\0a",
            b"\x81\x81\0\0\0\0b\x81\x81\0\0\0\0c\x81\x82\0\0",
            b"\0\0d",
            b"e\x81\xfe\0\x01\0\0\0\0f",
            b"\x01\x81\0\0\0\0g\x89\x80\0\0\0\0",
            b"\x80\x81\0\0\0\0h\x81\x81\0\0\0\0i",
        ];
        let expected: [&[&str]; 6] = [&["a"], &["b", "c"], &[], &["de", "f"], &[], &["gh", "i"]];
        for (segment, expected) in segments.into_iter().zip(expected) {
            client.write_all(segment).await.unwrap();
            if segment[0] == 0x01 {
                let ping = next(&mut frames).await;
                assert!(matches!(ping, Some(Ok(Message::Ping(_)))), "{ping:?}");
            }
            for expected in expected {
                assert_eq!(text(&mut frames).await, *expected);
            }
        }
        let idle = poll_fn(|context| Poll::Ready(frames.poll_next(context).is_pending()));
        assert!(idle.await, "nothing more has come");
    }

    #[tokio::test]
    async fn a_close_is_answered_and_is_the_end() {
        let (mut client, mut frames) = pair().await;
        client.write_all(b"\x88\x82\0\0\0\0\x03\xe8").await.unwrap();
        let close = next(&mut frames).await;
        assert!(matches!(close, Some(Ok(Message::Close(_)))), "{close:?}");
        assert!(next(&mut frames).await.is_none());
        let mut answer = [0; 4];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"\x88\x02\x03\xe8");
    }

    #[tokio::test]
    async fn what_the_client_does_not_read_waits_and_comes_in_order() {
        let (mut client, mut frames) = pair().await;
        let long = "x".repeat(1 << 20);
        let mut sent = 0;
        let blocked = poll_fn(|context| {
            while frames.poll_ready(context).is_ready() {
                frames.start_send(context, long.as_str().into()).unwrap();
                sent += long.len() + 10;
            }
            Poll::Ready(sent)
        });
        let all = blocked.await;
        let reading = tokio::spawn(async move {
            let mut bytes = vec![0; all];
            client.read_exact(&mut bytes).await.unwrap();
            bytes
        });
        poll_fn(|context| frames.poll_flush(context)).await.unwrap();
        let bytes = reading.await.unwrap();
        assert!(
            bytes
                .chunks(long.len() + 10)
                .all(|frame| frame[..2] == *b"\x81\x7f")
        );
    }
}
