//! Preparing a target once: its setup commands, run in a cache folder that is named after what they depend on.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha1::{Digest, Sha1};
use thiserror::Error;

use super::process::{Launch, LaunchError};

/// What the setup of a target depends on and does.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    /// The target's name.
    pub name: &'a str,
    /// Its folder in the tree.
    pub dir: &'a Path,
    /// Files and folders of that folder that the commands read; a change of any makes a new cache folder.
    pub inputs: &'a [String],
    /// Commands, each a list of words, run in the cache folder.
    pub commands: &'a [Vec<String>],
    /// Variables for them.
    pub env: &'a BTreeMap<String, String>,
}

/// The folder that holds prepared targets: `$SIOSPEC_CACHE`, or `siospec` in the user's cache folder.
pub fn cache() -> PathBuf {
    let var = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    var("SIOSPEC_CACHE")
        .or_else(|| Some(var("XDG_CACHE_HOME")?.join("siospec")))
        .or_else(|| Some(var("HOME")?.join(".cache/siospec")))
        .or_else(|| Some(var("LOCALAPPDATA")?.join("siospec")))
        .unwrap_or_else(|| std::env::temp_dir().join("siospec"))
}

const DONE: &str = ".siospec-prepared";

impl Setup<'_> {
    /// The folder in which this setup ends up, present or not.
    pub fn folder(&self, cache: &Path) -> Result<PathBuf, PrepareError> {
        let mut hash = Sha1::new();
        for command in self.commands {
            hash.update(command.join("\0"));
            hash.update("\n");
        }
        for (name, value) in self.env {
            hash.update(format!("{name}={value}\n"));
        }
        for input in self.inputs {
            for path in files(&self.dir.join(input))? {
                let content = fs::read(&path).map_err(|error| PrepareError::Input {
                    path: path.clone(),
                    error,
                })?;
                hash.update(
                    path.strip_prefix(self.dir)
                        .unwrap_or(&path)
                        .to_string_lossy()
                        .as_bytes(),
                );
                hash.update((content.len() as u64).to_le_bytes());
                hash.update(&content);
            }
        }
        let digest = hash.finalize();
        let short: String = digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(cache.join("targets").join(format!("{}-{short}", self.name)))
    }

    /// The prepared folder. `say` hears what is being done, since it may take minutes.
    pub async fn prepare(&self, cache: &Path, say: impl Fn(&str)) -> Result<PathBuf, PrepareError> {
        let folder = self.folder(cache)?;
        let failed = |error| PrepareError::Folder {
            path: folder.clone(),
            error,
        };
        fs::create_dir_all(folder.parent().unwrap_or(cache)).map_err(failed)?;
        let _lock = self.lock(&folder, &say).await?;
        if folder.join(DONE).is_file() {
            return Ok(folder);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed)?;
        }
        fs::create_dir_all(&folder).map_err(failed)?;
        for command in self.commands {
            say(&format!("preparing {}: {}", self.name, command.join(" ")));
            self.run(command, &folder).await?;
        }
        fs::write(folder.join(DONE), "").map_err(failed)?;
        Ok(folder)
    }

    async fn run(&self, command: &[String], folder: &Path) -> Result<(), PrepareError> {
        let dir = folder.to_path_buf();
        let argv = command
            .iter()
            .map(|word| super::manifest::fill(word, folder, self.dir))
            .collect();
        let filled = |value: &String| super::manifest::fill(value, folder, self.dir);
        let env = self
            .env
            .iter()
            .map(|(name, value)| (name.clone(), filled(value)))
            .collect();
        let launch = Launch { argv, dir, env };
        let process = launch.spawn(|_| {})?;
        let status = process.ended().await;
        if status == "exit code 0" {
            return Ok(());
        }
        let output = process.output().last(20);
        Err(PrepareError::Command {
            name: self.name.to_owned(),
            command: launch.typed(),
            status,
            output,
        })
    }

    /// Two runs at once prepare one after the other. The lock goes with the file handle, so a run that dies frees it.
    async fn lock(&self, folder: &Path, say: impl Fn(&str)) -> Result<File, PrepareError> {
        let path = folder.with_extension("lock");
        let failed = |error| PrepareError::Folder {
            path: path.clone(),
            error,
        };
        let file = File::create(&path).map_err(failed)?;
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if !said => {
                    say(&format!(
                        "waiting for another siospec that is preparing {}",
                        self.name
                    ));
                    said = true;
                }
                Err(TryLockError::WouldBlock) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// The file itself, or every file below a folder, in a fixed order.
fn files(path: &Path) -> Result<Vec<PathBuf>, PrepareError> {
    let unreadable = |error| PrepareError::Input {
        path: path.to_path_buf(),
        error,
    };
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(unreadable)?.collect();
    let mut paths: Vec<_> = entries
        .map_err(unreadable)?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        all.extend(files(&path)?);
    }
    Ok(all)
}

/// Why a target could not be prepared.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// A file that `inputs:` names cannot be read.
    #[error("cannot read {}, which `inputs:` of target.yaml names: {error}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The cache folder cannot be written.
    #[error("cannot prepare in {} ({error}); set SIOSPEC_CACHE to a folder that can be written", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A setup command cannot be started.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// A setup command failed.
    #[error("preparing {name}: `{command}` ended with {status}; it printed:\n{output}")]
    Command {
        /// The target.
        name: String,
        /// The command.
        command: String,
        /// How it ended.
        status: String,
        /// Its last lines.
        output: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup<'a>(dir: &'a Path, inputs: &'a [String], commands: &'a [Vec<String>]) -> Setup<'a> {
        static NO_ENV: BTreeMap<String, String> = BTreeMap::new();
        Setup {
            name: "t",
            dir,
            inputs,
            commands,
            env: &NO_ENV,
        }
    }

    fn words(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn prepares_once_and_again_when_an_input_changes() {
        let tree = tempfile::tempdir().unwrap();
        let cache = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("pins.txt"), "1").unwrap();
        let inputs = ["pins.txt".to_owned()];
        let commands = [words("cp $TARGET/pins.txt made.txt")];
        let setup = setup(tree.path(), &inputs, &commands);
        let said = std::cell::Cell::new(0);
        // A child that another test has just forked may hold the lock for a moment, which is said too.
        let say = |word: &str| said.set(said.get() + u32::from(word.starts_with("preparing")));
        let first = setup.prepare(cache.path(), say).await.unwrap();
        assert_eq!(fs::read_to_string(first.join("made.txt")).unwrap(), "1");
        assert_eq!(setup.prepare(cache.path(), say).await.unwrap(), first);
        assert_eq!(said.get(), 1);
        fs::write(tree.path().join("pins.txt"), "2").unwrap();
        let second = setup.prepare(cache.path(), say).await.unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_to_string(second.join("made.txt")).unwrap(), "2");
    }

    #[tokio::test]
    async fn a_setup_that_fails_says_what_it_printed_and_is_tried_again() {
        let tree = tempfile::tempdir().unwrap();
        let cache = tempfile::tempdir().unwrap();
        let commands = [words("ls no-such-file")];
        let setup = setup(tree.path(), &[], &commands);
        for _ in 0..2 {
            let error = setup
                .prepare(cache.path(), |_| {})
                .await
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("`ls no-such-file` ended with exit code"),
                "{error}"
            );
            assert!(error.contains("no-such-file'"), "{error}");
        }
    }
}
