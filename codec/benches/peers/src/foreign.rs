//! Peers in other languages: a process each, asked for one round at a time.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::measure::{About, SAMPLE_MICROSECONDS, SAMPLES, Subject, Times};
use crate::workload::*;

/// A process that measures.
pub struct Foreign {
    about: About,
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Where packages and texts are kept: beside what cargo builds.
fn cache(home: &Path) -> io::Result<PathBuf> {
    let cache = home.join("target/peers");
    std::fs::create_dir_all(&cache)?;
    let given = json!({
        "sampleMicroseconds": SAMPLE_MICROSECONDS,
        "samples": SAMPLES,
        "texts": {
            "small_event": SMALL_EVENT,
            "ack": ACK,
            "object": one_kib_object(),
            "binary_event": BINARY_HEADER,
            "body": body(),
            "string": one_mib_string(),
        },
    });
    std::fs::write(cache.join("given.json"), given.to_string())?;
    Ok(cache)
}

fn run(command: &mut Command) -> io::Result<()> {
    let status = command.stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(io::Error::other(format!("{command:?}: {status}"))),
        Err(error) => Err(io::Error::other(format!("{command:?}: {error}"))),
    }
}

fn version(program: &Path) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

fn start(mut command: Command, about: About) -> io::Result<Foreign> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let missing = || io::Error::other("the process has no pipes");
    let asks = child.stdin.take().ok_or_else(missing)?;
    let answers = BufReader::new(child.stdout.take().ok_or_else(missing)?);
    Ok(Foreign {
        about,
        child,
        asks,
        answers,
    })
}

/// socket.io-parser and engine.io-parser on Node.js.
pub fn node(home: &Path) -> io::Result<Foreign> {
    let cache = cache(home)?;
    let folder = cache.join("node");
    std::fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json", "peers.js"] {
        std::fs::copy(home.join("node").join(file), folder.join(file))?;
    }
    run(Command::new("npm")
        .args(["ci", "--silent"])
        .current_dir(&folder))?;
    let mut command = Command::new("node");
    command
        .arg(folder.join("peers.js"))
        .arg(cache.join("given.json"));
    let about = About {
        name: "Node.js".to_owned(),
        versions: format!(
            "socket.io-parser 4.2.7, engine.io-parser 5.2.3, Node.js {}",
            version(Path::new("node"))
        ),
        does: "JSON.parse and JSON.stringify: values built; strings are UTF-16 or Latin-1 already; attachments shared",
    };
    start(command, about)
}

/// python-socketio and python-engineio.
pub fn python(home: &Path) -> io::Result<Foreign> {
    let cache = cache(home)?;
    let folder = cache.join("python");
    let python = folder.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(home.join("python/requirements.txt")))?;
    let mut command = Command::new(&python);
    command
        .arg(home.join("python/peers.py"))
        .arg(cache.join("given.json"));
    let about = About {
        name: "Python".to_owned(),
        versions: format!(
            "python-socketio 5.18.1, python-engineio 4.15.1, {}",
            version(&python)
        ),
        does: "json.loads and json.dumps: values built; strings are decoded already; attachments shared",
    };
    start(command, about)
}

impl Subject for Foreign {
    fn about(&self) -> &About {
        &self.about
    }

    fn round(&mut self) -> io::Result<Times> {
        self.asks.write_all(b"\n")?;
        self.asks.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(io::Error::other)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
