"use strict";
const { run, requirements, part_size: PART } = JSON.parse(document.getElementById("run").textContent);
const $ = (id) => document.getElementById(id);
const MARKS = { "passed": "✓", "failed": "✗", "known-deviation": "≠", "unexpected-pass": "!", "not-offered": "–", "errored": "?" };
const ORDER = ["failed", "errored", "unexpected-pass", "known-deviation", "passed", "not-offered"];
const words = (kind) => kind.replace("-", " ");

/** An element with attributes, event handlers (functions) and children; text is never parsed as HTML. */
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** Control characters as their pictures, so that ␞ and NUL can be seen. */
const visible = (text) => text.replaceAll("\r\n", "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (c) => String.fromCharCode(c === "\u007f" ? 0x2421 : 0x2400 + c.charCodeAt(0)));
const ms = (value) => (value < 10000 ? `${value} ms` : `${(value / 1000).toFixed(1)} s`);

const targets = run.targets.map((target) => target.name);
/** Rows of the matrix: trial → for each target the outcomes (one per repetition), worst first. */
const rows = new Map();
run.outcomes.forEach((outcome, index) => {
  outcome.index = index;
  if (!rows.has(outcome.trial)) rows.set(outcome.trial, { trial: outcome.trial, first: outcome, cells: new Map() });
  const cells = rows.get(outcome.trial).cells;
  if (!cells.has(outcome.target)) cells.set(outcome.target, []);
  cells.get(outcome.target).push(outcome);
});
const worst = (outcomes) => outcomes.reduce((a, b) => (ORDER.indexOf(b.verdict.kind) < ORDER.indexOf(a.verdict.kind) ? b : a));
const sorted = [...rows.values()].sort((a, b) => (a.trial < b.trial ? -1 : 1));
for (const row of sorted) {
  row.kinds = targets.map((target) => (row.cells.has(target) ? worst(row.cells.get(target)).verdict.kind : null));
  const judged = new Set(row.kinds.filter((kind) => kind && kind !== "not-offered" && kind !== "errored").map((kind) => (kind === "unexpected-pass" ? "passed" : kind === "known-deviation" ? "failed" : kind)));
  row.differs = judged.size > 1 || row.kinds.some((kind) => kind && !["passed", "not-offered"].includes(kind));
  row.text = [row.trial, row.first.title, ...row.first.requirements].join("\n").toLowerCase();
}

function counts(outcomes) {
  const found = Object.fromEntries(ORDER.map((kind) => [kind, 0]));
  for (const outcome of outcomes) found[outcome.verdict.kind] += 1;
  return found;
}

function overview() {
  const red = run.outcomes.filter((o) => (["failed", "errored"].includes(o.verdict.kind) && o.gates) || o.verdict.kind === "unexpected-pass").length;
  $("headline").textContent = `siospec: ${red === 0 ? "nothing that gates failed" : `${red} gating trial${red === 1 ? "" : "s"} red`}${run.interrupted ? " (interrupted)" : ""}`;
  document.title = $("headline").textContent;
  $("about").textContent = `siospec ${run.siospec}, ${new Date(run.started).toLocaleString()}, ${run.outcomes.length} trials in ${ms(run.duration_ms)}, gate ${run.selection.gate}${run.selection.arguments.length ? `, ${run.selection.arguments.join(" ")}` : ""}`;
  $("overview").append(...run.targets.map((target) => {
    const outcomes = run.outcomes.filter((o) => o.target === target.name);
    const found = counts(outcomes);
    return el("article", { class: "card" },
      el("h3", {}, target.name, " ", el("span", { class: "dim" }, Object.entries(target.versions || {}).map(([name, version]) => `${name} ${version}`).join(", "))),
      el("div", { class: "bar", role: "img", "aria-label": ORDER.map((kind) => `${found[kind]} ${words(kind)}`).join(", ") },
        ORDER.filter((kind) => found[kind]).map((kind) => el("span", { class: `bg-${kind}`, style: `flex:${found[kind]}` }))),
      el("div", {}, ORDER.filter((kind) => found[kind]).map((kind) => el("span", { class: kind }, `${MARKS[kind]} ${found[kind]} ${words(kind)}  `))),
      target.unreachable ? el("p", { class: "failed" }, target.unreachable) : null,
      (target.missing || []).length ? el("p", { class: "failed" }, `not declared although required: ${target.missing.join(", ")}`) : null,
      (target.stale || []).length ? el("details", {}, el("summary", { class: "unexpected-pass" }, `${target.stale.length} stale known deviation(s)`), el("ul", {}, target.stale.map((entry) => el("li", {}, el("code", {}, entry.scenario), ": ", entry.why)))) : null,
      (target.deaths || []).map((text) => el("details", {}, el("summary", { class: "failed" }, "a process died"), el("pre", {}, visible(text)))));
  }));
}

function groups() {
  const keys = [...new Set(run.outcomes.map((o) => `${o.level}\n${o.group}`))].sort((a, b) => {
    const rank = (key) => ["MUST", "SHOULD", "MAY", "DE-FACTO"].indexOf(key.split("\n")[0]);
    return rank(a) - rank(b) || (a < b ? -1 : 1);
  });
  const head = el("tr", {}, el("th", {}, "level"), el("th", {}, "group"), targets.map((target) => el("th", {}, target)));
  const body = keys.map((key) => {
    const [level, group] = key.split("\n");
    return el("tr", {}, el("td", {}, level), el("td", {}, el("button", { class: "cell", type: "button", click: () => { $("level").value = level; $("group").value = group; filter(); $("matrix-title").scrollIntoView(); } }, group)),
      targets.map((target) => {
        const found = counts(run.outcomes.filter((o) => o.target === target && o.level === level && o.group === group));
        return el("td", {}, ORDER.filter((kind) => found[kind]).map((kind) => el("span", { class: kind, title: words(kind) }, `${MARKS[kind]}${found[kind]} `)));
      }));
  });
  $("groups").append(el("details", {}, el("summary", {}, `${keys.length} groups`), el("table", {}, el("thead", {}, head), el("tbody", {}, body))));
}

let shown = [];
function matrix() {
  $("matrix").tHead.append(el("tr", {}, el("th", { scope: "col" }, "scenario"), el("th", { scope: "col" }, "level"), targets.map((target) => el("th", { scope: "col" }, target))));
  const fragment = document.createDocumentFragment();
  for (const row of sorted) {
    row.node = el("tr", {}, el("td", { class: "name" }, el("code", {}, row.trial), el("div", { class: "dim" }, row.first.title)), el("td", {}, row.first.level),
      targets.map((target, column) => {
        const kind = row.kinds[column];
        if (!kind) return el("td", {});
        const times = row.cells.get(target).length;
        return el("td", {}, el("button", { type: "button", class: `cell ${kind}`, "data-trial": row.trial, "data-target": target, "aria-label": `${row.trial} on ${target}: ${words(kind)}` },
          MARKS[kind], el("span", { class: "word" }, ` ${words(kind)}`), times > 1 ? ` ×${times}` : ""));
      }));
    fragment.append(row.node);
  }
  $("matrix").tBodies[0].append(fragment);
  $("matrix").addEventListener("click", (event) => {
    const cell = event.target.closest("button.cell");
    if (cell) open(cell.dataset.trial, cell.dataset.target);
  });
  $("matrix").addEventListener("keydown", move);
}

function move(event) {
  const cell = event.target.closest("button.cell");
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!cell || !steps) return;
  event.preventDefault();
  let row = shown.findIndex((r) => r.trial === cell.dataset.trial);
  let column = targets.indexOf(cell.dataset.target);
  for (;;) {
    row += steps[0];
    column += steps[1];
    if (row < 0 || column < 0 || row >= shown.length || column >= targets.length) return;
    const found = shown[row].node.querySelector(`button[data-target="${CSS.escape(targets[column])}"]`);
    if (found) return found.focus();
  }
}

function filter() {
  const search = $("search").value.trim().toLowerCase();
  const [verdict, level, group, differences] = [$("verdict").value, $("level").value, $("group").value, $("differences").checked];
  shown = sorted.filter((row) => {
    const fits = row.text.includes(search) && (!level || row.first.level === level) && (!group || row.first.group === group) && (!verdict || row.kinds.includes(verdict)) && (!differences || row.differs);
    row.node.hidden = !fits;
    return fits;
  });
  $("shown").textContent = `${shown.length} of ${sorted.length}`;
}

function options(select, values, label) {
  select.append(...values.map((value) => el("option", { value }, label ? label(value) : value)));
}

const parts = new Map();
/** The transcript of one outcome; parts are inflated when first wanted. */
async function transcript(index) {
  const key = Math.floor(index / PART);
  if (!parts.has(key)) {
    parts.set(key, (async () => {
      const node = $(`part-${key}`);
      if (!node) return [];
      const bytes = Uint8Array.from(atob(node.textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
      return JSON.parse(await new Response(stream).text());
    })());
  }
  return (await parts.get(key))[index % PART] || null;
}

function requirement(id) {
  const row = requirements[id];
  if (!row) return el("div", {}, el("code", {}, id));
  return el("div", {}, el("a", { href: row.link, rel: "noreferrer" }, id), ` ${row.level}: ${row.statement}`);
}

function failure(failed) {
  const first = failed.snippet.first_line;
  return el("section", { class: "failure" },
    el("h3", {}, "What failed"),
    el("p", {}, failed.client ? el("strong", {}, `${failed.client}: `) : null, failed.message),
    el("div", { class: "dim" }, `${failed.file}:${failed.line}:${failed.column}`),
    el("pre", {}, failed.snippet.lines.map((line, i) => el("span", { class: first + i === failed.line ? "here" : "" }, `${String(first + i).padStart(4)} │ ${visible(line)}${first + i === failed.line ? "" : "\n"}`))),
    el("dl", { class: "facts" },
      el("dt", {}, "at"), el("dd", {}, failed.step),
      failed.expected ? [el("dt", {}, "expected"), el("dd", {}, el("code", {}, visible(failed.expected)))] : null,
      failed.received ? [el("dt", {}, "received"), el("dd", {}, el("code", {}, visible(failed.received)))] : null,
      failed.path ? [el("dt", {}, "inside"), el("dd", {}, el("code", {}, failed.path))] : null,
      (failed.notes || []).map((note) => [el("dt", {}, ""), el("dd", { class: "dim" }, visible(note))])));
}

function wire(raw) {
  if (!raw) return "";
  const text = raw.text !== undefined ? visible(raw.text) : raw.hex !== undefined ? `<${raw.hex.replace(/../g, "$& ").trim()}>` : "";
  return raw.length !== undefined ? `${text} … (${raw.length} bytes in all)` : text;
}

function sequence(record, failed) {
  if (!record) return el("p", { class: "dim" }, "No transcript was kept.");
  // A failed trial stopped at the last remark of the harness.
  const decided = failed ? record.entries.findLastIndex((entry) => entry.layer === "note" || entry.layer === "deadline") : -1;
  const lanes = [...new Set(record.entries.map((entry) => entry.client).filter(Boolean))].sort();
  if (!lanes.length) lanes.push("client");
  const columns = `5.2rem repeat(${lanes.length}, minmax(9rem, 1fr)) minmax(5rem, .4fr)`;
  const layers = [...new Set(record.entries.map((entry) => entry.layer))];
  const hidden = new Set(layers.includes("engine") ? ["frame", "tcp"].filter((layer) => layers.includes(layer)) : []);
  const body = el("div", {});
  const draw = () => body.replaceChildren(...record.entries.map((entry, i) => ({ entry, i })).filter(({ entry, i }) => !hidden.has(entry.layer) || i === decided).map(({ entry, i }) => row(entry, i)));
  const row = (entry, i) => {
    const time = el("time", {}, `${(entry.at / 1000).toFixed(2)} ms`);
    const node = el("div", { class: `entry${i === decided ? " decided" : ""}`, style: `grid-template-columns:${columns}` }, time);
    const tags = (entry.annotations || []).map((text) => el("span", { class: "tag" }, text));
    if (!entry.direction || entry.direction === "none") {
      node.append(el("div", { class: `note ${entry.layer}` }, entry.client ? `${entry.client}: ` : "", (entry.annotations || []).join(", ")));
      return node;
    }
    const lane = Math.max(0, lanes.indexOf(entry.client));
    const text = wire(entry.raw);
    const shown = text.length > 400 ? el("details", {}, el("summary", {}, el("span", { class: "wire" }, text.slice(0, 160), " …")), el("span", { class: "wire" }, text)) : el("span", { class: "wire" }, text);
    node.append(el("div", { class: `arrow ${entry.direction} ${entry.layer}`, style: `grid-column:${lane + 2} / -1` }, el("span", { class: "tag" }, entry.layer), entry.lane ? el("span", { class: "tag" }, entry.lane) : null, tags, shown));
    return node;
  };
  draw();
  const toggles = layers.map((layer) => el("label", { class: "tag" }, el("input", { type: "checkbox", checked: !hidden.has(layer), change: (event) => { event.target.checked ? hidden.delete(layer) : hidden.add(layer); draw(); } }), ` ${layer}`));
  return el("section", {}, el("h3", {}, "Transcript"), el("div", {}, toggles),
    el("div", { class: "sequence" }, el("div", { class: "lanes", style: `grid-template-columns:${columns}` }, el("span", {}, "time"), lanes.map((lane) => el("span", {}, lane)), el("span", {}, "server")), body),
    record.elided ? el("p", { class: "dim" }, `${record.elided.entries} further entries (${record.elided.length} bytes) were counted but not kept.`) : null);
}

async function side(outcome) {
  const verdict = outcome.verdict;
  const server = outcome.target.includes("://") ? `--url ${outcome.target} ` : outcome.target === "reference" ? "" : `--target ${outcome.target} `;
  const replay = `siospec run ${server}--exact --filter '${outcome.trial}'`;
  return el("article", {},
    el("h3", {}, outcome.target, ": ", el("span", { class: verdict.kind }, `${MARKS[verdict.kind]} ${words(verdict.kind)}`), el("span", { class: "dim" }, ` in ${ms(outcome.duration_ms)}${outcome.gates ? "" : ", does not gate"}`)),
    verdict.reason ? el("p", {}, verdict.reason) : null,
    verdict.known ? el("p", {}, "Known: ", verdict.known.reason, verdict.known.link ? [" ", el("a", { href: verdict.known.link, rel: "noreferrer" }, "discussed here")] : null, verdict.known.version ? ` (seen on ${verdict.known.version})` : "") : null,
    verdict.failure ? failure(verdict.failure) : null,
    el("h3", {}, "Replay"), el("pre", {}, replay),
    sequence(await transcript(outcome.index), Boolean(verdict.failure)));
}

let current = null;
async function open(trial, target, beside) {
  const row = rows.get(trial);
  if (!row || !row.cells.has(target)) return;
  current = { trial, target, beside: beside || "" };
  const others = targets.filter((name) => name !== target && row.cells.has(name));
  $("beside").replaceChildren(el("option", { value: "" }, "nothing"), ...others.map((name) => el("option", { value: name, selected: name === beside }, name)));
  $("beside").parentElement.hidden = !others.length;
  $("detail-title").textContent = trial;
  const wanted = [target, ...(beside ? [beside] : [])].map((name) => worst(row.cells.get(name)));
  const panels = await Promise.all(wanted.map(side));
  const about = el("section", { style: "grid-column:1/-1" }, el("p", {}, row.first.title), row.first.requirements.map(requirement), el("div", { class: "dim" }, row.first.file));
  $("sides").className = beside ? "sides two" : "sides";
  $("sides").replaceChildren(about, ...panels);
  history.replaceState(null, "", `#${new URLSearchParams({ trial, target, ...(beside ? { beside } : {}) })}`);
  if (!$("detail").open) $("detail").showModal();
  $("detail").scrollTop = 0;
}

function step(by) {
  const at = shown.findIndex((row) => row.trial === current.trial);
  for (let i = at + by; i >= 0 && i < shown.length; i += by) {
    if (shown[i].cells.has(current.target)) return open(shown[i].trial, current.target, current.beside && shown[i].cells.has(current.beside) ? current.beside : "");
  }
}

overview();
groups();
matrix();
options($("verdict"), ORDER.filter((kind) => run.outcomes.some((o) => o.verdict.kind === kind)), words);
options($("level"), ["MUST", "SHOULD", "MAY", "DE-FACTO"].filter((level) => run.outcomes.some((o) => o.level === level)));
options($("group"), [...new Set(run.outcomes.map((o) => o.group))].sort());
filter();
$("filters").addEventListener("input", filter);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("beside").addEventListener("change", (event) => open(current.trial, current.target, event.target.value));
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => $("detail").close());
$("detail").addEventListener("close", () => {
  history.replaceState(null, "", location.pathname + location.search);
  const cell = document.querySelector(`button.cell[data-trial="${CSS.escape(current.trial)}"][data-target="${CSS.escape(current.target)}"]`);
  if (cell) cell.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !$("detail").open && !["INPUT", "SELECT"].includes(event.target.tagName)) {
    event.preventDefault();
    $("search").focus();
  }
});
const wanted = new URLSearchParams(location.hash.slice(1));
if (wanted.has("trial")) open(wanted.get("trial"), wanted.get("target"), wanted.get("beside"));
