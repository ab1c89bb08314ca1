//! `--report kind=PATH`: which reports are written, and where.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use super::{ctrf, html, json, junit, markdown, tap};
use crate::file;
use crate::outcome::Run;

/// A form in which a run is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The data model itself.
    Json,
    /// JUnit XML.
    Junit,
    /// One page that opens from disk.
    Html,
    /// Markdown for the summary of a build.
    Markdown,
    /// The Test Anything Protocol.
    Tap,
    /// The Common Test Report Format.
    Ctrf,
}

impl Kind {
    const ALL: [(&str, Kind); 6] = [
        ("json", Kind::Json),
        ("junit", Kind::Junit),
        ("html", Kind::Html),
        ("md", Kind::Markdown),
        ("tap", Kind::Tap),
        ("ctrf", Kind::Ctrf),
    ];
}

/// One `--report`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The form.
    pub kind: Kind,
    /// The file; its folders are made.
    pub path: PathBuf,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = || Kind::ALL.map(|(name, _)| name).join(", ");
        let Some((kind, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
            return Err(format!(
                "write KIND=PATH, such as junit=report.xml; kinds are {}",
                kinds()
            ));
        };
        let found = Kind::ALL.iter().find(|(name, _)| *name == kind);
        let (_, kind) =
            found.ok_or_else(|| format!("there is no report `{kind}`; there are {}", kinds()))?;
        Ok(Self {
            kind: *kind,
            path: path.into(),
        })
    }
}

impl Wanted {
    /// Whether all of these can be written, each into a file of its own; asked before anything is played, since a run
    /// may take long. A file that is there stays as it is, and a new one is not made yet.
    ///
    /// # Errors
    /// What is wrong, one line.
    pub fn ready(all: &[Wanted]) -> Result<(), String> {
        for (index, wanted) in all.iter().enumerate() {
            let path = wanted.path.display();
            if all[..index].iter().any(|other| other.path == wanted.path) {
                return Err(format!(
                    "two reports are to go into {path}; give each a file of its own"
                ));
            }
            file::ready(&wanted.path).map_err(|error| format!("cannot write {path}: {error}"))?;
        }
        Ok(())
    }

    /// Writes the run; a reader finds the old file or the new one. The file of a build's summary, which the variable
    /// `GITHUB_STEP_SUMMARY` names, may have been begun by others: it is written on.
    pub fn write(&self, run: &Run) -> io::Result<()> {
        let is_begun = std::env::var_os("GITHUB_STEP_SUMMARY")
            .is_some_and(|path| path == self.path.as_os_str());
        if is_begun {
            let mut content = Vec::new();
            self.render(run, &mut content)?;
            return file::append(&self.path, &content);
        }
        file::fill(&self.path, |to| self.render(run, to))
    }

    fn render(&self, run: &Run, to: &mut dyn io::Write) -> io::Result<()> {
        match self.kind {
            Kind::Json => json::write(run, to),
            Kind::Junit => junit::write(run, to),
            Kind::Markdown => markdown::write(run, to),
            Kind::Tap => tap::write(run, to),
            Kind::Ctrf => ctrf::write(run, to),
            Kind::Html => to.write_all(html::render(run)?.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_kind_and_a_path() {
        let wanted: Wanted = "junit=out/report=1.xml".parse().unwrap();
        assert_eq!(
            wanted,
            Wanted {
                kind: Kind::Junit,
                path: "out/report=1.xml".into()
            }
        );
        assert!(
            "junit"
                .parse::<Wanted>()
                .unwrap_err()
                .starts_with("write KIND=PATH")
        );
        assert!(
            "pdf=x"
                .parse::<Wanted>()
                .unwrap_err()
                .starts_with("there is no report `pdf`; there are json, junit")
        );
    }

    #[test]
    fn the_folders_of_a_report_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        let run = crate::outcome::tests::run(Vec::new());
        Wanted {
            kind: Kind::Json,
            path: path.clone(),
        }
        .write(&run)
        .unwrap();
        assert_eq!(json::read(&std::fs::read_to_string(path).unwrap()), Ok(run));
    }
}
