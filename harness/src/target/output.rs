//! What a process printed: its last lines, in bounded memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The last lines of stdout and stderr together, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<Mutex<Tail>>);

#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    dropped: u64,
}

impl Output {
    /// How much is kept; enough for a stack trace.
    const KEPT: usize = 64 * 1024;
    /// Longer lines are cut.
    const LINE: usize = 4 * 1024;

    /// Adds one line.
    pub fn push(&self, line: &[u8]) {
        let cut = &line[..line.len().min(Self::LINE)];
        let line = String::from_utf8_lossy(cut).trim_end().to_owned();
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.bytes += line.len() + 1;
        tail.lines.push_back(line);
        while tail.bytes > Self::KEPT {
            let Some(gone) = tail.lines.pop_front() else {
                break;
            };
            tail.bytes -= gone.len() + 1;
            tail.dropped += 1;
        }
    }

    /// Whether nothing was printed at all.
    pub fn is_empty(&self) -> bool {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.dropped == 0 && tail.lines.iter().all(|line| line.is_empty())
    }

    /// Up to `count` of the last lines, indented for a message.
    pub fn last(&self, count: usize) -> String {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let skipped = tail.lines.len().saturating_sub(count);
        let lines: Vec<_> = tail
            .lines
            .iter()
            .skip(skipped)
            .map(|line| format!("    {line}"))
            .collect();
        lines.join("\n")
    }

    /// Reads `source` to its end, line by line, and hands each line on besides keeping it.
    pub async fn drain(self, mut source: impl AsyncRead + Unpin, mut each: impl FnMut(&str)) {
        let mut line = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = source.read(&mut buffer).await.unwrap_or(0);
            for &byte in &buffer[..read] {
                if byte == b'\n' {
                    each(String::from_utf8_lossy(&line).trim_end());
                    self.push(&line);
                    line.clear();
                } else if line.len() < Self::LINE {
                    line.push(byte);
                }
            }
            if read == 0 {
                break;
            }
        }
        if !line.is_empty() {
            each(String::from_utf8_lossy(&line).trim_end());
            self.push(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_last_lines_of_a_flood() {
        let flood: Vec<u8> = (0..20_000)
            .flat_map(|n| format!("line {n}\n").into_bytes())
            .collect();
        let output = Output::default();
        let mut seen = 0;
        output.clone().drain(flood.as_slice(), |_| seen += 1).await;
        assert_eq!(seen, 20_000);
        assert_eq!(output.last(2), "    line 19998\n    line 19999");
        assert!(output.0.lock().unwrap().bytes <= Output::KEPT);
    }

    #[tokio::test]
    async fn cuts_a_line_without_end() {
        let output = Output::default();
        output
            .clone()
            .drain(vec![b'x'; 1_000_000].as_slice(), |_| {})
            .await;
        assert_eq!(output.last(1).trim().len(), Output::LINE);
    }

    #[tokio::test]
    async fn blank_lines_are_nothing() {
        let output = Output::default();
        output.clone().drain(b"\n\n".as_slice(), |_| {}).await;
        assert!(output.is_empty());
    }
}
