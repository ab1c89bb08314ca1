//! Runs the fixture as the contract's variables say, until it is told to end.

use siospec_reference_server::fixture::{FixtureConfig, serve};
use std::io::Write;
use std::sync::Arc;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut config = FixtureConfig::from_variables(|name| std::env::var(name).ok());
    if let Ok(name) = std::env::var("FAULT") {
        let fault = siospec_reference_server::faults::find(&name);
        config.fault =
            Some(fault.ok_or_else(|| std::io::Error::other(format!("no fault is named {name}")))?);
    }
    if std::env::args().any(|argument| argument == "--trace") {
        config.tracer = Some(Arc::new(|record| eprintln!("{record}")));
    }
    let running = serve(config).await?;
    println!("READY {}", running.address().port());
    std::io::stdout().flush()?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    running.stop().await;
    Ok(())
}
