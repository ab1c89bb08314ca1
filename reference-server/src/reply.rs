//! The answer to a request of the server, on its way from whoever gets it to whoever waits for it.

use crate::args::Args;
use crate::handler::CallError;
use crate::link::Waiter;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

#[derive(Default)]
struct Slot {
    answer: Option<Result<Args, CallError>>,
    waker: Option<Waker>,
}

/// A waiter, and the future of what it will be told.
pub(crate) fn reply() -> (Waiter, impl Future<Output = Result<Args, CallError>> + Send) {
    let slot = Arc::new(Mutex::new(Slot::default()));
    let filled = slot.clone();
    let waiter = Box::new(move |answer| {
        let mut slot = filled.lock().unwrap_or_else(PoisonError::into_inner);
        slot.answer = Some(answer);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    });
    let answer = poll_fn(move |context| {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = slot.answer.take() {
            return Poll::Ready(answer);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    });
    (waiter, answer)
}
