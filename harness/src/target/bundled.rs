//! The reference server: in this process, an instance for each trial, or as a process of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use siospec_reference_server::faults::Fault;
use siospec_reference_server::fixture::{self, CAPABILITIES, FixtureConfig};

pub use siospec_reference_server::Running;

use super::foreign::Foreign;
use super::knobs::{Honoured, Settings};
use super::manifest::{Manifest, Throw};

/// The bundled server.
#[derive(Debug)]
pub struct Bundled {
    process: Option<Foreign>,
    fault: Option<&'static Fault>,
}

impl Bundled {
    /// Its name as a target.
    pub const NAME: &str = "reference";

    /// The server; `program` is the program siospec, for trials that stop and start their server. Without it those
    /// cannot be judged.
    pub fn new(program: Option<PathBuf>) -> Self {
        Self::broken(program, None)
    }

    /// The same server, breaking the rule of `fault`.
    pub fn broken(program: Option<PathBuf>, fault: Option<&'static Fault>) -> Self {
        Self {
            process: program.map(|program| Foreign::new(own(&program, fault))),
            fault,
        }
    }

    /// What it declares.
    pub fn capabilities() -> Vec<String> {
        CAPABILITIES.map(str::to_owned).to_vec()
    }

    /// The knobs it honours: all.
    pub fn knobs() -> Honoured {
        Honoured::everything()
    }

    /// The same server as a process of its own.
    pub fn process(&self) -> Option<&Foreign> {
        self.process.as_ref()
    }

    /// Starts an instance on a free port of this process.
    pub async fn serve(&self, settings: &Settings) -> Result<Running, String> {
        let variables = settings.environment();
        let mut config = FixtureConfig::from_variables(|name| variables.get(name).cloned());
        config.fault = self.fault;
        fixture::serve(config)
            .await
            .map_err(|error| error.to_string())
    }
}

/// `siospec serve` as a target.
fn own(program: &Path, fault: Option<&Fault>) -> Manifest {
    let mut start = vec![program.to_string_lossy().into_owned(), "serve".to_owned()];
    start.extend(
        fault
            .iter()
            .flat_map(|fault| ["--fault".to_owned(), fault.name.to_owned()]),
    );
    Manifest {
        name: Bundled::NAME.to_owned(),
        title: None,
        versions: BTreeMap::new(),
        asked: None,
        dir: std::env::temp_dir(),
        file: PathBuf::new(),
        inputs: Vec::new(),
        setup: Vec::new(),
        start,
        env: BTreeMap::new(),
        ready_within: Duration::from_secs(10),
        socket_path: "/socket.io/".to_owned(),
        engine_path: "/engine.io/".to_owned(),
        transports: vec!["polling".to_owned(), "websocket".to_owned()],
        bare: false,
        capabilities: Bundled::capabilities(),
        knobs: Bundled::knobs(),
        throw: Throw::LivesOn,
        known: Vec::new(),
        notes: None,
    }
}
