//! The fixture app for socketioxide on axum: what a scenario asks a server to do, one library call a line.

mod args;
mod echo;
mod namespaces;

use std::env;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use engineioxide::config::EngineIoConfig;
use engineioxide::layer::EngineIoLayer;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use tokio::net::TcpListener;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::echo::Echo;
use crate::namespaces::{AUTH_MIDDLEWARE_CALLS, ROOT_MIDDLEWARE_CALLS, SLOW_MIDDLEWARE_CALLS};

/// A knob from the environment, or its default where it is not set or empty.
fn knob<T: FromStr>(name: &str, default: T) -> T {
    env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn millis(name: &str, default: u64) -> Duration {
    Duration::from_millis(knob(name, default))
}

/// What CORS allows, where it is on: socketioxide leaves that to a layer in front of it.
fn cors() -> Option<CorsLayer> {
    let origins: String = knob("CORS", String::new());
    let allowed = match origins.as_str() {
        "" => return None,
        "*" => AllowOrigin::any(),
        list => AllowOrigin::list(
            list.split(',')
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        ),
    };
    let cors = CorsLayer::new().allow_origin(allowed);
    Some(
        cors.allow_methods([Method::GET, Method::POST])
            .allow_headers(Any),
    )
}

/// Refuses a handshake with `?deny=1`: a layer, too, as any check of the request would be.
async fn deny(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = query.split('&');
    if pairs.clone().any(|pair| pair == "deny=1") && !pairs.any(|pair| pair.starts_with("sid=")) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// The resident memory in bytes, on Linux.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// The sockets of all namespaces, and their rooms.
async fn census(io: &SocketIo) -> (usize, usize) {
    let (mut sockets, mut rooms) = (0, 0);
    for namespace in io.nsps() {
        sockets += namespace.clone().sockets().len();
        rooms += namespace.rooms().await.map_or(0, |rooms| rooms.len());
    }
    (sockets, rooms)
}

async fn fixture(io: SocketIo) -> Json<Value> {
    let (sockets, rooms) = census(&io).await;
    Json(json!({
        "name": "socketioxide",
        "version": "0.18.9",
        "engine": ["polling", "websocket"],
        "caps": [
            "engine-echo", "rooms", "call", "call-many", "volatile", "dynamic", "concurrent", "kick-room", "deny",
            "cors",
        ],
        "rss": resident_memory(),
        "sockets": sockets,
        "rooms": rooms,
        "middleware": {
            "/": ROOT_MIDDLEWARE_CALLS.load(Relaxed),
            "/auth": AUTH_MIDDLEWARE_CALLS.load(Relaxed),
            "/slow": SLOW_MIDDLEWARE_CALLS.load(Relaxed),
        },
    }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ping_interval = millis("PING_INTERVAL_MS", 25_000);
    let ping_timeout = millis("PING_TIMEOUT_MS", 20_000);
    let upgrade_timeout = millis("UPGRADE_TIMEOUT_MS", 10_000);
    let max_payload: usize = knob("MAX_PAYLOAD", 1_000_000);

    let engine_config = EngineIoConfig::builder()
        .req_path("/engine.io")
        .ping_interval(ping_interval)
        .ping_timeout(ping_timeout)
        .upgrade_timeout(upgrade_timeout)
        .max_payload(max_payload as u64)
        .ws_max_message_size(max_payload)
        .build();
    let engine_layer = EngineIoLayer::from_config(Arc::new(Echo), engine_config);

    let (socket_layer, io) = SocketIo::builder()
        .ping_interval(ping_interval)
        .ping_timeout(ping_timeout)
        .upgrade_timeout(upgrade_timeout)
        .connect_timeout(millis("CONNECT_TIMEOUT_MS", 45_000))
        .max_payload(max_payload as u64)
        .ws_max_message_size(max_payload)
        .build_layer();
    namespaces::register(&io);

    let mut app = Router::new()
        .route("/fixture", get(move || fixture(io.clone())))
        .layer(socket_layer)
        .layer(engine_layer)
        .layer(from_fn(deny));
    if let Some(cors) = cors() {
        app = app.layer(cors);
    }

    let listener = TcpListener::bind(("127.0.0.1", knob("PORT", 0))).await?;
    println!("READY {}", listener.local_addr()?.port());
    axum::serve(listener, app).await?;
    Ok(())
}
