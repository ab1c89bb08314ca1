//! engineioxide-core and socketioxide-parser-common behind the line protocol of targets/parsers/README.md.

mod engine;
mod socket;
mod tagged;

use std::io::{self, BufRead, BufWriter, Write};
use std::panic::catch_unwind;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a line asks.
#[derive(Deserialize)]
struct Question {
    layer: Layer,
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Layer {
    EnginePacket,
    EnginePayload,
    Socket,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Frame {
    Text(String),
    Binary {
        #[serde(rename = "$bytes")]
        base64: String,
    },
}

/// What a line answers: packets, then why there are no more.
#[derive(Serialize, Default)]
struct Answer {
    packets: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    waiting: bool,
}

fn answer(line: &str) -> Answer {
    let question: Question = match serde_json::from_str(line) {
        Ok(question) => question,
        Err(error) => panic!("this line is no question ({error}): {line}"),
    };
    let decoded = catch_unwind(|| match question.layer {
        Layer::EnginePacket => engine::packet(text(&question.frames)),
        Layer::EnginePayload => engine::payload(text(&question.frames)),
        Layer::Socket => socket::packets(&question.frames),
    });
    decoded.unwrap_or_else(|_| Answer {
        error: Some("panic".into()),
        ..Answer::default()
    })
}

fn text(frames: &[Frame]) -> String {
    match frames {
        [Frame::Text(text)] => text.clone(),
        _ => panic!("the layers of Engine.IO are asked about one text"),
    }
}

fn encoded(data: &[u8]) -> String {
    STANDARD.encode(data)
}

fn decoded(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).expect("questions hold good base64")
}

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(
        out,
        r#"{{"siospec":1,"layers":["engine-packet","engine-payload","socket"]}}"#
    )?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            out.flush()?;
            continue;
        }
        serde_json::to_writer(&mut out, &answer(&line))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
