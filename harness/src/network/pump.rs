//! One direction of one proxied connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::proxy::Shared;
use super::scanner::Direction;
use crate::network::Action;

/// How many bytes are read at once, and so the most that the proxy holds of one direction.
const CHUNK: usize = 16 * 1024;
/// How many portions a second's bytes are sent in, where the bandwidth is limited.
const PORTIONS: u64 = 20;

/// How often each kind of end was ordered. Counted, so that none is missed however fast they follow one another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Orders {
    resets: u64,
    closes: u64,
    half_closes_up: u64,
    half_closes_down: u64,
}

impl Orders {
    /// One more order.
    pub(super) fn add(&mut self, action: Action) {
        match action {
            Action::Reset | Action::Refuse => self.resets += 1,
            Action::Close => self.closes += 1,
            Action::HalfClose(Direction::Up) => self.half_closes_up += 1,
            Action::HalfClose(Direction::Down) => self.half_closes_down += 1,
            Action::Blackhole(_) | Action::Restore => {}
        }
    }

    /// What a direction of a connection that began at `since` must do.
    fn end(self, since: Self, direction: Direction) -> Option<End> {
        let half_closed = match direction {
            Direction::Up => self.half_closes_up > since.half_closes_up,
            Direction::Down => self.half_closes_down > since.half_closes_down,
        };
        if self.resets > since.resets {
            return Some(End::Reset);
        }
        (self.closes > since.closes || half_closed).then_some(End::Fin)
    }
}

/// How one direction of a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A FIN was passed on, or ordered.
    Fin,
    /// A reset was passed on, or ordered.
    Reset,
}

/// One direction of one connection.
pub(super) struct Pump {
    /// The connection's number.
    pub(super) number: u64,
    /// Which way it carries.
    pub(super) direction: Direction,
    /// The proxy that it belongs to.
    pub(super) shared: Arc<Shared>,
    /// What is ordered.
    pub(super) orders: watch::Receiver<Orders>,
    /// What had been ordered before the connection was there.
    pub(super) since: Orders,
    /// Whether the other direction broke; told to it, too.
    pub(super) broken: watch::Sender<bool>,
}

impl Pump {
    /// Carries bytes until an end.
    pub(super) async fn run(
        &mut self,
        reader: &mut OwnedReadHalf,
        writer: &mut OwnedWriteHalf,
    ) -> End {
        let (orders, broken) = (self.orders.clone(), self.broken.subscribe());
        let end = tokio::select! {
            biased;
            end = stopped(self.direction, orders, self.since, broken) => end,
            end = self.flow(reader, writer) => end,
        };
        match end {
            End::Fin => {
                let _ = writer.shutdown().await;
            }
            End::Reset => {
                self.broken.send_replace(true);
            }
        }
        end
    }

    /// Carries bytes until the reader ends or breaks; what a rule stops here waits for its order.
    async fn flow(&mut self, reader: &mut OwnedReadHalf, writer: &mut OwnedWriteHalf) -> End {
        let mut chunk = vec![0; CHUNK];
        loop {
            self.fair().await;
            let read = match reader.read(&mut chunk).await {
                Ok(0) => return End::Fin,
                Ok(read) => read,
                Err(_) => return End::Reset,
            };
            let mut rest = &chunk[..read];
            while !rest.is_empty() {
                self.fair().await;
                let (passage, at) = self.shared.passage(self.number, self.direction, rest);
                if self.deliver(&rest[..passage.pass], writer).await.is_err() {
                    return End::Reset;
                }
                rest = &rest[passage.pass..];
                let Some(action) = passage.then else { continue };
                self.shared
                    .tell_at(at, Some(self.number), &action.to_string());
                self.shared.order(action);
                if action.ends() {
                    // `stopped` ends this flow; no further byte may pass before it does.
                    return std::future::pending().await;
                }
                // Lets the order take effect before the next byte is looked at.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits until bytes of this direction pass.
    async fn fair(&mut self) {
        while !self.shared.link().passes(self.direction) {
            if self.orders.changed().await.is_err() {
                return;
            }
        }
    }

    async fn deliver(&mut self, bytes: &[u8], writer: &mut OwnedWriteHalf) -> io::Result<()> {
        let (shape, wait) = self.shared.link().shape(self.number, self.direction);
        if !wait.is_zero() {
            let (size, direction) = (bytes.len(), self.direction);
            self.shared.tell(
                Some(self.number),
                &format!("{size} bytes {direction} wait {wait:?}"),
            );
            tokio::time::sleep(wait).await;
        }
        let bandwidth = shape.bandwidth.filter(|rate| *rate > 0);
        let portion = bandwidth.map_or(CHUNK, |rate| {
            usize::try_from(rate / PORTIONS).unwrap_or(CHUNK)
        });
        let piece = shape.slice.unwrap_or(CHUNK).min(portion).max(1);
        for piece in bytes.chunks(piece) {
            writer.write_all(piece).await?;
            if shape.slice.is_some() {
                // The peer's reader gets its turn, so that the pieces arrive apart.
                tokio::task::yield_now().await;
            }
            if let Some(rate) = bandwidth {
                let time = piece.len() as f64 / rate as f64;
                tokio::time::sleep(Duration::from_secs_f64(time)).await;
            }
        }
        Ok(())
    }
}

/// Waits for an order that ends this direction, or for the other direction to break.
async fn stopped(
    direction: Direction,
    mut orders: watch::Receiver<Orders>,
    since: Orders,
    mut broken: watch::Receiver<bool>,
) -> End {
    loop {
        let ordered = *orders.borrow_and_update();
        if let Some(end) = ordered.end(since, direction) {
            return end;
        }
        tokio::select! {
            changed = orders.changed() => if changed.is_err() { return End::Reset },
            gone = broken.wait_for(|broken| *broken) => { let _ = gone; return End::Reset }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_not_missed_though_another_follows_it_at_once() {
        let mut orders = Orders::default();
        let before = orders;
        orders.add(Action::Reset);
        orders.add(Action::Restore);
        let after = orders;
        assert_eq!(orders.end(before, Direction::Up), Some(End::Reset));
        assert_eq!(
            orders.end(after, Direction::Up),
            None,
            "it concerned those that stood"
        );
        orders.add(Action::HalfClose(Direction::Down));
        orders.add(Action::HalfClose(Direction::Up));
        for direction in [Direction::Up, Direction::Down] {
            assert_eq!(orders.end(after, direction), Some(End::Fin));
        }
    }
}
