//! The scenarios that come with the program, and those that somebody else wrote.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use include_dir::{Dir, include_dir};

use super::catalogue::{Catalogue, CatalogueError};
use super::diagnostic::Diagnostic;
use super::header::name_of;
use super::load::load;
use super::model::Scenario;
use super::names;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../scenarios");

/// Scenarios, and what is wrong with those that are none.
#[derive(Debug, Default)]
pub struct Corpus {
    /// What could be read, by name.
    pub scenarios: Vec<Arc<Scenario>>,
    /// Everything that is wrong with the rest.
    pub errors: Vec<Diagnostic>,
}

/// A path that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}", path = .path.display())]
pub struct PathError {
    /// The path.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

/// The catalogue that comes with the program.
///
/// # Errors
/// It was broken when the program was built.
pub fn catalogue() -> Result<Catalogue, CatalogueError> {
    let text = EMBEDDED
        .get_file("requirements.yaml")
        .and_then(|file| file.contents_utf8());
    Catalogue::parse(text.unwrap_or("[]"))
}

/// The frozen releases that come with the program, by name, as [`Release`](super::release::Release) reads them.
pub fn releases() -> Vec<(String, String)> {
    let files = EMBEDDED
        .get_dir("releases")
        .into_iter()
        .flat_map(Dir::files);
    let read = files.filter_map(|file| {
        let name = file.path().file_stem()?.to_string_lossy().into_owned();
        Some((name, file.contents_utf8()?.to_owned()))
    });
    let mut releases: Vec<_> = read.collect();
    releases.sort();
    releases
}

/// The text of a scenario that comes with the program, by its name.
#[must_use]
pub fn source(name: &str) -> Option<&'static str> {
    EMBEDDED
        .get_file(format!("{name}.yaml"))
        .and_then(|file| file.contents_utf8())
}

impl Corpus {
    /// The scenarios that come with the program.
    #[must_use]
    pub fn embedded(catalogue: &Catalogue) -> Self {
        let mut files = Vec::new();
        let mut directories = vec![&EMBEDDED];
        while let Some(directory) = directories.pop() {
            directories.extend(directory.dirs());
            files.extend(directory.files().filter(|file| is_scenario(file.path())));
        }
        // It is most of what a run does before its first trial, so all cores share it. Few files take most of the time,
        // so whoever is done takes the next.
        let next = AtomicUsize::new(0);
        let load = || {
            let mut corpus = Self::default();
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let shown = format!("scenarios/{}", file.path().display());
                corpus.add(&name_of(file.path()), &shown, file.contents(), catalogue);
            }
            corpus
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut corpus = Self::default();
        std::thread::scope(|scope| {
            let shares: Vec<_> = (0..cores).map(|_| scope.spawn(load)).collect();
            for loading in shares {
                let part = loading
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                corpus.scenarios.extend(part.scenarios);
                corpus.errors.extend(part.errors);
            }
        });
        corpus.sorted()
    }

    /// The scenarios in these files and directories. A scenario of a corpus has the name that it has there, whichever
    /// way it was named; any other has its path below the directory that was named, or its own name.
    ///
    /// # Errors
    /// A path that cannot be read.
    pub fn read(paths: &[PathBuf], catalogue: &Catalogue) -> Result<Self, PathError> {
        let mut corpus = Self::default();
        for root in paths {
            let at = |path: &Path, error| PathError {
                path: path.to_owned(),
                error,
            };
            if std::fs::metadata(root)
                .map_err(|error| at(root, error))?
                .is_file()
            {
                let bytes = std::fs::read(root).map_err(|error| at(root, error))?;
                let name = (in_corpus(root))
                    .or_else(|| root.file_name().map(PathBuf::from))
                    .unwrap_or_default();
                corpus.add(
                    &name_of(&name),
                    &root.display().to_string(),
                    &bytes,
                    catalogue,
                );
                continue;
            }
            let above = in_corpus(root).unwrap_or_default();
            let mut directories = vec![root.clone()];
            while let Some(directory) = directories.pop() {
                let entries =
                    std::fs::read_dir(&directory).map_err(|error| at(&directory, error))?;
                for entry in entries {
                    let path = entry.map_err(|error| at(&directory, error))?.path();
                    let below = above.join(path.strip_prefix(root).unwrap_or(&path));
                    if path.is_dir() {
                        directories.push(path);
                    } else if is_scenario(&below) {
                        let bytes = std::fs::read(&path).map_err(|error| at(&path, error))?;
                        corpus.add(
                            &name_of(&below),
                            &path.display().to_string(),
                            &bytes,
                            catalogue,
                        );
                    }
                }
            }
        }
        Ok(corpus.sorted())
    }

    fn add(&mut self, name: &str, file: &str, bytes: &[u8], catalogue: &Catalogue) {
        match load(name, file, bytes, catalogue) {
            Ok(scenario) => self.scenarios.push(scenario),
            Err(errors) => self.errors.extend(errors),
        }
    }

    fn sorted(mut self) -> Self {
        self.scenarios.sort_by(|a, b| a.name.cmp(&b.name));
        self.errors.extend(names::check(&self.scenarios));
        self.errors
            .sort_by(|a, b| (&a.source.file, a.span.start).cmp(&(&b.source.file, b.span.start)));
        self
    }
}

/// The path below the folder of a corpus, which is the one that holds the tables; `None` outside of any.
fn in_corpus(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    let is_home = |folder: &&Path| TABLES.iter().all(|table| folder.join(table).is_file());
    let home = path.ancestors().find(is_home)?;
    path.strip_prefix(home).ok().map(Path::to_owned)
}

/// What a corpus has beside scenarios.
const TABLES: [&str; 2] = ["requirements.yaml", "real-bugs.yaml"];

/// Every YAML file is one, but for the tables of the corpus itself.
fn is_scenario(path: &Path) -> bool {
    let table = TABLES.iter().any(|table| path == Path::new(table));
    let release = path.starts_with("releases");
    path.extension().is_some_and(|ending| ending == "yaml") && !table && !release
}
