//! Where a target of some name is found: a path, the nearest folder `targets`, or in the program itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::embedded;
use super::manifest::{Manifest, ManifestError};

impl Manifest {
    /// The target of that name or path: a `target.yaml`, a folder with one, a name in the nearest folder `targets` here
    /// or further up, or one that comes with the program.
    pub fn find(name: &str) -> Result<Manifest, ManifestError> {
        let mut manifest = Self::seek(name)?;
        manifest.known = manifest.deviations()?;
        Ok(manifest)
    }

    /// Like [`Manifest::find`], without the known deviations.
    pub fn seek(name: &str) -> Result<Manifest, ManifestError> {
        let mut manifest = Self::describe(&file(name)?)?;
        manifest.asked = Some(name.to_owned());
        Ok(manifest)
    }
}

fn file(name: &str) -> Result<PathBuf, ManifestError> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok(path.to_path_buf());
    }
    let here = std::env::current_dir().unwrap_or_default();
    let shelves = here.ancestors().map(|dir| dir.join("targets"));
    let shelf = shelves.into_iter().find(|shelf| shelf.is_dir());
    let near = shelf.as_ref().map(|shelf| shelf.join(name));
    let described = [Some(path.to_path_buf()), near]
        .into_iter()
        .flatten()
        .map(|folder| folder.join("target.yaml"))
        .find(|file| file.is_file());
    match described {
        Some(file) => Ok(file),
        None if embedded::has(name) => {
            let folder = embedded::unpack().map_err(ManifestError::Cache)?;
            Ok(folder.join(name).join("target.yaml"))
        }
        None => Err(ManifestError::Unknown {
            name: name.to_owned(),
            known: known(shelf.as_deref()),
        }),
    }
}

/// The names on the shelf, and those that come with the program.
fn known(shelf: Option<&Path>) -> Vec<String> {
    let entries = shelf.and_then(|shelf| std::fs::read_dir(shelf).ok());
    let described = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("target.yaml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let bundled = embedded::names().into_iter().map(str::to_owned);
    let all: BTreeSet<String> = described.chain(bundled).collect();
    all.into_iter().collect()
}
