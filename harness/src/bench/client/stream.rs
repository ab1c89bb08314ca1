//! One TCP connection that never blocks.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

/// A connection and what could not be written yet.
#[derive(Debug)]
pub(super) struct Stream {
    tcp: TcpStream,
    out: Vec<u8>,
    connected: bool,
}

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// So many bytes, and perhaps more are there.
    Some(usize),
    /// So many bytes, maybe none, and no more for now.
    Last(usize),
    /// The other side has ended it.
    End,
}

impl Stream {
    /// Begins to connect. The connection is reset when it is dropped, so that it leaves no port waiting behind.
    pub(super) fn dial(
        to: SocketAddr,
        source: Option<Ipv4Addr>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_linger(Some(Duration::ZERO))?;
        if let Some(source) = source {
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        match socket.connect(&to.into()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if is_begun(&error) => {}
            Err(error) => return Err(error),
        }
        let mut tcp = TcpStream::from_std(socket.into());
        registry.register(&mut tcp, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            tcp,
            out: Vec::new(),
            connected: false,
        })
    }

    /// Writes now what the system takes, and the rest later.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.connected || !self.out.is_empty() {
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        let written = self.push(bytes)?;
        self.out.extend_from_slice(&bytes[written..]);
        Ok(())
    }

    /// The system takes more, or the connection stands now.
    pub(super) fn writable(&mut self) -> io::Result<()> {
        self.connected = true;
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        let written = self.push(&out)?;
        self.out.extend_from_slice(&out[written..]);
        Ok(())
    }

    fn push(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let all = bytes.len();
        while !bytes.is_empty() {
            match self.tcp.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::NotConnected
                    ) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(all - bytes.len())
    }

    /// Reads into `scratch`. Less than would fit means that nothing more is there.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> io::Result<Read> {
        loop {
            return match self.tcp.read(scratch) {
                Ok(0) => Ok(Read::End),
                Ok(count) if count == scratch.len() => Ok(Read::Some(count)),
                Ok(count) => Ok(Read::Last(count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::NotConnected
                    ) =>
                {
                    Ok(Read::Last(0))
                }
                Err(error) => Err(error),
            };
        }
    }

    /// Whether all that was to be written is with the system.
    pub(super) fn is_flushed(&self) -> bool {
        self.out.is_empty()
    }
}

/// Whether the connection is under way.
#[cfg(unix)]
fn is_begun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

#[cfg(not(unix))]
fn is_begun(_: &io::Error) -> bool {
    false
}
