//! Between the codec's packets, which borrow, and this crate's, which share.

use crate::args::Args;
use crate::config::Config;
use crate::link::Link;
use crate::namespace::{Body, Incoming, MAIN, Name};
use crate::outgoing::{Encoded, Outgoing, Says};
use crate::session::{Frame, Message, Received};
use bytes::Bytes;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Why a message is no Socket.IO packet.
pub type WireError = String;

pub(crate) fn engine_text(raw: &Bytes) -> Result<Received, WireError> {
    let rest = if raw.is_empty() {
        Bytes::new()
    } else {
        raw.slice(1..)
    };
    Ok(match raw.first() {
        Some(b'0') => Received::Open,
        Some(b'1') => Received::Close,
        Some(b'2') => Received::Ping(rest),
        Some(b'3') => Received::Pong,
        Some(b'4') => Received::Message(Message::Text(rest)),
        Some(b'5') => Received::Upgrade,
        Some(b'6') => Received::Noop,
        Some(b'b') => {
            use base64::Engine;
            let data = base64::engine::general_purpose::STANDARD
                .decode(&rest)
                .map_err(|e| e.to_string())?;
            Received::Message(Message::Binary(data.into()))
        }
        _ => return Err("type".into()),
    })
}

pub(crate) fn payload(body: &Bytes) -> impl Iterator<Item = Result<Received, WireError>> {
    let parts: Vec<Bytes> = body
        .split(|b| *b == 0x1e)
        .map(|part| body.slice_ref(part))
        .collect();
    parts.into_iter().map(|part| engine_text(&part))
}

pub(crate) fn open(link: &Link, polling: bool) -> Frame {
    let config = &link.core.config;
    let upgrades: &[&str] = if polling && config.upgrades {
        &["websocket"]
    } else {
        &[]
    };
    let open = serde_json::json!({
        "sid": link.sid,
        "upgrades": upgrades,
        "pingInterval": config.ping_interval.as_millis() as u64,
        "pingTimeout": config.ping_timeout.as_millis() as u64,
        "maxPayload": config.max_payload,
    });
    Frame::Text(format!("0{open}").into())
}

pub(crate) fn message_frame(message: Message) -> Frame {
    match message {
        Message::Binary(data) => Frame::Binary(data),
        Message::Text(text) => {
            let mut frame = vec![b'4'];
            frame.extend_from_slice(&text);
            Frame::Text(frame.into())
        }
    }
}

pub(crate) fn encode_payload(frames: &[Frame]) -> Bytes {
    use base64::Engine;
    let mut out = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        if n > 0 {
            out.push(0x1e);
        }
        match frame {
            Frame::Text(text) => out.extend_from_slice(text),
            Frame::Binary(data) => {
                out.push(b'b');
                out.extend_from_slice(
                    base64::engine::general_purpose::STANDARD
                        .encode(data)
                        .as_bytes(),
                );
            }
        }
    }
    out.into()
}

pub(crate) struct Assembly {
    max: usize,
    open: Option<(Incoming, usize, Vec<Bytes>)>,
}

impl Assembly {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            max: config.max_attachments,
            open: None,
        }
    }

    pub(crate) fn feed(&mut self, message: Message) -> Result<Option<Incoming>, WireError> {
        match (message, self.open.take()) {
            (Message::Text(_), Some(_)) => Err("text while due".into()),
            (Message::Binary(_), None) => Err("stray".into()),
            (Message::Binary(data), Some((header, count, mut data_list))) => {
                data_list.push(data);
                if data_list.len() < count {
                    self.open = Some((header, count, data_list));
                    return Ok(None);
                }
                fill(header, data_list).map(Some)
            }
            (Message::Text(text), None) => {
                let (incoming, count) = decode(&text, self.max)?;
                if count == 0 {
                    return Ok(Some(incoming));
                }
                self.open = Some((incoming, count, Vec::new()));
                Ok(None)
            }
        }
    }
}

fn fill(incoming: Incoming, data: Vec<Bytes>) -> Result<Incoming, WireError> {
    let Incoming { namespace, body } = incoming;
    let body = match body {
        Body::Event { name, args, id } => Body::Event {
            name,
            args: Args::from_binary(args.json().clone(), data).map_err(|e| e.to_string())?,
            id,
        },
        Body::Ack { id, args } => Body::Ack {
            id,
            args: Args::from_binary(args.json().clone(), data).map_err(|e| e.to_string())?,
        },
        other => other,
    };
    Ok(Incoming { namespace, body })
}

fn decode(text: &Bytes, max: usize) -> Result<(Incoming, usize), WireError> {
    let s = std::str::from_utf8(text).map_err(|e| e.to_string())?;
    let kind = s.as_bytes().first().copied().ok_or("empty")?;
    let mut rest = &s[1.min(s.len())..];
    let mut count = 0;
    if kind == b'5' || kind == b'6' {
        let (n, tail) = rest.split_once('-').ok_or("count")?;
        if n.is_empty() || !n.bytes().all(|b| b.is_ascii_digit()) {
            return Err("count".into());
        }
        count = n.parse().map_err(|_| "count")?;
        if count > max {
            return Err("too many".into());
        }
        rest = tail;
    }
    let mut namespace = MAIN;
    if rest.starts_with('/') {
        match rest.split_once(',') {
            Some((n, tail)) => (namespace, rest) = (n, tail),
            None => (namespace, rest) = (rest, ""),
        }
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let id = if digits > 0 {
        Some(rest[..digits].parse::<u64>().map_err(|e| e.to_string())?)
    } else {
        None
    };
    let json = &rest[digits..];
    let list = || -> Result<Vec<&RawValue>, WireError> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    };
    let after = |items: &[&RawValue], from: usize| -> Bytes {
        match (items.get(from), items.last()) {
            (Some(first), Some(last)) => {
                let start = first.get().as_ptr() as usize - s.as_ptr() as usize;
                let end = last.get().as_ptr() as usize - s.as_ptr() as usize + last.get().len();
                text.slice(start..end)
            }
            _ => Bytes::new(),
        }
    };
    let body = match kind {
        b'0' if json.is_empty() => Body::Connect(None),
        b'0' => {
            let _: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(json).map_err(|e| e.to_string())?;
            Body::Connect(Some(text.slice_ref(json.as_bytes())))
        }
        b'1' if json.is_empty() => Body::Disconnect,
        b'2' | b'5' => {
            let items = list()?;
            let name: serde_json::Value =
                serde_json::from_str(items.first().ok_or("no name")?.get())
                    .map_err(|e| e.to_string())?;
            let name = match name {
                serde_json::Value::String(name) => Name::new(name.into()),
                serde_json::Value::Number(_) => None,
                _ => return Err("name".into()),
            };
            Body::Event {
                name,
                args: Args::from_json(after(&items, 1)),
                id,
            }
        }
        b'3' | b'6' => {
            let items = list()?;
            Body::Ack {
                id: id.ok_or("no id")?,
                args: Args::from_json(after(&items, 0)),
            }
        }
        b'4' => Body::ConnectError,
        _ => return Err("type".into()),
    };
    Ok((
        Incoming {
            namespace: Arc::from(namespace),
            body,
        },
        count,
    ))
}

pub(crate) fn encode(packet: &Outgoing) -> Encoded {
    use std::fmt::Write;
    let (kind, args, id) = match &packet.body {
        Says::Connect(_) => ('0', None, None),
        Says::Disconnect => ('1', None, None),
        Says::Event { args, id, .. } => (
            if args.attachments().is_empty() {
                '2'
            } else {
                '5'
            },
            Some(args),
            *id,
        ),
        Says::Ack { args, id } => (
            if args.attachments().is_empty() {
                '3'
            } else {
                '6'
            },
            Some(args),
            Some(*id),
        ),
        Says::ConnectError(_) => ('4', None, None),
    };
    let attachments = args.map_or(&[][..], Args::attachments);
    let mut text = String::from("4");
    text.push(kind);
    if !attachments.is_empty() {
        let _ = write!(text, "{}-", attachments.len());
    }
    if &*packet.namespace != MAIN {
        text.push_str(&packet.namespace);
        text.push(',');
    }
    if let Some(id) = id {
        let _ = write!(text, "{id}");
    }
    let json = |args: &Args| String::from_utf8_lossy(args.json()).into_owned();
    match &packet.body {
        Says::Connect(json) | Says::ConnectError(json) => text.push_str(json),
        Says::Disconnect => {}
        Says::Event { name, args, .. } => {
            text.push('[');
            text.push_str(&serde_json::Value::from(name.as_str()).to_string());
            if !args.is_empty() {
                text.push(',');
                text.push_str(&json(args));
            }
            text.push(']');
        }
        Says::Ack { args, .. } => {
            text.push('[');
            text.push_str(&json(args));
            text.push(']');
        }
    }
    Encoded {
        first: Frame::Text(text.into()),
        rest: attachments.iter().cloned().map(Frame::Binary).collect(),
    }
}

pub(crate) fn show_incoming(packet: &Incoming) -> String {
    format!("{packet:?}")
}

pub(crate) fn show_outgoing(packet: &Outgoing) -> String {
    format!("{packet:?}")
}

pub(crate) fn show_frame(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Frame::Binary(data) => format!("{} bytes", data.len()),
    }
}
