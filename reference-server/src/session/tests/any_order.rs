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
                    assert!(run.polling || !open || run.play.session.transport() == "websocket");
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
                    assert!(run.posting || !open || run.play.session.transport() == "websocket");
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
