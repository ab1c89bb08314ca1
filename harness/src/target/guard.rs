//! What ends the targets when siospec itself is ended in a way that it cannot answer, such as SIGKILL.
//!
//! One small shell per run of siospec holds the reading end of a pipe and a list of process groups. The kernel
//! closes the pipe when siospec is gone, however it went, and the shell then ends every group still on the list.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// `+ 123` adds a group, `- 123` strikes it; at the end of input the rest is ended, gently first.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=
while read -r op id; do
  rest=
  for g in $groups; do [ "$g" = "$id" ] || rest="$rest $g"; done
  groups=$rest
  [ "$op" = + ] && groups="$groups $id"
done
[ -z "$groups" ] && exit 0
for g in $groups; do kill -s CONT -- "-$g"; kill -s TERM -- "-$g"; done
sleep 3
for g in $groups; do kill -s KILL -- "-$g"; done
"#;

static GUARD: Mutex<Option<Child>> = Mutex::new(None);

/// A group on the guard's list until this is dropped.
#[derive(Debug)]
pub(super) struct Watched {
    group: u32,
}

impl Watched {
    /// Puts the group on the list. Where there is no `sh` there is no guard; every other path still ends it.
    pub(super) fn new(group: u32) -> Self {
        tell('+', group);
        Self { group }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        tell('-', self.group);
    }
}

fn tell(op: char, group: u32) {
    let mut guard = GUARD.lock().unwrap_or_else(PoisonError::into_inner);
    if guard.is_none() {
        *guard = spawn();
    }
    let written = guard
        .as_mut()
        .and_then(|g| g.stdin.as_mut())
        .map(|pipe| writeln!(pipe, "{op} {group}"));
    if let Some(Err(_)) = written {
        *guard = None;
    }
}

fn spawn() -> Option<Child> {
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().ok()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    /// A process in a group of its own.
    fn leader(script: &str) -> Child {
        Command::new("sh")
            .args(["-c", script])
            .process_group(0)
            .spawn()
            .unwrap()
    }

    #[test]
    fn what_is_on_the_list_ends_when_the_pipe_does_and_the_rest_lives() {
        let (mut listed, mut struck) = (leader("exec sleep 60"), leader("exec sleep 60"));
        let mut guard = spawn().unwrap();
        let mut pipe = guard.stdin.take().unwrap();
        write!(
            pipe,
            "+ {}\n+ {}\n- {}\n",
            listed.id(),
            struck.id(),
            struck.id()
        )
        .unwrap();
        drop(pipe);
        assert_eq!(listed.wait().unwrap().signal(), Some(15));
        assert_eq!(struck.try_wait().unwrap(), None);
        struck.kill().unwrap();
        struck.wait().unwrap();
        guard.kill().unwrap();
        guard.wait().unwrap();
    }
}
