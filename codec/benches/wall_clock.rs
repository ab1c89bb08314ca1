//! Nanoseconds of each row: `cargo bench -p siospec-codec --bench wall_clock`.

mod workload;

use divan::{Bencher, black_box};
use siospec_codec::socket::{Arguments, Assembler};
use siospec_codec::{Leniency, Limits};
use workload::*;

fn main() {
    divan::main();
}

#[divan::bench(sample_size = 2000)]
fn decode_small_event(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| read(SMALL_EVENT));
}

#[divan::bench(sample_size = 2000)]
fn decode_ack(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| read(ACK));
}

#[divan::bench(sample_size = 200)]
fn decode_1_kib_object(bencher: Bencher<'_, '_>) {
    let text = one_kib_object();
    bencher.bench_local(|| read(&text).payload.map(str::len));
}

#[divan::bench(sample_size = 200)]
fn decode_binary_event(bencher: Bencher<'_, '_>) {
    let mut assembler = Assembler::new(Limits::default(), Leniency::STRICT);
    let attachment = attachment();
    let header = bytestring::ByteString::from(BINARY_HEADER);
    bencher
        .with_inputs(|| (header.clone(), attachment.clone(), attachment.clone()))
        .bench_local_values(|frames| read_binary_event(&mut assembler, frames));
}

#[divan::bench(sample_size = 20)]
fn decode_body_of_100(bencher: Bencher<'_, '_>) {
    let body = body();
    bencher.bench_local(|| read_body(&body));
}

#[divan::bench(sample_size = 2)]
fn decode_1_mib_string(bencher: Bencher<'_, '_>) {
    let text = one_mib_string();
    bencher.bench_local(|| read(&text).payload.map(str::len));
}

#[divan::bench(sample_size = 5000)]
fn encode_small_event(bencher: Bencher<'_, '_>) {
    let packet = read(SMALL_EVENT);
    let mut out = String::with_capacity(64);
    bencher.bench_local(|| write(&packet, &mut out));
}

#[divan::bench(sample_size = 5000)]
fn encode_small_event_from_arguments(bencher: Bencher<'_, '_>) {
    let mut arguments = Arguments::new();
    arguments.push_json(black_box(r#""hello world""#));
    let mut out = String::with_capacity(64);
    bencher.bench_local(|| write_event(&arguments, &mut out));
}
