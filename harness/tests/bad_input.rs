//! Bad input, as a stranger gives it: each gets one clear message, the documented exit code, and its reports.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "in a test, what is broken may end it"
)]

mod bad;

/// A scenario that needs its server for a while.
const STAYING: &str =
    "title: A server that stays\ntransports: [polling]\nsteps:\n  - silence: 700ms\n  - alive:\n";

/// A scenario that every server passes.
const HANDSHAKE: &str = "title: A handshake\ntransports: [polling]\nsteps:\n  - alive:\n";

mod scenarios {
    use super::bad::Run;

    /// Runs `siospec check` on a scenario with these bytes.
    fn check(bytes: &[u8]) -> Run {
        let run = Run::new();
        let file = run.write("bad.yaml", bytes);
        run.siospec(&["check", file.to_str().unwrap()])
    }

    #[track_caller]
    fn refused(yaml: &str, words: &[&str]) {
        let run = check(yaml.as_bytes());
        run.ends(2);
        run.says(words);
    }

    #[test]
    fn an_unknown_verb_is_named_with_a_guess() {
        refused(
            "title: x\ntransports: [polling]\nsteps:\n  - A.expct: 42[\"hi\"]\n",
            &["bad.yaml:4:5", "expct", "expect"],
        );
    }

    #[test]
    fn an_unknown_requirement_is_named() {
        refused(
            "title: x\nrequirement: [EIO-HS-999]\ntransports: [polling]\nsteps:\n  - alive:\n",
            &["EIO-HS-999", ":2:"],
        );
    }

    #[test]
    fn a_hole_that_nothing_binds_is_named() {
        refused(
            "title: x\ntransports: [polling]\nsteps:\n  - A.send: 42[\"x\",$nobody]\n",
            &["$nobody", ":4:"],
        );
    }

    #[test]
    fn a_duration_without_a_unit_is_named() {
        refused(
            "title: x\ntransports: [polling]\nsteps:\n  - A.silence: 300\n",
            &["300", ":4:", "ms"],
        );
    }

    #[test]
    fn wrong_indentation_is_placed() {
        refused(
            "title: x\ntransports: [polling]\nsteps:\n  - A.alive:\n - A.alive:\n",
            &["bad.yaml:5:"],
        );
    }

    #[test]
    fn a_tab_is_placed() {
        refused(
            "title: x\ntransports: [polling]\nsteps:\n\t- A.alive:\n",
            &["bad.yaml:4:1", "tab"],
        );
    }

    #[test]
    fn a_duplicate_key_is_named() {
        refused(
            "title: x\ntitle: y\ntransports: [polling]\nsteps:\n  - A.alive:\n",
            &["title", ":2:1"],
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_placed() {
        let run = check(b"title: \xff\nsteps:\n  - A.open: polling\n");
        run.ends(2);
        run.says(&["bad.yaml", "UTF-8"]);
    }

    #[test]
    fn a_matrix_without_end_is_refused_before_it_is_built() {
        use std::fmt::Write as _;
        let mut yaml = "title: x\ntransports: [polling]\ncases:\n".to_owned();
        for key in 0..40 {
            writeln!(yaml, "  k{key}: {{a: x, b: y}}").unwrap();
        }
        yaml.push_str("steps:\n  - alive:\n");
        refused(&yaml, &["more than 2000 trials"]);
    }

    #[test]
    fn texts_that_grow_too_large_together_are_refused() {
        let step = "  - send: '4$(a*40000000)'\n";
        let yaml = format!("title: x\ntransports: [polling]\nsteps:\n{step}{step}");
        refused(&yaml, &["bad.yaml:5:12", "may not become larger"]);
    }

    #[test]
    fn of_mistakes_without_end_the_first_hundred_are_told() {
        let steps = "  - A.expct: 1\n".repeat(3000);
        let run = check(format!("title: x\ntransports: [polling]\nsteps:\n{steps}").as_bytes());
        run.ends(2);
        run.says(&["bad.yaml:4:5", "bad.yaml:103:5", "mend these first"]);
        assert!(!run.text().contains("bad.yaml:104:5"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let run = Run::new().siospec(&["run", "no-such-file.yaml"]);
        run.ends(2);
        run.says(&["no-such-file.yaml"]);
    }

    #[test]
    fn a_bad_scenario_stops_a_run_before_anything_is_started() {
        let run = Run::new();
        let file = run.write(
            "bad.yaml",
            b"title: x\ntransports: [polling]\nsteps:\n  - A.expct: 2\n",
        );
        let run = run.siospec(&["run", file.to_str().unwrap(), "--target", "no-such-target"]);
        run.ends(2);
        run.says(&["bad.yaml:4:5"]);
    }
}

mod flags {
    use super::bad::Run;

    #[track_caller]
    fn refused(arguments: &[&str], words: &[&str]) {
        let run = Run::new().siospec(arguments);
        run.ends(2);
        run.says(words);
    }

    #[test]
    fn flags_that_mean_nothing_are_refused() {
        refused(&["run", "--no-such-flag"], &["--no-such-flag"]);
        refused(&["run", "--report", "pdf=x"], &["there is no report `pdf`"]);
        refused(&["run", "--time-scale", "0"], &["between 0.1 and 100"]);
        refused(&["run", "--jobs", "0"], &["--jobs"]);
        refused(&["run", "--gate", "may"], &["--gate", "must"]);
        refused(&["run", "--header", "a: b"], &["--url"]);
        refused(
            &["run", "--url", "http://localhost", "--header", "x"],
            &["write NAME: VALUE"],
        );
        refused(
            &["serve", "--set", "pingIntervall=3"],
            &["there is no knob `pingIntervall`", "pingInterval"],
        );
    }

    #[test]
    fn a_target_that_nobody_knows_is_refused_with_those_there_are() {
        refused(
            &["run", "--target", "flask"],
            &["there is no target `flask`", "flask-socketio"],
        );
    }

    #[test]
    fn a_report_that_cannot_be_written_is_refused_before_anything_is_played() {
        let run = Run::new();
        run.write("file", b"");
        let run = run.siospec(&["run", "--report", "json=file/run.json"]);
        run.ends(2);
        run.says(&["cannot write file/run.json"]);
        assert!(!run.text().contains("running"), "{}", run.text());
        let twice = ["run", "--report", "json=a", "--report", "junit=a"];
        refused(&twice, &["two reports are to go into a"]);
    }

    #[test]
    fn a_port_that_somebody_has_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        refused(
            &["serve", "--port", &port],
            &[&format!("cannot listen on 127.0.0.1:{port}")],
        );
    }

    #[test]
    fn a_selection_that_matches_nothing_judges_nothing() {
        Run::new()
            .siospec(&["run", "--filter", "no such scenario"])
            .ends(4);
        Run::new()
            .siospec(&["run", "--list", "--filter", "no such scenario"])
            .ends(4);
    }
}

mod targets {
    use super::bad::Run;
    use super::{HANDSHAKE, STAYING};

    /// Plays a scenario against a target with this `start:`, and asks for both reports.
    fn started(start: &str, scenario: &str) -> Run {
        let run = Run::new();
        run.write(
            "target.yaml",
            format!("name: bad\nready-within: 500ms\nstart: {start}\n").as_bytes(),
        );
        let scenario = run.write("handshake.yaml", scenario.as_bytes());
        let folder = run.folder().to_str().unwrap().to_owned();
        run.siospec(&[
            "run",
            scenario.to_str().unwrap(),
            "--target",
            &folder,
            "--report",
            &format!("json={folder}/run.json"),
            "--report",
            &format!("junit={folder}/run.xml"),
        ])
    }

    #[track_caller]
    fn unreachable(start: &str, words: &[&str]) {
        let run = started(start, HANDSHAKE);
        run.ends(3);
        run.says(words);
        assert!(
            run.read("run.json").contains("\"unreachable\":\""),
            "the JSON report says so"
        );
        assert!(
            run.read("run.xml").contains("errors=\"1\""),
            "the JUnit report says so"
        );
    }

    #[test]
    fn a_command_that_does_not_exist() {
        unreachable(
            "no-such-program --port $PORT",
            &["there is no program `no-such-program` here"],
        );
    }

    #[test]
    fn a_port_that_never_opens() {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let start = format!("[sh, -c, 'echo READY {port}; exec sleep 60']");
        unreachable(&start, &["nothing listens on 127.0.0.1", "READY"]);
    }

    #[test]
    fn one_that_prints_nothing() {
        unreachable("sleep 60", &["printed nothing for 500ms", "READY <port>"]);
    }

    #[test]
    fn one_that_ends_at_once() {
        unreachable(
            "[sh, -c, 'echo cannot bind >&2; exit 9']",
            &["ended with exit code 9", "cannot bind"],
        );
    }

    #[test]
    fn one_that_dies_while_it_is_judged() {
        let siospec = env!("CARGO_BIN_EXE_siospec");
        let start = format!(
            "[sh, -c, '\"{siospec}\" serve & sleep 0.3; echo out of memory >&2; kill $!; exit 7']"
        );
        let run = started(&start, STAYING);
        run.ends(1);
        run.says(&[
            "the server's process ended with exit code 7",
            "out of memory",
            "alone, so this trial ended it",
        ]);
        assert!(
            run.read("run.json").contains("\"deaths\":[\""),
            "the report says so"
        );
    }

    #[test]
    fn a_target_file_with_a_mistake() {
        let run = Run::new();
        run.write("target.yaml", b"name: bad\nstrat: x\n");
        let folder = run.folder().to_str().unwrap().to_owned();
        let run = run.siospec(&["run", "--target", &folder]);
        run.ends(2);
        run.says(&["target.yaml", "strat", "line 2"]);
    }

    #[test]
    fn a_setup_that_fails() {
        let run = Run::new();
        run.write(
            "target.yaml",
            b"name: bad\nsetup: ['ls no-such-file']\nstart: x\n",
        );
        let scenario = run.write("handshake.yaml", HANDSHAKE.as_bytes());
        let folder = run.folder().to_str().unwrap().to_owned();
        let run = run.siospec(&["run", scenario.to_str().unwrap(), "--target", &folder]);
        run.ends(3);
        run.says(&["preparing bad: `ls no-such-file` ended with exit code"]);
    }
}

mod urls {
    use super::HANDSHAKE;
    use super::bad::{Run, Server};

    fn judged(url: &str, more: &[&str]) -> Run {
        let run = Run::new();
        let scenario = run.write("handshake.yaml", HANDSHAKE.as_bytes());
        let report = format!("json={}/run.json", run.folder().display());
        let mut arguments = vec![
            "run",
            scenario.to_str().unwrap(),
            "--url",
            url,
            "--report",
            &report,
        ];
        arguments.extend(more);
        run.siospec(&arguments)
    }

    #[track_caller]
    fn unreachable(url: &str, words: &[&str]) {
        let run = judged(url, &[]);
        run.ends(3);
        run.says(words);
        assert!(
            run.read("run.json").contains("\"unreachable\":\""),
            "the report says so"
        );
    }

    #[test]
    fn one_that_refuses() {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        unreachable(
            &format!("http://127.0.0.1:{port}"),
            &["cannot connect to", "is the server running"],
        );
    }

    #[test]
    fn one_that_resets() {
        let server = Server::answering(|_| None);
        unreachable(
            &server.url(),
            &["ends the connection without an HTTP answer"],
        );
    }

    #[test]
    fn one_that_redirects() {
        let server = Server::answering(|_| {
            Some("HTTP/1.1 301 Moved\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n".into())
        });
        unreachable(&server.url(), &["301", "https://elsewhere.example/"]);
    }

    #[test]
    fn one_that_is_a_plain_http_server() {
        let server = Server::answering(|_| {
            Some("HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\nconnection: close\r\n\r\nnot here\n".into())
        });
        unreachable(
            &server.url(),
            &["is an HTTP server", "404", "not here", "--path"],
        );
    }

    #[test]
    fn one_that_is_a_plain_websocket_server() {
        let server = Server::answering(|request| {
            let upgrade = request.to_ascii_lowercase().contains("upgrade: websocket");
            Some(match upgrade {
                true => "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                         sec-websocket-accept: x\r\n\r\n\u{1}\u{5}hello"
                    .into(),
                false => "HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
            })
        });
        unreachable(&server.url(), &["is a plain WebSocket server"]);
    }

    #[test]
    fn one_that_speaks_the_protocol_of_socketio_2() {
        let server = Server::answering(|_| {
            let body = "97:0{\"sid\":\"x\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":5000}2:40";
            Some(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            ))
        });
        unreachable(&server.url(), &["Engine.IO protocol 3"]);
    }

    #[test]
    fn one_with_a_certificate_that_nobody_trusts() {
        let server = Server::encrypted();
        unreachable(&server.url(), &["certificate that is not trusted", "--ca"]);
    }

    #[test]
    fn a_certificate_that_one_says_to_trust_is_trusted() {
        let server = Server::encrypted();
        let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/certificate.pem");
        let run = judged(&server.url(), &["--ca", ca]);
        // The connection stands; what answers there is no Socket.IO server.
        run.ends(3);
        run.says(&["is an HTTP server"]);
    }

    #[test]
    fn one_that_is_no_url() {
        for url in ["localhost:3000", "ftp://localhost"] {
            let run = judged(url, &[]);
            run.ends(2);
            run.says(&["--url", url, "must begin with http:// or https://"]);
        }
    }

    #[test]
    fn an_authority_that_is_no_certificate() {
        let run = judged("https://localhost:1", &["--ca", "no-such.pem"]);
        run.ends(2);
        run.says(&["--ca no-such.pem"]);
        let run = judged("https://localhost:1", &["--ca", "handshake.yaml"]);
        run.ends(2);
        run.says(&["--ca handshake.yaml: it holds no certificate in PEM form"]);
    }
}
