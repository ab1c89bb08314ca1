//! Keeps the timers of a polling session, which has no connection of its own to keep them.

use super::polling::give_way;
use crate::link::Link;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

/// Runs until the session is over or a WebSocket carries it.
pub(crate) async fn drive(link: Arc<Link>) {
    let mut sleep = Box::pin(tokio::time::sleep_until(link.core.now().into()));
    loop {
        link.run();
        let Some(deadline) = arm(&link) else { break };
        sleep.as_mut().reset(deadline.into());
        let rang = poll_fn(|context| {
            if sleep.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            let mut state = link.state();
            if state.calls_for(deadline) || state.session.transport() != "polling" {
                return Poll::Ready(false);
            }
            state.wakers.driver = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        if rang {
            // A server that was kept from running has pongs lying in its sockets that came in time. The POST that brings
            // one may need a connection first, and gives way itself.
            for _ in 0..3 {
                give_way().await;
            }
            link.tick(link.core.now());
        }
    }
    if link.state().session.is_over() {
        link.core.links.remove(&link.sid);
    }
}

fn arm(link: &Link) -> Option<std::time::Instant> {
    let mut state = link.state();
    if state.session.transport() != "polling" {
        return None;
    }
    state.wakers.alarm = state.poll_timeout();
    state.wakers.alarm
}
