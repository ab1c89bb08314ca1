// engine.io-parser and socket.io-parser behind the line protocol of targets/parsers/README.md.
"use strict";

const { createInterface } = require("node:readline");
const { decodePacket, decodePayload } = require("engine.io-parser");
const { Decoder, PacketType } = require("socket.io-parser");

const layers = { "engine-packet": enginePacket, "engine-payload": enginePayload, socket };

function frame(written) {
  return typeof written === "string" ? written : Buffer.from(written.$bytes, "base64");
}

function enginePacket([only]) {
  return engineAnswer([decodePacket(only)]);
}

function enginePayload([body]) {
  return engineAnswer(decodePayload(body));
}

// The parser reports an error as a last packet of type "error".
function engineAnswer(decoded) {
  const broken = decoded.find((packet) => packet.type === "error");
  const packets = decoded.filter((packet) => packet.type !== "error").map(enginePlain);
  return broken ? { packets, error: broken.data } : { packets };
}

function enginePlain({ type, data }) {
  return Buffer.isBuffer(data) ? { type, binary: data.toString("base64") } : { type, text: data ?? "" };
}

function socket(frames) {
  const packets = [];
  const decoder = new Decoder();
  decoder.on("decoded", (packet) => packets.push(socketPlain(packet)));
  try {
    for (const one of frames) decoder.add(one);
  } catch (error) {
    return { packets, error: String(error.message) };
  }
  // The decoder has no question for this; its server never needs one.
  return decoder.reconstructor ? { packets, waiting: true } : { packets };
}

function socketPlain({ type, nsp, id, data }) {
  const plain = { type: PacketType[type].toLowerCase(), namespace: nsp };
  if (id !== undefined) plain.id = String(id);
  if (data !== undefined) plain.data = tagged(data);
  return plain;
}

// JSON that can hold bytes and numbers that JSON has no word for.
function tagged(value) {
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  if (typeof value !== "object" || value === null) return value;
  if (Buffer.isBuffer(value)) return { $bytes: value.toString("base64") };
  if (Array.isArray(value)) return value.map(tagged);
  const object = Object.create(null);
  for (const [key, member] of Object.entries(value)) {
    object[key.startsWith("$") ? `$${key}` : key] = tagged(member);
  }
  return object;
}

function answer(line) {
  const { layer, frames } = JSON.parse(line);
  try {
    return layers[layer](frames.map(frame));
  } catch (error) {
    return { packets: [], error: `${error.name}: ${error.message}` };
  }
}

console.log(JSON.stringify({ siospec: 1, layers: Object.keys(layers) }));

let answers = [];
createInterface({ input: process.stdin, crlfDelay: Infinity }).on("line", (line) => {
  if (line !== "") return answers.push(JSON.stringify(answer(line)));
  process.stdout.write(answers.map((text) => `${text}\n`).join(""));
  answers = [];
});
