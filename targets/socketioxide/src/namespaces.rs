use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use rmpv::Value;
use serde::{Deserialize, Serialize};
use serde_json::json;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use socketioxide::operators::BroadcastOperators;
use socketioxide::socket::DisconnectReason;
use tokio::time::sleep;

use crate::args::{Args, NO_ARGS};

pub static ROOT_MIDDLEWARE_CALLS: AtomicU64 = AtomicU64::new(0);
pub static AUTH_MIDDLEWARE_CALLS: AtomicU64 = AtomicU64::new(0);
pub static SLOW_MIDDLEWARE_CALLS: AtomicU64 = AtomicU64::new(0);

/// Registers every namespace of the fixture.
pub fn register(io: &SocketIo) {
    io.ns("/", serve.with(count));
    io.ns("/custom", serve);
    io.ns("/auth", serve.with(authorize));
    io.ns("/slow", serve.with(delay));
    io.dyn_ns("/dyn-{number}", serve.with(only_digits))
        .expect("the pattern is valid");
    io.ns("/monitor", async |_: SocketRef| {});
}

/// What a middleware refuses a connection with: the `message` of the CONNECT_ERROR packet.
struct Refusal(&'static str);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.0)
    }
}

async fn count() -> Result<(), Refusal> {
    ROOT_MIDDLEWARE_CALLS.fetch_add(1, Relaxed);
    Ok(())
}

async fn authorize(socket: SocketRef, Data(auth): Data<serde_json::Value>) -> Result<(), Refusal> {
    AUTH_MIDDLEWARE_CALLS.fetch_add(1, Relaxed);
    socket.join("pre");
    if auth != json!({"token": "secret"}) {
        return Err(Refusal("not authorized"));
    }
    Ok(())
}

async fn delay() -> Result<(), Refusal> {
    SLOW_MIDDLEWARE_CALLS.fetch_add(1, Relaxed);
    sleep(Duration::from_millis(300)).await;
    Ok(())
}

/// The pattern of a dynamic namespace cannot ask for digits, so a middleware does.
async fn only_digits(socket: SocketRef) -> Result<(), Refusal> {
    let number = socket.ns().trim_start_matches("/dyn-");
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal("Invalid namespace"));
    }
    Ok(())
}

/// Whom `emit-to` and `call-many` address.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Audience {
    from: Option<String>,
    to: Vec<String>,
    except: Vec<String>,
    volatile: bool,
}

impl Audience {
    fn of(value: &Value, io: &SocketIo, socket: &SocketRef) -> Option<BroadcastOperators> {
        let audience: Audience = rmpv::ext::from_value(value.clone()).ok()?;
        let mut chosen = if audience.from.as_deref() == Some("io") {
            io.of(socket.ns())?
        } else {
            socket.broadcast()
        };
        chosen = chosen.within(audience.to);
        if !audience.except.is_empty() {
            chosen = chosen.except(audience.except);
        }
        Some(if audience.volatile {
            chosen.volatile()
        } else {
            chosen
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Burst {
    volatile: bool,
    binary: bool,
    size: usize,
}

fn own_rooms(socket: &SocketRef) -> Vec<String> {
    let own = socket.id.to_string();
    let mut rooms: Vec<String> = socket.rooms().into_iter().map(Into::into).collect();
    rooms.retain(|room| *room != own);
    rooms.sort();
    rooms
}

async fn monitor(io: &SocketIo, event: &str, args: &impl Serialize) {
    if let Some(monitor) = io.of("/monitor") {
        monitor.emit(event, args).await.ok();
    }
}

/// Serves a connection to any namespace but `/monitor`.
async fn serve(io: SocketIo, socket: SocketRef, Data(auth): Data<serde_json::Value>) {
    socket.on_disconnect(
        async |io: SocketIo, socket: SocketRef, reason: DisconnectReason| {
            let left = (
                socket.ns(),
                socket.id,
                reason.to_string(),
                own_rooms(&socket),
            );
            monitor(&io, "left", &left).await;
        },
    );

    socket.on("message", async |socket: SocketRef, Data::<Args>(args)| {
        socket.emit("message-back", &args).ok();
    });

    socket.on(
        "message-with-ack",
        async |Data::<Args>(args), ack: AckSender| {
            ack.send(&args).ok();
        },
    );

    socket.on(
        "count-bytes",
        async |Data::<Bytes>(buffer), ack: AckSender| {
            ack.send(&buffer.len()).ok();
        },
    );

    socket.on(
        "note",
        async |io: SocketIo, socket: SocketRef, Data::<Value>(value)| {
            monitor(&io, "noted", &(socket.id, value)).await;
        },
    );

    socket.on("whoami", async |socket: SocketRef, ack: AckSender| {
        let id = socket.id.to_string();
        let me = json!({
            "sid": id,
            "nsp": socket.ns(),
            "transport": socket.transport_type(),
            "recovered": false,
            "rooms": own_rooms(&socket),
            "inOwnRoom": socket.rooms().iter().any(|room| *room == id),
        });
        ack.send(&me).ok();
    });

    socket.on(
        "join",
        async |socket: SocketRef, Data::<Vec<String>>(rooms), ack: AckSender| {
            socket.join(rooms);
            ack.send(&own_rooms(&socket)).ok();
        },
    );

    socket.on(
        "leave",
        async |socket: SocketRef, Data::<String>(room), ack: AckSender| {
            socket.leave(room);
            ack.send(&own_rooms(&socket)).ok();
        },
    );

    socket.on(
        "emit-to",
        async |io: SocketIo, socket: SocketRef, Data::<Args>(Args(args)), ack: AckSender| {
            let [opts, Value::String(event), args @ ..] = &args[..] else {
                return;
            };
            let Some(audience) = Audience::of(opts, &io, &socket) else {
                return;
            };
            let event = event.as_str().unwrap_or_default();
            audience.emit(event, &Args(args.to_vec())).await.ok();
            ack.send(&NO_ARGS).ok();
        },
    );

    socket.on(
        "call",
        async |socket: SocketRef, Data::<Args>(Args(args))| {
            let [Value::Integer(timeout), args @ ..] = &args[..] else {
                return;
            };
            let timeout = Duration::from_millis(timeout.as_u64().unwrap_or_default());
            let args = Args(args.to_vec());
            let Ok(answer) = socket
                .timeout(timeout)
                .emit_with_ack::<_, Args>("called", &args)
            else {
                return;
            };
            match answer.await {
                Ok(Args(answer)) => {
                    let result = [vec![Value::Nil], answer].concat();
                    socket.emit("call-result", &Args(result)).ok();
                }
                Err(_) => {
                    socket.emit("call-result", "timeout").ok();
                }
            }
        },
    );

    socket.on(
        "call-many",
        async |io: SocketIo, socket: SocketRef, Data::<Args>(Args(args))| {
            let [opts, Value::Integer(timeout), args @ ..] = &args[..] else {
                return;
            };
            let Some(audience) = Audience::of(opts, &io, &socket) else {
                return;
            };
            let timeout = Duration::from_millis(timeout.as_u64().unwrap_or_default());
            let args = Args(args.to_vec());
            let Ok(answers) = audience
                .timeout(timeout)
                .emit_with_ack::<_, Args>("called", &args)
                .await
            else {
                return;
            };
            let answers: Vec<_> = answers.map(|(_sid, answer)| answer).collect().await;
            let all = answers.iter().all(Result::is_ok);
            let firsts: Vec<Value> = answers
                .into_iter()
                .flatten()
                .map(|Args(answer)| answer.into_iter().next().unwrap_or(Value::Nil))
                .collect();
            socket
                .emit("call-many-result", &((!all).then_some("timeout"), firsts))
                .ok();
        },
    );

    socket.on(
        "burst",
        async |socket: SocketRef, Data::<Args>(Args(args))| {
            let n = args.first().and_then(Value::as_u64).unwrap_or_default();
            let opts = args.get(1).cloned().unwrap_or(Value::Map(vec![]));
            let opts: Burst = rmpv::ext::from_value(opts).unwrap_or_default();
            for i in 0..n {
                let mut args = vec![Value::from(i)];
                if opts.binary {
                    args.push(Value::Binary(vec![1, 2, 3]));
                }
                if opts.size > 0 {
                    args.push("x".repeat(opts.size).into());
                }
                let sent = if opts.volatile {
                    socket.volatile().emit("burst", &Args(args))
                } else {
                    socket.emit("burst", &Args(args))
                };
                if let Err(error) = sent {
                    eprintln!("burst {i} of {n}: {error}");
                }
            }
        },
    );

    socket.on("sandwich", async |socket: SocketRef, ack: AckSender| {
        socket.emit("first", &NO_ARGS).ok();
        ack.send(&NO_ARGS).ok();
        socket.emit("last", &NO_ARGS).ok();
    });

    socket.on(
        "kick",
        async |socket: SocketRef, Data::<Args>(Args(args))| {
            socket.clone().disconnect().ok();
            if args.get(1).and_then(Value::as_str) == Some("join-after") {
                socket.join("late");
            }
        },
    );

    socket.on(
        "kick-room",
        async |io: SocketIo, socket: SocketRef, Data::<String>(room)| {
            if let Some(namespace) = io.of(socket.ns()) {
                namespace.within(room).disconnect().await.ok();
            }
        },
    );

    socket.on("slow", async |Data::<u64>(ms), ack: AckSender| {
        sleep(Duration::from_millis(ms)).await;
        ack.send(&ms).ok();
    });

    socket.on("throw", async |_: SocketRef| {
        panic!("the handler failed, as it was asked to")
    });

    socket.emit("auth", &auth).ok();
    monitor(&io, "joined", &(socket.ns(), socket.id)).await;
}
