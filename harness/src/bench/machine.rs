//! What the figures were made on. No name of the machine is kept.

use serde::{Deserialize, Serialize};

use super::cores::Cores;

/// A machine, as far as figures depend on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that the run could use.
    pub cores: usize,
    /// Whether the client had one of them for itself, and the servers the others.
    pub apart: bool,
    /// What the processor calls itself.
    pub processor: String,
    /// Operating system and version of its kernel.
    pub kernel: String,
    /// Processes that wanted to run in the minute before the run, and in the last minute of it.
    pub load: Vec<f64>,
    /// Whether siospec, client and bundled server alike, was built without optimisation.
    pub debug_build: bool,
}

impl Machine {
    /// This one.
    pub fn this(cores: &Cores) -> Self {
        Self {
            cores: cores.all,
            apart: cores.apart,
            processor: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            kernel: kernel(),
            load: load().into_iter().collect(),
            debug_build: cfg!(debug_assertions),
        }
    }
}

/// Processes that wanted to run, on the average of the last minute.
pub fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn kernel() -> String {
    let version = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // What stands behind the second number names a build, and at times a machine.
    let version: Vec<&str> = version.trim().split('.').take(2).collect();
    format!("{} {}", std::env::consts::OS, version.join("."))
        .trim()
        .to_owned()
}

/// Raises the limit on open files to what is allowed, for this process and those that it starts; the limit then.
#[cfg(unix)]
pub fn raise_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current
}

/// There is no such limit here.
#[cfg(not(unix))]
pub fn raise_files() -> Option<u64> {
    None
}
