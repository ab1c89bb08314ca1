//! The report as one HTML file: opens from disk, fetches nothing, shows every cell's transcript.
//!
//! What the matrix shows stands in the page as JSON; transcripts, which are most of its weight, stand compressed in
//! parts and are inflated by the browser when a cell is opened, so that a page with thousands of trials opens at once.
//!
//! What servers sent is hostile until shown otherwise: it stands in the page as JSON without `<`, or compressed; the
//! script shows it as text, never as HTML; and a policy in the head lets the browser run this script alone, apply this
//! style sheet alone, and fetch nothing.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

use super::cells::Table;
use crate::outcome::Run;
use crate::scenario::corpus;

const PAGE: &str = include_str!("page/page.html");
const CSS: &str = concat!(
    include_str!("page/page.css"),
    include_str!("page/matrix.css"),
    include_str!("page/cell.css"),
);
/// One script, a room a file; they share one scope, in this order.
const JS: &str = concat!(
    "\"use strict\";\n",
    include_str!("page/data.js"),
    include_str!("page/element.js"),
    include_str!("page/overview.js"),
    include_str!("page/matrix.js"),
    include_str!("page/bytes.js"),
    include_str!("page/sequence.js"),
    include_str!("page/beside.js"),
    include_str!("page/cell.js"),
    include_str!("page/start.js"),
);

/// The page. Requirements are cited from the embedded catalogue, scenarios from the embedded corpus.
///
/// # Errors
/// Where the run cannot be written as JSON.
pub fn render(run: &Run) -> serde_json::Result<String> {
    // The embedded catalogue parses: a test says so. Without it the page shows bare ids.
    let catalogue = corpus::catalogue().unwrap_or_default();
    let table = Table::of(run);
    let index = serde_json::to_string(&table.index(&catalogue))?;
    let mut parts = String::new();
    for (number, part) in table.parts().enumerate() {
        let packed = STANDARD.encode(deflate(&serde_json::to_vec(&part)?));
        parts.push_str(&format!(
            "<script type=\"text/plain\" id=\"part-{number}\">{packed}</script>\n"
        ));
    }
    Ok(fill(&[
        ("script-hash", &hash(JS)),
        ("style-hash", &hash(CSS)),
        ("css", CSS),
        ("index", &inert(&index)),
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

/// What a policy calls this very script or style sheet.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::outcome::{Verdict, tests as outcomes};
    use crate::transcript::{Direction, Lane, Layer, Recorder, Transcript};

    fn page_of(title: &str, transcript: Option<Transcript>) -> String {
        let mut outcome = outcomes::outcome(true, Verdict::Passed);
        outcome.title = title.into();
        outcome.transcript = transcript.map(Arc::new);
        render(&outcomes::run(vec![outcome])).unwrap()
    }

    fn element<'a>(page: &'a str, id: &str) -> &'a str {
        let (_, after) = page.split_once(&format!("id=\"{id}\">")).unwrap();
        after.split_once("</script>").unwrap().0
    }

    fn part(page: &str, number: usize) -> serde_json::Value {
        let packed = STANDARD
            .decode(element(page, &format!("part-{number}")))
            .unwrap();
        serde_json::from_reader(flate2::read::DeflateDecoder::new(&packed[..])).unwrap()
    }

    #[test]
    fn a_title_that_closes_the_script_stays_data() {
        let title = "</script><script>alert(1)</script> {{js}} <!-- \u{2028}";
        let page = page_of(title, None);
        let data: serde_json::Value = serde_json::from_str(element(&page, "index")).unwrap();
        assert_eq!(data["rows"][0]["title"], title);
        assert!(!page.contains("alert(1)</script>"));
    }

    #[test]
    fn nothing_in_the_page_is_fetched_and_only_its_own_script_runs() {
        let page = page_of("t", None);
        for tag in ["src=", "<link rel=\"stylesheet", "@import", "url("] {
            assert!(!page.contains(tag), "{tag}");
        }
        assert!(!page.contains("{{"), "every place is filled");
        let (_, script) = page.rsplit_once("<script>").unwrap();
        let script = script.split_once("</script>").unwrap().0;
        assert!(page.contains(&format!("script-src '{}'", hash(script))));
        assert!(page.contains("default-src 'none'"));
        assert!(!page.contains("unsafe-inline"));
    }

    #[test]
    fn a_transcript_inflates_to_what_was_recorded_with_what_it_means() {
        let recorder = Recorder::start();
        let lane = Lane::client("A").of("ws");
        let words = |text: &str| vec!["text frame".to_owned(), text.to_owned()];
        recorder.note(&Lane::trial(), "step 1: - A.send: 2␞");
        recorder.wire(&lane, Layer::Frame, Direction::Sent, b"2", words("ping"));
        recorder.wire(
            &lane,
            Layer::Frame,
            Direction::Received,
            b"3",
            words("pong"),
        );
        let transcript = recorder.transcript();
        let page = page_of("t", Some(transcript.clone()));
        assert!(!element(&page, "index").contains("A.send"));
        let shown = &part(&page, 0)["rows"][0][0]["transcript"];
        let mut told = shown.clone();
        told["started"] = transcript.started.into();
        let back: Transcript = serde_json::from_value(told).unwrap();
        assert_eq!(back.entries, transcript.entries);
        assert_eq!(shown["entries"][2]["answers"], 1);
        assert_eq!(shown["entries"][2]["chain"][0][0], "Engine.IO");
    }

    #[test]
    fn a_scenario_of_the_corpus_brings_its_yaml_and_its_requirements_link() {
        let corpus = corpus::Corpus::embedded(&corpus::catalogue().unwrap());
        let scenario = &corpus.scenarios[0];
        let mut outcome = outcomes::outcome(true, Verdict::Passed);
        outcome.scenario = scenario.name.clone();
        outcome.file = format!("scenarios/{}.yaml", scenario.name);
        outcome.title = scenario.title.clone();
        let page = render(&outcomes::run(vec![outcome.clone()])).unwrap();
        let yaml = &part(&page, 0)["sources"][&outcome.file];
        assert!(yaml.as_str().unwrap().contains(&outcome.title));
        assert!(page.contains("https://github.com/socketio/engine.io-protocol#handshake"));
        outcome.title = "Another scenario of the same name".into();
        let page = render(&outcomes::run(vec![outcome])).unwrap();
        assert_eq!(part(&page, 0)["sources"], serde_json::json!({}));
    }
}
