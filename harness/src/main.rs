//! The program `siospec`.
fn main() {}
