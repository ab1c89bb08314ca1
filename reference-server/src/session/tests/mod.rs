//! The session played with the clock moved by hand.

mod any_order;

use super::*;
use crate::config::{Config, OutboxLimits};
use crate::refusal::Refusal;
use siospec_codec::engine::{OwnedPacket, PacketType};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);
const WS: SocketId = SocketId(1);

struct Play {
    session: Session,
    now: Instant,
}

impl Play {
    fn config() -> Config {
        Config {
            ping_interval: 300 * MS,
            ping_timeout: 200 * MS,
            upgrade_timeout: 100 * MS,
            outbox: OutboxLimits {
                frames: 4,
                bytes: 1000,
            },
            ..Config::default()
        }
    }

    fn polling() -> Self {
        let now = Instant::now();
        Self {
            session: Session::polling(Arc::new(Self::config()), now),
            now,
        }
    }

    fn websocket() -> Self {
        let now = Instant::now();
        Self {
            session: Session::websocket(Arc::new(Self::config()), WS, now),
            now,
        }
    }

    fn does(&mut self, input: Input) -> Result<(), Refusal> {
        self.session.handle(input, self.now)
    }

    fn after(&mut self, pause: Duration) -> &mut Self {
        self.now += pause;
        self.does(Input::Tick).unwrap();
        self
    }

    fn hears(&mut self, source: Source, text: &str) -> Result<(), Refusal> {
        let (kind, data) = text.split_at(1);
        let kind = PacketType::from_digit(kind.as_bytes()[0]).unwrap();
        self.does(Input::Received(
            source,
            OwnedPacket::text(kind, data.to_owned()),
        ))
    }

    fn says(&mut self, text: &'static str) {
        let first = Frame::text(text);
        self.does(Input::Send {
            first,
            rest: Vec::new(),
            volatile: false,
        })
        .unwrap();
    }

    fn says_volatile(&mut self, text: &'static str) {
        let first = Frame::text(text);
        self.does(Input::Send {
            first,
            rest: Vec::new(),
            volatile: true,
        })
        .unwrap();
    }

    /// What the pending GET is answered, as the body would show it; none if it waits on.
    fn answer(&mut self) -> Option<String> {
        match self.session.poll_output(Edge::Poll)? {
            Output::Answer(frames) => Some(join(&frames)),
            other => panic!("{other:?}"),
        }
    }

    fn lines(&mut self, socket: SocketId) -> Vec<String> {
        std::iter::from_fn(|| self.session.poll_output(Edge::Socket(socket)))
            .map(|output| match output {
                Output::Frame(frame) => join(&[frame]),
                Output::Hangup(code) => format!("close {code}"),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn delivered(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.poll_output(Edge::App))
            .map(|output| match output {
                Output::Message(Message::Text(text)) => text.to_string(),
                Output::Closed(reason) => format!("<{reason}>"),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn probed(&mut self) {
        self.does(Input::SocketOpened(WS)).unwrap();
        self.hears(Source::Socket(WS), "2probe").unwrap();
        assert_eq!(self.lines(WS), ["3probe"]);
    }
}

fn join(frames: &[Frame]) -> String {
    let text = |frame: &Frame| match frame {
        Frame::Text(text) => text.to_string(),
        Frame::Binary(data) => format!("{data:?}"),
    };
    frames.iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_post_may_come_by_before_a_get_that_is_not_there_yet_or_an_upgrade() {
    let mut play = Play::polling();
    assert!(play.session.may_be_overtaken());
    play.does(Input::PollStarted).unwrap();
    assert!(!play.session.may_be_overtaken());
    play.does(Input::SocketOpened(WS)).unwrap();
    assert!(play.session.may_be_overtaken());
}

#[test]
fn a_get_waits_until_there_is_something_to_say() {
    let mut play = Play::polling();
    play.does(Input::PollStarted).unwrap();
    assert_eq!(play.answer(), None);
    play.says("4a");
    play.says("4b");
    assert_eq!(play.answer().as_deref(), Some("4a 4b"));
    assert_eq!(play.answer(), None);
}

#[test]
fn a_second_get_is_refused_and_ends_the_session_and_the_first_one_hears_of_it() {
    let mut play = Play::polling();
    play.does(Input::PollStarted).unwrap();
    assert_eq!(play.does(Input::PollStarted), Err(Refusal::BadRequest));
    assert_eq!(play.answer().as_deref(), Some("1"));
    assert_eq!(play.does(Input::PollStarted), Err(Refusal::SessionUnknown));
    assert_eq!(play.delivered(), ["<transport error>"]);
}

#[test]
fn a_second_post_is_refused_and_ends_the_session() {
    let mut play = Play::polling();
    play.does(Input::PostStarted).unwrap();
    assert_eq!(play.does(Input::PostStarted), Err(Refusal::BadRequest));
    assert_eq!(play.does(Input::PollStarted), Err(Refusal::SessionUnknown));
}

#[test]
fn packets_of_a_post_are_delivered_in_order_up_to_the_close() {
    let mut play = Play::polling();
    play.does(Input::PostStarted).unwrap();
    play.hears(Source::Post, "4a").unwrap();
    play.hears(Source::Post, "1").unwrap();
    assert_eq!(play.hears(Source::Post, "4c"), Err(Refusal::SessionUnknown));
    assert_eq!(play.delivered(), ["a", "<transport close>"]);
}

#[test]
fn a_get_that_pends_while_the_client_closes_is_answered_with_a_noop() {
    let mut play = Play::polling();
    play.does(Input::PollStarted).unwrap();
    play.does(Input::PostStarted).unwrap();
    play.hears(Source::Post, "1").unwrap();
    assert_eq!(play.answer().as_deref(), Some("6"));
}

#[test]
fn a_get_or_a_post_that_breaks_off_ends_the_session() {
    for (started, dropped) in [
        (Input::PollStarted, Input::PollDropped),
        (Input::PostStarted, Input::PostDropped),
    ] {
        let mut play = Play::polling();
        play.does(started).unwrap();
        play.does(dropped).unwrap();
        assert!(play.session.is_over());
        assert_eq!(play.delivered(), ["<transport error>"]);
    }
}

#[test]
fn what_was_said_before_the_server_closes_goes_out_before_the_close() {
    let mut play = Play::polling();
    play.says("4a");
    play.does(Input::Close(CloseReason::ForcedClose)).unwrap();
    play.says("4late");
    play.does(Input::PollStarted).unwrap();
    assert_eq!(play.answer().as_deref(), Some("4a 1"));
    assert!(play.session.is_over());

    let mut play = Play::websocket();
    play.says("4a");
    play.does(Input::Close(CloseReason::ForcedClose)).unwrap();
    assert_eq!(play.lines(WS), ["4a", "close 1000"]);
    assert_eq!(play.delivered(), ["<forced server close>"]);
}

#[test]
fn a_closed_session_that_nobody_fetches_is_forgotten() {
    let mut play = Play::polling();
    play.does(Input::Close(CloseReason::ForcedClose)).unwrap();
    play.after(199 * MS);
    assert!(!play.session.is_over());
    play.after(MS);
    assert!(play.session.is_over());
    assert_eq!(play.session.poll_timeout(), None);
}

#[test]
fn pings_come_each_interval_while_they_are_answered() {
    let mut play = Play::websocket();
    for _ in 0..3 {
        assert_eq!(play.after(299 * MS).lines(WS), [] as [&str; 0]);
        assert_eq!(play.after(MS).lines(WS), ["2"]);
        play.hears(Source::Socket(WS), "3").unwrap();
    }
}

#[test]
fn messages_are_no_pong() {
    let mut play = Play::websocket();
    assert_eq!(play.after(300 * MS).lines(WS), ["2"]);
    play.hears(Source::Socket(WS), "4x").unwrap();
    assert_eq!(play.after(200 * MS).lines(WS), ["close 1008"]);
    assert_eq!(play.delivered(), ["x", "<ping timeout>"]);
}

#[test]
fn a_get_that_pends_at_the_ping_timeout_hears_of_it() {
    let mut play = Play::polling();
    play.does(Input::PollStarted).unwrap();
    play.after(300 * MS);
    assert_eq!(play.answer().as_deref(), Some("2"));
    play.does(Input::PollStarted).unwrap();
    play.after(200 * MS);
    assert_eq!(play.answer().as_deref(), Some("1"));
}

#[test]
fn a_ping_of_the_client_ends_the_session() {
    let mut play = Play::websocket();
    assert_eq!(
        play.hears(Source::Socket(WS), "2"),
        Err(Refusal::BadRequest)
    );
    assert_eq!(play.lines(WS), ["close 1002"]);
}

#[test]
fn an_upgrade_completes_every_get_with_a_noop_and_then_takes_the_backlog_over() {
    let mut play = Play::polling();
    play.does(Input::PollStarted).unwrap();
    play.probed();
    assert_eq!(play.answer().as_deref(), Some("6"));
    play.does(Input::PollStarted).unwrap();
    assert_eq!(play.answer().as_deref(), Some("6"));
    play.says("4a");
    play.hears(Source::Socket(WS), "5").unwrap();
    assert_eq!(play.lines(WS), ["4a"]);
    assert_eq!(play.session.transport(), "websocket");
    assert_eq!(play.does(Input::PollStarted), Err(Refusal::BadRequest));
    assert_eq!(play.does(Input::PostStarted), Err(Refusal::BadRequest));
}

#[test]
fn a_get_that_pends_when_the_upgrade_completes_is_not_left_hanging() {
    let mut play = Play::polling();
    play.probed();
    play.does(Input::PollStarted).unwrap();
    play.hears(Source::Socket(WS), "5").unwrap();
    assert_eq!(play.answer().as_deref(), Some("6"));
}

#[test]
fn a_post_that_began_before_the_upgrade_is_heard_to_its_end() {
    let mut play = Play::polling();
    play.probed();
    play.does(Input::PostStarted).unwrap();
    play.hears(Source::Socket(WS), "5").unwrap();
    play.hears(Source::Post, "4x").unwrap();
    assert_eq!(play.delivered(), ["x"]);
}

#[test]
fn a_wrong_first_packet_closes_the_new_websocket_and_nothing_else() {
    for wrong in ["2foo", "4x", "5", "1"] {
        let mut play = Play::polling();
        play.does(Input::SocketOpened(WS)).unwrap();
        play.hears(Source::Socket(WS), wrong).unwrap();
        assert_eq!(play.lines(WS), ["close 1002"], "{wrong}");
        assert!(play.session.is_open());
        play.does(Input::PollStarted).unwrap();
        assert_eq!(
            play.answer(),
            None,
            "polling goes on as if nothing had been"
        );
    }
}

#[test]
fn an_upgrade_that_takes_too_long_is_given_up() {
    let mut play = Play::polling();
    play.probed();
    assert_eq!(play.after(99 * MS).lines(WS), [] as [&str; 0]);
    assert_eq!(play.after(MS).lines(WS), ["close 1008"]);
    play.does(Input::SocketOpened(SocketId(2))).unwrap();
}

#[test]
fn a_second_websocket_is_closed_during_an_upgrade_and_after_it() {
    let mut play = Play::polling();
    play.probed();
    assert_eq!(
        play.does(Input::SocketOpened(SocketId(2))),
        Err(Refusal::BadRequest)
    );
    assert_eq!(play.lines(SocketId(2)), ["close 1008"]);
    play.hears(Source::Socket(WS), "5").unwrap();
    assert_eq!(
        play.does(Input::SocketOpened(SocketId(3))),
        Err(Refusal::BadRequest)
    );
    assert_eq!(play.lines(SocketId(3)), ["close 1008"]);
    assert!(play.session.is_open());
}

#[test]
fn closing_the_session_closes_the_websocket_that_upgrades() {
    let mut play = Play::polling();
    play.probed();
    play.does(Input::PostStarted).unwrap();
    play.hears(Source::Post, "1").unwrap();
    assert_eq!(play.lines(WS), ["close 1000"]);
}

#[test]
fn a_client_that_does_not_read_is_closed_and_nothing_is_dropped_in_silence() {
    let mut play = Play::websocket();
    for _ in 0..5 {
        play.says("4x");
    }
    assert_eq!(play.lines(WS), ["close 1008"]);
    assert_eq!(play.delivered(), ["<transport error>"]);
}

#[test]
fn volatile_frames_go_only_to_a_client_that_is_ready() {
    let mut play = Play::polling();
    play.says_volatile("4lost");
    play.does(Input::PollStarted).unwrap();
    assert_eq!(play.answer(), None);
    play.says_volatile("4heard");
    assert_eq!(play.answer().as_deref(), Some("4heard"));
}
