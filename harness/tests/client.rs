//! The scripted client on the wire, against servers that say exactly what a test tells them to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod scripted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use scripted::{OPEN, Server, frame};
use siospec::client::{
    Arrivals, Call, Client, Connection, Exchange, Heartbeat, Ids, NoAnswer, NoSession, Opened, Raw,
    RawFrame, Reach, WebSocket, What,
};
use siospec::judge::{Answer, Ending, Received};
use siospec::play::Endpoint;
use siospec::scenario::literal::EndingKind;
use siospec::scenario::model::{Layer, Loss, Transport};
use siospec::transcript::{Direction, Lane, Recorder};
use tokio::io::AsyncWriteExt;

const TARGET: &str = "/socket.io/?EIO=4&transport=websocket";
const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

fn reach(server: &Server) -> Reach {
    reach_url(&server.url())
}

fn reach_url(url: &str) -> Reach {
    Reach::new(
        Arc::new(Endpoint::url(url).unwrap()),
        Recorder::start(),
        Ids::default(),
    )
    .unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

async fn websocket(reach: &Reach) -> WebSocket {
    WebSocket::open(
        reach,
        Lane::client("A").of("ws"),
        TARGET,
        &[],
        Heartbeat::Answered,
    )
    .await
    .unwrap()
}

async fn next(arrivals: &Arrivals) -> What {
    arrivals.next(soon()).await.expect("something arrives").what
}

fn text(text: &str) -> What {
    What::Packet(Received::Text(text.to_owned()))
}

fn end(kind: EndingKind) -> What {
    What::Ended(Ending { kind, frame: None })
}

#[tokio::test]
async fn frames_in_the_segment_of_the_101_come_first() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        let tail = [
            frame(1, OPEN.as_bytes()),
            frame(1, b"4first"),
            frame(2, &[1, 2]),
        ]
        .concat();
        wire.accept(&request, &tail).await;
        wire.text("4second").await;
        wire.ended().await;
    })
    .await;
    let ws = websocket(&reach(&server)).await;
    assert_eq!(next(&ws.arrivals).await, text(OPEN));
    assert_eq!(next(&ws.arrivals).await, text("4first"));
    let binary = What::Packet(Received::Binary(vec![1, 2].into()));
    assert_eq!(next(&ws.arrivals).await, binary);
    assert_eq!(next(&ws.arrivals).await, text("4second"));
}

#[tokio::test]
async fn half_a_frame_in_the_segment_of_the_101_is_put_together() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        let open = frame(1, OPEN.as_bytes());
        wire.accept(&request, &open[..1]).await;
        tokio::task::yield_now().await;
        wire.write(&open[1..]).await;
        wire.ended().await;
    })
    .await;
    assert_eq!(
        next(&websocket(&reach(&server)).await.arrivals).await,
        text(OPEN)
    );
}

#[tokio::test]
async fn pings_are_answered_and_kept_from_the_queue_unless_they_are_the_scenarios() {
    for (heartbeat, queued) in [(Heartbeat::Answered, "4after"), (Heartbeat::Manual, "2")] {
        let server = Server::start(|mut wire| async move {
            let request = wire.request().await.unwrap();
            wire.accept(&request, &frame(1, b"2")).await;
            if wire.frame().await == Some((1, b"3".to_vec())) {
                wire.text("4after").await;
            }
            wire.ended().await;
        })
        .await;
        let reach = reach(&server);
        let ws = WebSocket::open(&reach, Lane::client("A").of("ws"), TARGET, &[], heartbeat)
            .await
            .unwrap();
        assert_eq!(next(&ws.arrivals).await, text(queued));
    }
}

#[tokio::test]
async fn ping_frames_are_answered_and_pong_frames_queued() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        wire.accept(&request, &frame(9, b"hi")).await;
        assert_eq!(wire.frame().await, Some((10, b"hi".to_vec())));
        wire.send_frame(10, b"back").await;
        wire.ended().await;
    })
    .await;
    let ws = websocket(&reach(&server)).await;
    assert_eq!(next(&ws.arrivals).await, What::Control(10, "back".into()));
}

#[tokio::test]
async fn each_kind_of_end_is_told_apart() {
    async fn ending(bytes: &'static [u8], reset: bool) -> Vec<What> {
        let server = Server::start(move |mut wire| async move {
            let request = wire.request().await.unwrap();
            wire.accept(&request, bytes).await;
            if reset {
                wire.reset();
            }
        })
        .await;
        let ws = websocket(&reach(&server)).await;
        let mut seen = vec![next(&ws.arrivals).await];
        if matches!(&seen[0], What::Ended(end) if end.kind == EndingKind::Frame) {
            seen.push(next(&ws.arrivals).await);
        }
        seen
    }
    assert_eq!(ending(b"", false).await, [end(EndingKind::Fin)]);
    assert_eq!(ending(b"", true).await, [end(EndingKind::Reset)]);
    let mut close = frame(8, &[0x03, 0xe8]);
    close.extend(b"");
    assert_eq!(
        ending(close.leak(), false).await,
        [
            What::Ended(Ending {
                kind: EndingKind::Frame,
                frame: Some((Some(1000), String::new()))
            }),
            end(EndingKind::Fin)
        ]
    );
}

#[tokio::test]
async fn what_breaks_the_websocket_protocol_is_named() {
    for (bytes, word) in [
        (&b"\x81\x81abcd4"[..], "masked"),
        (b"\xC1\x014", "reserved bit"),
        (b"\x83\x00", "opcode"),
        (b"\x81\x01\xff", "UTF-8"),
        (b"\x81\x7f\x00\x00\x00\x7f\xff\xff\xff\xff", "flood"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "reserved bit"),
    ] {
        let server = Server::start(move |mut wire| async move {
            let request = wire.request().await.unwrap();
            wire.accept(&request, bytes).await;
            wire.ended().await;
        })
        .await;
        let ws = websocket(&reach(&server)).await;
        let What::Broken(why) = next(&ws.arrivals).await else {
            panic!("{bytes:02x?} was taken");
        };
        assert!(why.contains(word), "{why}");
    }
}

#[tokio::test]
async fn a_flood_ends_in_a_verdict_and_the_reader_stops() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        wire.accept(&request, b"").await;
        let many = frame(1, &[b'4'; 1000]).repeat(100);
        while wire.stream.write_all(&many).await.is_ok() {}
    })
    .await;
    let ws = websocket(&reach(&server)).await;
    let flood = ws
        .arrivals
        .look(
            Instant::now() + Duration::from_secs(20),
            |queue| match &queue.back()?.what {
                What::Broken(why) => Some(why.clone()),
                _ => None,
            },
        )
        .await
        .unwrap();
    assert!(flood.starts_with("flood"), "{flood}");
}

#[tokio::test]
async fn a_handshake_that_is_none_is_told_apart() {
    async fn refusal(answer: &'static [u8]) -> NoSession {
        let server = Server::start(move |mut wire| async move {
            wire.request().await;
            wire.write(answer).await;
        })
        .await;
        let client = Client::new("A", reach(&server), Heartbeat::Answered, false);
        match client.open(Transport::WebSocket, TARGET, &[]).await {
            Err(error) => error,
            Ok(_) => panic!("{answer:?} was taken for a handshake"),
        }
    }
    let NoSession::Refused(answer) =
        refusal(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\nX-A: b\r\n\r\nnope").await
    else {
        panic!("not refused");
    };
    assert_eq!(answer.status, Some(400));
    assert_eq!(&answer.body[..], b"nope");
    assert!(answer.headers.contains(&("x-a".to_owned(), "b".to_owned())));
    assert!(matches!(
        refusal(b"").await,
        NoSession::Refused(Answer { status: None, .. })
    ));
    assert!(matches!(
        refusal(b"SSH-2.0-x\r\n\r\n").await,
        NoSession::Broken(_)
    ));
    let redirect =
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assert!(matches!(
        refusal(redirect).await,
        NoSession::Refused(Answer {
            status: Some(302),
            ..
        })
    ));
    let accept = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n";
    let NoSession::Broken(why) = refusal(accept).await else {
        panic!("a wrong accept key was taken");
    };
    assert!(why.contains("Sec-WebSocket-Accept"), "{why}");
}

#[tokio::test]
async fn nobody_listening_is_no_connection() {
    // Bound and not listening: connections are refused, and no other test can be given the port.
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", bound.local_addr().unwrap());
    for transport in [Transport::WebSocket, Transport::Polling] {
        let client = Client::new("A", reach_url(&url), Heartbeat::Answered, false);
        let opened = client.open(transport, TARGET, &[]).await;
        let Err(NoSession::Unreachable(why)) = opened else {
            panic!("{transport} found somebody");
        };
        assert!(why.starts_with("no connection to"), "{why}");
    }
}

#[tokio::test]
async fn raw_frames_reach_the_server_bit_by_bit() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        wire.accept(&request, b"").await;
        let mut seen = [0; 3];
        tokio::io::AsyncReadExt::read_exact(&mut wire.stream, &mut seen)
            .await
            .unwrap();
        wire.send_frame(2, &seen).await;
        wire.ended().await;
    })
    .await;
    let ws = websocket(&reach(&server)).await;
    let mut odd = RawFrame::new(3, &b"\x07"[..]);
    (odd.fin, odd.rsv, odd.masked) = (false, 1, false);
    ws.frame(&odd, Vec::new()).await;
    let seen = What::Packet(Received::Binary(vec![0x13, 0x01, 0x07].into()));
    assert_eq!(next(&ws.arrivals).await, seen);
}

#[tokio::test]
async fn a_lost_connection_is_reset_or_ended_as_asked() {
    for (loss, reset) in [(Loss::Reset, true), (Loss::Fin, false)] {
        let (told, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::start(move |mut wire| {
            let told = told.clone();
            async move {
                let request = wire.request().await.unwrap();
                wire.accept(&request, b"").await;
                told.send(wire.ended().await).unwrap();
            }
        })
        .await;
        let ws = websocket(&reach(&server)).await;
        ws.lose(loss).await;
        assert_eq!(seen.recv().await, Some(reset));
    }
}

#[tokio::test]
async fn a_server_that_does_not_read_holds_up_no_reading() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        wire.accept(&request, b"").await;
        loop {
            wire.text("4still here").await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let ws = Arc::new(websocket(&reach(&server)).await);
    let big = Received::Text(format!("4{}", "a".repeat(8 << 20)));
    let sender = ws.clone();
    let sending = tokio::spawn(async move { sender.send(&big).await });
    for _ in 0..20 {
        assert_eq!(next(&ws.arrivals).await, text("4still here"));
    }
    assert!(
        !sending.is_finished(),
        "eight megabytes fit into the socket buffers"
    );
    sending.abort();
}

async fn exchange(server: &Server, call: Call) -> Result<Answer, NoAnswer> {
    let reach = reach(server);
    Exchange::start(&reach, Lane::client("A").of("http 1"), call)
        .outcome_of()
        .await
}

#[tokio::test]
async fn http_answers_come_as_they_are() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        match request.line() {
            "GET /redirect HTTP/1.1" => {
                wire.write(
                    b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
                )
                .await;
            }
            "GET /half HTTP/1.1" => {
                wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                    .await;
            }
            "GET /none HTTP/1.1" => {}
            "GET /garbage HTTP/1.1" => wire.write(b"\x00\x01\x02\x03 what\r\n\r\n").await,
            "POST /echo HTTP/1.1" => {
                let body = String::from_utf8(request.body.clone()).unwrap();
                assert_eq!(request.header("x-own"), Some("yes"));
                assert_eq!(request.header("content-type"), None);
                wire.answer("200 OK", &body).await;
            }
            line => panic!("{line}"),
        }
    })
    .await;
    let answer = exchange(&server, Call::get("/redirect")).await.unwrap();
    assert_eq!(answer.status, Some(302));
    assert_eq!(
        exchange(&server, Call::get("/half")).await.unwrap().status,
        None
    );
    assert_eq!(
        exchange(&server, Call::get("/none")).await.unwrap().status,
        None
    );
    let garbage = exchange(&server, Call::get("/garbage")).await;
    assert!(matches!(garbage, Err(NoAnswer::Broken(_))), "{garbage:?}");
    let call = Call {
        method: "POST".to_owned(),
        target: "/echo".to_owned(),
        headers: vec![("x-own".to_owned(), "yes".to_owned())],
        body: Some("4€".into()),
    };
    let answer = exchange(&server, call).await.unwrap();
    assert_eq!(
        (answer.status, &answer.body[..]),
        (Some(200), "4€".as_bytes())
    );
    assert_eq!(
        server.connections(),
        5,
        "each request has a connection of its own"
    );
}

#[tokio::test]
async fn a_body_without_end_is_a_flood() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.write(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let chunk = vec![b'x'; 1 << 20];
        while wire.stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    assert_eq!(
        exchange(&server, Call::get("/")).await,
        Err(NoAnswer::Flood)
    );
}

/// A polling server that answers GETs with these bodies, one after the other, and holds the rest.
async fn polling_server(bodies: &'static [&'static str]) -> Server {
    let at = Arc::new(std::sync::Mutex::new(0));
    Server::start(move |mut wire| {
        let at = at.clone();
        async move {
            let request = wire.request().await.unwrap();
            if request.line().starts_with("POST") {
                return wire.answer("200 OK", "ok").await;
            }
            let body = {
                let mut at = at.lock().unwrap();
                *at += 1;
                bodies.get(*at - 1)
            };
            match body {
                Some(body) if body.starts_with("HTTP") => wire.write(body.as_bytes()).await,
                Some(body) => wire.answer("200 OK", body).await,
                None => {
                    wire.ended().await;
                }
            }
        }
    })
    .await
}

async fn polling(server: &Server) -> (Client, Arrivals) {
    let client = Client::new("A", reach(server), Heartbeat::Answered, false);
    let opened = client.open(Transport::Polling, POLLING, &[]).await.unwrap();
    assert!(matches!(opened, Opened::Done { ref sid, .. } if sid == "engine-1"));
    let arrivals = client.connection(Layer::Client).unwrap().arrivals();
    (client, arrivals)
}

#[tokio::test]
async fn polling_queues_packets_in_order_from_the_handshake_on() {
    const FIRST: &str = concat!(
        r#"0{"sid":"engine-1","upgrades":[],"pingInterval":10000,"pingTimeout":10000}"#,
        "\u{1e}4early"
    );
    let server = polling_server(&[FIRST, "4a\u{1e}bAQI=", "2", "4b"]).await;
    let (_client, arrivals) = polling(&server).await;
    assert_eq!(next(&arrivals).await, text("4early"));
    assert_eq!(next(&arrivals).await, text("4a"));
    let binary = What::Packet(Received::Binary(vec![1, 2].into()));
    assert_eq!(next(&arrivals).await, binary);
    assert_eq!(next(&arrivals).await, text("4b"));
}

#[tokio::test]
async fn a_polling_session_ends_by_its_close_packet_or_a_refusal() {
    let server = polling_server(&[OPEN, "1"]).await;
    let (_client, arrivals) = polling(&server).await;
    assert_eq!(next(&arrivals).await, text("1"));
    assert_eq!(next(&arrivals).await, end(EndingKind::Packet));

    let server = polling_server(&[
        OPEN,
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ])
    .await;
    let (_client, arrivals) = polling(&server).await;
    assert_eq!(next(&arrivals).await, end(EndingKind::Gone));

    let server = polling_server(&[
        OPEN,
        "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ])
    .await;
    let (_client, arrivals) = polling(&server).await;
    assert_eq!(
        next(&arrivals).await,
        What::Broken("a GET was answered 500".to_owned())
    );
}

#[tokio::test]
async fn posts_wait_for_each_other() {
    let busy = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let server = Server::start(move |mut wire| {
        let busy = busy.clone();
        async move {
            let request = wire.request().await.unwrap();
            if !request.line().starts_with("POST") {
                if request.line().contains("sid=") {
                    wire.ended().await;
                }
                return wire.answer("200 OK", OPEN).await;
            }
            let overlap = busy.swap(true, std::sync::atomic::Ordering::SeqCst);
            assert!(!overlap, "two POSTs at once");
            tokio::time::sleep(Duration::from_millis(10)).await;
            busy.store(false, std::sync::atomic::Ordering::SeqCst);
            wire.answer("200 OK", "ok").await;
        }
    })
    .await;
    let (client, _) = polling(&server).await;
    let packets = [Received::Text("4x".to_owned())];
    let all = (0..5).map(|_| client.send(Layer::Client, &packets));
    for sent in futures_util::future::join_all(all).await {
        assert!(sent.unwrap());
    }
}

#[tokio::test]
async fn an_upgrade_moves_what_waits_to_the_websocket() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        if request.header("upgrade").is_some() {
            wire.accept(&request, b"").await;
            assert_eq!(wire.frame().await, Some((1, b"2probe".to_vec())));
            wire.text("3probe").await;
            assert_eq!(wire.frame().await, Some((1, b"5".to_vec())));
            wire.text("4after").await;
            wire.ended().await;
        } else if request.line().contains("sid=") {
            wire.answer("200 OK", "4before\u{1e}6").await;
        } else {
            wire.answer("200 OK", OPEN).await;
        }
    })
    .await;
    let (client, before) = polling(&server).await;
    client.open_websocket(TARGET, &[]).await.unwrap();
    let probe = [Received::Text("2probe".to_owned())];
    client.send(Layer::Ws, &probe).await.unwrap();
    let ws = client.connection(Layer::Ws).unwrap();
    assert_eq!(next(&ws.arrivals()).await, text("3probe"));
    before
        .look(soon(), |queue| (!queue.is_empty()).then_some(()))
        .await
        .unwrap();
    let upgrade = [Received::Text("5".to_owned())];
    client.send(Layer::Ws, &upgrade).await.unwrap();
    let now = client.connection(Layer::Client).unwrap();
    assert!(matches!(now, Connection::WebSocket(_)));
    let mut seen = Vec::new();
    while seen.last() != Some(&text("4after")) {
        seen.push(next(&now.arrivals()).await);
    }
    assert_eq!(seen[0], text("4before"));
}

#[tokio::test]
async fn raw_bytes_are_answered_byte_by_byte() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        assert_eq!(request.head, "GET / HTTP/1.1\r\nx: y\r\n\r\n");
        wire.write(b"HTTP/1.1 400 Bad").await;
        tokio::task::yield_now().await;
        wire.write(b" Request\r\nContent-Length: 2\r\n\r\nno").await;
    })
    .await;
    let raw = Raw::open(&reach(&server), Lane::client("A").of("tcp"))
        .await
        .unwrap();
    raw.write(b"GET / HTTP/1.1\r\nx:").await;
    raw.write(b" y\r\n\r\n").await;
    let answer = raw.answer(soon(), true).await.unwrap().unwrap();
    assert_eq!((answer.status, &answer.body[..]), (Some(400), &b"no"[..]));
    let ending = raw.ending(soon()).await.unwrap().unwrap();
    assert_eq!(ending.kind, EndingKind::Fin);
}

#[tokio::test]
async fn everything_is_in_the_transcript() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        wire.accept(&request, &frame(1, b"4hello")).await;
        wire.frame().await;
    })
    .await;
    let reach = reach(&server);
    let ws = websocket(&reach).await;
    ws.send(&Received::Text("42[\"x\"]".to_owned())).await;
    next(&ws.arrivals).await;
    next(&ws.arrivals).await;
    let transcript = reach.recorder.transcript();
    let seen: Vec<(Direction, String)> = transcript
        .entries
        .iter()
        .map(|e| (e.direction, e.raw.text().unwrap().to_owned()))
        .collect();
    let find = |direction, start: &str| {
        seen.iter()
            .any(|(d, text)| *d == direction && text.starts_with(start))
    };
    assert!(find(
        Direction::Sent,
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
    ));
    assert!(find(
        Direction::Received,
        "HTTP/1.1 101 Switching Protocols\r\n"
    ));
    assert!(find(Direction::Received, "4hello"));
    assert!(find(Direction::Sent, "42[\"x\"]"));
    let event = transcript
        .entries
        .iter()
        .find(|e| e.raw.text() == Some("42[\"x\"]"));
    assert_eq!(
        event.unwrap().annotations,
        ["text frame", "message", "EVENT /"]
    );
}
