// Two targets' transcripts of one trial, step beside step.

/** What of an entry may be compared: ids, ports and dates differ from server to server and mean nothing. */
function essence(entry) {
  if (!entry.direction || entry.direction === "none") return entry.layer === "deadline" ? "deadline" : null;
  if (entry.layer === "tcp") return (entry.annotations || []).join().replace(/\d+/g, "#");
  const text = rawText(entry.raw);
  const { first, body } = http(text);
  const shown = entry.layer === "http" ? `${first.split("?")[0]} ${body.length < 200 ? body : ""}`.replace(/0\{.*/s, "0{…}") : text.replace(/^0\{.*/s, "0{…}");
  return [entry.client, entry.direction, shown.replace(/[A-Za-z0-9_-]{15,}|\b\d{9,}\b/g, "…")].join(" ");
}

/** Which entries of a step have no counterpart on the other side. */
function only(left, right) {
  const there = new Map();
  for (const { entry } of right) {
    const key = essence(entry);
    there.set(key, (there.get(key) || 0) + 1);
  }
  return left.filter(({ entry }) => {
    const key = essence(entry);
    if (key === null) return false;
    if (!there.get(key)) return true;
    there.set(key, there.get(key) - 1);
    return false;
  });
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

function besides(details, names) {
  const groups = details.map(steps);
  const lanes = lanesOf(...details.map((detail) => detail.transcript));
  const lines = details.map((detail, side) => linesOf(groups[side], detail.source));
  const stopped = details.map((detail, side) => stoppedAt(groups[side], detail.verdict.failure));
  const pairs = aligned(...groups).map((pair) => {
    const [left, right] = [pair.left?.entries || [], pair.right?.entries || []];
    return { ...pair, alone: new Set([...only(left, right), ...only(right, left)]) };
  });
  pairs.forEach((pair) => { pair.differs = pair.alone.size > 0 || !pair.left || !pair.right; });
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
