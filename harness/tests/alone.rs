//! The program alone, in an empty folder: everything that it needs is in it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "in a test, what is broken may end it"
)]

use std::path::Path;
use std::process::Command;

/// What siospec says in `folder`, and how it ends.
fn siospec(folder: &Path, arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_siospec"))
        .args(arguments)
        .current_dir(folder)
        .env("SIOSPEC_CACHE", folder.join("cache"))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        String::from_utf8_lossy(&text).into_owned(),
        output.status.code().unwrap(),
    )
}

#[track_caller]
fn says(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let (text, ended) = siospec(folder, arguments);
    assert_eq!(ended, code, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in:\n{text}");
    }
}

#[test]
fn the_bundled_server_is_judged_by_the_embedded_scenarios() {
    let folder = tempfile::tempdir().unwrap();
    says(
        folder.path(),
        &["run", "--filter", "engine.io/handshake"],
        0,
        &["reference", "conforms (exit code 0)"],
    );
}

#[test]
fn a_bundled_target_is_known_by_its_name_and_written_where_it_can_be_started() {
    let folder = tempfile::tempdir().unwrap();
    let variant = "flask-socketio-gevent";
    for _ in 0..2 {
        let list = [
            "run",
            "--target",
            variant,
            "--filter",
            "engine.io/handshake",
            "--list",
        ];
        says(folder.path(), &list, 0, &["engine.io/handshake"]);
        let build = std::fs::read_dir(folder.path().join("cache/bundled")).unwrap();
        let builds: Vec<_> = build.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(builds.len(), 1);
        let shared = builds[0].join(variant).join("../flask-socketio/app.py");
        assert!(shared.is_file(), "the app that the variant's `start` names");
        // What was damaged is mended by the next run.
        std::fs::write(builds[0].join(variant).join("target.yaml"), "name: [").unwrap();
    }
}

#[test]
fn a_target_to_start_from_is_complete_named_after_its_folder_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for (language, file) in [
        ("python", "app.py"),
        ("node", "server.js"),
        ("rust", "src/main.rs"),
    ] {
        let made = format!("of-{language}");
        let written = format!("siospec run --target {made}/target.yaml");
        says(
            folder.path(),
            &["new-target", language, &made],
            0,
            &[file, &written],
        );
        assert!(folder.path().join(&made).join(file).is_file());
        let target = folder.path().join(&made).join("target.yaml");
        let yaml = std::fs::read_to_string(&target).unwrap();
        assert!(
            yaml.starts_with(&format!("name: of-{language}\n")),
            "{yaml}"
        );
        let run = [
            "run",
            "--list",
            "--target",
            &made,
            "--filter",
            "engine.io/handshake",
        ];
        says(folder.path(), &run, 0, &["engine.io/handshake"]);
        let again = ["new-target", language, &made];
        says(folder.path(), &again, 2, &[&made, "is there and not empty"]);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), yaml);
    }
    says(
        folder.path(),
        &["new-target", "cobol"],
        2,
        &["there are python, node, rust, and by name flask-socketio"],
    );
}

#[test]
fn what_is_known_of_a_bundled_target_is_not_changed_in_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let report = "json=run.json";
    let run = ["run", "--filter", "engine.io/handshake", "--report", report];
    says(folder.path(), &run, 0, &[]);
    let file = folder.path().join("run.json");
    let json = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, json.replace("\"reference\"", "\"node-socketio\"")).unwrap();
    let words = [
        "node-socketio comes with siospec",
        "siospec new-target node-socketio DIR",
    ];
    says(folder.path(), &["bless", "run.json"], 2, &words);
}
