//! A session on HTTP long-polling: packets go out by POST, one after the other, and come in by a
//! GET that is always open, unless the scenario polls by itself.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::arrivals::{Arrivals, What};
use super::http::{Call, Exchange, NoAnswer};
use super::packet::describe;
use super::reach::Reach;
use super::websocket::{Heartbeat, is_ping};
use crate::judge::{Answer, Ending, Received};
use crate::scenario::literal::EndingKind;
use crate::transcript::{Direction, Lane, Layer};

/// A polling session after its handshake. Dropping it ends its requests. Clones share it.
#[derive(Clone)]
pub struct Polling {
    inner: Arc<Inner>,
}

struct Inner {
    reach: Reach,
    lane: Lane,
    target: String,
    headers: Vec<(String, String)>,
    heartbeat: Heartbeat,
    arrivals: Mutex<Arrivals>,
    upgrade: AtomicU8,
    // At most one POST at a time, in the order in which they were asked for (EIO-PO-09).
    posts: tokio::sync::Mutex<()>,
    // The same for GETs where a scenario polls by itself and several wait for what comes (EIO-PO-06).
    gets: tokio::sync::Mutex<()>,
    counters: Mutex<Counters>,
    polling: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// How far the upgrade of a polling session has come.
const NO_UPGRADE: u8 = 0;
/// A WebSocket is there: a noop is the sign to ask no more.
const UPGRADING: u8 = 1;
/// The GET under way is the last one.
const PAUSING: u8 = 2;
/// The session lives on the WebSocket.
const UPGRADED: u8 = 3;

/// How long the server may take to release the last GET before the client upgrades all the same;
/// that it must release it is the business of EIO-UP-03's own scenarios.
const RELEASE: Duration = Duration::from_secs(1);

/// Whether there is more to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another GET.
    Again,
    /// Not while an upgrade is under way.
    Paused,
    /// The session has ended.
    Over,
}

#[derive(Default)]
struct Counters {
    get: u32,
    post: u32,
}

impl Polling {
    /// A session whose handshake was answered. `target` is path and query with the `sid`.
    pub fn new(
        reach: &Reach,
        lane: Lane,
        target: String,
        headers: Vec<(String, String)>,
        heartbeat: Heartbeat,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                reach: reach.clone(),
                lane,
                target,
                headers,
                heartbeat,
                arrivals: Mutex::default(),
                upgrade: AtomicU8::new(NO_UPGRADE),
                posts: tokio::sync::Mutex::new(()),
                gets: tokio::sync::Mutex::new(()),
                counters: Mutex::new(Counters::default()),
                polling: watch::Sender::new(false),
                tasks: Mutex::new(Vec::new()),
            }),
        }
    }

    /// What has arrived by the GETs of this session.
    pub fn arrivals(&self) -> Arrivals {
        self.inner
            .arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A WebSocket for the same session was opened: the next noop (EIO-UP-03) is the sign to ask
    /// no more, and is nobody else's business.
    pub fn expect_upgrade(&self) {
        let _ = self.inner.upgrade.compare_exchange(
            NO_UPGRADE,
            UPGRADING,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        // The server may have answered a GET with one before its 101 was read here.
        self.arrivals().forget_noops();
    }

    /// The session lives on the WebSocket now. What waits unread here stands first in its queue,
    /// and so does what a last GET may still bring.
    pub fn upgraded_to(&self, arrivals: &Arrivals) {
        let own = std::mem::replace(
            &mut *self
                .inner
                .arrivals
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
            arrivals.clone(),
        );
        self.inner.upgrade.store(UPGRADED, Ordering::Relaxed);
        // What came by polling must not look as if it had come on the WebSocket (EIO-UP-06, EIO-UP-18).
        own.forget_noops();
        arrivals.succeed(&own);
    }

    /// Path and query of its requests.
    pub fn target(&self) -> &str {
        &self.inner.target
    }

    /// Opens one GET after the other from now on.
    pub fn keep_polling(&self) {
        // The task must not keep alive what aborts it when it is dropped.
        let weak = Arc::downgrade(&self.inner);
        self.inner.polling.send_replace(true);
        self.track(tokio::spawn(async move {
            loop {
                let Some(inner) = weak.upgrade() else { return };
                let exchange = Self { inner }.get();
                let (_, outcome) = exchange.outcome().await;
                let Some(inner) = weak.upgrade() else { return };
                let this = Self { inner };
                if this.absorb(outcome) != Next::Again {
                    this.inner.polling.send_replace(false);
                    return;
                }
            }
        }));
    }

    /// Whether GETs are opened one after the other.
    pub fn is_polling(&self) -> bool {
        *self.inner.polling.borrow()
    }

    /// Waits until the last GET is answered, as every client does before it upgrades.
    pub async fn pause(&self) {
        self.inner.upgrade.store(PAUSING, Ordering::Relaxed);
        let mut polling = self.inner.polling.subscribe();
        let released = tokio::time::timeout(RELEASE, polling.wait_for(|polling| !polling));
        if released.await.is_err() {
            let text = "the server did not release the GET; upgrading all the same";
            self.inner.reach.recorder.note(&self.inner.lane, text);
        }
    }

    /// One GET, for a scenario that polls by itself.
    pub fn get(&self) -> Exchange {
        let call = Call {
            headers: self.inner.headers.clone(),
            ..Call::get(&self.inner.target)
        };
        let number = {
            let mut counters = self.counters();
            counters.get += 1;
            counters.get
        };
        let lane = self.inner.lane.of(format!("get {number}"));
        Exchange::start(&self.inner.reach, lane, call)
    }

    /// Waits until nobody else asks by GETs on behalf of the scenario, and holds that right.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.gets.lock().await
    }

    /// Sends packets as one payload, after all earlier POSTs were answered; returns the answer.
    pub async fn post(&self, packets: &[Received]) -> Result<Answer, NoAnswer> {
        let turn = self.inner.posts.lock().await;
        let mut headers = self.inner.headers.clone();
        headers.push((
            "content-type".to_owned(),
            "text/plain;charset=UTF-8".to_owned(),
        ));
        let call = Call {
            method: "POST".to_owned(),
            target: self.inner.target.clone(),
            headers,
            body: Some(payload(packets)),
        };
        let number = {
            let mut counters = self.counters();
            counters.post += 1;
            counters.post
        };
        let lane = self.inner.lane.of(format!("post {number}"));
        for packet in packets {
            self.record(&lane, Direction::Sent, packet);
        }
        let exchange = Exchange::start(&self.inner.reach, lane.clone(), call);
        let (_, outcome) = exchange.outcome().await;
        drop(turn);
        if let Ok(answer) = &outcome
            && answer.status != Some(200)
        {
            self.inner.reach.recorder.note(
                &lane,
                match answer.status {
                    Some(status) => format!("the POST was answered {status}"),
                    None => "the POST was cut".to_owned(),
                },
            );
        }
        outcome
    }

    /// The packets of a GET's body: recorded, pings answered and left out where that is the
    /// client's business.
    pub fn read(&self, body: &[u8]) -> Result<Vec<Received>, String> {
        let came = self.came(body)?;
        Ok(came.into_iter().map(|(packet, _)| packet).collect())
    }

    /// The same, each with the entry of the transcript that holds it.
    fn came(&self, body: &[u8]) -> Result<Vec<(Received, Option<usize>)>, String> {
        let text =
            std::str::from_utf8(body).map_err(|_| "the body of a GET is not UTF-8".to_owned())?;
        let lane = self.inner.lane.of("polling");
        let mut packets = Vec::new();
        for part in text.split('\u{1e}') {
            let packet = parse(part);
            let entry = self.record(&lane, Direction::Received, &packet);
            self.inner.reach.ids.learn(&packet);
            if is_ping(&packet) && self.inner.heartbeat == Heartbeat::Answered {
                self.pong();
            } else {
                packets.push((packet, entry));
            }
        }
        Ok(packets)
    }

    /// Queues the packets of a body, but for the first `skip` ones.
    pub fn deliver(&self, body: &[u8], skip: usize) -> Result<(), String> {
        let packets = self.came(body)?;
        self.queue(packets.into_iter().skip(skip).collect());
        Ok(())
    }

    /// Ends its requests, and with them their connections; they have ended when this returns.
    pub async fn stop(&self) {
        let tasks = std::mem::take(&mut *self.tasks());
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
    }

    /// Queues what a GET brought.
    pub fn absorb(&self, outcome: Result<Answer, NoAnswer>) -> Next {
        let what = match outcome {
            Ok(answer) if answer.status == Some(200) => match self.came(&answer.body) {
                Ok(packets) => return self.queue(packets),
                Err(error) => What::Broken(error),
            },
            Ok(answer) => match answer.status {
                Some(400..=499) => ended(EndingKind::Gone),
                Some(status) => What::Broken(format!("a GET was answered {status}")),
                None => ended(EndingKind::Fin),
            },
            Err(NoAnswer::Unreachable(_)) => ended(EndingKind::Fin),
            Err(error) => What::Broken(error.to_string()),
        };
        if self.inner.upgrade.load(Ordering::Relaxed) != UPGRADED {
            self.arrivals().push(self.inner.reach.recorder.now(), what);
        }
        Next::Over
    }

    fn queue(&self, packets: Vec<(Received, Option<usize>)>) -> Next {
        let now = self.inner.reach.recorder.now();
        let upgrade = self.inner.upgrade.load(Ordering::Relaxed);
        let arrivals = self.arrivals();
        let mut next = match upgrade {
            PAUSING | UPGRADED => Next::Paused,
            _ => Next::Again,
        };
        for (packet, entry) in packets {
            let is = |text: &str| matches!(&packet, Received::Text(own) if own == text);
            // The transport ends with the upgrade, not the session.
            if (upgrade != NO_UPGRADE && is("6")) || (upgrade == UPGRADED && is("1")) {
                next = Next::Paused;
                continue;
            }
            let close = is("1");
            if !arrivals.push_entry(now, What::Packet(packet), entry) {
                return Next::Over;
            }
            if close {
                arrivals.push_entry(now, ended(EndingKind::Packet), entry);
                next = Next::Over;
            }
        }
        next
    }

    fn pong(&self) {
        let weak = Arc::downgrade(&self.inner);
        self.track(tokio::spawn(async move {
            if let Some(inner) = weak.upgrade() {
                let _ = Self { inner }.post(&[Received::Text("3".to_owned())]).await;
            }
        }));
    }

    fn record(&self, lane: &Lane, direction: Direction, packet: &Received) -> Option<usize> {
        let bytes = match packet {
            Received::Text(text) => text.as_bytes(),
            Received::Binary(bytes) => bytes,
        };
        self.inner
            .reach
            .recorder
            .wire(lane, Layer::Engine, direction, bytes, describe(packet))
    }

    fn track(&self, task: JoinHandle<()>) {
        let mut tasks = self.tasks();
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.inner
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn counters(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.inner
            .counters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.drain(..) {
            task.abort();
        }
    }
}

fn ended(kind: EndingKind) -> What {
    What::Ended(Ending { kind, frame: None })
}

/// The body of a POST: packets joined by U+001E, binary ones as `b` and base64.
pub fn payload(packets: &[Received]) -> Bytes {
    let mut body = String::new();
    for (at, packet) in packets.iter().enumerate() {
        if at > 0 {
            body.push('\u{1e}');
        }
        match packet {
            Received::Text(text) => body.push_str(text),
            Received::Binary(bytes) => {
                body.push('b');
                base64::engine::general_purpose::STANDARD.encode_string(bytes, &mut body);
            }
        }
    }
    body.into()
}

/// One packet of a payload. What looks like base64 and is not stays text, to be shown.
fn parse(part: &str) -> Received {
    let decoded = part.strip_prefix('b').and_then(|digits| {
        base64::engine::general_purpose::STANDARD
            .decode(digits)
            .ok()
    });
    match decoded {
        Some(bytes) => Received::Binary(bytes.into()),
        None => Received::Text(part.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_carry_text_as_it_is_and_bytes_as_base64() {
        let packets = [
            Received::Text("451-[\"x\",{\"_placeholder\":true,\"num\":0}]".to_owned()),
            Received::Binary(Bytes::from_static(&[1, 2, 3, 4])),
        ];
        let body = payload(&packets);
        assert!(body.ends_with("\u{1e}bAQIDBA==".as_bytes()));
        let read: Vec<Received> = std::str::from_utf8(&body)
            .unwrap()
            .split('\u{1e}')
            .map(parse)
            .collect();
        assert_eq!(read, packets);
        assert_eq!(parse("b!"), Received::Text("b!".to_owned()));
    }
}
