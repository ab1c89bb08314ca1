//! `target.yaml`: how somebody's server is prepared and started, what it can do, and what is known to differ.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use super::knobs::{self, Bounds, Honoured, Setting};
use crate::outcome::Known;

/// A target.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its name, as `--target` takes it.
    pub name: String,
    /// What people call it.
    pub title: Option<String>,
    /// The versions of what is judged, by name: `socket.io` is `4.8.4`.
    pub versions: BTreeMap<String, String>,
    /// How somebody asked for it, if that is not its file.
    pub asked: Option<String>,
    /// The folder that `target.yaml` stands in.
    pub dir: PathBuf,
    /// The file itself.
    pub file: PathBuf,
    /// Files that the setup depends on.
    pub inputs: Vec<String>,
    /// Commands that prepare it once.
    pub setup: Vec<Vec<String>>,
    /// The command that serves.
    pub start: Vec<String>,
    /// Variables for all of these commands.
    pub env: BTreeMap<String, String>,
    /// How long it may take to listen.
    pub ready_within: Duration,
    /// Its path for `/socket.io/`.
    pub socket_path: String,
    /// Its path for `/engine.io/`.
    pub engine_path: String,
    /// The transports that it offers.
    pub transports: Vec<String>,
    /// Whether it has no app of the fixture contract, so that it is judged at the level of the protocol only.
    pub bare: bool,
    /// The capabilities that it declares.
    pub capabilities: Vec<String>,
    /// The knobs that it honours.
    pub knobs: Honoured,
    /// What an error in a handler does.
    pub throw: Throw,
    /// Deviations that somebody has looked at, from `known.yaml` beside `target.yaml`.
    pub known: Vec<Known>,
    /// For the reader of a report.
    pub notes: Option<String>,
}

/// `target.yaml` as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    name: String,
    title: Option<String>,
    #[serde(default, rename = "about")]
    _about: Option<String>,
    #[serde(default)]
    versions: BTreeMap<String, Scalar>,
    #[serde(default)]
    throw: Throw,
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    setup: Vec<Command>,
    start: Command,
    #[serde(default)]
    env: BTreeMap<String, Scalar>,
    ready_within: Option<String>,
    #[serde(default)]
    engine: Mount,
    #[serde(default)]
    socket: Mount,
    transports: Option<Vec<String>>,
    #[serde(default)]
    bare: bool,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    knobs: BTreeMap<String, Option<WrittenBounds>>,
    notes: Option<String>,
}

/// What an error in a handler does to the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Throw {
    /// The library lets it end the process, and the app does not catch it.
    EndsProcess,
    /// It goes no further than the handler.
    #[default]
    LivesOn,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mount {
    path: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBounds {
    min: Option<Scalar>,
    max: Option<Scalar>,
    step: Option<Scalar>,
    fixed: Option<Scalar>,
}

/// A command: one line, split at blanks, or a list of words.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "a command: one line of text, or a list of words"
)]
enum Command {
    Line(String),
    Words(Vec<String>),
}

impl Command {
    fn words(self) -> Vec<String> {
        match self {
            Command::Line(line) => line.split_whitespace().map(str::to_owned).collect(),
            Command::Words(words) => words,
        }
    }
}

/// A scalar whose quotes do not matter.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a text, a number, true or false")]
enum Scalar {
    Switch(bool),
    Whole(u64),
    Number(f64),
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scalar::Switch(on) => on.fmt(f),
            Scalar::Whole(number) => number.fmt(f),
            Scalar::Number(number) => number.fmt(f),
            Scalar::Text(text) => text.fmt(f),
        }
    }
}

/// Puts the prepared folder for `$CACHE` and the target's own for `$TARGET`.
pub fn fill(word: &str, cache: &Path, target: &Path) -> String {
    word.replace("$CACHE", &cache.to_string_lossy())
        .replace("$TARGET", &target.to_string_lossy())
}

impl Manifest {
    /// The target that `file` describes, with its known deviations.
    pub fn load(file: &Path) -> Result<Manifest, ManifestError> {
        let mut manifest = Self::describe(file)?;
        manifest.known = manifest.deviations()?;
        Ok(manifest)
    }

    /// The target that `file` describes; what is known to differ is not read.
    pub fn describe(file: &Path) -> Result<Manifest, ManifestError> {
        let text = std::fs::read_to_string(file).map_err(|error| ManifestError::Unreadable {
            file: file.to_path_buf(),
            error,
        })?;
        Self::parse(&text, file)
    }

    /// What `--target` must say to get this one again.
    pub fn asked(&self) -> String {
        let file = || self.file.display().to_string();
        self.asked.clone().unwrap_or_else(file)
    }

    /// The file of the known deviations; there need not be one.
    pub fn known_file(&self) -> PathBuf {
        self.file.with_file_name("known.yaml")
    }

    pub(super) fn deviations(&self) -> Result<Vec<Known>, ManifestError> {
        match known(&self.known_file()) {
            Err(ManifestError::Unreadable { error, .. })
                if error.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(Vec::new())
            }
            known => known,
        }
    }

    fn parse(text: &str, file: &Path) -> Result<Manifest, ManifestError> {
        let wrong = |what: String| ManifestError::Wrong {
            file: file.to_path_buf(),
            what,
        };
        let written: Written =
            serde_yaml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        // The parent of a bare `target.yaml` is the empty path, which is no folder.
        let parent = file.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = parent.unwrap_or(Path::new(".")).to_path_buf();
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        let ready_within = match &written.ready_within {
            Some(text) => Duration::from_millis(
                number(text).map_err(|e| wrong(format!("ready-within: {e}")))?,
            ),
            None => Duration::from_secs(30),
        };
        let path =
            |mount: &Mount, default: &str| mount.path.clone().unwrap_or_else(|| default.to_owned());
        let manifest = Manifest {
            name: written.name.clone(),
            title: written.title,
            versions: written
                .versions
                .into_iter()
                .map(|(name, version)| (name, version.to_string()))
                .collect(),
            asked: None,
            dir,
            file: file.to_path_buf(),
            inputs: written.inputs,
            setup: written.setup.into_iter().map(Command::words).collect(),
            start: written.start.words(),
            env: written
                .env
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            ready_within,
            socket_path: path(&written.socket, "/socket.io/"),
            engine_path: path(&written.engine, "/engine.io/"),
            transports: written
                .transports
                .unwrap_or_else(|| vec!["polling".into(), "websocket".into()]),
            bare: written.bare,
            capabilities: written.capabilities,
            knobs: honoured(written.knobs).map_err(&wrong)?,
            throw: written.throw,
            known: Vec::new(),
            notes: written.notes,
        };
        manifest.check().map_err(&wrong)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.start.is_empty() {
            return Err("`start` is empty; it is the command that serves".into());
        }
        for path in [&self.socket_path, &self.engine_path] {
            if !path.starts_with('/') || !path.ends_with('/') {
                return Err(format!("the path `{path}` must begin and end with `/`"));
            }
        }
        if let Some(odd) = self
            .transports
            .iter()
            .find(|t| !matches!(t.as_str(), "polling" | "websocket"))
        {
            return Err(format!(
                "there is no transport `{odd}`; there are polling and websocket"
            ));
        }
        if let (true, Some(promised)) = (self.bare, self.capabilities.first()) {
            return Err(format!(
                "a bare server has no capabilities, since it has no fixture app; strike `{promised}` or `bare`"
            ));
        }
        Ok(())
    }
}

/// The deviations that a `known.yaml` lists.
///
/// # Errors
/// It cannot be read, or an entry lacks what it must have.
pub fn known(file: &Path) -> Result<Vec<Known>, ManifestError> {
    let text = std::fs::read_to_string(file).map_err(|error| ManifestError::Unreadable {
        file: file.to_path_buf(),
        error,
    })?;
    entries(&text).map_err(|what| ManifestError::Wrong {
        file: file.to_path_buf(),
        what,
    })
}

/// The entries of a `known.yaml`, each with what it must have.
fn entries(text: &str) -> Result<Vec<Known>, String> {
    let known: Option<Vec<Known>> =
        serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    let known = known.unwrap_or_default();
    known.iter().try_for_each(Known::check)?;
    Ok(known)
}

fn honoured(written: BTreeMap<String, Option<WrittenBounds>>) -> Result<Honoured, String> {
    let mut honoured = BTreeMap::new();
    for (name, bounds) in written {
        if !knobs::names().any(|knob| knob == name) {
            let all: Vec<_> = knobs::names().collect();
            return Err(format!(
                "there is no knob `{name}`; there are {}",
                all.join(", ")
            ));
        }
        let bounds = bounds.unwrap_or_default();
        let bound = |text: Option<Scalar>| text.map(|t| number(&t.to_string())).transpose();
        let fixed = bounds.fixed.map(|text| match text {
            Scalar::Switch(on) => Setting::Switch(on),
            other => number(&other.to_string())
                .map_or_else(|_| Setting::Text(other.to_string()), Setting::Number),
        });
        let wrong = |error| format!("knob {name}: {error}");
        let bounds = Bounds {
            min: bound(bounds.min).map_err(wrong)?,
            max: bound(bounds.max).map_err(wrong)?,
            step: bound(bounds.step).map_err(wrong)?,
            fixed,
        };
        honoured.insert(name, bounds);
    }
    Ok(Honoured(honoured))
}

/// A number, or a duration in milliseconds: `250ms`, `1s`, `1.5s`.
fn number(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is neither a number nor a duration such as 250ms or 2s");
    let text = text.trim();
    if let Some(ms) = text.strip_suffix("ms") {
        return ms.trim().parse().map_err(|_| wrong());
    }
    if let Some(seconds) = text.strip_suffix('s') {
        let seconds: f64 = seconds.trim().parse().map_err(|_| wrong())?;
        let duration = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
        return u64::try_from(duration.as_millis()).map_err(|_| wrong());
    }
    text.replace('_', "").parse().map_err(|_| wrong())
}

/// Why a target cannot be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file says something that it may not.
    #[error("{}: {what}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// What, and where.
        what: String,
    },
    /// Nobody has that name.
    #[error(
        "there is no target `{name}`, nor a file or folder of that name with a target.yaml; there are {}",
        listed(known)
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The targets that come with the program cannot be written out.
    #[error(
        "cannot write the bundled targets into the cache ({0}); set SIOSPEC_CACHE to a folder that can be written"
    )]
    Cache(std::io::Error),
}

fn listed(known: &[String]) -> String {
    std::iter::once("reference")
        .chain(known.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(text, Path::new("targets/x/target.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_target_says_how_it_is_started_and_what_it_can_do() {
        let flask = parse(
            "name: flask\nversions: {flask: 5.5}\nstart: $CACHE/venv/bin/python app.py\nenv: {MODE: threading}\n\
             capabilities: [rooms]\nknobs: {pingInterval: {min: 1s}, cors: }\nthrow: lives-on\n",
        )
        .unwrap();
        assert_eq!(flask.start, ["$CACHE/venv/bin/python", "app.py"]);
        assert_eq!(flask.versions["flask"], "5.5");
        assert_eq!(flask.env["MODE"], "threading");
        assert_eq!(flask.knobs.0["pingInterval"].min, Some(1000));
        assert_eq!(flask.knobs.0["cors"], Bounds::default());
    }

    #[test]
    fn a_file_without_a_folder_stands_in_this_one() {
        let bare = Manifest::parse("name: x\nstart: y\n", Path::new("target.yaml")).unwrap();
        assert_eq!(bare.dir, std::env::current_dir().unwrap());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, words) in [
            ("name: x\n", "missing field `start`"),
            ("name: x\nstart: y\nstrat: z\n", "unknown field `strat`"),
            (
                "name: x\nstart: {a: b}\n",
                "a command: one line of text, or a list of words",
            ),
            ("name: x\nstart: []\n", "`start` is empty"),
            (
                "name: x\nstart: y\nknobs: {pingIntervall: }\n",
                "no knob `pingIntervall`; there are pingInterval,",
            ),
            (
                "name: x\nstart: y\nknobs: {pingInterval: {min: soon}}\n",
                "knob pingInterval: `soon` is neither",
            ),
            (
                "name: x\nstart: y\nsocket: {path: chat}\n",
                "the path `chat` must begin and end with `/`",
            ),
            (
                "name: x\nstart: y\nbare: true\ncapabilities: [rooms]\n",
                "a bare server has no capabilities",
            ),
            (
                "name: x\nstart: y\ntransports: [tcp]\n",
                "no transport `tcp`",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.starts_with("targets/x/target.yaml: ") && error.contains(words),
                "{error}"
            );
        }
    }

    #[test]
    fn a_known_deviation_has_one_scenario_and_a_reason() {
        let wrong = |entry: &str| entries(&format!("- {entry}")).unwrap_err();
        assert!(
            wrong("{scenario: a/*, expected: e, got: g, reason: r}")
                .contains("one entry names one scenario")
        );
        for reason in ["''", "'?'"] {
            assert!(
                wrong(&format!(
                    "{{scenario: a, expected: e, got: g, reason: {reason}}}"
                ))
                .contains("known deviation a: a reason must be given")
            );
        }
        assert!(
            wrong("{scenario: a, expected: e, got: g, reason: r, sometimes: 1}")
                .contains("a rate between 0 and 1")
        );
        assert!(
            wrong("{scenario: a, step: second, expected: e, got: g, reason: r}")
                .contains("known deviation a: `step: second` is none; write the step as")
        );
        let tenth = entries("- {scenario: a, step: 4.10, expected: e, got: g, reason: r}").unwrap();
        assert_eq!(tenth[0].step.as_deref(), Some("4.10"));
        assert_eq!(entries("# nothing yet\n"), Ok(Vec::new()));
        let two = entries("- {scenario: a, expected: e, got: [g, h], reason: r}").unwrap();
        assert_eq!(two[0].got.texts(), ["g", "h"]);
    }

    #[test]
    fn the_targets_of_this_repository_load() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets");
        for name in crate::target::embedded::names() {
            let manifest = Manifest::load(&folder.join(name).join("target.yaml")).unwrap();
            assert_eq!(manifest.name, name);
        }
    }

    #[test]
    fn durations_and_numbers() {
        assert_eq!(number("1s"), Ok(1000));
        assert_eq!(number("1.5s"), Ok(1500));
        assert_eq!(number("250ms"), Ok(250));
        assert_eq!(number("1_000_000"), Ok(1_000_000));
        assert!(number("-1s").is_err());
    }
}
