//! Instructions of each row under valgrind, the same on every quiet or busy machine:
//! `cargo bench -p siospec-codec --bench instructions` (needs valgrind and `gungraun-runner`).

#![allow(
    missing_docs,
    clippy::needless_pass_by_value,
    reason = "the benchmark macros write undocumented items and hand values over"
)]

mod workload;

use std::hint::black_box;

use bytes::Bytes;
use bytestring::ByteString;
use gungraun::{library_benchmark, library_benchmark_group, main};
use siospec_codec::socket::{Arguments, Assembler, Message};
use siospec_codec::{Leniency, Limits};
use workload::*;

#[library_benchmark]
#[bench::small_event(SMALL_EVENT.to_owned())]
#[bench::ack(ACK.to_owned())]
#[bench::one_kib_object(one_kib_object())]
#[bench::one_mib_string(one_mib_string())]
fn decode(text: String) -> String {
    black_box(read(&text));
    text
}

fn binary_event() -> (Assembler, (ByteString, Bytes, Bytes)) {
    let assembler = Assembler::new(Limits::default(), Leniency::STRICT);
    (
        assembler,
        (BINARY_HEADER.into(), attachment(), attachment()),
    )
}

#[library_benchmark]
#[bench::two_attachments(binary_event())]
fn decode_binary_event(
    (mut assembler, frames): (Assembler, (ByteString, Bytes, Bytes)),
) -> Option<Message> {
    read_binary_event(&mut assembler, frames)
}

#[library_benchmark]
#[bench::hundred_packets(body())]
fn decode_body(body: String) -> (usize, String) {
    (read_body(&body), body)
}

#[library_benchmark]
#[bench::small_event(String::with_capacity(64))]
fn encode(mut out: String) -> String {
    write(
        &siospec_codec::socket::Packet::new(siospec_codec::socket::PacketType::Event)
            .with_payload(&SMALL_EVENT[1..]),
        &mut out,
    );
    out
}

fn arguments() -> (Arguments, String) {
    let mut arguments = Arguments::new();
    arguments.push_json(r#""hello world""#);
    (arguments, String::with_capacity(64))
}

#[library_benchmark]
#[bench::small_event(arguments())]
fn encode_arguments((arguments, mut out): (Arguments, String)) -> (Arguments, String) {
    write_event(&arguments, &mut out);
    (arguments, out)
}

library_benchmark_group!(
    name = rows,
    benchmarks = [
        decode,
        decode_binary_event,
        decode_body,
        encode,
        encode_arguments
    ]
);
main!(library_benchmark_groups = rows);
