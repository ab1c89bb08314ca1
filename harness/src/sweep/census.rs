//! What a server holds, by its own account, and what it still holds when all clients are gone.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use siospec_codec::read_json;

use crate::client::{Call, Exchange, Ids, Reach};
use crate::play::Endpoint;
use crate::target::knobs::Settings;
use crate::transcript::{Lane, Recorder};

/// How late a server may be that is busy with the last cuts.
const SLACK: Duration = Duration::from_secs(1);
/// How long `GET /fixture` may take; a server that is busy with the last cuts answers late.
const ANSWER: Duration = Duration::from_secs(5);

/// What a server says of itself at `/fixture`; `None` is what it does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Engine.IO sessions.
    pub sessions: Option<u64>,
    /// Sockets, in all namespaces.
    pub sockets: Option<u64>,
    /// Rooms that somebody is in, beside those named after a socket.
    pub rooms: Option<u64>,
}

/// What was left on servers when all clients were gone, and how long that took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// More than there was before.
    pub over: Census,
    /// From the last cut until there was nothing left, or until that was no longer waited for.
    pub after: Duration,
    /// When the heartbeat must have ended each session whose client is gone.
    pub heartbeat: Duration,
    /// Whether the server told before what it holds, and in the end did not answer.
    pub silent: bool,
}

impl Census {
    /// Asks; `None` if nobody answers.
    pub(super) async fn of(endpoint: &Endpoint) -> Option<Self> {
        let fixture = endpoint.target("/fixture");
        let endpoint = Arc::new(endpoint.clone());
        let reach = Reach::new(endpoint, Recorder::start(), Ids::default()).ok()?;
        let exchange = Exchange::start(&reach, Lane::trial(), Call::get(fixture));
        let answer = tokio::time::timeout(ANSWER, exchange.outcome())
            .await
            .ok()?
            .1
            .ok()?;
        let told = read_json(std::str::from_utf8(&answer.body).ok()?).ok()?;
        Some(Self::told(&told))
    }

    fn told(told: &Value) -> Self {
        let number = |key: &str| told.get(key).and_then(Value::as_u64);
        Self {
            sessions: number("sessions"),
            sockets: number("sockets"),
            rooms: number("rooms"),
        }
    }

    /// What there is more than `before`, of what both tell.
    fn over(self, before: Self) -> Self {
        let over = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        Self {
            sessions: over(self.sessions, before.sessions),
            sockets: over(self.sockets, before.sockets),
            rooms: over(self.rooms, before.rooms),
        }
    }

    /// Both together.
    fn and(self, other: Self) -> Self {
        let sum = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (None, None) => None,
            (one, two) => Some(one.unwrap_or(0) + two.unwrap_or(0)),
        };
        Self {
            sessions: sum(self.sessions, other.sessions),
            sockets: sum(self.sockets, other.sockets),
            rooms: sum(self.rooms, other.rooms),
        }
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [self.sessions, self.sockets, self.rooms]
            .into_iter()
            .flatten()
            .all(|count| count == 0)
    }
}

impl Left {
    /// Waits until the server holds no more than `before`: until its heartbeat must have ended every session whose
    /// client is gone, and then for as long again as a server may take that looks after its sessions one by one, once
    /// each pingTimeout, ends what is silent at one look and forgets it at another.
    pub(super) async fn over(endpoint: &Endpoint, settings: &Settings, before: Census) -> Self {
        let values = settings.values();
        let time = |knob: &str| {
            let value = values.get(knob).and_then(Value::as_u64);
            Duration::from_millis(value.unwrap_or(0))
        };
        let (interval, timeout) = (time("pingInterval"), time("pingTimeout"));
        let heartbeat = interval + timeout + SLACK;
        let start = Instant::now();
        loop {
            let now = Census::of(endpoint).await;
            let left = Self {
                over: now.unwrap_or_default().over(before),
                after: start.elapsed(),
                heartbeat,
                silent: now.is_none() && before != Census::default(),
            };
            if left.is_nothing() || left.after > heartbeat + 4 * timeout {
                return left;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Both together: all that is left, and the longest wait.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            over: self.over.and(other.over),
            after: self.after.max(other.after),
            heartbeat: self.heartbeat.max(other.heartbeat),
            silent: self.silent || other.silent,
        }
    }

    /// Whether nothing is left that the server tells of.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        !self.silent && self.over.is_empty()
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Census {
            sessions,
            sockets,
            rooms,
        } = self.over;
        let counted = [
            (sessions, "sessions"),
            (sockets, "sockets"),
            (rooms, "rooms"),
        ];
        let mut told = Vec::new();
        let mut untold = Vec::new();
        for (count, of) in counted {
            match count {
                Some(count) => told.push(format!("{count} {of}")),
                None => untold.push(of),
            }
        }
        if self.silent {
            return f
                .write_str("the server does not tell any more what it holds, as it did before");
        }
        if told.is_empty() {
            return f.write_str("the server does not tell what it holds");
        }
        let after = self.after.as_secs_f64();
        write!(
            f,
            "{} left {after:.1} s after the last cut",
            told.join(", ")
        )?;
        if !untold.is_empty() {
            write!(f, "; the server does not tell its {}", untold.join(" and "))?;
        }
        let over = self.after.saturating_sub(self.heartbeat);
        match (self.over.is_empty(), over.is_zero()) {
            (false, _) => f.write_str(", long after the heartbeat must have ended them"),
            (true, false) => {
                let (over, heartbeat) = (over.as_secs_f64(), self.heartbeat.as_secs_f64());
                write!(
                    f,
                    "; the last went {over:.1} s later than the heartbeat ({heartbeat:.1} s with a second to spare) must \
                     have ended it"
                )
            }
            (true, true) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::Config;
    use crate::target::knobs::Honoured;
    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A server that says of itself what stands here, one answer a request, and then nothing any more.
    async fn telling(answers: Vec<Value>) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::local(listener.local_addr().unwrap()).unwrap();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 2048]).await;
                let body = answer.to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", body.len());
                let answer = format!("{head}connection: close\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        endpoint
    }

    fn hasty() -> Settings {
        let time = Some(Duration::from_millis(10));
        let config = Config {
            ping_interval: time,
            ping_timeout: time,
            ..Config::default()
        };
        Honoured::everything().settle(&config).unwrap()
    }

    #[tokio::test]
    async fn what_goes_late_is_waited_for_and_what_stays_is_left() {
        let before = Census::told(&json!({"sessions": 1}));
        let goes = [3, 3, 1].map(|sessions| json!({"sessions": sessions}));
        let left = Left::over(&telling(goes.to_vec()).await, &hasty(), before).await;
        assert!(left.is_nothing(), "{left}");
        let stays = vec![json!({"sessions": 3}); 10_000];
        let left = Left::over(&telling(stays).await, &hasty(), before).await;
        assert_eq!(left.over.sessions, Some(2));
        assert!(left.after > left.heartbeat);
    }

    #[tokio::test]
    async fn a_server_that_falls_silent_has_not_told_that_nothing_is_left() {
        let before = Census::told(&json!({"sessions": 0}));
        let left = Left::over(&telling(Vec::new()).await, &hasty(), before).await;
        assert!(!left.is_nothing(), "{left}");
    }

    #[test]
    fn what_a_server_does_not_tell_is_not_counted() {
        let census = Census::told(&json!({"sessions": 3, "rooms": 1}));
        let before = Census::told(&json!({"sessions": 1, "sockets": 1, "rooms": 1}));
        let over = census.over(before);
        assert_eq!(
            (over.sessions, over.sockets, over.rooms),
            (Some(2), None, Some(0))
        );
        assert!(!over.is_empty());
        assert!(before.over(before).is_empty());
    }

    #[test]
    fn it_is_said_what_is_left_and_how_late_the_last_one_went() {
        let mut left = Left {
            over: Census::told(&json!({"sessions": 0, "rooms": 0})),
            after: Duration::from_millis(2100),
            heartbeat: Duration::from_secs(3),
            silent: false,
        };
        assert_eq!(
            left.to_string(),
            "0 sessions, 0 rooms left 2.1 s after the last cut; the server does not tell its sockets"
        );
        left.after = Duration::from_millis(4600);
        assert!(left.to_string().ends_with("; the last went 1.6 s later than the heartbeat (3.0 s with a second to spare) must have ended it"));
        left.over.rooms = Some(2);
        assert!(left.to_string().contains("2 rooms left"), "{left}");
        assert!(
            left.to_string()
                .ends_with("long after the heartbeat must have ended them")
        );
        left.over = Census::default();
        assert_eq!(left.to_string(), "the server does not tell what it holds");
        assert!(left.is_nothing());
        left.silent = true;
        assert!(!left.is_nothing());
    }
}
