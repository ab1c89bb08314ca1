//! The app of the fixture contract: what every server under test is asked to do, on this server.
//!
//! Each line is about one library call, so that it reads beside the same app in other languages. Socket.IO stands at
//! `/socket.io/`, an Engine.IO echo at `/engine.io/`, what the app says of itself at `/fixture`.

use crate::config::Recovery;
use crate::faults::Fault;
use crate::session::Message;
use crate::trace::Tracer;
use crate::{
    Args, Binary, Broadcast, Config, Cors, EngineApp, EngineClient, Event, Handlers, Refused,
    Running, Server, Socket, SocketIo, args,
};
use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What this server can do of the contract's capabilities.
pub const CAPABILITIES: [&str; 15] = [
    "engine-echo",
    "rooms",
    "call",
    "call-many",
    "volatile",
    "recovery",
    "dynamic",
    "middleware-data",
    "concurrent",
    "double-ack",
    "disconnect-close",
    "kick-room",
    "deny",
    "cookie",
    "cors",
];

/// How one instance of the fixture runs.
#[derive(Clone, Default)]
pub struct FixtureConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Timers, limits and headers.
    pub server: Config,
    /// A message that goes with the open packet at `/engine.io/`.
    pub initial_packet: Option<String>,
    /// The one rule that this instance breaks.
    pub fault: Option<&'static Fault>,
    /// Whoever wants to see each step of each message.
    pub tracer: Option<Tracer>,
}

impl std::fmt::Debug for FixtureConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FixtureConfig")
            .field("port", &self.port)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl FixtureConfig {
    /// Reads the contract's variables; `get` is `std::env::var` or whatever stands for it. What is missing or not a
    /// number keeps its default.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| get(name).and_then(|text| text.trim().parse::<u64>().ok());
        let time = |name: &str, or: Duration| number(name).map_or(or, Duration::from_millis);
        let text = |name: &str| get(name).filter(|text| !text.is_empty());
        let base = Config::default();
        let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let window = time("RECOVERY_WINDOW_MS", Recovery::default().window);
        Self {
            port: number("PORT")
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or(0),
            server: Config {
                ping_interval: time("PING_INTERVAL_MS", base.ping_interval),
                ping_timeout: time("PING_TIMEOUT_MS", base.ping_timeout),
                max_payload: number("MAX_PAYLOAD").map_or(base.max_payload, size),
                connect_timeout: time("CONNECT_TIMEOUT_MS", base.connect_timeout),
                upgrade_timeout: time("UPGRADE_TIMEOUT_MS", base.upgrade_timeout),
                upgrades: number("UPGRADES") != Some(0),
                cors: Cors::parse(&get("CORS").unwrap_or_default()),
                cookie: text("COOKIE"),
                recovery: (number("RECOVERY") == Some(1)).then(|| Recovery {
                    window,
                    ..Recovery::default()
                }),
                ..base
            },
            initial_packet: text("INITIAL_PACKET"),
            ..Self::default()
        }
    }
}

/// Starts an instance; it is ready when this returns, and ends when [`Running`] is dropped or stopped. It needs a
/// tokio runtime around it, which it shares with any number of others.
pub async fn serve(config: FixtureConfig) -> io::Result<Running> {
    let calls = Arc::new(Calls::default());
    let mut app = SocketIo::new(config.server);

    for namespace in ["/", "/custom", "/auth", "/slow"] {
        converse(app.of(namespace));
        count(app.of(namespace), namespace, &calls);
    }
    app.of("/auth").middleware(async |socket: Socket| {
        socket.join_room("pre");
        match socket.auth_as::<Token>() {
            Ok(Token { token }) if token == "secret" => Ok(()),
            _ => Err(Refused::new("not authorized").with_data(json!({ "code": 401 }))),
        }
    });
    app.of("/slow").middleware(async |socket: Socket| {
        socket.server().sleep(Duration::from_millis(300)).await;
        Ok(())
    });
    let mut dynamic = Handlers::default();
    converse(&mut dynamic);
    app.dynamic(is_dynamic, dynamic);
    app.of("/monitor");

    app.allow_request(|_, query| match query.get("deny") {
        Some("1") => Err("Forbidden".to_owned()),
        _ => Ok(()),
    });
    app.engine(
        "/engine.io/",
        Echo {
            greeting: config.initial_packet.map(ByteString::from),
        },
    );
    app.page("/fixture", move |server| describe(server, &calls));
    if let Some(tracer) = config.tracer {
        app.trace(tracer);
    }
    if let Some(fault) = config.fault {
        app.seams(fault.seams());
    }
    app.start(SocketAddr::from(([127, 0, 0, 1], config.port)))
        .await
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

fn is_dynamic(namespace: &str) -> bool {
    let digits = namespace.strip_prefix("/dyn-").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whom a broadcast of the contract is for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Options {
    from: Option<String>,
    to: Vec<String>,
    except: Vec<String>,
    volatile: bool,
}

impl Options {
    fn broadcast(&self, socket: &Socket) -> Option<Broadcast> {
        let mut broadcast = match self.from.as_deref() {
            Some("io") => socket.server().of(socket.namespace())?,
            _ => socket.broadcast(),
        };
        for room in &self.to {
            broadcast = broadcast.to(room);
        }
        for room in &self.except {
            broadcast = broadcast.except(room);
        }
        Some(if self.volatile {
            broadcast.volatile()
        } else {
            broadcast
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Burst {
    volatile: bool,
    binary: bool,
    size: usize,
}

/// The handlers of every namespace but `/monitor`.
fn converse(on: &mut Handlers) {
    on.on_connect(async |socket: Socket| {
        socket.emit("auth", socket.auth());
        socket
            .server()
            .emit("/monitor", "joined", args![socket.namespace(), socket.id()]);
    });

    on.on_disconnect(async |socket: Socket, reason: String| {
        socket.server().emit(
            "/monitor",
            "left",
            args![socket.namespace(), socket.id(), reason, socket.rooms()],
        );
    });

    on.on("message", async |socket: Socket, event: Event| {
        socket.emit("message-back", event.args);
    });

    on.on("message-with-ack", async |_: Socket, event: Event| {
        event.args
    });

    on.on("count-bytes", async |_: Socket, event: Event| {
        args![event.args.binary(0).map(|data| data.len())]
    });

    on.on("note", async |socket: Socket, event: Event| {
        let noted = args![socket.id(), event.args];
        socket.server().emit("/monitor", "noted", noted);
    });

    on.on("whoami", async |socket: Socket, _: Event| {
        args![json!({
            "sid": socket.id(),
            "nsp": socket.namespace(),
            "transport": socket.transport(),
            "recovered": socket.recovered(),
            "rooms": socket.rooms(),
            "inOwnRoom": socket.in_own_room(),
        })]
    });

    on.on("join", async |socket: Socket, event: Event| {
        let rooms: Vec<String> = event.get(0)?;
        socket.join_rooms(&rooms);
        Ok(args![socket.rooms()])
    });

    on.on("leave", async |socket: Socket, event: Event| {
        let room: String = event.get(0)?;
        socket.leave_room(&room);
        Ok(args![socket.rooms()])
    });

    on.on("emit-to", async |socket: Socket, event: Event| {
        let options: Options = event.get(0)?;
        let name: String = event.get(1)?;
        if let Some(broadcast) = options.broadcast(&socket) {
            broadcast.emit(&name, event.args.rest(2));
        }
        Ok(Args::new())
    });

    on.on("call", async |socket: Socket, event: Event| {
        let timeout = Duration::from_millis(event.get(0)?);
        match socket.call("called", event.args.rest(1), timeout).await {
            Ok(answer) => socket.emit("call-result", args![Value::Null, answer]),
            Err(_) => socket.emit("call-result", args!["timeout"]),
        }
        Ok(None::<Args>)
    });

    on.on("call-many", async |socket: Socket, event: Event| {
        let options: Options = event.get(0)?;
        let timeout = Duration::from_millis(event.get(1)?);
        if let Some(broadcast) = options.broadcast(&socket) {
            let outcome = broadcast.call("called", event.args.rest(2), timeout).await;
            let first = |answer: &Args| answer.first().unwrap_or_default();
            let answers: Vec<Value> = outcome.answers.iter().map(first).collect();
            let error = (outcome.missing > 0).then_some("timeout");
            socket.emit("call-many-result", args![error, answers]);
        }
        Ok(None::<Args>)
    });

    on.on("burst", async |socket: Socket, event: Event| {
        let (count, options): (u32, Burst) = (event.get(0)?, event.get(1).unwrap_or_default());
        for n in 0..count {
            let mut burst = args![n];
            if options.binary {
                burst = burst.with(Binary(Bytes::from_static(&[1, 2, 3])));
            }
            if options.size > 0 {
                burst = burst.with("x".repeat(options.size));
            }
            match options.volatile {
                true => socket.emit_volatile("burst", burst),
                false => socket.emit("burst", burst),
            }
        }
        Ok(Args::new())
    });

    on.on("sandwich", async |socket: Socket, mut event: Event| {
        socket.emit("first", args![]);
        if let Some(ack) = event.take_ack() {
            let _ = ack.send(args![]);
        }
        socket.emit("last", args![]);
    });

    on.on("kick", async |socket: Socket, event: Event| {
        match event.get(0).unwrap_or(false) {
            true => socket.disconnect_all(),
            false => socket.disconnect(),
        }
        if event
            .get::<String>(1)
            .is_ok_and(|then| then == "join-after")
        {
            socket.join_room("late");
        }
    });

    on.on("kick-room", async |socket: Socket, event: Event| {
        let room: String = event.get(0)?;
        if let Some(everybody) = socket.server().of(socket.namespace()) {
            match event.get(1).unwrap_or(false) {
                true => everybody.to(room).disconnect_all(),
                false => everybody.to(room).disconnect(),
            }
        }
        Ok(Args::new())
    });

    on.on("slow", async |socket: Socket, event: Event| {
        let pause: u64 = event.get(0)?;
        socket.server().sleep(Duration::from_millis(pause)).await;
        Ok(args![pause])
    });

    on.on("double-ack", async |_: Socket, mut event: Event| {
        if let Some(ack) = event.take_ack() {
            let _ = ack.send(args!["a"]);
            // The second one is refused; that is what this event is there to show.
            let _ = ack.send(args!["b"]);
        }
    });

    on.on("throw", async |_: Socket, _: Event| -> () {
        // A panic without the message on stderr that thousands of runs would leave behind.
        std::panic::resume_unwind(Box::new("thrown by the fixture"));
    });
}

/// How often the middleware of each namespace has run.
#[derive(Default)]
struct Calls(Mutex<BTreeMap<String, u64>>);

fn count(on: &mut Handlers, namespace: &str, calls: &Arc<Calls>) {
    let (namespace, calls) = (namespace.to_owned(), calls.clone());
    calls
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(namespace.clone(), 0);
    on.middleware(move |_| {
        *calls
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(namespace.clone())
            .or_default() += 1;
        std::future::ready(Ok(()))
    });
}

fn describe(server: &Server, calls: &Calls) -> String {
    json!({
        "name": "reference",
        "version": env!("CARGO_PKG_VERSION"),
        "engine": ["polling", "websocket"],
        "caps": CAPABILITIES,
        "rss": resident(),
        "sessions": server.sessions(),
        "sockets": server.sockets(),
        "rooms": server.rooms(),
        "middleware": *calls.0.lock().unwrap_or_else(PoisonError::into_inner),
    })
    .to_string()
}

/// Bytes of memory that this process holds, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim()
        .trim_end_matches("kB")
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

/// The Engine.IO echo.
struct Echo {
    greeting: Option<ByteString>,
}

impl EngineApp for Echo {
    fn greeting(&self) -> Option<ByteString> {
        self.greeting.clone()
    }

    fn message(&self, client: &EngineClient, message: Message) {
        let text = match &message {
            Message::Text(text) => text,
            Message::Binary(_) => "",
        };
        if text == "!close" {
            client.close();
        } else if let Some(Ok(count)) = text.strip_prefix("!burst ").map(str::parse::<u32>) {
            (0..count).for_each(|n| client.send(Message::Text(n.to_string().into())));
        } else {
            client.send(message);
        }
    }
}
