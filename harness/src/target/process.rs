//! A target's process: started, waited for until it says `READY <port>`, and ended on every path.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::guard::Watched;
use super::output::Output;
use super::signal::{self, Signal};

/// What is started, where, and with which environment beside ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The folder that it runs in.
    pub dir: PathBuf,
    /// Variables on top of our own environment.
    pub env: BTreeMap<String, String>,
}

impl Launch {
    /// The command as one would type it.
    pub fn typed(&self) -> String {
        self.argv.join(" ")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.argv.first().map_or("", String::as_str));
        command
            .args(self.argv.get(1..).unwrap_or_default())
            .current_dir(&self.dir)
            .envs(&self.env);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command
    }

    /// Starts the program without waiting for it to say anything.
    pub fn spawn(
        &self,
        each_line: impl FnMut(&str) + Send + 'static,
    ) -> Result<Process, LaunchError> {
        let mut child = self.child(Stdio::null())?;
        let output = Output::default();
        let stdout = child
            .stdout
            .take()
            .map(|out| tokio::spawn(output.clone().drain(out, each_line)));
        Ok(Self::watch(child, output, stdout))
    }

    /// Starts the program for a conversation: its stdin and stdout are the caller's, its stderr is kept.
    pub fn converse(&self) -> Result<(Process, ChildStdin, ChildStdout), LaunchError> {
        let mut child = self.child(Stdio::piped())?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let process = Self::watch(child, Output::default(), None);
        let Some((stdin, stdout)) = pipes else {
            return Err(self.refused(std::io::ErrorKind::BrokenPipe.into()));
        };
        Ok((process, stdin, stdout))
    }

    fn child(&self, stdin: Stdio) -> Result<Child, LaunchError> {
        let mut command = self.command();
        command.stdin(stdin);
        command.spawn().map_err(|error| self.refused(error))
    }

    fn refused(&self, error: std::io::Error) -> LaunchError {
        LaunchError::Command {
            command: self.typed(),
            program: self.argv.first().cloned().unwrap_or_default(),
            dir: self.dir.clone(),
            error,
        }
    }

    /// Keeps what the child prints, and ends its whole group with it.
    fn watch(mut child: Child, output: Output, stdout: Option<JoinHandle<()>>) -> Process {
        let group = child.id().unwrap_or_default();
        let watched = Watched::new(group);
        let stderr = child
            .stderr
            .take()
            .map(|err| tokio::spawn(output.clone().drain(err, |_| {})));
        let (ended, status) = watch::channel(None);
        tokio::spawn(async move {
            let status = reap(child, group).await;
            drop(watched);
            // A grandchild that left the group may hold the pipes; what it prints is not waited for.
            let drained = async {
                for pipe in [stdout, stderr].into_iter().flatten() {
                    let _ = pipe.await;
                }
            };
            let _ = timeout(Duration::from_millis(500), drained).await;
            let _ = ended.send(Some(status));
        });
        Process {
            group,
            output,
            status,
        }
    }

    /// Starts the program and waits until it prints `READY <port>` on a line of stdout and listens there.
    pub async fn serve(&self, patience: Duration) -> Result<(Process, u16), LaunchError> {
        let (said, mut ready) = oneshot::channel();
        let mut said = Some(said);
        let process = self.spawn(move |line| {
            let port = line
                .trim()
                .strip_prefix("READY ")
                .and_then(|port| port.trim().parse::<u16>().ok());
            if let (Some(port), true) = (port, said.is_some()) {
                let _ = said.take().map(|said| said.send(port));
            }
        })?;
        let command = self.typed();
        let port = tokio::select! {
            biased;
            port = &mut ready => port.ok(),
            _ = process.ended() => None,
            () = tokio::time::sleep(patience) => {
                let output = process.output.last(20);
                let silent = process.output.is_empty();
                process.stop(Duration::from_secs(1)).await;
                return Err(match silent {
                    true => LaunchError::Silent { command, waited: patience },
                    false => LaunchError::NotReady { command, waited: patience, output },
                });
            }
        };
        let Some(port) = port else {
            let status = process.ended().await;
            return Err(LaunchError::Died {
                command,
                status,
                output: process.output.last(20),
            });
        };
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        if let Err(error) = connects(address, Duration::from_secs(5).min(patience)).await {
            let output = process.output.last(20);
            process.stop(Duration::from_secs(1)).await;
            return Err(LaunchError::Closed {
                command,
                address,
                error,
                output,
            });
        }
        Ok((process, port))
    }
}

/// Waits for the leader, then ends whatever else is in its group.
async fn reap(mut child: Child, group: u32) -> String {
    let status = child.wait().await;
    let _ = signal::send(group, Signal::Kill);
    status.map_or_else(|error| format!("an unknown status ({error})"), describe)
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(number) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {number}");
    }
    status
        .code()
        .map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

async fn connects(address: std::net::SocketAddr, patience: Duration) -> Result<(), std::io::Error> {
    let try_once = || tokio::net::TcpStream::connect(address);
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        match try_once().await {
            Ok(_) => return Ok(()),
            Err(error) if tokio::time::Instant::now() >= deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
}

/// A running process and its group; dropping it ends both.
#[derive(Debug)]
pub struct Process {
    group: u32,
    output: Output,
    status: watch::Receiver<Option<String>>,
}

impl Process {
    /// The id of its process group.
    pub fn group(&self) -> u32 {
        self.group
    }

    /// What it printed last.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// How it ended, if it has: `exit code 1`, `signal 9`.
    pub fn status(&self) -> Option<String> {
        self.status.borrow().clone()
    }

    /// Waits until it has ended.
    pub async fn ended(&self) -> String {
        let mut status = self.status.clone();
        let ended = status
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|s| s.clone());
        ended.unwrap_or_else(|| "an unknown status".into())
    }

    /// Sends a signal to the whole group.
    pub fn signal(&self, signal: Signal) -> std::io::Result<()> {
        match self.status() {
            Some(_) => Ok(()),
            None => signal::send(self.group, signal),
        }
    }

    /// Asks it to end, and ends it if it has not within `patience`. Says how it ended.
    pub async fn stop(&self, patience: Duration) -> String {
        let _ = self.signal(Signal::Continue);
        let _ = self.signal(Signal::Term);
        if timeout(patience, self.ended()).await.is_err() {
            let _ = self.signal(Signal::Kill);
        }
        // SIGKILL cannot be refused; only a machine in deep trouble takes longer than this.
        timeout(Duration::from_secs(5), self.ended())
            .await
            .unwrap_or_else(|_| "no end".into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.signal(Signal::Kill);
    }
}

/// Why a command could not be brought to serve.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// The program is not there, or may not be executed.
    #[error("cannot start `{command}` in {}: {}", dir.display(), explain(program, error))]
    Command {
        /// The whole command.
        command: String,
        /// Its first word.
        program: String,
        /// Where it was to run.
        dir: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It ended before it was ready.
    #[error(
        "`{command}` ended with {status} before it printed `READY <port>`; it printed:\n{}",
        or_nothing(output)
    )]
    Died {
        /// The whole command.
        command: String,
        /// How it ended.
        status: String,
        /// Its last lines.
        output: String,
    },
    /// It lives, and has printed nothing.
    #[error(
        "`{command}` printed nothing for {waited:?}; it must print `READY <port>` on a line of stdout when it listens \
         (is its output buffered?)"
    )]
    Silent {
        /// The whole command.
        command: String,
        /// For how long.
        waited: Duration,
    },
    /// It lives, and has printed something else.
    #[error(
        "`{command}` did not print `READY <port>` on a line of stdout within {waited:?}; it printed:\n{}",
        or_nothing(output)
    )]
    NotReady {
        /// The whole command.
        command: String,
        /// For how long.
        waited: Duration,
        /// Its last lines.
        output: String,
    },
    /// It says that it listens, and does not.
    #[error(
        "`{command}` printed `READY {}`, but nothing listens on {address} ({error}); it printed:\n{}",
        address.port(),
        or_nothing(output)
    )]
    Closed {
        /// The whole command.
        command: String,
        /// Where it was asked.
        address: std::net::SocketAddr,
        /// What the connection got.
        error: std::io::Error,
        /// Its last lines.
        output: String,
    },
}

fn explain(program: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("there is no program `{program}` here; install it, or correct the command")
        }
        std::io::ErrorKind::PermissionDenied => format!("`{program}` may not be executed"),
        _ => error.to_string(),
    }
}

fn or_nothing(output: &str) -> &str {
    if output.is_empty() {
        "    (nothing)"
    } else {
        output
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Launch {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        Launch {
            argv,
            dir: std::env::temp_dir(),
            env: BTreeMap::new(),
        }
    }

    async fn refusal(script: &str) -> String {
        let refused = shell(script).serve(Duration::from_millis(400)).await;
        refused.unwrap_err().to_string()
    }

    /// Whether a process with that id, as printed by a script, is still there.
    fn lives(id: &str) -> bool {
        let asked = std::process::Command::new("kill")
            .args(["-0", id.trim()])
            .stderr(Stdio::null())
            .status();
        asked.unwrap().success()
    }

    async fn gone(id: &str) -> bool {
        for _ in 0..200 {
            if !lives(id) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn serves_once_it_is_ready_and_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = format!("echo starting; echo READY {port}; exec sleep 60");
        let (process, said) = shell(&script).serve(Duration::from_secs(5)).await.unwrap();
        assert_eq!(said, port);
        assert_eq!(process.status(), None);
        assert_eq!(process.stop(Duration::from_secs(5)).await, "signal 15");
        assert_eq!(
            process.output().last(9),
            format!("    starting\n    READY {port}")
        );
    }

    #[tokio::test]
    async fn every_way_not_to_serve_has_its_words() {
        let missing = Launch {
            argv: vec!["no-such-program".into()],
            ..shell("")
        };
        let error = missing
            .serve(Duration::from_secs(1))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("there is no program `no-such-program` here"),
            "{error}"
        );
        let error = refusal("echo no module named x >&2; exit 3").await;
        assert!(
            error.contains("ended with exit code 3 before it printed `READY <port>`"),
            "{error}"
        );
        assert!(
            error.ends_with("it printed:\n    no module named x"),
            "{error}"
        );
        let error = refusal("exec sleep 60").await;
        assert!(error.contains("printed nothing for 400ms"), "{error}");
        let error = refusal("echo listening on 5000; exec sleep 60").await;
        assert!(
            error.contains("did not print `READY <port>`") && error.ends_with("listening on 5000"),
            "{error}"
        );
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let error = refusal(&format!("echo READY {closed}; exec sleep 60")).await;
        assert!(
            error.contains(&format!("but nothing listens on 127.0.0.1:{closed}")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_it_started_ends_with_it() {
        let process = shell("sleep 60 & echo $!; wait").spawn(|_| {}).unwrap();
        let child = loop {
            let printed = process.output().last(1);
            if !printed.is_empty() {
                break printed;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert!(lives(&child));
        drop(process);
        assert!(gone(&child).await, "{child} outlived its target");
    }

    #[tokio::test]
    async fn one_that_ignores_the_request_to_end_is_ended() {
        let process = shell("trap '' TERM; echo set; while :; do sleep 1; done")
            .spawn(|_| {})
            .unwrap();
        while process.output().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(process.stop(Duration::from_millis(50)).await, "signal 9");
    }
}
