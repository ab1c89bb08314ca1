//! The chat as a program: `PORT=3000 cargo run`.

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok());
    let listener = TcpListener::bind(("127.0.0.1", port.unwrap_or(3000))).await?;
    println!("READY {}", listener.local_addr()?.port());
    chat::serve(listener).await
}
