//! Bytes that a scenario writes as an HTTP request, addressed to this very server.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::endpoint::Endpoint;

/// The beginning of a request: method and path. Half a request may end anywhere behind it.
static REQUEST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^([A-Z]+ )(/(?:socket|engine)\.io/)").ok());
/// The host that scenarios write.
const HOST: &str = "\r\nHost: localhost\r\n";

impl Endpoint {
    /// The canonical paths become the server's own, and `Host: localhost` its name, behind which go the headers that every
    /// request to it has: a proxy or a virtual host before the server would send anything else to somebody else.
    pub(super) fn own_head<'b>(&self, written: &'b [u8]) -> Cow<'b, [u8]> {
        let (Some(request), Ok(text)) = (REQUEST.as_ref(), std::str::from_utf8(written)) else {
            return Cow::Borrowed(written);
        };
        if !request.is_match(text) {
            return Cow::Borrowed(written);
        }
        let addressed = request.replace_all(text, |found: &Captures<'_>| {
            format!("{}{}", &found[1], self.target(&found[2]))
        });
        let mut host = format!("\r\nHost: {}\r\n", self.authority());
        for (name, value) in &self.headers {
            host += &format!("{name}: {value}\r\n");
        }
        Cow::Owned(addressed.replace(HOST, &host).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        let mut endpoint = Endpoint::url("http://example.org/chat/").unwrap();
        endpoint.headers = vec![("Authorization".to_owned(), "Bearer x".to_owned())];
        endpoint
    }

    fn own(written: &str) -> String {
        let sent = endpoint().own_head(written.as_bytes()).into_owned();
        String::from_utf8(sent).unwrap()
    }

    #[test]
    fn a_request_goes_to_the_servers_own_name_and_path_with_its_headers() {
        let written = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n\
                       POST /engine.io/?sid=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n2";
        let sent = "GET /chat/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: example.org\r\n\
                    Authorization: Bearer x\r\n\r\nPOST /chat/engine.io/?sid=a HTTP/1.1\r\nHost: example.org\r\n\
                    Authorization: Bearer x\r\nContent-Length: 1\r\n\r\n2";
        assert_eq!(own(written), sent);
    }

    #[test]
    fn half_a_request_is_addressed_as_far_as_it_goes() {
        let half = "GET /socket.io/?EIO=4&trans";
        assert_eq!(own(half), "GET /chat/socket.io/?EIO=4&trans");
    }

    #[test]
    fn bytes_that_are_no_request_stay_as_they_are() {
        for bytes in [
            "e-1234",
            "2\r\n41\r\n",
            "a GET /socket.io/\r\nHost: localhost\r\n",
        ] {
            assert_eq!(own(bytes), bytes);
        }
    }
}
