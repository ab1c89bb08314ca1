//! Transcripts: one that was kept, and one that was pasted from a terminal.

use crate::explain::{Chain, binary, print, text};
use crate::report::answers::answers;
use crate::report::wire;
use crate::transcript::{Direction, Entry, Layer, Transcript};

/// The packet of an entry taken apart, if it is one and was kept whole.
#[must_use]
pub fn entry(entry: &Entry) -> Option<Chain> {
    let packet = matches!(entry.layer, Layer::Engine | Layer::Frame);
    if !packet || entry.direction == Direction::None || entry.raw.elided.is_some() {
        return None;
    }
    let says = |word: &str| entry.annotations.iter().any(|note| note == word);
    if says("binary message") {
        return Some(binary(&entry.raw.head));
    }
    if entry.layer == Layer::Frame && !says("text frame") {
        return None;
    }
    entry.raw.text().map(text)
}

/// A transcript: each entry, what it answers, and each packet taken apart.
#[must_use]
pub fn transcript(transcript: &Transcript) -> String {
    let answered = answers(&transcript.entries);
    let mut out = String::new();
    for (told, answers) in transcript.entries.iter().zip(answered) {
        out.push_str(&wire::line(told));
        out.push('\n');
        if let Some(question) = answers.and_then(|index| transcript.entries.get(index)) {
            let after = (told.at - question.at) as f64 / 1000.0;
            out.push_str(&format!(
                "  {:<12} what was said at {:.1} ms, after {after:.1} ms\n",
                "answers",
                question.at as f64 / 1000.0
            ));
        }
        if let Some(chain) = entry(told) {
            out.push_str(&print(told.raw.text().unwrap_or_default(), &chain));
        }
    }
    out
}

/// The lines of a transcript as a failure shows it, each with its packet if it has one; `None` where a text is
/// something else.
#[must_use]
pub fn pasted(pasted: &str) -> Option<Vec<(&str, Option<&str>)>> {
    let lines: Vec<_> = pasted
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let timed = |line: &&str| {
        let time = line.split_whitespace().next().unwrap_or_default();
        time.contains('.') && time.parse::<f64>().is_ok()
    };
    if lines.is_empty() || !lines.iter().any(timed) {
        return None;
    }
    Some(lines.into_iter().map(|line| (line, packet(line))).collect())
}

/// What stands behind the arrow and before what it was read as, unless it is HTTP or was cut off.
fn packet(line: &str) -> Option<&str> {
    let (_, said) = line.split_once(" → ").or_else(|| line.split_once(" ← "))?;
    let said = said.split("   [").next()?.trim_end();
    let whole = !said.ends_with('…') && !said.contains("\\r\\n");
    let packet = said.starts_with(|first: char| first.is_ascii_digit() || first == 'b');
    (whole && packet).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Lane, Recorder};

    #[test]
    fn a_transcript_shows_its_chains_and_what_answers_what() {
        let recorder = Recorder::start();
        let lane = Lane::client("A").of("ws");
        let words = || vec!["text frame".to_owned()];
        recorder.note(&Lane::trial(), "step 1: - A.emit: [hi]");
        recorder.wire(
            &lane,
            Layer::Frame,
            Direction::Sent,
            b"427[\"hi\"]",
            words(),
        );
        recorder.wire(&lane, Layer::Frame, Direction::Received, b"437[]", words());
        let told = transcript(&recorder.transcript());
        for line in [
            "step 1: - A.emit",
            "event        \"hi\"",
            "answers      what was said at",
            "Socket.IO    3  ACK",
        ] {
            assert!(told.contains(line), "{line} in {told}");
        }
    }

    #[test]
    fn what_a_terminal_showed_is_known_again() {
        let shown = "      1.2  A handshake → GET /socket.io/?EIO=4 HTTP/1.1\\r\\n\\r\\n\n     16.9  A polling ← 42[\"a\"]   [message, EVENT /]\n";
        let lines = pasted(shown).unwrap();
        assert_eq!(lines[0].1, None);
        assert_eq!(lines[1].1, Some("42[\"a\"]"));
        assert_eq!(pasted("452-[\"echo\"]"), None);
        assert_eq!(pasted("2\u{1e}40"), None);
    }
}
