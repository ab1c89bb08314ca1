// One entry of a transcript taken apart: WebSocket frame or HTTP message, Engine.IO packet, Socket.IO packet, event, arguments.

const FIELDS = { "Engine.IO": "engine", "Socket.IO": "socket", "attachments": "attachments", "namespace": "namespace", "id": "id", "event": "event", "sid": "id" };

/** The bytes kept of an entry as text; bytes that are no UTF-8 as hex in angle brackets. */
function rawText(raw) {
  if (!raw) return "";
  if (raw.text !== undefined) return raw.text;
  return raw.hex ? `<${raw.hex.replace(/../g, "$& ").trim()}>` : "";
}

/** A packet's text with each field in its colour; `chain` says what stands there. */
function coloured(text, chain, limit) {
  const out = [];
  let at = 0;
  for (const [field, raw, meaning] of chain || []) {
    const found = raw ? text.indexOf(raw.replace(/…$/, ""), at) : -1;
    if (found < 0 || found >= limit) continue;
    if (found > at) out.push(visible(text.slice(at, found)));
    const end = Math.min(found + raw.length, limit);
    out.push(el("span", { class: `f-${FIELDS[field] || "value"}`, title: meaning ? `${field}: ${meaning}` : field }, visible(text.slice(found, end))));
    at = end;
  }
  out.push(visible(text.slice(at, limit)));
  if (text.length > limit) out.push("…");
  return out;
}

const isPacket = (entry) => entry.layer === "engine" || entry.layer === "frame";
const isBinary = (entry) => (entry.annotations || []).includes("binary message");

/** An HTTP message in its parts. */
function http(text) {
  const end = text.indexOf("\r\n\r\n");
  const [first, ...headers] = text.slice(0, end < 0 ? undefined : end).split("\r\n");
  return { first, headers, body: end < 0 ? "" : text.slice(end + 4) };
}

/** What an entry's line in the diagram shows. */
function brief(entry, limit) {
  const text = rawText(entry.raw);
  if (isBinary(entry)) {
    const attachment = (entry.chain || []).find(([field]) => field === "Socket.IO");
    return [el("span", { class: "f-value" }, cut(attachment ? attachment[1] : visible(text), limit))];
  }
  if (entry.layer === "http") {
    const { first, body } = http(text);
    const shown = first.replace(/ HTTP\/1\.\d$/, "").replace(/^HTTP\/1\.\d /, "");
    return [visible(cut(shown, limit)), body && body.length <= 40 ? [" · ", el("span", { class: "f-value" }, visible(body))] : body ? el("span", { class: "dim" }, ` · body of ${entry.raw.length !== undefined ? "more than " : ""}${new TextEncoder().encode(body).length} bytes`) : null];
  }
  return isPacket(entry) ? coloured(text, entry.chain, limit) : [visible(cut(text, limit))];
}

/** The labels of an entry: what it was read as. */
function labels(entry) {
  const notes = entry.annotations || [];
  return notes.filter((note) => note !== "text frame" && note !== "message" && note !== "binary frame").map((note) => el("span", { class: "tag" }, visible(note)));
}

/** Everything about an entry, layer by layer. */
function anatomy(entry) {
  const text = rawText(entry.raw);
  const size = entry.raw ? entry.raw.length ?? (entry.raw.hex !== undefined ? entry.raw.hex.length / 2 : new TextEncoder().encode(text).length) : 0;
  const out = [];
  const layers = [entry.layer === "frame" ? ["WebSocket frame", entry.direction === "sent" ? "masked, as a client must" : "from the server", `${(entry.annotations || [])[0] || "frame"}, ${size} bytes of payload`]
    : entry.layer === "engine" ? ["HTTP body", entry.direction === "sent" ? "of the POST" : "of a GET's answer", `one packet of ${size} bytes; U+001E parts it from others`]
      : entry.layer === "tcp" ? ["TCP", "", size ? `${size} bytes, below the libraries` : (entry.annotations || []).join(", ")] : null].filter(Boolean);
  if (entry.layer === "http") {
    const { first, headers, body } = http(text);
    out.push(el("table", { class: "anatomy" }, el("tbody", {}, field(entry.direction === "sent" ? "request" : "status", first, ""), headers.map((header) => field(visible(header.split(":")[0]), header.slice(header.indexOf(":") + 1).trim(), "")))));
    out.push(body ? el("pre", {}, visible(body)) : el("p", { class: "dim" }, "no body"));
  } else {
    const chain = (entry.chain || []).map(([name, raw, meaning]) => field(name, raw, meaning));
    out.push(el("table", { class: "anatomy" }, el("tbody", {}, layers.map(([name, raw, meaning]) => field(name, raw, meaning, "words")), chain, entry.wrong ? field("wrong", "", entry.wrong, "failed") : null)));
    if (text.length > 160) out.push(el("pre", {}, visible(text)));
  }
  if (entry.raw && entry.raw.length !== undefined) out.push(el("p", { class: "dim" }, `${entry.raw.length} bytes in all, of which the first are kept; SHA-1 ${entry.raw.sha1}`));
  if (size) {
    const dump = el("pre", { class: "hex" });
    out.push(el("details", { toggle: () => { if (!dump.textContent) dump.textContent = hex(entry.raw); } }, el("summary", {}, "in hex"), dump));
  }
  return out;
}

/** A line of the table: a field, what stands there, what it means. */
function field(name, raw, meaning, style) {
  return el("tr", { class: style }, el("th", { scope: "row" }, name), el("td", {}, raw ? (style === "words" ? raw : el("code", { class: `f-${FIELDS[name] || "value"}` }, visible(raw))) : ""), el("td", {}, visible(meaning)));
}

/** The first bytes, sixteen a line, with what of them is ASCII. */
function hex(raw) {
  const bytes = raw.hex !== undefined ? raw.hex.match(/../g).map((pair) => parseInt(pair, 16)) : [...new TextEncoder().encode(raw.text)];
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, 1024); at += 16) {
    const some = bytes.slice(at, at + 16);
    lines.push(`${at.toString(16).padStart(4, "0")}  ${some.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(47)}  ${some.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("")}`);
  }
  return lines.join("\n") + (bytes.length > 1024 ? `\n… ${bytes.length - 1024} bytes more` : "");
}
