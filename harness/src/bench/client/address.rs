//! Where the load goes.

use std::net::{Ipv4Addr, SocketAddr};

/// Connections from one source address; a system gives out about 28,000 ports to each.
const PER_SOURCE: usize = 12_000;

/// A server, as the load client sees it. It speaks plain HTTP only.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// Where it listens.
    pub(crate) socket: SocketAddr,
    /// What stands in `Host`.
    pub(crate) host: String,
    /// The path of Socket.IO; begins and ends with `/`.
    pub(crate) path: String,
    /// Further headers of each request.
    pub(crate) headers: Vec<(String, String)>,
}

impl Address {
    /// The request line and the headers that every request has, without the empty line at the end.
    pub(super) fn head(&self, method: &str, transport: &str, sid: Option<&str>) -> String {
        let mut head = format!("{method} {}?EIO=4&transport={transport}", self.path);
        if let Some(sid) = sid {
            head.push_str("&sid=");
            head.push_str(sid);
        }
        head.push_str(" HTTP/1.1\r\nHost: ");
        head.push_str(&self.host);
        head.push_str("\r\n");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head
    }

    /// The address that connection number `index` comes from: the system's choice, unless there are more of them than
    /// it has ports for one; a loopback device has many addresses.
    pub(super) fn source(&self, index: usize) -> Option<Ipv4Addr> {
        let block = u8::try_from(index / PER_SOURCE).unwrap_or(u8::MAX);
        let loopback = matches!(self.socket.ip(), std::net::IpAddr::V4(ip) if ip.is_loopback());
        (block > 0 && loopback).then(|| Ipv4Addr::new(127, 0, 0, block.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_come_from_several_addresses() {
        let mut address = Address {
            socket: ([127, 0, 0, 1], 1).into(),
            host: "localhost:1".into(),
            path: "/socket.io/".into(),
            headers: vec![("x".into(), "y".into())],
        };
        assert_eq!(address.source(0), None);
        assert_eq!(
            address.source(PER_SOURCE),
            Some(Ipv4Addr::new(127, 0, 0, 2))
        );
        assert_eq!(
            address.head("GET", "polling", Some("s")),
            "GET /socket.io/?EIO=4&transport=polling&sid=s HTTP/1.1\r\nHost: localhost:1\r\nx: y\r\n"
        );
        address.socket = ([10, 0, 0, 1], 1).into();
        assert_eq!(address.source(PER_SOURCE), None);
    }
}
