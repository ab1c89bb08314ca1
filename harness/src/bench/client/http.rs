//! An HTTP answer, as far as the load client reads it.

use crate::client::chunked;

/// Servers with more headers than this are unlikely.
const HEADERS: usize = 64;

/// What an answer's head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The status code.
    pub(super) status: u16,
    /// `Sec-WebSocket-Accept`.
    pub(super) accept: Option<String>,
    /// Its length on the wire, the empty line included.
    pub(super) length: usize,
    body: Body,
    /// Whether the connection ends behind it.
    pub(super) close: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Length(usize),
    Chunked,
    ToTheEnd,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Vec<u8>,
    /// Whether the connection ends behind it.
    pub(super) close: bool,
    /// Its length on the wire.
    pub(super) length: usize,
}

impl Head {
    /// The head at the beginning of `bytes`; `None` while bytes are missing.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, String> {
        let mut fields = [httparse::EMPTY_HEADER; HEADERS];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes).map_err(|error| error.to_string())? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return Ok(None),
        };
        let mut head = Self {
            status: response.code.unwrap_or_default(),
            accept: None,
            length,
            body: Body::ToTheEnd,
            close: response.version == Some(0),
        };
        for field in response.headers.iter() {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            let value = std::str::from_utf8(field.value).unwrap_or_default().trim();
            if is("content-length") {
                let length = value
                    .parse()
                    .map_err(|_| format!("content-length: {value}"))?;
                head.body = Body::Length(length);
            } else if is("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
                head.body = Body::Chunked;
            } else if is("connection") {
                head.close |= value.eq_ignore_ascii_case("close");
            } else if is("sec-websocket-accept") {
                head.accept = Some(value.to_owned());
            }
        }
        Ok(Some(head))
    }
}

impl Answer {
    /// The answer at the beginning of `bytes`; `None` while bytes are missing. `ended` says that no more will come.
    pub(super) fn parse(bytes: &[u8], ended: bool) -> Result<Option<Self>, String> {
        let Some(head) = Head::parse(bytes)? else {
            return Ok(None);
        };
        let rest = &bytes[head.length..];
        let (body, length) = match head.body {
            Body::Length(length) => match rest.get(..length) {
                Some(body) => (body.to_vec(), length),
                None => return Ok(None),
            },
            Body::Chunked => match chunked(rest)? {
                Some((body, length)) => (body.into(), length),
                None => return Ok(None),
            },
            Body::ToTheEnd if ended => (rest.to_vec(), rest.len()),
            Body::ToTheEnd => return Ok(None),
        };
        Ok(Some(Self {
            status: head.status,
            body,
            close: head.close || head.body == Body::ToTheEnd,
            length: head.length + length,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_by_length_by_chunks_or_with_the_connection() {
        for (bytes, ended, close) in [
            (
                &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP"[..],
                false,
                false,
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                false,
                false,
            ),
            (
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                false,
                true,
            ),
            (
                b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                false,
                true,
            ),
            (b"HTTP/1.1 200 OK\r\n\r\nok", true, true),
        ] {
            let answer = Answer::parse(bytes, ended).unwrap().unwrap();
            assert_eq!((answer.status, &*answer.body), (200, &b"ok"[..]));
            assert_eq!(answer.close, close);
        }
    }

    #[test]
    fn half_an_answer_is_awaited() {
        for half in [
            &b"HTTP/1.1 2"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        ] {
            assert_eq!(Answer::parse(half, false), Ok(None));
        }
        assert!(Answer::parse(b"SSH-2.0-x\r\n", false).is_err());
    }
}
