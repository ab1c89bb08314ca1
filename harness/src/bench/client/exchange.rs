//! A kept-alive HTTP connection with one request under way, made anew where the server ends it.

use std::net::{Ipv4Addr, SocketAddr};

use mio::{Registry, Token};

use super::http::Answer;
use super::stream::{Read, Stream};

/// How a connection is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialer {
    pub(super) to: SocketAddr,
    pub(super) source: Option<Ipv4Addr>,
    pub(super) token: Token,
}

/// One connection, or the place of one.
#[derive(Debug)]
pub(super) struct Exchange {
    dialer: Dialer,
    stream: Option<Stream>,
    /// The request under way.
    request: Option<Vec<u8>>,
    /// Whether an earlier request was answered on this connection; then its end may have crossed the next one.
    used: bool,
    buffer: Vec<u8>,
}

impl Exchange {
    pub(super) fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            stream: None,
            request: None,
            used: false,
            buffer: Vec::new(),
        }
    }

    /// Whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.request.is_some()
    }

    /// Sends a request.
    pub(super) fn ask(&mut self, request: Vec<u8>, registry: &Registry) -> Result<(), String> {
        let failed = |error: std::io::Error| error.to_string();
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                self.used = false;
                let Dialer { to, source, token } = self.dialer;
                Stream::dial(to, source, registry, token).map_err(failed)?
            }
        };
        let stream = self.stream.insert(stream);
        let written = stream.write(&request);
        self.request = Some(request);
        match written {
            Ok(()) => Ok(()),
            Err(_) if self.used => self.again(registry),
            Err(error) => Err(failed(error)),
        }
    }

    fn again(&mut self, registry: &Registry) -> Result<(), String> {
        self.stream = None;
        self.buffer.clear();
        match self.request.take() {
            Some(request) => self.ask(request, registry),
            None => Ok(()),
        }
    }

    pub(super) fn writable(&mut self) -> Result<(), String> {
        match &mut self.stream {
            Some(stream) => stream.writable().map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// Reads what is there; the answer, if it is whole.
    pub(super) fn readable(
        &mut self,
        scratch: &mut [u8],
        registry: &Registry,
    ) -> Result<Option<Answer>, String> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        let ended = loop {
            match stream.read(scratch) {
                Ok(Read::Some(count)) => self.buffer.extend_from_slice(&scratch[..count]),
                Ok(Read::Last(count)) => {
                    self.buffer.extend_from_slice(&scratch[..count]);
                    break false;
                }
                Ok(Read::End) => break true,
                Err(_) if self.used && self.buffer.is_empty() => break true,
                Err(error) => return Err(error.to_string()),
            }
        };
        if self.request.is_none() {
            // Bytes that nobody asked for, or the end of an idle connection: the next request makes a new one.
            if ended || !self.buffer.is_empty() {
                self.stream = None;
                self.buffer.clear();
            }
            return Ok(None);
        }
        if let Some(answer) = Answer::parse(&self.buffer, ended)? {
            self.buffer.drain(..answer.length);
            self.request = None;
            self.used = true;
            if ended || answer.close {
                self.stream = None;
                self.buffer.clear();
            }
            return Ok(Some(answer));
        }
        match (ended, self.used && self.buffer.is_empty()) {
            (false, _) => Ok(None),
            (true, true) => self.again(registry).map(|()| None),
            (true, false) => Err("the server ended the connection without an answer".into()),
        }
    }
}
