//! `--report kind=PATH`: the figures as a file.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use super::figures::Figures;
use super::{notes, page, table};

/// A form in which figures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All samples.
    Json,
    /// Tables, method and caveats.
    Markdown,
    /// The same as one page that opens from disk, with plots.
    Html,
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
        let split = text.split_once('=').filter(|(_, path)| !path.is_empty());
        let (kind, path) = split.ok_or("write KIND=PATH; kinds are json, md, html")?;
        let kind = match kind {
            "json" => Kind::Json,
            "md" => Kind::Markdown,
            "html" => Kind::Html,
            other => {
                return Err(format!(
                    "there is no report `{other}`; there are json, md, html"
                ));
            }
        };
        Ok(Self {
            kind,
            path: path.into(),
        })
    }
}

impl Wanted {
    /// Writes the figures of one run, or of several one after the other. JSON takes one run only, the first.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, runs: &[Figures], included: &[String]) -> io::Result<()> {
        let text = match self.kind {
            Kind::Json => serde_json::to_string(&runs.first())? + "\n",
            Kind::Markdown => markdown(runs, included),
            Kind::Html => page::render(runs),
        };
        crate::file::put(&self.path, text)
    }
}

/// One run in a sentence or two: where and of what.
pub fn about(figures: &Figures) -> Vec<(&'static str, String)> {
    let machine = &figures.machine;
    let targets = figures.targets.iter().map(|target| {
        let versions: Vec<String> = target
            .versions
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        format!("{} ({})", target.name, versions.join(", "))
    });
    let apart = match machine.apart {
        true => "; the client had one of them for itself, the servers the rest",
        false => "",
    };
    let load: Vec<String> = machine
        .load
        .iter()
        .map(|load| format!("{load:.1}"))
        .collect();
    vec![
        ("made by", format!("`{}`", figures.command)),
        (
            "on",
            figures.started.format("%Y-%m-%d %H:%M UTC").to_string(),
        ),
        (
            "machine",
            format!(
                "{} × {}{apart}; {}",
                machine.cores, machine.processor, machine.kernel
            ),
        ),
        ("load average before and after", load.join(", ")),
        ("targets", targets.collect::<Vec<_>>().join("; ")),
    ]
}

/// Everything, as Markdown.
fn markdown(runs: &[Figures], included: &[String]) -> String {
    let mut text = String::from("# Performance\n");
    for (number, figures) in runs.iter().enumerate() {
        text.push_str(match number {
            0 => "\n## The servers, one beside the other\n\n",
            _ => "\n## Another run\n\n",
        });
        text.push_str("| | |\n|---|---|\n");
        for (name, what) in about(figures) {
            let _ = writeln!(text, "| {name} | {what} |");
        }
        let caveats = notes::caveats(figures);
        if !caveats.is_empty() {
            text.push_str("\nTo be said against these figures:\n\n");
            caveats
                .iter()
                .for_each(|note| text.push_str(&format!("- {}\n", note.replace('\n', " "))));
        }
        for table in table::tables(figures) {
            let _ = write!(text, "\n### {}\n\n{}", table.title, table.markdown());
        }
    }
    if let Some(figures) = runs.first() {
        let _ = write!(text, "\n## Method\n\n{}", notes::method(figures));
    }
    for part in included {
        let _ = write!(text, "\n{}\n", deeper(part).trim());
    }
    text
}

/// Markdown whose headings are one level deeper.
fn deeper(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().map(|line| {
        fenced ^= line.starts_with("```");
        match line.starts_with('#') && !fenced {
            true => format!("#{line}\n"),
            false => format!("{line}\n"),
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_kind_and_a_path() {
        let wanted: Wanted = "md=a/b=c.md".parse().unwrap();
        assert_eq!(
            (wanted.kind, wanted.path),
            (Kind::Markdown, "a/b=c.md".into())
        );
        for wrong in ["md", "md=", "pdf=x"] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_included_stands_one_level_deeper() {
        assert_eq!(
            deeper("# A\nb\n```\n# c\n```\n"),
            "## A\nb\n```\n# c\n```\n"
        );
    }
}
