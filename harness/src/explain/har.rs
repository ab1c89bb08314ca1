//! HAR files, as browsers' developer tools save them: the Engine.IO traffic in them, in order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// One message found in a HAR file.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// When, in milliseconds since the earliest entry of the file, where the file tells.
    pub at: Option<f64>,
    /// `GET /socket.io/?…`, or the WebSocket's URL.
    pub what: String,
    /// Whether the client sent it.
    pub sent: bool,
    /// Its text: a polling body, or a frame.
    pub text: String,
    /// Whether it is a binary frame, given in base64.
    pub binary: bool,
}

#[derive(Deserialize)]
struct File {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<chrono::DateTime<chrono::Utc>>,
    request: Request,
    response: Option<Response>,
    #[serde(rename = "_webSocketMessages", default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    post_data: Option<Text>,
}

#[derive(Deserialize)]
struct Response {
    status: i64,
    content: Option<Text>,
}

#[derive(Deserialize)]
struct Text {
    text: Option<String>,
    /// `base64` where the browser took the body for bytes.
    encoding: Option<String>,
}

impl Text {
    fn read(self) -> Option<String> {
        let text = self.text?;
        if self.encoding.as_deref() != Some("base64") {
            return Some(text);
        }
        let bytes = STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes());
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[derive(Deserialize)]
struct Message {
    r#type: String,
    time: Option<f64>,
    opcode: u8,
    data: String,
}

/// The Engine.IO messages of a HAR file: those whose URL carries `EIO=`.
///
/// # Errors
/// Where it is not a HAR file; line and column are in the message.
pub fn read(json: &str) -> Result<Vec<Found>, serde_json::Error> {
    let file: File = serde_json::from_str(json)?;
    let start = file
        .log
        .entries
        .iter()
        .filter_map(|e| e.started_date_time)
        .min();
    let mut found = Vec::new();
    for entry in file
        .log
        .entries
        .into_iter()
        .filter(|e| e.request.url.contains("EIO="))
    {
        let at = entry
            .started_date_time
            .zip(start)
            .map(|(at, start)| (at - start).as_seconds_f64() * 1000.0);
        let what = format!("{} {}", entry.request.method, entry.request.url);
        if let Some(text) = entry.request.post_data.and_then(Text::read) {
            found.push(Found {
                at,
                what: what.clone(),
                sent: true,
                text,
                binary: false,
            });
        }
        if let Some(response) = entry.response.filter(|r| r.status != 101) {
            let text = response.content.and_then(Text::read).unwrap_or_default();
            found.push(Found {
                at,
                what: format!("{what} → {}", response.status),
                sent: false,
                text,
                binary: false,
            });
        }
        for message in entry.messages {
            let at = message
                .time
                .zip(start)
                .map(|(at, start)| at * 1000.0 - start.timestamp_millis() as f64);
            found.push(Found {
                at,
                what: entry.request.url.clone(),
                sent: message.r#type == "send",
                text: message.data,
                binary: message.opcode == 2,
            });
        }
    }
    found.sort_by(|a, b| a.at.partial_cmp(&b.at).unwrap_or(std::cmp::Ordering::Equal));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAR: &str = r#"{"log":{"entries":[
        {"startedDateTime":"2026-01-01T00:00:01.000Z","request":{"method":"GET","url":"http://h/app.js"},"response":{"status":200,"content":{"text":"4x"}}},
        {"startedDateTime":"2026-01-01T00:00:01.200Z","request":{"method":"POST","url":"http://h/socket.io/?EIO=4&transport=polling&sid=a","postData":{"text":"40"}},"response":{"status":200,"content":{"text":"ok"}}},
        {"startedDateTime":"2026-01-01T00:00:01.100Z","request":{"method":"GET","url":"ws://h/socket.io/?EIO=4&transport=websocket"},"response":{"status":101,"content":{}},
         "_webSocketMessages":[{"type":"receive","time":1767225601.5,"opcode":1,"data":"40{}"},{"type":"send","time":1767225601.6,"opcode":2,"data":"AQID"}]}
    ]}}"#;

    #[test]
    fn requests_and_frames_of_the_engine_come_in_order_of_time() {
        let found = read(HAR).unwrap();
        let brief: Vec<_> = found
            .iter()
            .map(|f| (f.sent, f.text.as_str(), f.binary))
            .collect();
        assert_eq!(
            brief,
            [
                (true, "40", false),
                (false, "ok", false),
                (false, "40{}", false),
                (true, "AQID", true)
            ]
        );
        assert_eq!(found[0].at, Some(200.0));
        assert!(found[1].what.ends_with("→ 200"));
    }

    #[test]
    fn a_body_that_the_browser_took_for_bytes_is_read() {
        let har = r#"{"log":{"entries":[{"request":{"method":"GET","url":"http://h/?EIO=4"},"response":{"status":200,"content":{"text":"MuKQng==","encoding":"base64"}}}]}}"#;
        assert_eq!(read(har).unwrap()[0].text, "2\u{241e}");
    }

    #[test]
    fn another_file_is_refused() {
        assert!(read("{}").is_err());
    }
}
