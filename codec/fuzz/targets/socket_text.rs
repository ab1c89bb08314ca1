//! One Socket.IO packet: read or refused inside its text, and written in a form that stays.

#![no_main]

use libfuzzer_sys::fuzz_target;
use siospec_codec::socket::{Argument, Arguments, Split, decode};
use siospec_codec::{Leniency, Limits};

fuzz_target!(|text: &str| {
    assert_eq!(Split::of(text).to_string(), text);
    let limits = Limits::default();
    let packet = match decode(text, &limits, Leniency::STRICT) {
        Ok(packet) => packet,
        Err(error) => return assert!(error.offset <= text.len()),
    };
    let canonical = packet.to_text();
    let again = decode(&canonical, &limits, Leniency::STRICT);
    assert_eq!(again, Ok(packet));
    assert_eq!(again.map(|again| again.to_text()).as_ref(), Ok(&canonical));

    let json = |text: &str| serde_json_ok(text);
    assert!(packet.payload.is_none_or(json));
    let attachments = vec![bytes(b"x"); packet.attachments];
    let mut arguments = Arguments::new();
    for raw in packet.raw_args() {
        assert!(json(raw));
        let argument = Argument::new(raw, &attachments);
        let _ = (argument.as_binary(), argument.value());
        arguments.push_argument(argument);
    }
    // What goes out again is a packet that is read again.
    let mut echo = String::new();
    arguments.encode_event("/", packet.id, "echo", &mut echo);
    let limits = Limits { attachments: usize::MAX, ..limits };
    decode(&echo, &limits, Leniency::STRICT).expect("an echo is a valid event");
});

fn serde_json_ok(text: &str) -> bool {
    Argument::new(text, &[]).parse::<serde::de::IgnoredAny>().is_ok()
}

fn bytes(data: &'static [u8]) -> bytes::Bytes {
    bytes::Bytes::from_static(data)
}
