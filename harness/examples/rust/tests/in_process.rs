//! The conformance of the chat inside this very process, where a debugger and coverage see it.

use tokio::net::TcpListener;

fn main() -> std::process::ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    runtime.spawn(chat::serve(listener));
    siospec::Suite::url(url).exclusive().known("known.yaml").main()
}
