//! A chat, as small as one can be: what somebody says, everybody hears.

use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use tokio::net::TcpListener;

/// Serves the chat, until the process ends.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("chat", async |io: SocketIo, Data::<String>(text)| {
            let _ = io.emit("chat", &text).await;
        });
    });
    axum::serve(listener, axum::Router::new().layer(layer)).await
}
