//! What must hold after a cut, wherever it fell.

use std::collections::BTreeMap;

use serde_json::Value;
use siospec_codec::read_json;

use crate::client::packet::head;
use crate::judge::Received;
use crate::ledger::Promise;
use crate::play::{End, Endpoint, PlayOptions, Played, play};
use crate::scenario::catalogue::Catalogue;
use crate::scenario::load::load;
use crate::scenario::trial::{Seat, Trial};
use crate::transcript::{Direction, Layer, Transcript};

/// What a client that comes along afterwards does.
const ALIVE: &str = "title: The server is alive\nsteps:\n  - F.connect: /\n  - F.alive:\n";

/// The trial that shows whether the server still serves.
pub(super) fn alive() -> Result<Trial, String> {
    let catalogue = Catalogue::default();
    let scenario = load("alive", "alive", ALIVE.as_bytes(), &catalogue)
        .map_err(|errors| errors.iter().map(|e| e.render(false)).collect::<String>())?;
    Trial::of(&scenario)
        .pop()
        .ok_or_else(|| "no trial".to_owned())
}

/// Whether a server still serves somebody else.
pub(super) async fn serves(
    trial: &Trial,
    endpoint: &Endpoint,
    options: &PlayOptions,
    cancel: impl Future<Output = ()>,
) -> Option<String> {
    let played = play(trial, endpoint, options, cancel).await;
    match played.end {
        End::Passed | End::Cancelled => None,
        End::Failed(failure) | End::Errored(failure) => Some(format!(
            "the server does not serve any more: {}",
            failure.summary
        )),
    }
}

/// The lane of what the server's application heard, as `/monitor` tells it.
const UPWARD: &str = "server";

/// The events that each client, and the server's application, received, in order, without what differs from play to
/// play.
pub(super) fn events(trial: &Trial, transcript: &Transcript) -> BTreeMap<String, Vec<String>> {
    let recovery = trial.scenario.config.recovery == Some(true);
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in &transcript.entries {
        let (Some(client), Direction::Received, Layer::Frame | Layer::Engine) =
            (&entry.client, entry.direction, entry.layer)
        else {
            continue;
        };
        let packet = Received::Text(entry.raw.text().unwrap_or_default().to_owned());
        let Some(head) = head(&packet).filter(|head| head.kind == 2) else {
            continue;
        };
        let Ok(Value::Array(mut arguments)) = read_json(head.payload) else {
            continue;
        };
        let monitor = head.ns == "/monitor";
        let name = arguments
            .first()
            .and_then(Value::as_str)
            .unwrap_or_default();
        let lane = match (name, monitor) {
            // Handshakes are repeated after a cut, and so is what `/monitor` tells of them.
            ("auth", false) | ("joined" | "left", true) => continue,
            ("noted", true) => {
                arguments.remove(1);
                UPWARD
            }
            _ => client,
        };
        // The offset of recovery, drawn anew in each play.
        if recovery && arguments.last().is_some_and(Value::is_string) {
            arguments.pop();
        }
        let event = Value::Array(arguments).to_string();
        events.entry(lane.to_owned()).or_default().push(event);
    }
    events
}

/// What the receiver of a lane is promised after what happened in this play; nothing where a client that repeats itself
/// was not heard out. That everything arrives is promised only where the conversation came to its end: only then is it
/// known that there was time for it.
pub(super) fn promise(trial: &Trial, lane: &str, played: &Played) -> Option<Promise> {
    let ended = played.end == End::Passed;
    let seat = |seat: &&Seat| seat.name == lane && seat.reconnecting.is_some();
    // What is sent again until it is acknowledged, the application and the other clients hear again.
    let repeats = |seat: &Seat| {
        let policy = seat.reconnecting.as_ref();
        seat.name != lane && policy.is_some_and(|policy| policy.retries.is_some())
    };
    if trial.clients.iter().any(repeats) {
        return ended.then_some(Promise::AtLeastOnce);
    }
    let recovery = trial.scenario.config.recovery == Some(true)
        && trial.clients.iter().any(|one| seat(&one))
        && recovered(&played.transcript, lane);
    Some(match ended && recovery {
        true => Promise::ExactlyOnce,
        false => Promise::AtMostOnce,
    })
}

/// Whether a conversation must come to its end wherever this client is cut: it repeats itself until it is heard.
pub(super) fn must_end(trial: &Trial, client: &str) -> bool {
    let seat = trial.clients.iter().find(|seat| seat.name == client);
    seat.and_then(|seat| seat.reconnecting.as_ref())
        .is_some_and(|policy| policy.retries.is_some())
}

/// Whether each connection of a client but its first recovered the session. One that is lost before its first event has
/// no offset to recover from.
fn recovered(transcript: &Transcript, client: &str) -> bool {
    let connects = transcript
        .entries
        .iter()
        .filter(|entry| entry.client.as_deref() == Some(client) && &*entry.lane == "reconnecting")
        .filter_map(|entry| entry.annotations.first())
        .filter(|text| {
            text.starts_with("connect")
                && !text.starts_with("connect_error")
                && !text.starts_with("connection")
        });
    let mut later = connects.skip(1).peekable();
    later.peek().is_some() && later.all(|text| text == "connect (recovered)")
}
