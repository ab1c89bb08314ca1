// Two targets' transcripts of one trial, step beside step.

/** The bytes kept of an entry, each byte that is no text as a character of its own. */
const readable = ({ text, hex }) => text ?? (hex || "").replace(/../g, (byte) => String.fromCharCode(parseInt(byte, 16)));

/**
 * What of an entry may be compared. Ids, ports, dates and the marks that keep trials on one server apart mean nothing;
 * how many polls brought the packets, when an unasked-for end of a stream came, and what the monitor tells of other
 * trials are of the moment.
 */
function essence(entry) {
  if (!entry.direction || entry.direction === "none") return entry.layer === "deadline" ? "deadline" : null;
  if (entry.layer === "tcp") return entry.taken_by ? (entry.annotations || []).join().replace(/\d+/g, "#") : null;
  const text = entry.raw ? readable(entry.raw) : "";
  if (!entry.taken_by && text.startsWith("42/monitor,")) return null;
  const { first, body } = http(text);
  const whole = entry.layer === "http";
  if (whole && !entry.taken_by && (/^GET .*transport=polling/.test(first) || (/^HTTP\S+ 200 /.test(first) && /^[0-6b]/.test(body)))) return null;
  const shown = whole ? `${first.split("?")[0]} ${body.length < 200 ? body : ""}`.replace(/0\{.*/s, "0{…}") : text.replace(/^0\{.*/s, "0{…}");
  return [entry.client, entry.direction, shown.replace(/~[\da-f]{16}|(?=[\w-]*[A-Z\d])[\w-]{15,}|\b\d{9,}\b/g, (found) => (found[0] === "~" ? "" : "…"))].join(" ");
}

/** Takes out of both lists what has its counterpart in the other. */
function matched(left, right) {
  const there = new Map();
  for (const found of right) there.set(found.key, [...(there.get(found.key) || []), found]);
  const gone = new Set();
  for (const found of left) {
    const other = there.get(found.key)?.shift();
    if (other) gone.add(found).add(other);
  }
  return [left, right].map((side) => side.filter((found) => !gone.has(found)));
}

/** The steps of both, each once, in order. */
function aligned(left, right) {
  const keys = left.map((group) => group.key);
  right.forEach((group, at) => {
    if (keys.includes(group.key)) return;
    const before = at > 0 ? keys.indexOf(right[at - 1].key) : -1;
    keys.splice(before + 1, 0, group.key);
  });
  const of = (groups, key) => groups.find((group) => group.key === key);
  return keys.map((key) => ({ left: of(left, key), right: of(right, key) }));
}

/** What met a step stands at that step, though it may have come while an earlier one was at work. */
function settled(groups) {
  const moved = groups.map((group) => ({ ...group, entries: [] }));
  groups.forEach((group, at) => {
    for (const found of group.entries) {
      const { taken_by: by } = found.entry;
      const to = by ? groups.findIndex((other, i) => i >= at && other.label === `step ${by}`) : -1;
      moved[to < 0 ? at : to].entries.push(found);
    }
  });
  return moved;
}

/**
 * The steps of both, with what happened on one side alone. A counterpart is looked for in the same step first and then in
 * the others: what comes while the client goes from step to step stands now in this one, now in the next.
 */
function paired(left, right) {
  const keyed = (group) => (group ? group.entries.map((found) => ({ found, key: essence(found.entry) })).filter(({ key }) => key !== null) : []);
  const pairs = aligned(left, right);
  const rest = pairs.map((pair) => matched(keyed(pair.left), keyed(pair.right)));
  const alone = new Set(matched(...[0, 1].map((side) => rest.flatMap((of) => of[side]))).flat().map(({ found }) => found));
  return pairs.map((pair) => {
    const own = [pair.left, pair.right].flatMap((group) => (group ? group.entries : []));
    const there = new Set(own.filter((found) => alone.has(found)));
    return { ...pair, alone: there, differs: there.size > 0 || !pair.left || !pair.right };
  });
}

function besides(details, names) {
  const groups = details.map((detail) => settled(steps(detail)));
  const lanes = lanesOf(...details.map((detail) => detail.transcript));
  const lines = details.map((detail, side) => linesOf(groups[side], detail.source));
  const stopped = details.map((detail, side) => stoppedAt(groups[side], detail.verdict.failure));
  const pairs = paired(...groups);
  const half = (group, side, pair) => el("div", { class: "half", "data-of": names[side], role: "group", "aria-label": names[side] },
    group ? group.entries.map((found) => {
      const node = message(found, { lanes, transcript: details[side].transcript, name: names[side] });
      if (pair.alone.has(found)) node.classList.add("alone");
      return node;
    }) : null,
    !group ? el("p", { class: "dim nothing" }, "did not come to this step") : group.entries.length ? null : el("p", { class: "dim nothing" }, "–"));
  const make = (pair) => {
    const group = pair.left || pair.right;
    const line = lines[0].get(group.key) || lines[1].get(group.key);
    const failed = stopped.includes(group);
    const head = stepHead(group, line, failed || (pair.left && stopped[0] === pair.left) || (pair.right && stopped[1] === pair.right), false);
    if (pair.differs) head.append(el("span", { class: "tag differs" }, "differs"));
    return el("section", { class: `pair${pair.differs ? " differs" : ""}` }, head, pair.left?.entries.length || pair.right?.entries.length || !pair.left || !pair.right ? el("div", { class: "halves" }, half(pair.left, 0, pair), half(pair.right, 1, pair)) : null);
  };
  const body = el("div", {});
  const list = lazily(body, pairs, make, 60);
  const first = pairs.findIndex((pair) => pair.differs);
  const heads = el("div", { class: "halves heads" }, names.map((name) => el("div", { class: "half" }, el("b", {}, name), " ", el("span", { class: "dim" }, lanes.own.join(", "), lanes.proxy ? ", proxy" : "", " → server"))));
  const node = el("div", { class: `two${lanes.proxy ? " proxied" : ""}`, "--lanes": lanes.own.length }, heads, body);
  const toFirst = () => { list.upTo(first + 1); goTo(body.children[first].querySelector(".step")); };
  return { node, list, groups: groups[0], lines: lines[0], stopped: stopped[0], differing: pairs.filter((pair) => pair.differs).length, toFirst };
}
