// The rows on socket.io-parser and engine.io-parser. Reads the texts from the file named first, then waits for lines
// on standard input: for each, one round, and one line of JSON with nanoseconds by row.
"use strict";
const { readFileSync } = require("fs");
const { createInterface } = require("readline");
const { Decoder, Encoder } = require("socket.io-parser");
const { decodePacket, decodePayload, encodePayload } = require("engine.io-parser");

const { texts, sampleMicroseconds, samples } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const attachment = Buffer.alloc(1024, 0x5a);
const encoder = new Encoder();

function decoder() {
  const decoder = new Decoder();
  decoder.count = 0;
  decoder.on("decoded", () => decoder.count++);
  return decoder;
}

function parsed(text) {
  let packet;
  const decoder = new Decoder();
  decoder.on("decoded", (decoded) => (packet = decoded));
  decoder.add(text);
  return packet;
}

const one = decoder();
const decodeText = (text) => () => {
  one.add(text);
};
const binary = () => {
  one.add(texts.binary_event);
  one.add(attachment);
  one.add(attachment);
};
const body = () => {
  for (const packet of decodePayload(texts.body)) {
    if (packet.type === "message") one.add(packet.data);
  }
};
// A copy, since the encoder changes the packet it is given.
const encode = (packet) => () => encoder.encode({ ...packet });

const small = parsed(texts.small_event);
const ack = parsed(texts.ack);
const object = parsed(texts.object);
const string = parsed(texts.string);
// An event becomes a binary one by itself.
const binaryEvent = { type: 2, nsp: "/", data: ["image", attachment, attachment] };
// As read: with their binary data in place.
const bodyPackets = [];
{
  const all = new Decoder();
  all.on("decoded", (packet) => bodyPackets.push({ ...packet, type: packet.type === 5 ? 2 : packet.type }));
  for (const packet of decodePayload(texts.body)) all.add(packet.data);
}
const encodeBody = () => {
  const packets = [];
  for (const packet of bodyPackets) {
    for (const data of encoder.encode({ ...packet })) packets.push({ type: "message", data });
  }
  encodePayload(packets, () => {});
};

const rows = {
  "small event, decode": decodeText(texts.small_event),
  "ack, decode": decodeText(texts.ack),
  "1 KiB object, decode": decodeText(texts.object),
  "binary event, decode": binary,
  "body of 100, decode": body,
  "1 MiB string, decode": decodeText(texts.string),
  "small event, encode": encode(small),
  "ack, encode": encode(ack),
  "1 KiB object, encode": encode(object),
  "binary event, encode": encode(binaryEvent),
  "body of 100, encode": encodeBody,
  "1 MiB string, encode": encode(string),
};

function sample(work, times) {
  const began = process.hrtime.bigint();
  for (let n = 0; n < times; n++) work();
  return Number(process.hrtime.bigint() - began) / times;
}

function median(work) {
  let times = 1;
  while (sample(work, times) * times < sampleMicroseconds * 1000 && times < 1 << 24) times *= 2;
  const all = [];
  for (let n = 0; n < samples; n++) all.push(sample(work, times));
  return all.sort((a, b) => a - b)[samples >> 1];
}

createInterface({ input: process.stdin }).on("line", () => {
  const round = {};
  for (const [name, work] of Object.entries(rows)) round[name] = median(work);
  console.log(JSON.stringify(round));
});
