//! Where the server under test is, and what is known of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::scenario::model::Transport;

/// A running server, as a trial sees it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Scheme and authority, such as `http://127.0.0.1:5000`; no path.
    pub base: reqwest::Url,
    /// The server's path for the scenarios' `/socket.io/`; begins and ends with `/`.
    pub socket_path: String,
    /// The server's path for the scenarios' `/engine.io/`.
    pub engine_path: String,
    /// Headers sent with every request and handshake, from `--header`.
    pub headers: Vec<(String, String)>,
    /// How TLS peers are verified; the roots of the system and of `--ca`. Needed for `https` only.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The capabilities that the target declares.
    pub capabilities: BTreeSet<String>,
    /// Whether the app of the fixture contract answers on the socket path. A server without it is
    /// bare: fences use the refusal of an unknown namespace, and unforeseen packets are recorded
    /// instead of judged.
    pub fixture: bool,
    /// `$config.…`: the knobs in effect, as numbers (milliseconds, bytes), booleans or strings,
    /// named as in a scenario's `config:`.
    pub knobs: BTreeMap<String, Value>,
    /// Whether other trials may talk to the same process now. Then room names get a suffix of the
    /// trial's own, and `/monitor` events about sockets of others are skipped.
    pub shared: bool,
    /// How a client opens of which the scenario does not say it; WebSocket, unless the server has none.
    pub transport: Transport,
    /// Connect here instead of to the authority of `base`, which stays the name in `Host` and in
    /// TLS: the seam of the fault proxy.
    pub connect: Option<SocketAddr>,
}

/// Where the app of the fixture contract tells what it is, beside this path of Socket.IO.
pub(crate) fn fixture_beside(socket_path: &str) -> String {
    let prefix = socket_path.strip_suffix("socket.io/").unwrap_or("/");
    format!("{prefix}fixture")
}

impl Endpoint {
    /// A fixture server on `http://address` with the default paths, for itself alone, no knob
    /// known and no capability declared.
    pub fn local(address: SocketAddr) -> Result<Self, EndpointError> {
        Self::url(&format!("http://{address}"))
    }

    /// A server of the fixture contract at a URL such as `https://example.org/` or
    /// `http://localhost:3000`. A path in it is the prefix of both paths of the protocol.
    pub fn url(url: &str) -> Result<Self, EndpointError> {
        let mut base = reqwest::Url::parse(url).map_err(|error| EndpointError::Syntax {
            url: url.to_owned(),
            reason: error.to_string(),
        })?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(EndpointError::Scheme {
                url: url.to_owned(),
            });
        }
        let prefix = base.path().trim_end_matches('/').to_owned();
        base.set_path("");
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            base,
            socket_path: format!("{prefix}/socket.io/"),
            engine_path: format!("{prefix}/engine.io/"),
            headers: Vec::new(),
            tls: None,
            capabilities: BTreeSet::new(),
            fixture: true,
            knobs: BTreeMap::new(),
            shared: false,
            transport: Transport::WebSocket,
            connect: None,
        })
    }

    /// The request target on this server for one written in a scenario: the canonical paths
    /// `/socket.io/`, `/engine.io/` and `/fixture` become the target's own, all else stays.
    pub fn target(&self, written: &str) -> String {
        let fixture = fixture_beside(&self.socket_path);
        for (canonical, own) in [
            ("/socket.io/", &self.socket_path),
            ("/engine.io/", &self.engine_path),
            ("/fixture", &fixture),
        ] {
            if let Some(rest) = written.strip_prefix(canonical) {
                return format!("{own}{rest}");
            }
        }
        written.to_owned()
    }

    /// Whether connections are encrypted.
    pub fn encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// The host in `Host` and in the certificate.
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// `host:port`, the port left out where it is the scheme's own.
    pub fn authority(&self) -> String {
        match self.base.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }
}

/// Why a URL cannot be an endpoint.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EndpointError {
    /// It is not a URL.
    #[error("`{url}` is not a URL: {reason}")]
    Syntax {
        /// What was given.
        url: String,
        /// What the URL parser says.
        reason: String,
    },
    /// It is not a web address.
    #[error("`{url}` must begin with http:// or https:// and name a host")]
    Scheme {
        /// What was given.
        url: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_paths_become_the_targets_own() {
        let endpoint = Endpoint::url("https://example.org/chat/").unwrap();
        assert_eq!(
            endpoint.target("/socket.io/?EIO=4"),
            "/chat/socket.io/?EIO=4"
        );
        assert_eq!(endpoint.target("/engine.io/"), "/chat/engine.io/");
        assert_eq!(endpoint.target("/fixture"), "/chat/fixture");
        assert_eq!(endpoint.target("/other"), "/other");
        assert_eq!(endpoint.authority(), "example.org");
        assert!(endpoint.encrypted());
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        assert!(matches!(
            Endpoint::url("localhost:3000"),
            Err(EndpointError::Scheme { .. })
        ));
        assert!(matches!(
            Endpoint::url("not a url"),
            Err(EndpointError::Syntax { .. })
        ));
    }
}
