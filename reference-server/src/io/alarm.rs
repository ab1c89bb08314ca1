//! One alarm for a connection, however many heads of requests it waits for.

use hyper::rt::{Sleep, Timer};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Rings at the latest deadline that was asked for.
///
/// hyper asks for one with every request, and in tokio's wheel each is hung between those of other connections, whose
/// memory is cold. This one stays where it hangs until it rings, and only then looks whether that is too early.
pub(crate) struct Alarm(Arc<Mutex<Pin<Box<tokio::time::Sleep>>>>);

/// One deadline of an [`Alarm`].
struct Deadline {
    alarm: Arc<Mutex<Pin<Box<tokio::time::Sleep>>>>,
    at: Instant,
}

impl Alarm {
    /// An alarm that first rings after this time.
    pub(crate) fn new(first: Duration) -> Self {
        Self(Arc::new(Mutex::new(Box::pin(tokio::time::sleep(first)))))
    }
}

impl Timer for Alarm {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline {
            alarm: self.0.clone(),
            at: deadline,
        })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let at = self.at.into();
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.deadline() > at {
            alarm.as_mut().reset(at);
        }
        while alarm.as_mut().poll(context).is_ready() {
            if alarm.deadline() >= at {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(at);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(30);

    /// How long `deadline` still takes.
    async fn rest(deadline: Pin<Box<dyn Sleep>>) -> Duration {
        let begin = tokio::time::Instant::now();
        deadline.await;
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_is_waited_for_as_long_as_it_may_take() {
        let alarm = Alarm::new(HEAD);
        assert_eq!(rest(alarm.sleep(HEAD)).await, HEAD);
        assert_eq!(rest(alarm.sleep(HEAD)).await, HEAD);
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_head_has_its_full_time_though_the_alarm_was_set_for_the_first() {
        let alarm = Alarm::new(HEAD);
        let first = alarm.sleep(HEAD);
        assert!(tokio::time::timeout(HEAD / 3, first).await.is_err());
        assert_eq!(rest(alarm.sleep(HEAD)).await, HEAD);
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_deadline_is_not_missed() {
        let alarm = Alarm::new(HEAD);
        assert_eq!(rest(alarm.sleep(HEAD / 3)).await, HEAD / 3);
    }
}
