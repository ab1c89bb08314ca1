//! The session played with the clock moved by hand.

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

mod any_order {
    //! Any inputs in any order keep what must always hold.

    use super::*;
    use proptest::prelude::*;
    use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

    #[derive(Debug, Clone)]
    enum Move {
        Poll,
        Drop,
        Post,
        PostEnds,
        PostDrops,
        Opens(u32),
        Closes(u32),
        Hears(Source, &'static str),
        Broken(Source),
        Says,
        SaysVolatile,
        Closed,
        Pause(u64),
        Fetch,
        Read(u32),
    }

    /// What has been sent to the session, told apart by nothing but its number.
    #[derive(Debug, Clone, Default)]
    struct Model;

    fn source() -> impl Strategy<Value = Source> {
        prop_oneof![
            Just(Source::Post),
            (0..3u32).prop_map(|id| Source::Socket(SocketId(id)))
        ]
    }

    impl ReferenceStateMachine for Model {
        type State = Self;
        type Transition = Move;

        fn init_state() -> BoxedStrategy<Self> {
            Just(Self).boxed()
        }

        fn transitions(_: &Self) -> BoxedStrategy<Move> {
            let packet = prop::sample::select(vec!["0", "1", "2", "2probe", "3", "4x", "5", "6"]);
            prop_oneof![
                4 => Just(Move::Poll),
                1 => Just(Move::Drop),
                3 => Just(Move::Post),
                3 => Just(Move::PostEnds),
                1 => Just(Move::PostDrops),
                2 => (0..3u32).prop_map(Move::Opens),
                1 => (0..3u32).prop_map(Move::Closes),
                8 => (source(), packet).prop_map(|(source, packet)| Move::Hears(source, packet)),
                1 => source().prop_map(Move::Broken),
                6 => Just(Move::Says),
                2 => Just(Move::SaysVolatile),
                1 => Just(Move::Closed),
                4 => (0..400u64).prop_map(Move::Pause),
                5 => Just(Move::Fetch),
                5 => (0..3u32).prop_map(Move::Read),
            ]
            .boxed()
        }

        fn apply(state: Self, _: &Move) -> Self {
            state
        }
    }

    struct Run {
        play: Play,
        polling: bool,
        posting: bool,
        said: u64,
        /// Numbers that came out, in order.
        out: Vec<u64>,
        delivered: usize,
        heard: usize,
        closed: bool,
    }

    fn number(frame: &Frame) -> Option<u64> {
        match frame {
            Frame::Text(text) => text.strip_prefix("4#")?.parse().ok(),
            Frame::Binary(_) => None,
        }
    }

    impl Run {
        fn say(&mut self, volatile: bool) {
            self.said += 1;
            let first = Frame::Text(format!("4#{}", self.said).into());
            self.play
                .does(Input::Send {
                    first,
                    rest: Vec::new(),
                    volatile,
                })
                .unwrap();
        }

        fn fetch(&mut self) {
            if let Some(Output::Answer(frames)) = self.play.session.poll_output(Edge::Poll) {
                assert!(self.polling, "an answer without a GET");
                assert!(!frames.is_empty());
                self.polling = false;
                self.out.extend(frames.iter().filter_map(number));
            }
        }

        fn read(&mut self, socket: u32) {
            while let Some(output) = self
                .play
                .session
                .poll_output(Edge::Socket(SocketId(socket)))
            {
                match output {
                    Output::Frame(frame) => {
                        assert_ne!(frame, Frame::text("6"), "a noop on a WebSocket");
                        self.out.extend(number(&frame));
                    }
                    Output::Hangup(_) => {}
                    other => panic!("{other:?} for a WebSocket"),
                }
            }
        }
    }

    impl StateMachineTest for Run {
        type SystemUnderTest = Self;
        type Reference = Model;

        fn init_test(_: &Model) -> Self {
            let play = Play::polling();
            Self {
                play,
                polling: false,
                posting: false,
                said: 0,
                out: Vec::new(),
                delivered: 0,
                heard: 0,
                closed: false,
            }
        }

        fn apply(mut run: Self, _: &Model, step: Move) -> Self {
            let open = run.play.session.is_open();
            match step {
                Move::Poll => match run.play.does(Input::PollStarted) {
                    Ok(()) => {
                        assert!(!run.polling, "two GETs pend at once");
                        run.polling = true;
                    }
                    Err(_) => {
                        assert!(
                            run.polling || !open || run.play.session.transport() == "websocket"
                        );
                    }
                },
                Move::Drop if run.polling => {
                    run.polling = false;
                    run.play.does(Input::PollDropped).unwrap();
                    assert!(!run.play.session.is_open());
                }
                Move::Post => match run.play.does(Input::PostStarted) {
                    Ok(()) => {
                        assert!(!run.posting, "two POSTs at once");
                        run.posting = true;
                    }
                    Err(_) => {
                        assert!(
                            run.posting || !open || run.play.session.transport() == "websocket"
                        );
                    }
                },
                Move::PostEnds if run.posting => {
                    run.posting = false;
                    run.play.does(Input::PostFinished).unwrap();
                }
                Move::PostDrops if run.posting => {
                    run.posting = false;
                    run.play.does(Input::PostDropped).unwrap();
                    assert!(!run.play.session.is_open());
                }
                Move::Opens(socket) => drop(run.play.does(Input::SocketOpened(SocketId(socket)))),
                Move::Closes(socket) => run
                    .play
                    .does(Input::SocketClosed(SocketId(socket)))
                    .unwrap(),
                Move::Hears(Source::Post, _) if !run.posting => {}
                Move::Hears(source, packet) => {
                    let before = run.play.session.has_output(Edge::App);
                    let heard = run.play.hears(source, packet);
                    if packet == "4x"
                        && heard.is_ok()
                        && (before || run.play.session.has_output(Edge::App))
                    {
                        run.heard += 1;
                    }
                }
                Move::Broken(Source::Post) if !run.posting => {}
                Move::Broken(source) => drop(run.play.does(Input::Malformed(source, 1002))),
                Move::Says => run.say(false),
                Move::SaysVolatile => run.say(true),
                Move::Closed => run
                    .play
                    .does(Input::Close(CloseReason::ForcedClose))
                    .unwrap(),
                Move::Pause(pause) => drop(run.play.after(u32::try_from(pause).unwrap() * MS)),
                Move::Fetch => run.fetch(),
                Move::Read(socket) => run.read(socket),
                Move::Drop | Move::PostEnds | Move::PostDrops => {}
            }
            while let Some(output) = run.play.session.poll_output(Edge::App) {
                assert!(!run.closed, "{output:?} after the end");
                match output {
                    Output::Message(_) => run.delivered += 1,
                    Output::Closed(_) => run.closed = true,
                    other => panic!("{other:?} for the application"),
                }
            }
            run
        }

        fn check_invariants(run: &Self, _: &Model) {
            let session = &run.play.session;
            assert!(
                run.out.is_sorted_by(|one, next| one < next),
                "out of order or twice: {:?}",
                run.out
            );
            assert!(
                run.delivered <= run.heard,
                "more was delivered than was heard"
            );
            let (frames, bytes) = session.backlog();
            assert!(frames <= 4 && bytes <= 1000, "the outbox is bounded");
            assert_eq!(
                session.is_open(),
                !run.closed,
                "the application hears of the end when it comes, and once"
            );
            match session.poll_timeout() {
                Some(at) => assert!(at <= run.play.now + 500 * MS, "a timer is bounded"),
                None => assert!(session.is_over(), "an open session always has a timer"),
            }
            if session.is_over() {
                assert_eq!(session.backlog(), (0, 0), "nothing goes out after the end");
                assert!(
                    !run.polling || session.has_output(Edge::Poll),
                    "a GET is left hanging"
                );
            }
        }
    }

    prop_state_machine! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn keeps_what_must_always_hold(sequential 1..60 => Run);
    }
}
