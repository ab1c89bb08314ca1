//! What a deed asks of a server: capabilities, and the scenarios of the corpus that check the same.

use super::act::{Broadcast, Deed, Space, Target};
use super::hostile;
use super::stranger;

/// Something that a server can do, or must bear.
#[derive(Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name in classes of findings.
    pub name: &'static str,
    /// The capabilities that a server must declare.
    pub needs: &'static [&'static str],
    /// Whether the server must have the app of the fixture contract.
    pub fixture: bool,
    /// Scenarios of the corpus that check the same. A server that is known to fail one of them is not asked for this.
    pub like: &'static [&'static str],
}

const fn bare(name: &'static str, like: &'static [&'static str]) -> Feature {
    Feature {
        name,
        needs: &[],
        fixture: false,
        like,
    }
}

const fn app(
    name: &'static str,
    needs: &'static [&'static str],
    like: &'static [&'static str],
) -> Feature {
    Feature {
        name,
        needs,
        fixture: true,
        like,
    }
}

const ROOMS: &[&str] = &["rooms"];
const CONNECT: Feature = bare("connect", &["socket.io/connect/main-namespace"]);
const NAMESPACE: Feature = app(
    "connect-to-a-namespace",
    &[],
    &[
        "socket.io/connect/custom-namespace",
        "socket.io/connect/several-namespaces-on-one-connection",
        "socket.io/connect/namespace-can-be-joined-again",
    ],
);
const AUTH: Feature = app(
    "connect-with-auth",
    &[],
    &["socket.io/connect-error/auth-reaches-the-application"],
);
const SLOW: Feature = app(
    "connect-to-a-slow-namespace",
    &[],
    &["socket.io/connect/slow-namespace-holds-up-no-other"],
);
const DYNAMIC: Feature = app(
    "connect-to-a-dynamic-namespace",
    &["dynamic"],
    &["socket.io/connect/dynamic-namespaces-are-separate"],
);
const UNKNOWN: Feature = bare(
    "unknown-namespace",
    &[
        "socket.io/connect-error/unknown-namespace",
        "socket.io/connect-error/refusal-leaves-the-connection-open",
    ],
);
const UNAUTHORISED: Feature = app(
    "refused-by-middleware",
    &[],
    &[
        "socket.io/connect-error/middleware-refusal",
        "socket.io/connect-error/refusal-leaves-the-connection-open",
    ],
);
const ECHO: Feature = app(
    "echo",
    &[],
    &[
        "socket.io/events/any-number-of-arguments",
        "socket.io/events/arguments-keep-their-types",
        "socket.io/events/text-beyond-ascii",
    ],
);
const BINARY: Feature = app(
    "binary",
    &[],
    &[
        "socket.io/binary/attachments-are-put-in-place",
        "socket.io/binary/nested-buffers",
        "socket.io/binary/empty-attachment",
        "socket.io/acks/binary",
    ],
);
const ASK: Feature = app(
    "acknowledged",
    &[],
    &["socket.io/acks/namespace-of-the-event"],
);
const COUNT: Feature = app("count-bytes", &[], &[]);
const WHOAMI: Feature = app(
    "whoami",
    ROOMS,
    &["socket.io/connect/each-namespace-has-its-own-id"],
);
const NOTE: Feature = app("note", &[], &[]);
const JOIN: Feature = app(
    "join",
    ROOMS,
    &[
        "socket.io/rooms/joining-several-at-once",
        "socket.io/rooms/joining-twice",
    ],
);
const LEAVE: Feature = app(
    "leave",
    ROOMS,
    &[
        "socket.io/rooms/leave",
        "socket.io/rooms/leaving-a-room-not-joined",
    ],
);
const TO_ROOMS: Feature = app(
    "broadcast-to-rooms",
    ROOMS,
    &[
        "socket.io/rooms/members-only",
        "socket.io/rooms/broadcast-excludes-sender",
        "socket.io/rooms/several-rooms-are-a-union",
        "socket.io/rooms/member-of-two-rooms-gets-one-copy",
    ],
);
const TO_IDS: Feature = app("broadcast-to-an-id", ROOMS, &["socket.io/rooms/own-room"]);
const TO_ALL: Feature = app(
    "broadcast-to-a-namespace",
    ROOMS,
    &[
        "socket.io/rooms/broadcast-to-the-namespace",
        "socket.io/rooms/broadcast-to-the-others",
    ],
);
const FROM_IO: Feature = app(
    "broadcast-from-the-server",
    ROOMS,
    &["socket.io/rooms/server-broadcast-includes-sender"],
);
const EXCEPT_ROOMS: Feature = app(
    "broadcast-except-a-room",
    ROOMS,
    &[
        "socket.io/rooms/except-removes-members",
        "socket.io/rooms/except-wins-over-to",
    ],
);
const EXCEPT_IDS: Feature = app(
    "broadcast-except-an-id",
    ROOMS,
    &["socket.io/rooms/except-takes-an-id"],
);
const BINARY_BROADCAST: Feature = app("binary-broadcast", ROOMS, &["socket.io/binary/broadcast"]);
const TOGETHER: Feature = app("broadcasts-at-once", ROOMS, &[]);
const CALL: Feature = app(
    "call",
    &["call"],
    &[
        "socket.io/acks/answer-reaches-the-call",
        "socket.io/acks/call-in-a-namespace",
    ],
);
const BINARY_CALL: Feature = app(
    "binary-call",
    &["call"],
    &[
        "socket.io/acks/binary-answer-reaches-the-call",
        "socket.io/binary/server-call",
    ],
);
const CALL_TIMEOUT: Feature = app(
    "call-that-times-out",
    &["call"],
    &["socket.io/acks/call-times-out"],
);
const CALL_MANY: Feature = app(
    "call-many",
    &["rooms", "call-many"],
    &[
        "socket.io/broadcast/collects-all-answers",
        "socket.io/broadcast/asks-every-target",
        "socket.io/broadcast/no-target",
    ],
);
const BURST: Feature = app("burst", &[], &["socket.io/ordering/text-and-binary"]);
const PIPELINE: Feature = app("many-events", &[], &[]);
const ORDER: Feature = app(
    "many-events-in-order",
    &[],
    &[
        "socket.io/ordering/events-over-websocket",
        "socket.io/ordering/events-over-polling",
    ],
);
const SANDWICH: Feature = app(
    "sandwich",
    &["double-ack"],
    &["socket.io/ordering/ack-between-events"],
);
const DOUBLE_ACK: Feature = app(
    "double-ack",
    &["double-ack"],
    &["socket.io/acks/second-answer-is-dropped"],
);
const WAITING: Feature = app("slow-handler", &["concurrent"], &[]);
const DISCONNECT: Feature = app(
    "disconnect",
    &[],
    &[
        "socket.io/disconnect/leaves-one-namespace-only",
        "socket.io/disconnect/no-broadcast-after-leaving",
        "socket.io/disconnect/connection-outlives-the-last-namespace",
        "socket.io/disconnect/no-reply",
    ],
);
const KICK: Feature = app(
    "kick",
    &[],
    &[
        "socket.io/disconnect/kick",
        "socket.io/delivery/kick-from-the-only-namespace",
    ],
);
const KICK_FOR_GOOD: Feature = app(
    "kick-for-good",
    &["disconnect-close"],
    &["socket.io/disconnect/kick-with-close"],
);
const KICK_ROOM: Feature = app(
    "kick-a-room",
    &["rooms", "kick-room"],
    &["socket.io/disconnect/kick-a-room"],
);
const UPGRADE: Feature = bare(
    "upgrade",
    &[
        "engine.io/upgrade/session-is-kept",
        "engine.io/upgrade/nothing-is-lost-while-upgrading",
        "engine.io/upgrade/no-noop-on-the-websocket",
        "engine.io/upgrade/probe-is-answered",
    ],
);
const CLOSE: Feature = bare("close", &["engine.io/websocket/close-ends-the-session"]);
const LOSE: Feature = bare(
    "lost-connection",
    &["engine.io/websocket/lost-connection-ends-the-session"],
);
const RETURN: Feature = app(
    "recovered-session",
    &["rooms", "recovery"],
    &[
        "socket.io/recovery/same-ids-after-a-loss",
        "socket.io/recovery/rooms-are-restored",
        "socket.io/recovery/missed-events-in-order",
        "socket.io/recovery/missed-events-after-a-cut",
    ],
);
const SLICE: Feature = bare("sliced-bytes", &["engine.io/polling/post-in-many-segments"]);
const FENCE: Feature = bare("fence", &[]);

/// What a deed asks for; what is special about it comes last.
pub fn of(deed: &Deed) -> Vec<&'static Feature> {
    match deed {
        Deed::Connect(space) => match space {
            Space::Main => vec![&CONNECT],
            Space::Custom => vec![&CONNECT, &NAMESPACE],
            Space::Auth => vec![&CONNECT, &AUTH],
            Space::Slow => vec![&CONNECT, &SLOW],
            Space::Dynamic => vec![&CONNECT, &DYNAMIC],
        },
        Deed::Unknown => vec![&UNKNOWN],
        Deed::Unauthorised => vec![&UNAUTHORISED],
        Deed::Echo(_, arguments) => with(&ECHO, &BINARY, arguments.iter().any(|a| a.is_binary())),
        Deed::Ask(_, arguments) => with(&ASK, &BINARY, arguments.iter().any(|a| a.is_binary())),
        Deed::Count(..) => vec![&BINARY, &COUNT],
        Deed::WhoAmI(_) => vec![&WHOAMI],
        Deed::Note(..) => vec![&NOTE],
        Deed::Join(..) => vec![&JOIN],
        Deed::Leave(..) => vec![&LEAVE],
        Deed::Broadcast(broadcast) => of_broadcast(broadcast),
        Deed::Together(..) => vec![&TO_ROOMS, &TOGETHER],
        Deed::Call(_, arguments, answer) => {
            let mut all = arguments.iter().chain(answer.iter().flatten());
            let mut features = with(&CALL, &BINARY_CALL, all.any(|a| a.is_binary()));
            features.extend(answer.is_none().then_some(&CALL_TIMEOUT));
            features
        }
        Deed::CallMany(..) => vec![&CALL_MANY],
        Deed::Burst(_, _, binary) => with(&BURST, &BINARY, *binary),
        Deed::Pipeline(_, _, ordered) => with(&PIPELINE, &ORDER, *ordered),
        Deed::Sandwich(_) => vec![&SANDWICH],
        Deed::DoubleAck(_) => vec![&DOUBLE_ACK],
        Deed::Slow(..) => vec![&WAITING],
        Deed::Disconnect(_) => vec![&DISCONNECT],
        Deed::Kick(_, for_good) => with(&KICK, &KICK_FOR_GOOD, *for_good),
        Deed::KickRoom(..) => vec![&KICK_ROOM],
        Deed::Upgrade => vec![&UPGRADE],
        Deed::Close => vec![&CLOSE],
        Deed::Lose(_) => vec![&LOSE],
        Deed::Return(_) => vec![&RETURN],
        Deed::Slice(_) => vec![&SLICE],
        Deed::Hostile(row) => hostile::TABLE
            .get(*row)
            .map(|row| &row.feature)
            .into_iter()
            .collect(),
        Deed::Stranger(row) => stranger::TABLE
            .get(*row)
            .map(|row| &row.feature)
            .into_iter()
            .collect(),
        Deed::Fence => vec![&FENCE],
    }
}

fn with(
    plain: &'static Feature,
    special: &'static Feature,
    is_special: bool,
) -> Vec<&'static Feature> {
    let mut features = vec![plain];
    features.extend(is_special.then_some(special));
    features
}

fn of_broadcast(broadcast: &Broadcast) -> Vec<&'static Feature> {
    let any = |targets: &[Target], room: bool| {
        targets.iter().any(|t| matches!(t, Target::Room(_)) == room)
    };
    let mut features = Vec::new();
    features.extend(any(&broadcast.to, true).then_some(&TO_ROOMS));
    features.extend(any(&broadcast.to, false).then_some(&TO_IDS));
    features.extend(broadcast.to.is_empty().then_some(&TO_ALL));
    features.extend(broadcast.from_io.then_some(&FROM_IO));
    features.extend(any(&broadcast.except, true).then_some(&EXCEPT_ROOMS));
    features.extend(any(&broadcast.except, false).then_some(&EXCEPT_IDS));
    let binary = broadcast.arguments.iter().any(|a| a.is_binary());
    features.extend(binary.then_some(&BINARY_BROADCAST));
    features
}
