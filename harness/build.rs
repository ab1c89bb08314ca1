//! The scenarios and the bundled targets are embedded: a change of either leads to a new build.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../scenarios");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let targets = fs::canonicalize("../targets")?;
    let mut files = Vec::new();
    collect(&targets, &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        let below = file.strip_prefix(&targets).unwrap_or(file);
        let name = below.to_string_lossy().replace('\\', "/");
        let _ = writeln!(list, "    ({name:?}, include_bytes!({file:?})),");
    }
    list.push_str("]\n");
    fs::write(out.join("targets.rs"), list)
}

/// The files of a folder and of those below it, but for what a setup by hand leaves behind.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    // A file that is new changes its folder.
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let made = ["node_modules", "target", "venv", "__pycache__"].contains(&&*name);
        if made || name.starts_with('.') {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}
