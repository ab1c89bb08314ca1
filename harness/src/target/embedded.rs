//! The bundled targets, so that the program alone can judge them and hand them out to start from.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sha1::{Digest, Sha1};

use super::prepare;

/// The files below `targets`, by their paths there, with `/` between the parts.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/targets.rs"));

/// Tells the files of one build from those of another.
static DIGEST: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha1::new();
    for (path, content) in FILES {
        hash.update(path);
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content);
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

/// The names of the bundled targets, in order.
pub fn names() -> BTreeSet<&'static str> {
    described().filter(|name| !name.contains('/')).collect()
}

/// The names of the bundled parsers of `siospec fuzz codec`, in order; their folders lie in `parsers`.
pub fn parsers() -> BTreeSet<&'static str> {
    described()
        .filter_map(|name| name.strip_prefix("parsers/"))
        .collect()
}

/// Every folder below `targets` that has a target.yaml.
fn described() -> impl Iterator<Item = &'static str> {
    FILES
        .iter()
        .filter_map(|(path, _)| path.strip_suffix("/target.yaml"))
}

/// Whether there is such a folder.
pub fn has(folder: &str) -> bool {
    described().any(|name| name == folder)
}

/// The files of a target, each with its path in the target's folder.
pub fn files(name: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(path, content)| {
        Some((path.strip_prefix(name)?.strip_prefix('/')?, *content))
    })
}

/// Whether a file is one that [`unpack`] wrote.
pub fn holds(file: &Path) -> bool {
    file.starts_with(folder())
}

fn folder() -> PathBuf {
    prepare::cache().join("bundled").join(&*DIGEST)
}

/// The folder of every bundled target, written into the cache and mended there; it is shared by all runs of this build.
///
/// # Errors
/// The cache cannot be written.
pub fn unpack() -> io::Result<PathBuf> {
    let folder = folder();
    for (path, content) in FILES {
        let file = folder.join(path);
        if std::fs::read(&file).is_ok_and(|found| found == *content) {
            continue;
        }
        // Another run may be reading: it finds the file whole, or not at all.
        crate::file::put(&file, content)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_the_tree_is_there_with_its_files() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets");
        let mut folders: Vec<_> = std::fs::read_dir(&tree)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("target.yaml").is_file())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        folders.sort();
        assert_eq!(names().into_iter().collect::<Vec<_>>(), folders);
        let app = files("node-socketio").find(|(path, _)| *path == "server.js");
        assert_eq!(
            app.unwrap().1,
            std::fs::read(tree.join("node-socketio/server.js")).unwrap()
        );
        assert!(files("socketioxide").any(|(path, _)| path == "src/main.rs"));
    }
}
