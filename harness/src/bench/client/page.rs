//! One page of the server, asked for and waited for: not for while load runs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::address::Address;
use super::http::Answer;
use crate::play::fixture_beside;

const PATIENCE: Duration = Duration::from_secs(5);
/// Pages that are asked for are short.
const LONGEST: u64 = 1 << 20;

impl Address {
    /// Bytes of memory that the server holds, if its `/fixture` tells.
    pub(crate) fn resident(&self) -> Option<u64> {
        let body = self.page(&fixture_beside(&self.path))?;
        let page = siospec_codec::read_json(std::str::from_utf8(&body).ok()?).ok()?;
        page.get("rss")?.as_u64()
    }

    fn page(&self, path: &str) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.socket, PATIENCE).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut bytes = Vec::new();
        stream.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let answer = Answer::parse(&bytes, true).ok()??;
        (answer.status == 200).then_some(answer.body)
    }
}
