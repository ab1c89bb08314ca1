//! A polling session of the load client: a GET that always hangs, and POSTs one after the other.

use std::sync::Arc;

use mio::Registry;
use siospec_codec::engine::payload;

use super::address::Address;
use super::exchange::Exchange;

/// One session.
#[derive(Debug)]
pub(super) struct Polling {
    address: Arc<Address>,
    get: Exchange,
    post: Exchange,
    sid: Option<String>,
    /// What waits until the POST under way is answered.
    queue: String,
}

/// Which of the two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Get,
    Post,
}

impl Polling {
    /// Asks for a session.
    pub(super) fn new(
        address: Arc<Address>,
        get: Exchange,
        post: Exchange,
        registry: &Registry,
    ) -> Result<Self, String> {
        let mut polling = Self {
            address,
            get,
            post,
            sid: None,
            queue: String::new(),
        };
        polling.poll(registry)?;
        Ok(polling)
    }

    /// The session has this id; from now on it is polled.
    pub(super) fn opened(&mut self, sid: String, registry: &Registry) -> Result<(), String> {
        self.sid = Some(sid);
        self.poll(registry)
    }

    fn poll(&mut self, registry: &Registry) -> Result<(), String> {
        let mut head = self.address.head("GET", "polling", self.sid.as_deref());
        head.push_str("\r\n");
        self.get.ask(head.into_bytes(), registry)
    }

    /// Sends Engine.IO packets, separated if there are several: now, or with the next POST.
    pub(super) fn send(&mut self, packets: &str, registry: &Registry) -> Result<(), String> {
        payload::separate(&mut self.queue);
        self.queue.push_str(packets);
        self.flush(registry)
    }

    fn flush(&mut self, registry: &Registry) -> Result<(), String> {
        if self.queue.is_empty() || self.post.is_busy() {
            return Ok(());
        }
        let mut request = self.address.head("POST", "polling", self.sid.as_deref());
        let length = self.queue.len();
        request.push_str("Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ");
        request.push_str(&format!("{length}\r\n\r\n{}", self.queue));
        self.queue.clear();
        self.post.ask(request.into_bytes(), registry)
    }

    /// Whether all that was to be sent is answered.
    pub(super) fn is_flushed(&self) -> bool {
        self.queue.is_empty() && !self.post.is_busy()
    }

    pub(super) fn writable(&mut self, half: Half) -> Result<(), String> {
        match half {
            Half::Get => self.get.writable(),
            Half::Post => self.post.writable(),
        }
    }

    /// Reads what is there; each packet's text goes to `deliver`.
    pub(super) fn readable(
        &mut self,
        half: Half,
        scratch: &mut [u8],
        registry: &Registry,
        deliver: &mut dyn FnMut(&str) -> Result<(), String>,
    ) -> Result<(), String> {
        let exchange = match half {
            Half::Get => &mut self.get,
            Half::Post => &mut self.post,
        };
        let Some(answer) = exchange.readable(scratch, registry)? else {
            return Ok(());
        };
        let body = String::from_utf8(answer.body).map_err(|_| "a body is not UTF-8".to_owned())?;
        if answer.status != 200 {
            let line: String = body
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(80)
                .collect();
            return Err(format!(
                "a {half:?} was answered {} ({line})",
                answer.status
            ));
        }
        match half {
            Half::Get => {
                let packets = body.split(char::from(payload::SEPARATOR));
                packets
                    .filter(|text| !text.is_empty())
                    .try_for_each(deliver)?;
                if self.sid.is_some() {
                    self.poll(registry)
                } else {
                    Ok(())
                }
            }
            Half::Post => self.flush(registry),
        }
    }
}
