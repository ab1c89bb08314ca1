//! The program `siospec`.

fn main() -> std::process::ExitCode {
    siospec::cli::main()
}
