//! The conformance of the chat as a program, which siospec starts as target.yaml says.

fn main() -> std::process::ExitCode {
    siospec::Suite::target("target.yaml").main()
}
