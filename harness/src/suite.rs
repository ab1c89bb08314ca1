//! The whole suite as a test in a server's own repository, or in this one: `cargo test` filters it by name, and
//! cargo-nextest runs it.
//!
//! ```toml
//! [dev-dependencies]
//! siospec = { git = "https://github.com/siospec/siospec" }
//!
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//!
//! `tests/conformance.rs`, for a server that a `target.yaml` says how to start:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     siospec::Suite::target("tests/target.yaml").main()
//! }
//! ```
//!
//! or for one that the test itself has started:
//!
//! ```no_run
//! # fn start() -> std::net::SocketAddr { ([127, 0, 0, 1], 3000).into() }
//! fn main() -> std::process::ExitCode {
//!     let address = start();
//!     siospec::Suite::url(format!("http://{address}")).exclusive().main()
//! }
//! ```

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial as Test};

use crate::outcome::{Conclusion, Gate};
use crate::report::summary;
use crate::run::plan::Plan;
use crate::run::session::Session;
use crate::run::stop::Stop;
use crate::scenario::corpus::{self, Corpus};
use crate::target::manifest::{self, Manifest};
use crate::target::server::Server;
use crate::target::url::Asked;

/// The embedded scenarios and the server that they are played against.
#[derive(Debug)]
#[must_use = "nothing is played before `main`"]
pub struct Suite {
    of: Of,
    known: Option<PathBuf>,
    gate: Gate,
    skipped: Vec<String>,
}

#[derive(Debug)]
enum Of {
    /// A name or a path, as `--target` takes it.
    Target(String),
    Url {
        asked: Asked,
        exclusive: bool,
    },
    Server(Box<Server>),
}

/// What `cargo test` ends with when a test fails.
const FAILED: u8 = 101;

impl Suite {
    /// Against the target of this `target.yaml` (a path from the package's folder) or of this name; siospec prepares it
    /// and starts it in every configuration that scenarios need.
    pub fn target(name: impl Into<String>) -> Self {
        Self::of(Of::Target(name.into()))
    }

    /// Against the server behind this URL, which is running; the test itself may have started it.
    pub fn url(url: impl Into<String>) -> Self {
        let asked = Asked {
            url: url.into(),
            patience: Duration::from_secs(10),
            ..Asked::default()
        };
        Self::of(Of::Url {
            asked,
            exclusive: false,
        })
    }

    /// Against this server.
    pub fn server(server: Server) -> Self {
        Self::of(Of::Server(Box::new(server)))
    }

    fn of(of: Of) -> Self {
        Self {
            of,
            known: None,
            gate: Gate::default(),
            skipped: Vec::new(),
        }
    }

    /// Nobody else uses the URL's server: scenarios that need it for themselves are played too, one at a time.
    pub fn exclusive(mut self) -> Self {
        if let Of::Url { exclusive, .. } = &mut self.of {
            *exclusive = true;
        }
        self
    }

    /// The URL's server has these capabilities of the fixture contract, beside those that its `/fixture` tells.
    pub fn capabilities<C: Into<String>>(mut self, names: impl IntoIterator<Item = C>) -> Self {
        if let Of::Url { asked, .. } = &mut self.of {
            asked.capabilities.extend(names.into_iter().map(Into::into));
        }
        self
    }

    /// The URL's server has Socket.IO at this path instead of `/socket.io/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        if let Of::Url { asked, .. } = &mut self.of {
            asked.path = Some(path.into());
        }
        self
    }

    /// What the server is known to do differently, a `known.yaml` as `siospec bless --known FILE` writes it. A target has
    /// its own beside `target.yaml`, and this one is read instead.
    pub fn known(mut self, file: impl Into<PathBuf>) -> Self {
        self.known = Some(file.into());
        self
    }

    /// Which levels can fail, beside MUST and declared capabilities.
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// Leaves out trials whose name or requirement contains this.
    pub fn skip(mut self, words: impl Into<String>) -> Self {
        self.skipped.push(words.into());
        self
    }

    /// Plays it as the `main` of a test without a harness: reads the arguments that `cargo test` gives, and ends as it
    /// expects. What does not gate is ignored, with its reason.
    pub fn main(self) -> ExitCode {
        match self.play(Arguments::from_args(), &mut anstream::stdout()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(FAILED),
            Err(error) => {
                anstream::eprintln!("siospec: {error}");
                ExitCode::from(FAILED)
            }
        }
    }

    /// Whether the server holds, as far as the arguments ask. The summary is written to `out`.
    fn play(self, mut arguments: Arguments, out: &mut dyn Write) -> Result<bool, String> {
        let mut plan = self.plan()?;
        // What is not wanted need not be prepared for either: cargo-nextest runs each trial in a process of its own.
        plan.filter.wanted.extend(arguments.filter.clone());
        plan.filter.exact = arguments.exact;
        if arguments.list {
            let names = plan.filter.trials(&plan.scenarios);
            let tests = names
                .iter()
                .map(|trial| Test::test(trial.name.clone(), || Ok(())));
            return Ok(!libtest_mimic::run(&arguments, tests.collect()).has_failed());
        }
        arguments.test_threads.get_or_insert_with(Plan::jobs);
        let chosen = arguments.filter.is_some() || !arguments.skip.is_empty() || arguments.ignored;
        let session = Session::begin(plan, Stop::default()).map_err(|error| error.to_string())?;
        let told = libtest_mimic::run(&arguments, session.tests());
        let run = session.finish();
        let _ = write!(out, "{}", summary::text(&run));
        let holds = match run.conclusion() {
            Conclusion::Conforms => true,
            // Names that are those of another test binary are no reason to fail in this one.
            Conclusion::NothingJudged => chosen,
            Conclusion::Red | Conclusion::Unreachable | Conclusion::Interrupted => false,
        };
        Ok(holds && !told.has_failed())
    }

    fn plan(self) -> Result<Plan, String> {
        let catalogue = corpus::catalogue().map_err(|error| error.to_string())?;
        let corpus = Corpus::embedded(&catalogue);
        if let Some(error) = corpus.errors.first() {
            return Err(error.render(true));
        }
        let server = match self.of {
            Of::Server(server) => *server,
            Of::Target(name) => {
                Server::foreign(Manifest::find(&name).map_err(|error| error.to_string())?)
            }
            Of::Url { asked, exclusive } => Server::remote(asked, exclusive),
        };
        let server = match self.known {
            Some(file) => {
                server.knowing(manifest::known(&file).map_err(|error| error.to_string())?)
            }
            None => server,
        };
        let mut plan = Plan {
            gate: self.gate,
            ..Plan::new(corpus.scenarios, vec![server])
        };
        plan.filter.skipped = self.skipped;
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use siospec_reference_server::fixture::{self, FixtureConfig};

    use super::*;

    /// Whether it holds, and all that was printed: a failure that a test wants is not to look like one of its own.
    fn told(suite: Suite, arguments: Arguments) -> Result<(bool, String), String> {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let arguments = Arguments {
            logfile: Some(log.to_str().unwrap().to_owned()),
            ..arguments
        };
        let mut summary = Vec::new();
        let holds = suite.play(arguments, &mut summary)?;
        let tests = std::fs::read_to_string(log).unwrap();
        Ok((holds, tests + &String::from_utf8(summary).unwrap()))
    }

    /// Plays what the words select against a bundled server in this process.
    fn play(
        fault: Option<&str>,
        words: &str,
        suite: impl FnOnce(Suite) -> Suite,
    ) -> (bool, String) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let config = FixtureConfig {
            fault: fault.and_then(siospec_reference_server::faults::find),
            ..FixtureConfig::from_variables(|name| (name == "PORT").then(|| "0".to_owned()))
        };
        let running = runtime
            .block_on(async { fixture::serve(config).await })
            .unwrap();
        let suite = suite(Suite::url(format!("http://{}", running.address())).exclusive());
        let arguments = Arguments {
            filter: (!words.is_empty()).then(|| words.to_owned()),
            ..Arguments::default()
        };
        let told = told(suite, arguments).unwrap();
        runtime.block_on(running.stop());
        told
    }

    #[track_caller]
    fn assert_says((holds, text): &(bool, String), as_wanted: bool, words: &str) {
        assert_eq!(*holds, as_wanted, "{text}");
        assert!(text.contains(words), "no {words:?} in {text}");
    }

    const OK: &str = "post-is-answered-ok";

    #[test]
    fn a_server_in_the_same_process_holds_or_does_not() {
        assert_says(
            &play(None, OK, |suite| suite),
            true,
            "is-answered-ok ... ok",
        );
        let broken = Some("po-OK-uppercase");
        let failed = play(broken, OK, |suite| suite);
        assert_says(&failed, false, "is-answered-ok ... FAILED");
        assert_says(&failed, false, "does not conform (exit code 1)");
        let without = play(broken, OK, |suite| suite.skip(OK));
        assert_says(&without, true, "nothing that gates was judged");
    }

    #[test]
    fn names_of_another_test_are_no_failure_but_a_suite_that_judges_nothing_is() {
        let nothing = "nothing that gates was judged";
        assert_says(&play(None, "no such trial", |suite| suite), true, nothing);
        assert_says(&play(None, "", |suite| suite.skip("/")), false, nothing);
    }

    #[test]
    fn a_server_that_is_not_there_does_not_hold() {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let suite = Suite::url(format!("http://127.0.0.1:{port}"));
        let absent = told(suite, Arguments::default()).unwrap();
        assert_says(&absent, false, "is the server running");
        let suite = Suite::target("no/such/target.yaml");
        let error = told(suite, Arguments::default()).unwrap_err();
        assert!(
            error.starts_with("there is no target `no/such/target.yaml`"),
            "{error}"
        );
    }

    #[test]
    fn what_is_known_of_a_url_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let known = folder.path().join("known.yaml");
        let entry = "- {scenario: engine.io/polling/post-is-answered-ok, expected: ok, got: OK, reason: so}\n";
        std::fs::write(&known, entry).unwrap();
        let known = play(Some("po-OK-uppercase"), OK, |suite| suite.known(&known));
        assert_says(&known, true, "ignored (known deviation: so)");
    }
}
