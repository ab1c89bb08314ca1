//! The report as one HTML file: opens from disk, fetches nothing, shows every cell's transcript.
//!
//! The run's outcomes stand in the page as JSON; transcripts, which are most of its weight, stand
//! compressed in parts and are inflated by the browser when a cell is opened, so that a page with
//! thousands of trials opens at once.

use std::collections::BTreeMap;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Serialize;

use crate::outcome::Run;
use crate::run::level_word;
use crate::scenario::corpus;

/// How many outcomes' transcripts are compressed together: small enough to inflate unseen, large
/// enough to compress well.
const PART: usize = 64;

const PAGE: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");
const JS: &str = include_str!("page/page.js");

/// What the page says of a requirement.
#[derive(Debug, Clone, Serialize)]
struct Cited {
    /// Its level, as in the catalogue.
    level: &'static str,
    /// Its statement.
    statement: String,
    /// Where the protocol or its implementations say so.
    link: Option<String>,
}

#[derive(Serialize)]
struct Page<'a> {
    run: &'a Run,
    requirements: BTreeMap<String, Cited>,
    part_size: usize,
}

/// The page. Requirements are cited from the embedded catalogue.
///
/// # Errors
/// Where the run cannot be written as JSON.
pub fn render(run: &Run) -> serde_json::Result<String> {
    let mut index = run.clone();
    let transcripts: Vec<_> = index
        .outcomes
        .iter_mut()
        .map(|outcome| outcome.transcript.take())
        .collect();
    let page = Page {
        run: &index,
        requirements: cited(run),
        part_size: PART,
    };
    let data = serde_json::to_string(&page)?;
    let mut parts = String::new();
    for (number, part) in transcripts.chunks(PART).enumerate() {
        if part.iter().all(Option::is_none) {
            continue;
        }
        let packed = STANDARD.encode(deflate(&serde_json::to_vec(part)?));
        parts.push_str(&format!(
            "<script type=\"text/plain\" id=\"part-{number}\">{packed}</script>\n"
        ));
    }
    Ok(fill(&[
        ("css", CSS),
        ("run", &inert(&data)),
        ("parts", &parts),
        ("js", JS),
    ]))
}

/// The requirements that the run's scenarios name, as far as the catalogue knows them.
fn cited(run: &Run) -> BTreeMap<String, Cited> {
    // The embedded catalogue parses: a test says so. Without it the page shows bare ids.
    let catalogue = corpus::catalogue().unwrap_or_default();
    let ids = run
        .outcomes
        .iter()
        .flat_map(|outcome| &outcome.requirements);
    ids.filter_map(|id| catalogue.get(id))
        .map(|row| {
            let cited = Cited {
                level: level_word(row.level),
                statement: row.statement.clone(),
                link: row.link.clone(),
            };
            (row.id.clone(), cited)
        })
        .collect()
}

/// The page's template with its places filled; what is filled in is not looked at again.
fn fill(values: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        let value = values.iter().find(|(key, _)| *key == name);
        page.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    page + rest
}

/// JSON that cannot end the script element it stands in.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Level, Outcome, Selection, Verdict};
    use crate::transcript::{Recorder, Transcript};

    fn run(title: &str) -> Run {
        Run {
            format: Run::FORMAT,
            siospec: "0.1.0".into(),
            started: chrono::DateTime::UNIX_EPOCH,
            duration_ms: 5,
            interrupted: false,
            selection: Selection::default(),
            targets: Vec::new(),
            outcomes: vec![Outcome {
                target: "reference".into(),
                trial: "engine.io/a".into(),
                scenario: "engine.io/a".into(),
                aka: Vec::new(),
                file: "scenarios/engine.io/a.yaml".into(),
                title: title.into(),
                requirements: vec!["EIO-HS-01".into()],
                level: Some(Level::Must),
                group: "EIO-HS".into(),
                needs: Vec::new(),
                repetition: 1,
                gates: true,
                newer: false,
                verdict: Verdict::Passed,
                replay: String::new(),
                transcript: None,
                started_ms: 0,
                duration_ms: 1,
            }],
        }
    }

    fn element<'a>(page: &'a str, id: &str) -> &'a str {
        let (_, after) = page.split_once(&format!("id=\"{id}\">")).unwrap();
        after.split_once("</script>").unwrap().0
    }

    #[test]
    fn a_title_that_closes_the_script_stays_data() {
        let title = "</script><script>alert(1)</script> {{js}} <!--";
        let page = render(&run(title)).unwrap();
        let data: serde_json::Value = serde_json::from_str(element(&page, "run")).unwrap();
        assert_eq!(data["run"]["outcomes"][0]["title"], title);
        assert!(!page.contains("alert(1)</script>"));
    }

    #[test]
    fn nothing_in_the_page_is_fetched() {
        let page = render(&run("t")).unwrap();
        for tag in ["src=", "<link rel=\"stylesheet", "@import", "url("] {
            assert!(!page.contains(tag), "{tag}");
        }
        assert!(!page.contains("{{"), "every place is filled");
    }

    #[test]
    fn a_transcript_inflates_to_what_was_recorded() {
        let recorder = Recorder::start();
        recorder.note(&crate::transcript::Lane::client("A"), "connected ␞");
        let transcript = recorder.transcript();
        let mut run = run("t");
        run.outcomes[0].transcript = Some(std::sync::Arc::new(transcript.clone()));
        let page = render(&run).unwrap();
        assert!(
            !element(&page, "run").contains("connected"),
            "it stands in its part only"
        );
        assert!(page.contains("https://github.com/socketio/engine.io-protocol#handshake"));
        let packed = STANDARD.decode(element(&page, "part-0")).unwrap();
        let back: Vec<Transcript> =
            serde_json::from_reader(flate2::read::DeflateDecoder::new(&packed[..])).unwrap();
        assert_eq!(back, [transcript]);
    }
}
