"""The rows on python-socketio and python-engineio. Reads the texts from the file named first, then waits for lines on
standard input: for each, one round, and one line of JSON with nanoseconds by row."""

import json
import statistics
import sys
import time

from engineio import packet as engine_packet
from engineio import payload as engine_payload
from socketio import packet as socket_packet

with open(sys.argv[1]) as file:
    given = json.load(file)
texts = given["texts"]
attachment = b"\x5a" * 1024
# More packets in one body than the default allows.
engine_payload.Payload.max_decode_packets = 1000


def decode(text):
    return lambda: socket_packet.Packet(encoded_packet=text)


def binary():
    packet = socket_packet.Packet(encoded_packet=texts["binary_event"])
    packet.add_attachment(attachment)
    packet.add_attachment(attachment)


def read_body():
    packets = []
    waiting = None
    for part in engine_payload.Payload(encoded_payload=texts["body"]).packets:
        if waiting is not None:
            if waiting.add_attachment(part.data):
                packets.append(waiting)
                waiting = None
        else:
            packet = socket_packet.Packet(encoded_packet=part.data)
            if packet.attachment_count:
                waiting = packet
            else:
                packets.append(packet)
    return packets


def encode(packet):
    data, nsp, ident, kind = packet.data, packet.namespace, packet.id, packet.packet_type
    return lambda: socket_packet.Packet(kind, data=data, namespace=nsp, id=ident).encode()


# An event becomes a binary one by itself.
plain = {socket_packet.BINARY_EVENT: socket_packet.EVENT}
body = [
    (plain.get(packet.packet_type, packet.packet_type), packet.data, packet.namespace, packet.id)
    for packet in read_body()
]


def write_body():
    parts = []
    for kind, data, nsp, ident in body:
        encoded = socket_packet.Packet(kind, data=data, namespace=nsp, id=ident).encode()
        for part in encoded if isinstance(encoded, list) else [encoded]:
            parts.append(engine_packet.Packet(engine_packet.MESSAGE, part))
    return engine_payload.Payload(packets=parts).encode()


image = ["image", attachment, attachment]
rows = {
    "small event, decode": decode(texts["small_event"]),
    "ack, decode": decode(texts["ack"]),
    "1 KiB object, decode": decode(texts["object"]),
    "binary event, decode": binary,
    "body of 100, decode": read_body,
    "1 MiB string, decode": decode(texts["string"]),
    "small event, encode": encode(socket_packet.Packet(encoded_packet=texts["small_event"])),
    "ack, encode": encode(socket_packet.Packet(encoded_packet=texts["ack"])),
    "1 KiB object, encode": encode(socket_packet.Packet(encoded_packet=texts["object"])),
    "binary event, encode": lambda: socket_packet.Packet(socket_packet.EVENT, data=image).encode(),
    "body of 100, encode": write_body,
    "1 MiB string, encode": encode(socket_packet.Packet(encoded_packet=texts["string"])),
}


def sample(work, times):
    began = time.perf_counter_ns()
    for _ in range(times):
        work()
    return (time.perf_counter_ns() - began) / times


def median(work):
    times = 1
    while sample(work, times) * times < given["sampleMicroseconds"] * 1000:
        times *= 2
    return statistics.median(sample(work, times) for _ in range(given["samples"]))


for _ in sys.stdin:
    print(json.dumps({name: median(work) for name, work in rows.items()}), flush=True)
