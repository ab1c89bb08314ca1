use std::sync::Arc;

use bytes::Bytes;
use engineioxide::Str;
use engineioxide::handler::EngineIoHandler;
use engineioxide::socket::{DisconnectReason, Socket};

/// The Engine.IO server at `/engine.io/`: it sends back what it gets.
#[derive(Debug, Clone)]
pub struct Echo;

impl EngineIoHandler for Echo {
    type Data = ();

    fn on_connect(self: Arc<Self>, _socket: Arc<Socket<()>>) {}

    fn on_disconnect(&self, _socket: Arc<Socket<()>>, _reason: DisconnectReason) {}

    fn on_message(self: &Arc<Self>, message: Str, socket: Arc<Socket<()>>) {
        if message.as_str() == "!close" {
            return socket.close(DisconnectReason::TransportClose);
        }
        let burst = message.strip_prefix("!burst ").and_then(|n| n.parse().ok());
        let Some(burst) = burst else {
            return or_close(socket.emit(message).is_ok(), &socket);
        };
        for i in 0..burst {
            let i: u32 = i;
            if socket.emit(i.to_string()).is_err() {
                eprintln!("the buffer was full at {i} of {burst}, the rest is not sent");
                return;
            }
        }
    }

    fn on_binary(self: &Arc<Self>, data: Bytes, socket: Arc<Socket<()>>) {
        or_close(socket.emit_binary(data).is_ok(), &socket);
    }
}

/// What the buffer has no room for is lost, and there is nothing to wait on for room: an echo with a hole in it is none.
fn or_close(sent: bool, socket: &Socket<()>) {
    if !sent {
        socket.close(DisconnectReason::TransportError);
    }
}
