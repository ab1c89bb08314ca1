use super::*;

fn emit(event: &str) -> Emit {
    Emit {
        args: vec![json!(event)],
        ..Emit::default()
    }
}

fn asked(event: &str) -> Emit {
    Emit {
        ack: Some(event.to_owned()),
        ..emit(event)
    }
}

fn written(steps: &[Step]) -> Vec<&str> {
    steps
        .iter()
        .filter_map(|s| match s {
            Step::Write(packet) => Some(packet.as_str()),
            _ => None,
        })
        .collect()
}

fn acked(steps: &[Step]) -> Vec<(&str, bool)> {
    steps
        .iter()
        .filter_map(|s| match s {
            Step::Acked(label, answer) => Some((label.as_str(), answer.is_ok())),
            _ => None,
        })
        .collect()
}

fn connected(options: SocketOptions, now: Instant) -> Socket {
    let mut socket = Socket::new("/", options);
    socket.connected("a", None, now);
    socket
}

#[test]
fn events_emitted_while_offline_go_out_in_order_after_connect() {
    let now = Instant::now();
    let mut socket = Socket::new("/chat", SocketOptions::default());
    assert_eq!(
        written(&socket.emit(emit("one"), true, now)),
        [] as [&str; 0]
    );
    socket.emit(asked("two"), true, now);
    assert_eq!(written(&socket.opened()), ["0/chat,"]);
    let steps = socket.connected("a", None, now);
    assert_eq!(written(&steps), [r#"2/chat,["one"]"#, r#"2/chat,0["two"]"#]);
    assert_eq!(
        written(&socket.connected("b", None, now)),
        [] as [&str; 0],
        "once"
    );
}

#[test]
fn a_volatile_event_is_dropped_when_the_transport_cannot_take_it_and_buffered_never() {
    let now = Instant::now();
    let mut socket = Socket::new("/", SocketOptions::default());
    let volatile = Emit {
        volatile: true,
        ..emit("tick")
    };
    socket.emit(volatile.clone(), false, now);
    assert_eq!(written(&socket.connected("a", None, now)), [] as [&str; 0]);
    assert_eq!(written(&socket.emit(volatile, true, now)), [r#"2["tick"]"#]);
}

#[test]
fn an_ack_with_a_timeout_fails_at_its_time_and_a_late_one_is_ignored() {
    let now = Instant::now();
    let timeout = Duration::from_millis(200);
    let mut socket = connected(
        SocketOptions {
            ack_timeout: Some(timeout),
            ..SocketOptions::default()
        },
        now,
    );
    socket.emit(asked("q"), true, now);
    assert_eq!(socket.deadline(), Some(now + timeout));
    assert_eq!(
        acked(&socket.timeout(now + timeout - Duration::from_millis(1))),
        []
    );
    assert_eq!(acked(&socket.timeout(now + timeout)), [("q", false)]);
    assert_eq!(acked(&socket.ack_received(0, vec![], now)), []);
}

#[test]
fn an_event_whose_ack_timed_out_while_buffered_is_not_sent() {
    let now = Instant::now();
    let mut socket = Socket::new("/", SocketOptions::default());
    socket.emit(
        Emit {
            timeout: Some(Duration::from_millis(5)),
            ..asked("q")
        },
        true,
        now,
    );
    socket.timeout(now + Duration::from_millis(5));
    assert_eq!(written(&socket.connected("a", None, now)), [] as [&str; 0]);
}

#[test]
fn with_retries_one_event_is_in_flight_and_is_tried_again_until_given_up() {
    let now = Instant::now();
    let options = SocketOptions {
        retries: Some(1),
        ack_timeout: Some(Duration::from_millis(10)),
        auth: None,
    };
    let mut socket = connected(options, now);
    assert_eq!(
        written(&socket.emit(asked("one"), true, now)),
        [r#"20["one"]"#]
    );
    assert_eq!(
        written(&socket.emit(asked("two"), true, now)),
        [] as [&str; 0]
    );
    let later = now + Duration::from_millis(10);
    assert_eq!(
        written(&socket.timeout(later)),
        [r#"21["one"]"#],
        "with a new id"
    );
    let steps = socket.timeout(later + Duration::from_millis(10));
    assert_eq!(acked(&steps), [("one", false)]);
    assert_eq!(written(&steps), [r#"22["two"]"#]);
    assert_eq!(
        acked(&socket.ack_received(2, vec![json!(1)], later)),
        [("two", true)]
    );
}

#[test]
fn the_event_in_flight_at_a_loss_is_sent_again_after_the_reconnection() {
    let now = Instant::now();
    let options = SocketOptions {
        retries: Some(3),
        ..SocketOptions::default()
    };
    let mut socket = connected(options, now);
    socket.emit(asked("one"), true, now);
    socket.emit(asked("two"), true, now);
    assert_eq!(
        written(&socket.closed("transport close", now)),
        [] as [&str; 0]
    );
    assert_eq!(written(&socket.connected("b", None, now)), [r#"21["one"]"#]);
}

#[test]
fn pid_and_offset_go_into_the_next_connect_before_the_auth() {
    let now = Instant::now();
    let auth = json!({"token": "t"}).as_object().cloned();
    let mut socket = Socket::new(
        "/",
        SocketOptions {
            auth,
            ..SocketOptions::default()
        },
    );
    assert_eq!(written(&socket.opened()), [r#"0{"token":"t"}"#]);
    socket.connected("a", Some("p1"), now);
    socket.event_received(vec![json!("msg"), json!(1), json!("off1")]);
    socket.closed("transport close", now);
    assert_eq!(
        written(&socket.opened()),
        [r#"0{"pid":"p1","offset":"off1","token":"t"}"#]
    );
    let steps = socket.connected("a", Some("p1"), now);
    assert!(steps.contains(&Step::Connected {
        sid: "a".into(),
        recovered: true
    }));
    let fresh = socket.connected("c", Some("p2"), now);
    assert!(fresh.contains(&Step::Connected {
        sid: "c".into(),
        recovered: false
    }));
}

#[test]
fn events_before_the_connect_reply_wait_for_it() {
    let now = Instant::now();
    let mut socket = Socket::new("/", SocketOptions::default());
    assert_eq!(socket.event_received(vec![json!("early")]), []);
    assert_eq!(
        socket.connected("a", None, now)[0],
        Step::Event(vec![json!("early")])
    );
}

#[test]
fn at_a_loss_acks_with_a_timeout_fail_and_the_others_are_forgotten() {
    let now = Instant::now();
    let mut socket = connected(SocketOptions::default(), now);
    socket.emit(asked("silent"), true, now);
    socket.emit(
        Emit {
            timeout: Some(Duration::from_secs(9)),
            ..asked("told")
        },
        true,
        now,
    );
    assert_eq!(
        acked(&socket.closed("ping timeout", now)),
        [("told", false)]
    );
    assert_eq!(socket.deadline(), None);
}
