//! A transcript as lines of text.

use std::fmt::Write as _;

use crate::transcript::{Direction, Entry, Layer, Transcript};

/// Characters of an entry that a line shows.
const WIDTH: usize = 160;

/// The last `count` entries, a line each.
pub fn lines(transcript: &Transcript, count: usize) -> String {
    let mut text = String::new();
    let skipped = transcript.entries.len().saturating_sub(count);
    let _ = match skipped {
        0 => writeln!(text, "  transcript (milliseconds since the trial began)"),
        _ => writeln!(
            text,
            "  transcript (milliseconds since the trial began; {skipped} entries before, shown by --verbose)"
        ),
    };
    for entry in transcript.entries.iter().skip(skipped) {
        let _ = writeln!(text, "    {}", line(entry));
    }
    if let Some(elided) = &transcript.elided {
        let _ = writeln!(
            text,
            "    … and {} entries more, {} bytes",
            elided.entries, elided.length
        );
    }
    text
}

/// One entry: when, who, which way, what, and what it was read as.
pub(crate) fn line(entry: &Entry) -> String {
    let at = entry.at as f64 / 1000.0;
    let mut who = entry.client.as_deref().unwrap_or("").to_owned();
    if !entry.lane.is_empty() {
        let _ = write!(who, " {}", entry.lane);
    }
    let arrow = match (entry.direction, entry.layer) {
        (Direction::Sent, _) => "→",
        (Direction::Received, _) => "←",
        (Direction::None, Layer::Deadline) => "⌛",
        (Direction::None, _) => "·",
    };
    let mut what = match entry.raw.text() {
        Some(text) => visible(text),
        None => hex(&entry.raw.head),
    };
    if what.chars().count() > WIDTH {
        what = what.chars().take(WIDTH).collect();
        what.push('…');
    }
    if let Some(elided) = &entry.raw.elided {
        let _ = write!(what, " ({} bytes)", elided.length);
    }
    let read = entry.annotations.join(", ");
    let gap = if what.is_empty() || read.is_empty() {
        ""
    } else {
        "   "
    };
    let read = if what.is_empty() || read.is_empty() {
        read
    } else {
        format!("[{read}]")
    };
    format!("{at:>9.1}  {who:<8} {arrow} {what}{gap}{read}")
}

/// Text with what cannot be seen made visible: the record separator as ␞, other control characters as escapes.
pub fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\u{1e}' => seen.push('␞'),
            '\r' => seen.push_str("\\r"),
            '\n' => seen.push_str("\\n"),
            '\t' => seen.push_str("\\t"),
            other if other.is_control() => {
                let _ = write!(seen, "\\u{:04x}", other as u32);
            }
            other => seen.push(other),
        }
    }
    seen
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes
        .iter()
        .take(WIDTH / 3)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "<{}{}>",
        pairs.join(" "),
        if bytes.len() > WIDTH / 3 { " …" } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Lane, Recorder};

    #[test]
    fn a_transcript_reads_like_the_browsers_frames_tab() {
        let recorder = Recorder::start();
        let lane = Lane::client("A").of("ws");
        recorder.wire(
            &lane,
            Layer::Frame,
            Direction::Sent,
            b"2probe",
            vec!["text frame".into()],
        );
        recorder.wire(
            &lane,
            Layer::Frame,
            Direction::Received,
            b"\x00\xff",
            Vec::new(),
        );
        recorder.wire(
            &lane,
            Layer::Http,
            Direction::Received,
            "4a\u{1e}4b\r\n".as_bytes(),
            Vec::new(),
        );
        recorder.deadline(&lane, "nothing within 2s");
        let text = lines(&recorder.transcript(), usize::MAX);
        let body: Vec<_> = text
            .lines()
            .skip(1)
            .map(|line| line[15..].trim_end())
            .collect();
        assert_eq!(
            body,
            [
                "A ws     → 2probe   [text frame]",
                "A ws     ← <00 ff>",
                "A ws     ← 4a␞4b\\r\\n",
                "A ws     ⌛ nothing within 2s"
            ]
        );
    }

    #[test]
    fn a_long_transcript_shows_its_end_and_says_so() {
        let recorder = Recorder::start();
        (0..30).for_each(|n| recorder.note(&Lane::trial(), n.to_string()));
        let text = lines(&recorder.transcript(), 4);
        assert!(
            text.contains("26 entries before, shown by --verbose"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 5);
        assert!(text.trim_end().ends_with("29"), "{text}");
    }
}
