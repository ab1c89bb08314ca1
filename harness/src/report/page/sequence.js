// The sequence diagram: a lane for each client, for the proxy and for the server, step by step.

const OWN_LANES = 6;

/** A transcript's entries by the step during which they happened. Numbers of steps repeat inside `repeat`. */
function steps({ transcript, verdict }) {
  const entries = transcript ? transcript.entries : [];
  // The last remark of a trial that stopped begins like that of a step, and is its end.
  const end = verdict.failure ? entries.findLastIndex((entry) => entry.layer === "note" && !entry.client && !entry.lane) : -1;
  const groups = [{ label: "setup", text: "", key: "setup", entries: [] }];
  const seen = new Map();
  entries.forEach((entry, i) => {
    const note = entry.layer === "note" && !entry.client && !entry.lane ? entry.annotations[0] : "";
    const step = i !== end && /^step ([\d.]+): ([^]*)$/.exec(note);
    if (step) {
      const times = (seen.get(step[1]) || 0) + 1;
      seen.set(step[1], times);
      groups.push({ label: `step ${step[1]}`, times, text: step[2], key: `${step[1]}#${times}`, entries: [] });
    } else groups.at(-1).entries.push({ entry, i });
  });
  return groups.filter((group, at) => at > 0 || group.entries.length);
}

/** The line of YAML on which each step stands, by the step's key. */
function linesOf(groups, source) {
  const lines = (source || "").split("\n");
  const found = new Map();
  const first = new Map();
  let from = 0;
  for (const group of groups) {
    if (first.has(group.label)) {
      found.set(group.key, first.get(group.label));
      continue;
    }
    // A step is told without the comment at the end of its line.
    const fits = (line) => group.text !== "" && line.trim().startsWith(group.text.trim()) && /^(\s+#|$)/.test(line.trim().slice(group.text.trim().length));
    let at = lines.findIndex((line, i) => i >= from && fits(line));
    if (at < 0) at = lines.findIndex(fits);
    if (at < 0) continue;
    from = at;
    first.set(group.label, at + 1);
    found.set(group.key, at + 1);
  }
  return found;
}

/** Who takes part, and where their lines run. */
function lanesOf(...transcripts) {
  const entries = transcripts.flatMap((transcript) => (transcript ? transcript.entries : []));
  const clients = [...new Set(entries.map((entry) => entry.client).filter(Boolean))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const own = clients.length > OWN_LANES ? [...clients.slice(0, OWN_LANES - 1), "others"] : clients.length ? clients : ["client"];
  const at = (client) => Math.max(0, own.includes(client) ? own.indexOf(client) : own.length - 1);
  return { own, at, crowded: clients.length > OWN_LANES, proxy: entries.some((entry) => entry.lane === "proxy") };
}

/** The head of a diagram and the lines that run down from it. */
function frame(lanes, body, name) {
  const lines = [...lanes.own.map((_, i) => el("i", { class: "life", "--lane": i })), lanes.proxy ? el("i", { class: "life proxy" }) : null, el("i", { class: "life server" })];
  return el("div", { class: `sequence${lanes.proxy ? " proxied" : ""}`, "--lanes": lanes.own.length, role: "group", "aria-label": `transcript${name ? ` of ${name}` : ""}` },
    el("div", { class: "lanes", "aria-hidden": "true" }, el("span", { class: "time" }, "ms"), el("div", { class: "track" }, lanes.own.map((client, i) => el("b", { class: "lane", "--lane": i }, client)), lanes.proxy ? el("b", { class: "lane proxy" }, "proxy") : null, el("b", { class: "lane server" }, "server"))),
    el("div", { class: "lifelines", "aria-hidden": "true" }, lines), body);
}

/** One entry as an arrow, or as a remark. */
function message({ entry, i }, context) {
  const { lanes, transcript, name } = context;
  const time = el("span", { class: "time" }, clock(entry.at));
  const lane = lanes.at(entry.client);
  if (!entry.direction || entry.direction === "none") {
    const text = visible((entry.annotations || []).join(", "));
    const verdict = !entry.client && !entry.lane ? (text === "passed" ? " verdict passed" : " verdict failed") : "";
    return el("div", { class: `message note ${entry.layer}${entry.lane === "proxy" ? " by-proxy" : ""}${verdict}`, "data-entry": i, "--lane": entry.client ? lane : 0 }, time,
      el("div", { class: "track" }, el("span", { class: "remark" }, entry.layer === "deadline" ? "⌛ deadline: " : verdict ? "" : `${entry.lane === "proxy" ? `${entry.client}'s proxy` : [entry.client, entry.lane].filter(Boolean).join(" ")}: `, text)));
  }
  const sent = entry.direction === "sent";
  const answered = entry.answers === undefined ? null : transcript.entries[entry.answers];
  // A WebSocket's handshake is written down when it is over.
  const wait = answered && entry.at - answered.at > 9 ? `${clock(entry.at - answered.at)} ms` : "";
  const who = lanes.crowded ? el("span", { class: "tag" }, entry.client) : null;
  const inside = el("div", { class: "inside" });
  const summary = el("summary", {}, time, el("span", { class: "track" }, el("span", { class: "bubble" },
    el("span", { class: "sr" }, sent ? `${entry.client || "client"} to the server: ` : `the server to ${entry.client || "client"}: `),
    el("code", {}, brief(entry, 600)), who, labels(entry), entry.lane && entry.layer !== "frame" ? el("span", { class: "tag lane-name" }, entry.lane) : null,
    answered ? el("span", { class: "tag answer" }, `answers${wait ? `, after ${wait}` : ""}`) : null, entry.taken_by ? el("span", { class: `tag taken ${entry.unlike ? "failed" : "passed"}` }, entry.unlike ? `✗ step ${entry.taken_by} expected something else` : `✓ expected by step ${entry.taken_by}`) : null,
    entry.wrong ? el("span", { class: "tag failed" }, entry.wrong) : null)));
  const node = el("details", { class: `message ${entry.direction} ${entry.layer}${isPacket(entry) ? " packet" : ""}`, "data-entry": i, "--lane": lane, toggle: () => {
    if (!node.open || inside.childElementCount) return;
    const answer = transcript.entries.findIndex((other) => other.answers === i);
    inside.append(...anatomy(entry), el("p", { class: "answers" },
      answered ? jump(`answers ${cut(rawText(answered.raw), 60)} of ${clock(answered.at)} ms`, entry.answers, name) : null,
      answer >= 0 ? jump(`answered by ${cut(rawText(transcript.entries[answer].raw), 60)} at ${clock(transcript.entries[answer].at)} ms`, answer, name) : null));
  } }, summary, inside);
  return node;
}

/** A button that goes to another entry of the same transcript. */
function jump(text, i, name) {
  return el("button", { type: "button", class: "jump", click: () => goTo(document.querySelector(`[data-of="${CSS.escape(name)}"] [data-entry="${i}"]`)) }, visible(text.split("\r\n")[0]));
}

function goTo(node) {
  if (!node) return;
  node.scrollIntoView({ block: "center" });
  const focus = node.matches("details") ? node.querySelector("summary") : node;
  focus.focus({ preventScroll: true });
  for (const before of document.querySelectorAll(".flash")) before.classList.remove("flash");
  void node.offsetWidth;
  node.classList.add("flash");
}

/** What each step was met by: its entries, where the step was played once. */
function takenBy(groups, transcript) {
  const often = new Set(groups.filter((group) => group.times > 1).map((group) => group.label));
  const taken = new Map();
  transcript.entries.forEach((entry, i) => {
    const label = `step ${entry.taken_by}`;
    if (entry.taken_by && !often.has(label)) taken.set(label, [...(taken.get(label) || []), i]);
  });
  return taken;
}

/** The head of a step: its number and its line of YAML, which is what was expected, with the way to what met it. */
function stepHead(group, line, failed, passed, context) {
  const met = context ? (context.taken.get(group.label) || []).slice(0, 3) : [];
  const state = failed ? el("span", { class: "failed", title: "here it stopped" }, "✗") : passed ? el("span", { class: "passed", title: "as expected" }, "✓") : null;
  return el("div", { class: `step${failed ? " stopped" : ""}`, tabindex: -1, "data-key": group.key, "data-line": line || false },
    el("span", { class: "number" }, group.label.replace("step ", ""), group.times > 1 ? ` (${group.times})` : ""), el("code", {}, group.text ? visible(group.text) : "the clients that the scenario lists open and connect"), state, met.map((i) => {
      const entry = context.transcript.entries[i];
      return jump(`${entry.unlike ? "came" : "met"} at ${clock(entry.at)} ms`, i, context.name);
    }), line ? el("span", { class: "dim" }, `line ${line}`) : null);
}

/** Which step a failure names, at its last occurrence. */
const stoppedAt = (groups, failure) => (failure ? groups.findLast((group) => group.label === failure.step) : null);

/** The steps that went as they should: those before the one where it stopped. Inside a block nobody says so. */
function kept(groups, stopped, verdict) {
  const whole = verdict === "passed" || verdict === "unexpected-pass";
  const until = whole ? groups.length : stopped ? groups.findIndex((group) => group.label === /^step \d+/.exec(stopped.label)?.[0]) : 0;
  return new Set(groups.slice(0, until).filter((group) => /^step \d+$/.test(group.label)));
}

function sequence(detail, name, body = el("div", { class: "rows" })) {
  const transcript = detail.transcript;
  if (!transcript) return { node: el("p", { class: "dim" }, "Nothing was sent or received, so there is no transcript."), groups: [], list: null };
  const groups = steps(detail);
  const lines = linesOf(groups, detail.source);
  const lanes = lanesOf(transcript);
  const stopped = stoppedAt(groups, detail.verdict.failure);
  const passed = kept(groups, stopped, detail.cell.verdict);
  const context = { lanes, transcript, name, taken: takenBy(groups, transcript) };
  const items = groups.flatMap((group) => [{ group }, ...group.entries.map((found) => ({ found }))]);
  const list = lazily(body, items, (item) => (item.group ? stepHead(item.group, lines.get(item.group.key), item.group === stopped, passed.has(item.group), context) : message(item.found, context)), 300);
  const elided = transcript.elided ? el("p", { class: "dim" }, `${transcript.elided.entries} further entries, ${transcript.elided.length} bytes, were counted but not kept.`) : null;
  return { node: el("div", { "data-of": name }, frame(lanes, body, name), elided), groups, lines, stopped, list };
}
