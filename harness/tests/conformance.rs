//! The embedded scenarios against the bundled server, under `cargo test`.

use std::path::PathBuf;
use std::process::ExitCode;

use siospec::Suite;
use siospec::target::bundled::Bundled;
use siospec::target::server::Server;

fn main() -> ExitCode {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_siospec"));
    Suite::server(Server::Bundled(Bundled::new(Some(program)))).main()
}
