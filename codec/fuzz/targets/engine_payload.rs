//! A polling body of any bytes: packets, then at most one error inside it; a good body is written
//! back as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use siospec_codec::Leniency;
use siospec_codec::engine::{Payload, encode_payload};

fuzz_target!(|body: &[u8]| {
    let mut packets = Vec::new();
    let mut payload = Payload::from_bytes(body, Leniency::STRICT);
    for packet in payload.by_ref() {
        match packet {
            Ok(packet) => packets.push(packet),
            Err(error) => {
                assert!(error.offset <= body.len());
                assert_eq!(payload.next(), None);
                return;
            }
        }
    }
    assert_eq!(encode_payload(packets).as_bytes(), body);
});
