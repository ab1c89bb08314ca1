//! Signals to a group of processes; the only place that knows the operating system.

use std::io;

/// What a group of processes can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// End, please.
    Term,
    /// End, now.
    Kill,
    /// Stand still.
    Stop,
    /// Go on.
    Continue,
}

/// Sends `signal` to every process of the group; a group that is gone is no error.
#[cfg(unix)]
pub(super) fn send(group: u32, signal: Signal) -> io::Result<()> {
    use rustix::process::{Pid, Signal as Native, kill_process_group};
    let native = match signal {
        Signal::Term => Native::TERM,
        Signal::Kill => Native::KILL,
        Signal::Stop => Native::STOP,
        Signal::Continue => Native::CONT,
    };
    let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    match kill_process_group(group, native) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        sent => Ok(sent?),
    }
}

/// There are no process groups here; only the child itself can be ended, which tokio does.
#[cfg(not(unix))]
pub(super) fn send(_group: u32, _signal: Signal) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "signals to process groups need Unix",
    ))
}
