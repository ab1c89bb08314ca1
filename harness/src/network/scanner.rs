//! Where requests, responses, frames and packets end in one direction of a TCP connection.
//!
//! The fault proxy cuts "after the second packet" or "after the first request". It learns where these
//! end by reading along, without holding anything back and without changing a byte. Pure: bytes in,
//! boundaries out.

use std::fmt;
use std::ops::ControlFlow;

use super::body::{Body, Chunk, Framing};
use super::frame::Frame;

/// Which way bytes flow through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

/// What ends at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// An HTTP request (upward) or response (downward), head and body.
    Request,
    /// One WebSocket frame, control frames included.
    Frame,
    /// One Engine.IO packet: a whole WebSocket data message, or one packet of a polling body.
    Packet,
}

/// The end of a unit, as an offset into the bytes just fed (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundary {
    /// Offset in bytes into the chunk that was fed; the unit's last byte stands before it.
    pub offset: usize,
    /// What ended there.
    pub unit: Unit,
}

/// The largest HTTP head that is read along; beyond it, the connection counts as opaque bytes.
const HEAD_LIMIT: usize = 64 * 1024;
/// As many headers as the proxied heads can sensibly have.
const HEADERS: usize = 64;

#[derive(Debug, Clone)]
enum State {
    Head(Vec<u8>),
    Body(Body),
    Frame(Frame),
    /// Not HTTP as we know it: only bytes are counted from here on.
    Opaque,
}

/// Reads along one direction of one TCP connection.
#[derive(Debug, Clone)]
pub struct Scanner {
    direction: Direction,
    state: State,
}

impl Scanner {
    /// A scanner at the start of a connection.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            state: State::Head(Vec::new()),
        }
    }

    /// Reads the next bytes of the stream and tells which units end within them, in order.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Boundary> {
        let mut boundaries = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let step = match &mut self.state {
                State::Head(head) => {
                    read_head(self.direction, head, bytes, &mut at, &mut boundaries)
                }
                State::Body(body) => match body.read(bytes, &mut at, &mut boundaries) {
                    true => ControlFlow::Break(State::Head(Vec::new())),
                    false => ControlFlow::Continue(()),
                },
                State::Frame(frame) => {
                    frame.read(bytes, &mut at, &mut boundaries);
                    ControlFlow::Continue(())
                }
                State::Opaque => break,
            };
            if let ControlFlow::Break(next) = step {
                self.state = next;
            }
        }
        boundaries
    }
}

fn read_head(
    direction: Direction,
    head: &mut Vec<u8>,
    bytes: &[u8],
    at: &mut usize,
    boundaries: &mut Vec<Boundary>,
) -> ControlFlow<State> {
    while *at < bytes.len() {
        head.push(bytes[*at]);
        *at += 1;
        if head.ends_with(b"\r\n\r\n") {
            let next = after_head(direction, head);
            if matches!(&next, State::Head(_) | State::Frame(_)) {
                boundaries.push(Boundary {
                    offset: *at,
                    unit: Unit::Request,
                });
            }
            return ControlFlow::Break(next);
        }
        if head.len() > HEAD_LIMIT {
            return ControlFlow::Break(State::Opaque);
        }
    }
    ControlFlow::Continue(())
}

/// What follows a whole head: a body, frames, the next head, or bytes that are not HTTP.
fn after_head(direction: Direction, head: &[u8]) -> State {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let (headers, upgraded, bodyless) = match direction {
        Direction::Up => {
            let mut request = httparse::Request::new(&mut headers);
            if !matches!(request.parse(head), Ok(httparse::Status::Complete(_))) {
                return State::Opaque;
            }
            let upgraded = header(request.headers, "upgrade")
                .is_some_and(|v| v.eq_ignore_ascii_case(b"websocket"));
            (request.headers, upgraded, true)
        }
        Direction::Down => {
            let mut response = httparse::Response::new(&mut headers);
            if !matches!(response.parse(head), Ok(httparse::Status::Complete(_))) {
                return State::Opaque;
            }
            let status = response.code.unwrap_or(0);
            (
                response.headers,
                status == 101,
                matches!(status, 100..=199 | 204 | 304),
            )
        }
    };
    if upgraded {
        return State::Frame(Frame::default());
    }
    let chunked = header(headers, "transfer-encoding")
        .is_some_and(|v| v.to_ascii_lowercase().ends_with(b"chunked"));
    let length = header(headers, "content-length")
        .and_then(|v| std::str::from_utf8(v).ok())
        .and_then(|v| v.trim().parse().ok());
    let framing = match (chunked, length) {
        (true, _) => Framing::Chunked(Chunk::Size {
            value: 0,
            extension: false,
        }),
        (false, Some(0)) => return State::Head(Vec::new()),
        (false, Some(length)) => Framing::Length(length),
        (false, None) if bodyless => return State::Head(Vec::new()),
        (false, None) => Framing::UntilClose,
    };
    State::Body(Body::new(framing))
}

fn header<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|h| h.name.eq_ignore_ascii_case(name))
        .map(|h| h.value)
}

/// Where the next `left` bytes end, as far as they are there.
pub(super) fn end_of(from: usize, available: usize, left: u64) -> usize {
    usize::try_from(left).map_or(available, |left| available.min(from.saturating_add(left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(direction: Direction, stream: &[u8], chunk: usize) -> Vec<(usize, Unit)> {
        let mut scanner = Scanner::new(direction);
        let mut found = Vec::new();
        for (i, piece) in stream.chunks(chunk).enumerate() {
            found.extend(
                scanner
                    .feed(piece)
                    .into_iter()
                    .map(|b| (i * chunk + b.offset, b.unit)),
            );
        }
        found
    }

    /// However the stream is sliced, the same boundaries stand at the same bytes.
    fn sliced(direction: Direction, stream: &[u8]) -> Vec<(usize, Unit)> {
        let whole = ends(direction, stream, stream.len());
        for chunk in 1..stream.len() {
            assert_eq!(
                ends(direction, stream, chunk),
                whole,
                "in slices of {chunk}"
            );
        }
        whole
    }

    #[test]
    fn a_get_ends_with_its_head_and_a_post_with_its_body() {
        let stream = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n4a\x1e4bGET / HTTP/1.1\r\n\r\n";
        let get = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n".len();
        let head = get + b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n".len();
        assert_eq!(
            sliced(Direction::Up, stream),
            [
                (get, Unit::Request),
                (head + 2, Unit::Packet),
                (head + 5, Unit::Packet),
                (head + 5, Unit::Request),
                (stream.len(), Unit::Request)
            ]
        );
    }

    #[test]
    fn an_ok_is_a_response_but_no_packet() {
        let stream = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(
            sliced(Direction::Down, stream),
            [(stream.len(), Unit::Request)]
        );
    }

    #[test]
    fn a_chunked_body_is_counted_by_its_content() {
        let stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\n4a\x1e\r\n2\r\n4b\r\n0\r\nT: 1\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
        let found = sliced(Direction::Down, stream);
        let units: Vec<_> = found.iter().map(|(_, unit)| *unit).collect();
        assert_eq!(
            units,
            [Unit::Packet, Unit::Packet, Unit::Request, Unit::Request]
        );
    }

    #[test]
    fn after_the_101_frames_are_counted_and_fragments_make_one_packet() {
        let mut stream = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let start = stream.len();
        stream.extend(b"\x81\x02hi"); // text, whole
        stream.extend(b"\x01\x01a\x89\x00\x80\x01b"); // fragment, ping, last fragment
        stream.extend([0x82, 126, 0, 200]);
        stream.extend([7; 200]);
        let frame = |end, packet| {
            let mut found = vec![(end, Unit::Frame)];
            found.extend(std::iter::repeat_n(
                (end, Unit::Packet),
                usize::from(packet),
            ));
            found
        };
        let expected: Vec<_> = [
            vec![(start, Unit::Request)],
            frame(start + 4, true),
            frame(start + 7, false),
            frame(start + 9, false),
            frame(start + 12, true),
            frame(start + 216, true),
        ]
        .concat();
        assert_eq!(sliced(Direction::Down, &stream), expected);
    }

    #[test]
    fn a_masked_frame_of_the_client_ends_behind_its_mask_and_payload() {
        let mut stream =
            b"GET /socket.io/ HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"
                .to_vec();
        let start = stream.len();
        stream.extend(b"\x81\x82mask40");
        assert_eq!(
            sliced(Direction::Up, &stream),
            [
                (start, Unit::Request),
                (start + 8, Unit::Frame),
                (start + 8, Unit::Packet)
            ]
        );
    }

    #[test]
    fn what_is_not_http_has_no_boundaries() {
        assert_eq!(sliced(Direction::Up, b"\x16\x03\x01 hello \r\n\r\n 40"), []);
    }
}
