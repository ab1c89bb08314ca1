//! A file that a reader finds whole: the old one or the new one, never half of it.
//!
//! What is written goes into a file beside it, whose name begins with a dot, and takes its place by one rename. Whoever
//! is stopped on the way, or finds the disk full, leaves what was there before.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Writes the content, in place of what was there. The file's folders are made.
///
/// # Errors
/// What the system says; the file is as it was.
pub(crate) fn put(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    fill(path, |to| to.write_all(content.as_ref()))
}

/// Writes what `fill` writes, in place of what was there. The file's folders are made.
///
/// # Errors
/// What the system or `fill` says; the file is as it was.
pub(crate) fn fill(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut to = match Place::of(path)? {
        Place::Stream => {
            let mut to = BufWriter::new(OpenOptions::new().write(true).open(path)?);
            fill(&mut to)?;
            return to.flush();
        }
        Place::File(file) => Half::beside(file)?,
    };
    fill(&mut to.content)?;
    to.put()
}

/// Writes the content behind what is there, at once. The file's folders are made.
///
/// # Errors
/// What the system says.
pub(crate) fn append(path: &Path, content: &[u8]) -> io::Result<()> {
    folder(path)?;
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(content)
}

/// Whether the file can be written, asked before there is anything to write. Its folders are made, and nothing else is
/// left behind.
///
/// # Errors
/// What the system says.
pub(crate) fn ready(path: &Path) -> io::Result<()> {
    match Place::of(path)? {
        Place::Stream => Ok(()),
        Place::File(file) => Half::beside(file).map(drop),
    }
}

/// Where a path leads.
enum Place {
    /// To a file, which may not be there yet.
    File(PathBuf),
    /// To a pipe, a device or an open file, which nothing can take the place of.
    Stream,
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        folder(path)?;
        let Ok(there) = fs::metadata(path) else {
            return Ok(Self::File(path.to_owned()));
        };
        // What `/dev/stdout` leads to may be a file, and is open.
        let is_open = ["/dev", "/proc"].iter().any(|root| path.starts_with(root));
        if is_open || !there.is_file() && !there.is_dir() {
            return Ok(Self::Stream);
        }
        // A link stays one: what it names is replaced.
        let file = fs::canonicalize(path)?;
        // A file that is not to be written, or a folder, is not replaced either.
        OpenOptions::new().append(true).open(&file)?;
        Ok(Self::File(file))
    }
}

fn folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

/// The new content of a file, as long as it is not in its place. It is gone when this is dropped.
struct Half {
    path: PathBuf,
    of: PathBuf,
    content: BufWriter<File>,
}

impl Half {
    fn beside(of: PathBuf) -> io::Result<Self> {
        /// What this process writes at the same time has names of its own.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = of
            .file_name()
            .ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        let mut half = OsString::from(".");
        half.push(name);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        half.push(format!(".{}-{number}", std::process::id()));
        let path = of.with_file_name(half);
        let file = File::create(&path)?;
        let half = Self {
            path,
            of,
            content: BufWriter::new(file),
        };
        if let Ok(before) = fs::metadata(&half.of) {
            half.content
                .get_ref()
                .set_permissions(before.permissions())?;
        }
        Ok(half)
    }

    fn put(mut self) -> io::Result<()> {
        self.content.flush()?;
        fs::rename(&self.path, &self.of)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        // After the rename there is nothing of that name.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn a_reader_finds_the_old_file_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/report.xml");
        put(&path, "old").unwrap();
        fill(&path, |to| {
            to.write_all(&[b'n'; 100_000])?;
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::read(&path).unwrap(), [b'n'; 100_000]);
        assert_eq!(names(path.parent().unwrap()), ["report.xml"]);
    }

    #[test]
    fn what_breaks_off_leaves_the_old_file_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let broken = |path: &Path| {
            fill(path, |to| {
                to.write_all(&[b'n'; 100_000])?;
                Err(io::Error::other("the disk is full"))
            })
        };
        let old = folder.path().join("old");
        put(&old, "old").unwrap();
        assert_eq!(broken(&old).unwrap_err().to_string(), "the disk is full");
        assert!(broken(&folder.path().join("none")).is_err());
        assert_eq!(fs::read_to_string(&old).unwrap(), "old");
        assert_eq!(names(folder.path()), ["old"]);
    }

    #[test]
    fn to_be_ready_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        ready(&folder.path().join("report.json")).unwrap();
        assert_eq!(names(folder.path()), [""; 0]);
        assert!(ready(folder.path()).is_err(), "a folder is no file");
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(ready(&folder.path().join("file/report.json")).is_err());
    }

    #[test]
    fn what_is_written_on_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/summary.md");
        append(&path, b"one ").unwrap();
        append(&path, b"two").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "one two");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_a_device_a_device_and_rights_are_kept() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        put(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o640
        );
        put(Path::new("/dev/null"), "nothing").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
