//! Waking up on time: the loop's own timeout counts milliseconds, which is longer than most answers take.

use std::io;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

/// The token of its events.
pub(super) const TIMER: Token = Token(usize::MAX);

#[cfg(target_os = "linux")]
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// An alarm clock with one alarm.
#[derive(Debug)]
pub(super) struct Timer {
    #[cfg(target_os = "linux")]
    alarm: std::os::fd::OwnedFd,
    set: Option<Instant>,
}

impl Timer {
    #[cfg(target_os = "linux")]
    pub(super) fn new(registry: &Registry) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let alarm = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(
            &mut mio::unix::SourceFd(&alarm.as_raw_fd()),
            TIMER,
            mio::Interest::READABLE,
        )?;
        Ok(Self { alarm, set: None })
    }

    /// Elsewhere the loop's own timeout has to do.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn new(_: &Registry) -> io::Result<Self> {
        Ok(Self { set: None })
    }

    /// Sets the alarm; returns how long the loop may wait at most.
    #[cfg(target_os = "linux")]
    pub(super) fn set(&mut self, at: Instant, now: Instant, most: Duration) -> Duration {
        let left = at.saturating_duration_since(now);
        if left.is_zero() {
            return Duration::ZERO;
        }
        if self.set == Some(at) {
            return most;
        }
        let value = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let interval = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let alarm = Itimerspec {
            it_interval: interval,
            it_value: value,
        };
        match timerfd_settime(&self.alarm, TimerfdTimerFlags::empty(), &alarm) {
            Ok(_) => {
                self.set = Some(at);
                most
            }
            Err(_) => left.min(most),
        }
    }

    /// Sets the alarm; returns how long the loop may wait at most.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn set(&mut self, at: Instant, now: Instant, most: Duration) -> Duration {
        self.set = Some(at);
        at.saturating_duration_since(now).min(most)
    }

    /// The alarm went off.
    pub(super) fn rang(&mut self) {
        self.set = None;
    }
}
