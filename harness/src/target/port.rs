//! Ports for servers that may be stopped and started again.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that Linux, macOS and Windows lend to outgoing connections. A server that was given one of those
/// (as for port 0) and is stopped may find it lent to somebody's connection when it comes back.
const OWN: Range<u16> = 20_000..30_000;

/// How many ports are tried before the choice is left to the system.
const TRIES: usize = 50;

// Two programs at once begin at different places, and within one no port is given out twice in a row.
static NEXT: LazyLock<AtomicU16> =
    LazyLock::new(|| AtomicU16::new(rand::random_range(0..OWN.end - OWN.start)));

/// A port on which nothing listens now and which no outgoing connection is given, another one at each call; 0 where
/// none was found, with which the server chooses for itself.
pub(super) fn own() -> u16 {
    let length = OWN.end - OWN.start;
    (0..TRIES)
        .map(|_| OWN.start + NEXT.fetch_add(1, Ordering::Relaxed) % length)
        .find(|port| !is_taken(*port))
        .unwrap_or(0)
}

/// Whether somebody listens on the port.
pub(super) fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_gets_a_port_that_no_connection_is_lent_and_nobody_else_has() {
        let port = own();
        assert!(OWN.contains(&port), "{port}");
        assert_ne!(own(), port);
        NEXT.store(port - OWN.start, Ordering::Relaxed);
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(is_taken(port));
        assert_ne!(own(), port);
        drop(taken);
        assert!(!is_taken(port));
    }
}
