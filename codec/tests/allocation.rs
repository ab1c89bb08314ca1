//! What decoding allocates: nothing where text is borrowed, and never more than the input warrants.

mod inputs;

use allocation_counter::measure;
use bytes::Bytes;
use proptest::prelude::*;
use siospec_codec::engine::{Payload, decode_text};
use siospec_codec::socket::{AckId, Arguments, Assembler, decode};
use siospec_codec::{Leniency, Limits};

#[test]
fn flat_text_packets_are_decoded_without_allocating() {
    for frame in [
        r#"42["message","hello world"]"#,
        r#"43/admin,456[1,"ok"]"#,
        "2probe",
        "40/admin,",
        r#"41["m",1.5,null]"#,
    ] {
        let limits = Limits::default();
        let used = measure(|| {
            let engine = decode_text(frame, Leniency::STRICT);
            if let Ok(siospec_codec::engine::Packet::Text { data, .. }) = engine {
                let _ = std::hint::black_box(decode(data, &limits, Leniency::STRICT));
            }
        });
        assert_eq!(used.count_total, 0, "{frame}");
    }
}

#[test]
fn an_event_is_written_into_a_reused_buffer_without_allocating() {
    let mut arguments = Arguments::new();
    arguments.push_json(r#""hello world""#);
    let mut out = String::with_capacity(64);
    let used = measure(|| arguments.encode_event("/admin", Some(7.into()), "message", &mut out));
    assert_eq!(out, r#"2/admin,7["message","hello world"]"#);
    assert_eq!(used.count_total, 0);
}

#[test]
fn attachments_are_neither_copied_nor_reserved_for() {
    let attachment = Bytes::from(vec![7; 1 << 20]);
    let header = format!("599-[\"m\"{}]", r#",{"_placeholder":true,"num":98}"#);
    let limits = Limits {
        attachments: 99,
        ..Limits::UNLIMITED
    };
    let mut assembler = Assembler::new(limits, Leniency::STRICT);
    let announced = measure(|| {
        let _ = assembler.text(header.as_str().into());
    });
    assert!(announced.bytes_total < 1000, "{announced:?}");
    let taken = measure(|| {
        for _ in 0..98 {
            let _ = assembler.binary(attachment.clone());
        }
    });
    assert!(taken.bytes_total < 10_000, "{taken:?}");
    let Ok(Some(message)) = assembler.binary(attachment.clone()) else {
        unreachable!("all came")
    };
    assert_eq!(message.attachments()[0].as_ptr(), attachment.as_ptr());
}

proptest! {
    #![proptest_config(inputs::config())]

    #[test]
    fn a_packet_allocates_in_proportion_to_its_text(text in inputs::text()) {
        let limits = Limits::default();
        let used = measure(|| {
            let _ = decode(&text, &limits, Leniency::STRICT);
        });
        prop_assert!(used.bytes_max <= 512 + 64 * text.len() as u64, "{used:?}");
    }

    /// One allocation, of no more than the text that is written.
    #[test]
    fn an_event_and_an_ack_are_written_into_one_allocation(
        arguments in proptest::collection::vec(inputs::json(2), 0..3),
        binary in 0_usize..12,
        size in 0_usize..5000,
        namespace in "/[a-z]{0,9}",
        id in any::<u64>(),
    ) {
        let mut all = Arguments::new();
        for argument in &arguments {
            all.push_json(argument);
        }
        for _ in 0..binary {
            all.push_binary(Bytes::from_static(b"x"));
        }
        all.push(&"x".repeat(size))?;
        for (id, written) in [(None, id.to_string()), (Some(id), format!("00{id}"))] {
            let id = id.map(AckId::from).or_else(|| AckId::from_digits(&written));
            let (mut event, mut ack) = (String::new(), String::new());
            let used = measure(|| all.encode_event(&namespace, id, "message", &mut event));
            prop_assert_eq!(used.count_total, 1, "{}", event);
            prop_assert!(used.bytes_total <= event.len() as u64 + 8, "{used:?} {event}");
            let Some(id) = id else { continue };
            let used = measure(|| all.encode_ack(&namespace, id, &mut ack));
            prop_assert_eq!(used.count_total, 1, "{}", ack);
            prop_assert!(used.bytes_total <= ack.len() as u64 + 8, "{used:?} {ack}");
        }
    }

    /// A tree costs more than its text, by a factor: an empty object in two bytes is the worst.
    #[test]
    fn a_tree_allocates_in_proportion_to_its_text(text in inputs::json(3), announced in 0_usize..2) {
        let attachments = vec![Bytes::from_static(b"x"); announced];
        let argument = siospec_codec::socket::Argument::new(&text, &attachments);
        let used = measure(|| drop(argument.value()));
        prop_assert!(used.bytes_max <= 1024 + 512 * text.len() as u64, "{used:?}");
    }

    /// Whatever a conversation announces, what is held is what came.
    #[test]
    fn an_assembler_holds_no_more_than_came((header, attachments) in inputs::header_text(), size in 0_usize..2000) {
        let text: bytestring::ByteString = header.as_str().into();
        let data = Bytes::from(vec![7; size]);
        let mut assembler = Assembler::new(Limits::default(), Leniency::STRICT);
        let used = measure(|| {
            let _ = assembler.text(text.clone());
            for _ in 0..attachments {
                let _ = assembler.binary(data.clone());
            }
        });
        prop_assert!(used.bytes_max <= 1024 + 64 * header.len() as u64, "{used:?}");
    }

    #[test]
    fn a_body_allocates_in_proportion_to_its_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let used = measure(|| Payload::from_bytes(&body, Leniency::STRICT).for_each(drop));
        prop_assert!(used.bytes_total <= 64 + 2 * body.len() as u64, "{used:?}");
    }
}
