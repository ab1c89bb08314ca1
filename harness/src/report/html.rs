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
use crate::transcript::Transcript;

/// How many outcomes' transcripts are compressed together: small enough to inflate unseen, large
/// enough to compress well.
const PART: usize = 64;

const PAGE: &str = include_str!("page/page.html");
const CSS: &str = include_str!("page/page.css");
const JS: &str = include_str!("page/page.js");

/// What the page says of a requirement.
#[derive(Debug, Clone, Serialize)]
pub struct Cited {
    /// Its level, as in the catalogue.
    pub level: String,
    /// Its statement.
    pub statement: String,
    /// Where the protocol or its implementations say so.
    pub link: String,
}

#[derive(Serialize)]
struct Page<'a> {
    run: &'a Run,
    requirements: &'a BTreeMap<String, Cited>,
    part_size: usize,
}

/// The page. `requirements` are those that the run's scenarios name; `transcript` gives that of an
/// outcome by its index.
///
/// # Errors
/// Where the run cannot be written as JSON.
pub fn render<'a>(
    run: &Run,
    requirements: &BTreeMap<String, Cited>,
    transcript: impl Fn(usize) -> Option<&'a Transcript>,
) -> serde_json::Result<String> {
    let mut bare = run.clone();
    for outcome in &mut bare.outcomes {
        outcome.transcript = None;
    }
    let data = serde_json::to_string(&Page {
        run: &bare,
        requirements,
        part_size: PART,
    })?;
    let mut parts = String::new();
    for (number, start) in (0..run.outcomes.len()).step_by(PART).enumerate() {
        let end = (start + PART).min(run.outcomes.len());
        let transcripts: Vec<_> = (start..end).map(&transcript).collect();
        if transcripts.iter().all(Option::is_none) {
            continue;
        }
        let packed = STANDARD.encode(deflate(&serde_json::to_vec(&transcripts)?));
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
    use crate::transcript::Recorder;

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
                file: "scenarios/engine.io/a.yaml".into(),
                title: title.into(),
                requirements: vec!["EIO-HS-01".into()],
                level: Some(Level::Must),
                group: "EIO-HS".into(),
                needs: Vec::new(),
                repetition: 1,
                gates: true,
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
        let page = render(&run(title), &BTreeMap::new(), |_| None).unwrap();
        let data: serde_json::Value = serde_json::from_str(element(&page, "run")).unwrap();
        assert_eq!(data["run"]["outcomes"][0]["title"], title);
        assert!(!page.contains("alert(1)</script>"));
    }

    #[test]
    fn nothing_in_the_page_is_fetched() {
        let page = render(&run("t"), &BTreeMap::new(), |_| None).unwrap();
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
        let page = render(&run("t"), &BTreeMap::new(), |_| Some(&transcript)).unwrap();
        let packed = STANDARD.decode(element(&page, "part-0")).unwrap();
        let back: Vec<Transcript> =
            serde_json::from_reader(flate2::read::DeflateDecoder::new(&packed[..])).unwrap();
        assert_eq!(back, [transcript]);
    }
}
