//! A diagnosis for people, one paragraph, and for tools.

use serde_json::json;

use super::diagnosis::Finding;
use super::seen::{Seen, Spoke};

/// The diagnosis as text: a paragraph for each finding, with its evidence, and what to do.
#[must_use]
pub fn text(seen: &Seen, findings: &[Finding]) -> String {
    if findings.is_empty() {
        return healthy(seen);
    }
    let paragraph = |finding: &Finding| {
        let evidence: Vec<String> = finding
            .evidence
            .iter()
            .map(|one| format!("  sent  {}\n  came  {}\n", one.sent, one.came))
            .collect();
        format!(
            "{}\n\n{}\n{}\n",
            finding.said,
            evidence.join(""),
            finding.advice
        )
    };
    findings
        .iter()
        .map(paragraph)
        .collect::<Vec<_>>()
        .join("\n")
}

fn healthy(seen: &Seen) -> String {
    let websocket = match &seen.websocket {
        Some(Spoke::Open(_)) => "polling and WebSocket",
        _ => "polling; the server offers no WebSocket",
    };
    let ping = match seen.ping {
        Some((true, after)) => format!(" The first ping came after {after} ms."),
        _ => String::new(),
    };
    let origin = match &seen.origin {
        Some(origin) => format!(" Pages of {origin} may use it."),
        None => String::new(),
    };
    let posts = seen
        .session
        .as_ref()
        .map_or(0, |session| session.posts.len());
    format!(
        "Nothing is wrong: {}{} speaks Socket.IO on {websocket}, a session is kept over {posts} requests, and the \
         namespace / accepts.{ping}{origin}\n",
        seen.base, seen.path
    )
}

/// The diagnosis as JSON.
#[must_use]
pub fn json(seen: &Seen, findings: &[Finding]) -> String {
    let value = json!({
        "url": seen.base,
        "path": seen.path,
        "healthy": findings.is_empty(),
        "findings": findings,
    });
    format!("{value:#}\n")
}
