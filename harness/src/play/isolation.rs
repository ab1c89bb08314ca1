//! Trials that share a server process must not hear each other: rooms are named apart, and what
//! `/monitor` tells of other trials' sockets is passed over.

use serde_json::Value;
use siospec_codec::read_json;

use crate::client::Ids;
use crate::client::packet::head;
use crate::judge::Received;

/// How one trial keeps apart from the others.
#[derive(Default)]
pub(super) struct Isolation {
    /// What is put behind every room name; `None` where the process is the trial's own.
    suffix: Option<String>,
    /// The Socket.IO ids of this trial's own sockets.
    pub(super) ids: Ids,
}

impl Isolation {
    /// With a name that no other play on the same server has, those of an earlier run included: what they left there, such
    /// as a polling session that has not timed out yet, is still in its rooms.
    pub(super) fn drawn() -> Self {
        Self::marked(format!("~{:016x}", rand::random::<u64>()))
    }

    fn marked(suffix: String) -> Self {
        Self {
            suffix: Some(suffix),
            ids: Ids::default(),
        }
    }

    /// The packet with this trial's own room names.
    pub(super) fn outgoing(&self, packet: Received) -> Received {
        match self.renamed(&packet) {
            Some(text) => Received::Text(text),
            None => packet,
        }
    }

    fn renamed(&self, packet: &Received) -> Option<String> {
        let suffix = self.suffix.as_deref()?;
        let Received::Text(text) = packet else {
            return None;
        };
        let head = head(packet).filter(|head| matches!(head.kind, 2 | 5))?;
        let mut payload = read_json(head.payload).ok()?;
        let arguments = payload.as_array_mut()?;
        let event = arguments.first()?.as_str()?.to_owned();
        let argument = arguments.get_mut(1)?;
        match event.as_str() {
            "join" | "leave" | "kick-room" => self.rename(argument, suffix),
            "emit-to" | "call-many" => {
                for key in ["to", "except"] {
                    if let Some(rooms) = argument.get_mut(key) {
                        self.rename(rooms, suffix);
                    }
                }
            }
            _ => return None,
        }
        let before = &text[..text.len() - head.payload.len()];
        Some(format!("{before}{payload}"))
    }

    /// Room names get the suffix; ids of sockets, which are rooms too, are unique as they are.
    fn rename(&self, rooms: &mut Value, suffix: &str) {
        match rooms {
            Value::String(room) if !self.ids.contains(room.as_str()) => room.push_str(suffix),
            Value::Array(rooms) => {
                for room in rooms {
                    self.rename(room, suffix);
                }
            }
            _ => {}
        }
    }

    /// The packet as the scenario knows it.
    pub(super) fn incoming(&self, packet: &Received) -> Received {
        match (&self.suffix, packet) {
            (Some(suffix), Received::Text(text)) if text.contains(suffix.as_str()) => {
                Received::Text(text.replace(suffix.as_str(), ""))
            }
            _ => packet.clone(),
        }
    }

    /// A body as the scenario knows it; `None` where nothing has to be changed.
    pub(super) fn incoming_body(&self, body: &[u8]) -> Option<bytes::Bytes> {
        let suffix = self.suffix.as_deref()?;
        let text = std::str::from_utf8(body).ok()?;
        let changed = text.contains(suffix).then(|| text.replace(suffix, ""))?;
        Some(changed.into())
    }

    /// Whether it is a `/monitor` event about a socket of another trial.
    pub(super) fn foreign(&self, packet: &Received) -> bool {
        if self.suffix.is_none() {
            return false;
        }
        let Some(head) = head(packet).filter(|head| head.kind == 2 && head.ns == "/monitor") else {
            return false;
        };
        let Ok(Value::Array(arguments)) = read_json(head.payload) else {
            return false;
        };
        let at = match arguments.first().and_then(Value::as_str) {
            Some("joined" | "left") => 2,
            Some("noted") => 1,
            _ => return false,
        };
        let id = arguments.get(at).and_then(Value::as_str);
        id.is_some_and(|id| !self.ids.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Received {
        Received::Text(text.to_owned())
    }

    #[test]
    fn rooms_are_named_apart_and_ids_of_sockets_are_not() {
        let isolation = Isolation::marked("~7".to_owned());
        isolation.ids.learn(&text("40{\"sid\":\"abc\"}"));
        for (written, sent) in [
            (
                r#"421["join",["red","blue"]]"#,
                r#"421["join",["red~7","blue~7"]]"#,
            ),
            (
                r#"42/custom,["leave","red"]"#,
                r#"42/custom,["leave","red~7"]"#,
            ),
            (
                r#"42["emit-to",{"to":["red","abc"],"except":["blue"]},"msg","red"]"#,
                r#"42["emit-to",{"to":["red~7","abc"],"except":["blue~7"]},"msg","red"]"#,
            ),
            (r#"42["message","red"]"#, r#"42["message","red"]"#),
            (r#"42["join""#, r#"42["join""#),
        ] {
            assert_eq!(isolation.outgoing(text(written)), text(sent));
        }
        assert_eq!(
            isolation.incoming(&text(r#"431[["blue~7","red~7"]]"#)),
            text(r#"431[["blue","red"]]"#)
        );
    }

    #[test]
    fn on_a_server_of_its_own_nothing_is_changed() {
        let isolation = Isolation::default();
        let join = text(r#"421["join",["red"]]"#);
        assert_eq!(isolation.outgoing(join.clone()), join);
        assert!(!isolation.foreign(&text(r#"42/monitor,["joined","/","x"]"#)));
    }

    #[test]
    fn the_monitor_is_heard_about_own_sockets_only() {
        let isolation = Isolation::marked("~7".to_owned());
        isolation.ids.learn(&text("40{\"sid\":\"mine\"}"));
        assert!(isolation.foreign(&text(r#"42/monitor,["joined","/","other"]"#)));
        assert!(isolation.foreign(&text(r#"42/monitor,["noted","other",1]"#)));
        assert!(!isolation.foreign(&text(r#"42/monitor,["left","/","mine","x",[]]"#)));
        assert!(!isolation.foreign(&text(r#"42["joined","/","other"]"#)));
    }
}
