//! A WebSocket's bytes under the eyes of a fault; a right server has no such thing.

use super::frames::Ground;
use crate::link::Link;
use crate::seams::Way;
use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream that shows each piece to the seams as it passes.
pub(crate) struct Wire {
    stream: TcpStream,
    link: Arc<Link>,
    read: Bytes,
    unwritten: BytesMut,
}

impl Wire {
    /// With what was read already.
    pub(crate) fn new(stream: TcpStream, link: Arc<Link>, read: &[u8]) -> Self {
        let mut wire = Self {
            stream,
            link,
            read: Bytes::new(),
            unwritten: BytesMut::new(),
        };
        if !read.is_empty() {
            wire.read = wire.shown(Way::In, read.to_vec()).into();
        }
        wire
    }

    fn shown(&self, way: Way, mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some(seams) = &self.link.core.seams {
            seams.wire(self.link.view(), way, &mut bytes);
        }
        bytes
    }

    fn write_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unwritten.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.unwritten))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unwritten.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl Ground for Wire {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        match self.read.is_empty() {
            true => self.stream.poll_readable(context),
            false => Poll::Ready(()),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.read.is_empty() {
            let mut piece = [0; 2048];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.read = self.shown(Way::In, piece.filled().to_vec()).into();
        }
        let length = self.read.len().min(buffer.remaining());
        let piece = self.read.split_to(length);
        buffer.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.write_out(context))?;
        let shown = self.shown(Way::Out, data.to_vec());
        self.unwritten.extend_from_slice(&shown);
        // What is not written now is written before the next piece, or at the flush.
        if let Poll::Ready(Err(error)) = self.write_out(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_out(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_out(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
