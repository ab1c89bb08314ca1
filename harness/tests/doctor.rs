//! `siospec doctor` beside servers that are each wrong in one way.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "in a test, what is broken may end it"
)]

mod scripted;

use std::future::Future;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use scripted::{OPEN, Request, Server, Wire};
use siospec::doctor::{Asked, Finding, Problem, diagnose, look, text};
use siospec::target::url;

fn asked(url: &str) -> Asked {
    Asked {
        server: url::Asked {
            url: url.to_owned(),
            patience: Duration::from_secs(5),
            ..url::Asked::default()
        },
        origin: None,
        wait: true,
    }
}

async fn found(asked: &Asked) -> Vec<Finding> {
    diagnose(&look(asked).await.unwrap())
}

/// Plays `script` and asks; the one finding.
async fn finding<F, Fut>(script: F) -> Finding
where
    F: Fn(Wire, Request) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = ()> + Send,
{
    let server = Server::start(move |mut wire| async move {
        if let Some(request) = wire.request().await {
            script(wire, request).await;
        }
    })
    .await;
    let all = found(&asked(&server.url())).await;
    let [one] = all.as_slice() else {
        panic!("not one finding: {all:?}");
    };
    one.clone()
}

/// Answers with these header lines.
async fn answer(wire: &mut Wire, status: &str, headers: &str, body: &str) {
    let length = body.len();
    wire.write(
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}").as_bytes(),
    )
    .await;
}

const OFFERS: &str = r#"0{"sid":"engine-1","upgrades":["websocket"],"pingInterval":50,"pingTimeout":50,"maxPayload":1000000}"#;

/// What a right server does; a ping is sent if `pings`.
async fn right(mut wire: Wire, request: Request, headers: &str, pings: bool) {
    if request.header("upgrade").is_some() {
        wire.accept(&request, b"").await;
        if !request.line().contains("sid=") {
            wire.text(OPEN).await;
        }
        while let Some((opcode, payload)) = wire.frame().await {
            match (opcode, payload.as_slice()) {
                (1, b"2probe") => wire.text("3probe").await,
                (1, b"40") => {
                    wire.text("40{\"sid\":\"a\"}").await;
                    if pings {
                        wire.text("2").await;
                    }
                }
                _ => {}
            }
        }
    } else if request.line().starts_with("POST") {
        answer(&mut wire, "200 OK", headers, "ok").await;
    } else {
        answer(&mut wire, "200 OK", headers, OFFERS).await;
    }
}

fn is_polling(request: &Request) -> bool {
    request.header("upgrade").is_none()
}

#[tokio::test]
async fn nothing_is_wrong_with_a_server_that_does_everything() {
    let server = Server::start(|mut wire| async move {
        if let Some(request) = wire.request().await {
            right(wire, request, "", true).await;
        }
    })
    .await;
    let seen = look(&asked(&server.url())).await.unwrap();
    assert_eq!(diagnose(&seen), []);
    let said = text(&seen, &[]);
    assert!(
        said.contains("polling and WebSocket") && said.contains("The first ping came"),
        "{said}"
    );
}

#[tokio::test]
async fn the_bundled_server_is_healthy() {
    let server =
        siospec_reference_server::SocketIo::new(siospec_reference_server::Config::default());
    let running = server.start(([127, 0, 0, 1], 0).into()).await.unwrap();
    let mut asked = asked(&format!("http://{}", running.address()));
    asked.wait = false;
    assert_eq!(found(&asked).await, []);
}

/// How `siospec doctor` ends, and what it says.
async fn program(flags: &[&str]) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_siospec"));
    command.arg("doctor").args(flags);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
    let output = output.unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[tokio::test]
async fn the_exit_code_says_how_it_is() {
    let healthy = Server::start(|mut wire| async move {
        if let Some(request) = wire.request().await {
            right(wire, request, "", true).await;
        }
    })
    .await;
    let page = Server::start(|mut wire| async move {
        if wire.request().await.is_some() {
            answer(&mut wire, "404 Not Found", "", "no such page").await;
        }
    })
    .await;
    let websocket = healthy.url().replace("http", "ws");
    assert_eq!(program(&[&websocket]).await.0, Some(0));
    let (code, said) = program(&[&page.url(), "--json"]).await;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &said["findings"][0]["problem"]),
        (Some(1), &"plain-http".into())
    );
    assert_eq!(program(&["localhost:3000"]).await.0, Some(2));
    assert_eq!(
        program(&["https://localhost:3000", "--ca", "no-such-file"])
            .await
            .0,
        Some(2)
    );
    let gone = page.url();
    drop(page);
    assert_eq!(program(&[&gone]).await.0, Some(3));
}

#[tokio::test]
async fn nobody_at_the_port() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let all = found(&asked(&format!("http://{address}"))).await;
    assert_eq!(all[0].problem, Problem::Unreachable);
    assert!(all[0].said.contains("Nobody listens"), "{all:?}");
}

#[tokio::test]
async fn a_name_that_leads_nowhere() {
    let all = found(&asked("http://no-such-host.invalid")).await;
    assert_eq!(all[0].problem, Problem::Unreachable);
    assert!(all[0].said.contains("name"), "{all:?}");
}

#[tokio::test]
async fn a_port_that_never_answers() {
    let server = Server::start(|mut wire| async move {
        wire.ended().await;
    })
    .await;
    let mut asked = asked(&server.url());
    asked.server.patience = Duration::from_millis(200);
    let all = found(&asked).await;
    assert_eq!(all[0].problem, Problem::Unreachable);
    assert!(all[0].said.contains("nothing is ever answered"), "{all:?}");
}

#[tokio::test]
async fn tls_where_there_is_none() {
    let server = Server::start(|mut wire| async move {
        wire.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            .await;
    })
    .await;
    let all = found(&asked(&server.url().replace("http", "https"))).await;
    assert_eq!(all[0].problem, Problem::Scheme, "{all:?}");
}

/// A server that shows this certificate and hangs up; asked for by this name, with that authority.
async fn shown(certificate: &str, name: &str, authority: Option<&str>) -> Finding {
    let file = |name: &str| format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_file(file(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    let mut asked = asked(&format!("https://{name}:{port}"));
    asked.server.ca = authority.map(|authority| file(authority).into());
    let all = found(&asked).await;
    accepting.abort();
    all.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for() {
    let finding = shown("certificate.pem", "127.0.0.1", None).await;
    assert_eq!(finding.problem, Problem::Certificate, "{finding:?}");
    assert!(finding.advice.contains("--ca"), "{finding:?}");
}

#[tokio::test]
async fn a_certificate_that_was_given_is_believed_though_it_calls_itself_an_authority() {
    let own = "self-signed.pem";
    let finding = shown(own, "127.0.0.1", Some(own)).await;
    assert_ne!(finding.problem, Problem::Certificate, "{finding:?}");
    for (name, authority) in [
        ("127.0.0.1", None),
        ("127.0.0.1", Some("certificate.pem")),
        ("localhost", Some(own)),
    ] {
        let finding = shown(own, name, authority).await;
        assert_eq!(finding.problem, Problem::Certificate, "{finding:?}");
    }
}

#[tokio::test]
async fn what_is_no_http() {
    let one = finding(|mut wire, _| async move {
        wire.write(b"220 mail.example.org ESMTP\r\n").await;
    })
    .await;
    assert_eq!(one.problem, Problem::NotHttp, "{one:?}");
}

#[tokio::test]
async fn a_redirect_says_where_to() {
    let one = finding(|mut wire, _| async move {
        answer(
            &mut wire,
            "301 Moved Permanently",
            "Location: https://example.org/socket.io/\r\n",
            "",
        )
        .await;
    })
    .await;
    assert_eq!(one.problem, Problem::Redirect);
    assert!(one.said.contains("https://example.org/"), "{one:?}");
}

#[tokio::test]
async fn credentials_are_asked_for() {
    let one = finding(|mut wire, _| async move {
        answer(
            &mut wire,
            "401 Unauthorized",
            "WWW-Authenticate: Bearer\r\n",
            "who are you",
        )
        .await;
    })
    .await;
    assert_eq!(one.problem, Problem::Credentials);
    assert!(
        one.said.contains("Bearer") && one.evidence[0].came.contains("who are you"),
        "{one:?}"
    );
}

#[tokio::test]
async fn an_origin_that_is_refused() {
    let server = Server::start(|mut wire| async move {
        let Some(request) = wire.request().await else {
            return;
        };
        if request.header("origin").is_some() {
            answer(
                &mut wire,
                "400 Bad Request",
                "",
                "\"Not an accepted origin.\"",
            )
            .await;
        } else {
            right(wire, request, "", true).await;
        }
    })
    .await;
    let mut asked = asked(&server.url());
    asked.origin = Some("https://app.example.org".into());
    let all = found(&asked).await;
    assert_eq!(all[0].problem, Problem::Origin, "{all:?}");
}

#[tokio::test]
async fn answers_that_a_browser_keeps_from_the_page() {
    for (headers, wrong) in [
        ("", true),
        (
            "Access-Control-Allow-Origin: https://other.example.org\r\n",
            true,
        ),
        (
            "Access-Control-Allow-Origin: https://app.example.org\r\n",
            false,
        ),
    ] {
        let server = Server::start(move |mut wire| async move {
            if let Some(request) = wire.request().await {
                right(wire, request, headers, true).await;
            }
        })
        .await;
        let mut asked = asked(&server.url());
        asked.origin = Some("https://app.example.org".into());
        let all: Vec<_> = found(&asked).await.iter().map(|one| one.problem).collect();
        assert_eq!(
            all,
            if wrong { vec![Problem::Cors] } else { vec![] },
            "{headers}"
        );
    }
}

#[tokio::test]
async fn a_server_of_engine_io_3() {
    for old in [
        "96:0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":5000}2:40",
        "",
    ] {
        let server = Server::start(move |mut wire| async move {
            let Some(request) = wire.request().await else {
                return;
            };
            match (old, request.line().contains("EIO=3")) {
                ("", false) => {
                    answer(
                        &mut wire,
                        "400 Bad Request",
                        "",
                        "{\"code\":5,\"message\":\"Unsupported protocol version\"}",
                    )
                    .await;
                }
                ("", true) => answer(&mut wire, "200 OK", "", "96:0{\"sid\":\"a\"}").await,
                (old, _) => answer(&mut wire, "200 OK", "", old).await,
            }
        })
        .await;
        let all = found(&asked(&server.url())).await;
        assert_eq!(all[0].problem, Problem::OldProtocol, "{all:?}");
    }
}

#[tokio::test]
async fn socket_io_at_another_path() {
    let one = finding(|mut wire, request| async move {
        if request.line().contains(" /api/socket.io/") {
            right(wire, request, "", true).await;
        } else {
            answer(&mut wire, "404 Not Found", "", "Cannot GET /socket.io/").await;
        }
    })
    .await;
    assert_eq!(one.problem, Problem::Path);
    assert!(one.advice.contains("--path /api/socket.io/"), "{one:?}");
}

#[tokio::test]
async fn a_server_without_polling() {
    let one = finding(|mut wire, request| async move {
        if is_polling(&request) {
            answer(
                &mut wire,
                "400 Bad Request",
                "",
                "{\"code\":0,\"message\":\"Transport unknown\"}",
            )
            .await;
        } else {
            right(wire, request, "", true).await;
        }
    })
    .await;
    assert_eq!(one.problem, Problem::NoPolling, "{one:?}");
}

#[tokio::test]
async fn a_plain_websocket_server() {
    // One answers other requests, one ends the connection; one says hello, one says nothing; one takes any path.
    let answering = finding(|mut wire, request| async move {
        if is_polling(&request) || !request.line().starts_with("GET /ws") {
            return answer(&mut wire, "426 Upgrade Required", "", "").await;
        }
        wire.accept(&request, b"").await;
        wire.text("hello").await;
        wire.ended().await;
    })
    .await;
    let silent = finding(|mut wire, request| async move {
        if !is_polling(&request) {
            wire.accept(&request, b"").await;
        }
    })
    .await;
    assert_eq!(
        (answering.problem, silent.problem),
        (Problem::PlainWebSocket, Problem::PlainWebSocket)
    );
    assert!(
        answering.evidence[1].came.contains("hello"),
        "{answering:?}"
    );
}

#[tokio::test]
async fn a_plain_http_server_and_a_proxy_with_nothing_behind_it() {
    let page =
        finding(
            |mut wire, _| async move { answer(&mut wire, "200 OK", "", "<!doctype html>").await },
        )
        .await;
    assert_eq!(page.problem, Problem::PlainHttp);
    assert!(
        page.evidence[0].came.contains("<!doctype html>"),
        "{page:?}"
    );
    let gateway = finding(|mut wire, _| async move {
        answer(&mut wire, "502 Bad Gateway", "Server: nginx\r\n", "").await;
    })
    .await;
    assert_eq!(gateway.problem, Problem::Gateway);
}

#[tokio::test]
async fn two_servers_behind_a_round_robin() {
    let cookie = "Set-Cookie: backend=1; Path=/\r\n";
    for (headers, advice) in [("", "sticky"), (cookie, "withCredentials")] {
        let server = Server::start(move |mut wire| async move {
            let number = wire.number;
            let Some(request) = wire.request().await else {
                return;
            };
            let elsewhere = number % 2 == 1 && request.header("cookie").is_none();
            if request.line().contains("sid=") && elsewhere {
                answer(
                    &mut wire,
                    "400 Bad Request",
                    "",
                    "{\"code\":1,\"message\":\"Session ID unknown\"}",
                )
                .await;
            } else {
                right(wire, request, headers, true).await;
            }
        })
        .await;
        let all = found(&asked(&server.url())).await;
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].problem, Problem::StickySessions);
        let paragraph = format!("{} {}", all[0].said, all[0].advice);
        assert!(paragraph.contains(advice), "{paragraph}");
        assert!(
            all[0].evidence[1]
                .came
                .contains("5 refused: 400 `{\"code\":1"),
            "{all:?}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_strips_upgrade() {
    let one = finding(|mut wire, request| async move {
        if is_polling(&request) {
            right(wire, request, "", true).await;
        } else {
            answer(
                &mut wire,
                "400 Bad Request",
                "",
                "{\"code\":3,\"message\":\"Bad request\"}",
            )
            .await;
        }
    })
    .await;
    assert_eq!(one.problem, Problem::Upgrade);
    assert!(one.advice.contains("proxy_set_header Upgrade"), "{one:?}");
}

#[tokio::test]
async fn a_websocket_on_which_nothing_comes() {
    let one = finding(|mut wire, request| async move {
        if is_polling(&request) {
            return right(wire, request, "", true).await;
        }
        wire.accept(&request, b"").await;
    })
    .await;
    assert_eq!(one.problem, Problem::SilentWebSocket);
}

#[tokio::test]
async fn an_application_that_refuses_the_namespace() {
    let one = finding(|mut wire, request| async move {
        if is_polling(&request) || request.line().contains("sid=") {
            return right(wire, request, "", true).await;
        }
        wire.accept(&request, b"").await;
        wire.text(OPEN).await;
        while let Some((_, payload)) = wire.frame().await {
            if payload == b"40" {
                wire.text("44{\"message\":\"not authorized\"}").await;
                wire.text("2").await;
            }
        }
    })
    .await;
    assert_eq!(one.problem, Problem::Namespace);
    assert!(one.evidence[0].came.contains("not authorized"), "{one:?}");
}

#[tokio::test]
async fn a_heartbeat_that_never_comes() {
    let server = Server::start(|mut wire| async move {
        if let Some(request) = wire.request().await {
            right(wire, request, "", false).await;
        }
    })
    .await;
    let mut asked = asked(&server.url());
    asked.server.patience = Duration::from_secs(1);
    let all = found(&asked).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].problem, Problem::Heartbeat);
}
