//! Ctrl-C and SIGTERM: once to stop in good order, twice to leave at once.

use crate::run::stop::Stop;

/// Turns `stop` and says `word` at the first signal, and ends the process at the second; what was started is ended in
/// both cases.
pub(super) fn listen(stop: &Stop, word: &'static str) {
    let stop = stop.clone();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        else {
            return;
        };
        runtime.block_on(async {
            signal().await;
            if !word.is_empty() {
                eprintln!("\nsiospec: {word}");
            }
            stop.turn();
            signal().await;
            std::process::exit(130);
        });
    });
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
