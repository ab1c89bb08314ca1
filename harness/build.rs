//! The corpus is embedded; a scenario that is added or renamed must lead to a new build.

fn main() {
    println!("cargo:rerun-if-changed=../scenarios");
}
