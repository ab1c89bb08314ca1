// The dialog of a cell: requirement, verdict, YAML, diagram, replay; alone or beside another target.

let current = null;

/** A sentence in which backticks mark what is code. */
const coded = (text) => text.split(/`([^`]+)`/).map((part, i) => (i % 2 ? el("code", {}, part) : part));

function requirement(id) {
  const row = index.requirements[id];
  if (!row) return el("li", {}, el("code", {}, id));
  return el("li", {}, el("span", { class: "tag level" }, row.level), " ", link(row.link, id), ": ", coded(row.statement), " ", row.link ? null : el("span", { class: "dim" }, row.source));
}

/** Expected and received, one above the other, with what differs marked. */
function against(expected, received) {
  const [a, b] = [visible(expected ?? ""), visible(received ?? "")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const marked = (text) => [text.slice(0, start), el("mark", {}, text.slice(start, text.length - end)), text.slice(text.length - end)];
  return [expected === undefined ? null : [el("dt", {}, "expected"), el("dd", {}, el("code", {}, received === undefined ? a : marked(a)))], received === undefined ? null : [el("dt", {}, "received"), el("dd", {}, el("code", {}, expected === undefined ? b : marked(b)))]];
}

function failure(failed, withSnippet) {
  const first = failed.snippet.first_line;
  return el("section", { class: "failure" },
    el("p", {}, failed.client ? el("strong", {}, `${failed.client}: `) : null, visible(failed.message)),
    el("dl", { class: "facts" }, against(failed.expected, failed.received),
      failed.path ? [el("dt", {}, "inside"), el("dd", {}, el("code", {}, failed.path))] : null,
      el("dt", {}, "at"), el("dd", {}, `${failed.step}, ${failed.file}:${failed.line}:${failed.column}`),
      (failed.notes || []).map((note) => [el("dt", {}, "note"), el("dd", {}, visible(note))])),
    withSnippet ? el("pre", {}, failed.snippet.lines.map((line, i) => el("span", { class: first + i === failed.line ? "here" : "" }, `${String(first + i).padStart(4)} │ ${visible(line)}\n`))) : null);
}

function verdict(detail, name, column) {
  const { verdict: said, cell } = detail;
  const repeated = detail.times > 1 ? el("label", { class: "dim" }, ` repetition `, el("select", { change: (event) => open(current.trial, current.target, current.beside, { [column]: Number(event.target.value) }) }, Array.from({ length: detail.times }, (_, i) => el("option", { value: i, selected: i === detail.repetition }, i + 1)))) : null;
  return el("article", { class: `verdict ${cell.verdict}` },
    el("h3", {}, name, ": ", mark(cell.verdict), " ", el("span", { class: cell.verdict }, words(cell.verdict)), el("span", { class: "dim" }, ` in ${ms(cell.ms)}${cell.newer ? ", newer than the release that gates" : cell.changed ? ", changed since the release that gates" : cell.gates ? "" : ", does not gate"}`), repeated),
    said.reason ? el("p", {}, visible(said.reason)) : null,
    said.known ? el("p", {}, "Known: ", coded(said.known.reason), said.known.link ? [" ", link(said.known.link, "discussed here")] : null, said.known.version ? ` (seen on ${said.known.version})` : "", said.known.until ? ` until ${said.known.until}` : "") : null,
    said.failure ? failure(said.failure, !detail.source) : null,
    el("div", { class: "replay" }, el("span", { class: "dim" }, "replay"), copyable(detail.replay)));
}

/** The scenario, each line that is a step a button that leads to what happened there. */
function yaml(source, lines, stopped, list) {
  const keyed = new Map();
  for (const [key, line] of lines || []) if (!keyed.has(line)) keyed.set(line, key);
  const failing = stopped ? lines.get(stopped.key) : undefined;
  const go = (key) => {
    list.all();
    goTo($("body").querySelector(`.step[data-key="${CSS.escape(key)}"]`));
  };
  return el("pre", { class: "yaml" }, source.trimEnd().split("\n").map((line, i) => {
    const key = keyed.get(i + 1);
    const text = visible(line) || " ";
    const number = el("span", { class: "number", "aria-hidden": "true" }, i + 1);
    const here = i + 1 === failing ? " here" : "";
    return key === undefined || !list ? el("span", { class: `line${here}` }, number, text) : el("button", { type: "button", class: `line${here}`, title: "go to what happened there", click: () => go(key) }, number, text);
  }));
}

/** What of the transcript is shown. */
function layers(node) {
  const wanted = [["packets", "packet"], ["HTTP", "http"], ["TCP", "tcp"], ["steps", "step"]].filter(([, layer]) => layer === "step" || node.querySelector(`.message.${layer}`));
  return el("fieldset", { class: "layers" }, el("legend", { class: "sr" }, "layers"), wanted.map(([name, layer]) => el("label", { class: "check" }, el("input", { type: "checkbox", checked: true, change: (event) => node.classList.toggle(`no-${layer}`, !event.target.checked) }), ` ${name}`)),
    el("button", { type: "button", click: (event) => {
      const wants = !event.target.classList.toggle("all");
      for (const message of node.querySelectorAll("details.message")) message.open = !wants;
      event.target.textContent = wants ? "open all" : "close all";
    } }, "open all"));
}

async function open(trial, target, beside, repetitions = {}) {
  const row = rowOf.get(trial);
  const column = targets.indexOf(target);
  if (!row || !row.kinds[column]) return;
  const others = targets.filter((name, i) => name !== target && row.kinds[i]);
  if (!others.includes(beside)) beside = "";
  const names = beside ? [target, beside] : [target];
  const details = await Promise.all(names.map((name) => detailOf(row, targets.indexOf(name), repetitions[targets.indexOf(name)])));
  current = { trial, target, beside };
  $("beside").replaceChildren(el("option", { value: "" }, "nothing"), ...others.map((name) => el("option", { value: name, selected: name === beside }, `${name}: ${words(row.kinds[targets.indexOf(name)])}`)));
  $("beside-label").hidden = !others.length;
  $("detail-title").textContent = trial;
  const told = beside ? besides(details, names) : sequence(details[0], target);
  const source = details.map((detail) => detail.source).find(Boolean);
  const hint = beside ? el("p", { class: "dim" }, told.differing ? `${told.differing} step${told.differing === 1 ? " differs" : "s differ"} (ids, dates and headers are not compared). ` : "Both say the same, but for ids, dates and headers.", told.differing ? el("button", { type: "button", id: "first-difference", click: told.toFirst }, "to the first difference") : null) : null;
  $("body").replaceChildren(
    el("div", { class: "about" }, el("p", { class: "title" }, visible(row.title)), el("ul", { class: "requirements" }, row.requirements.map(requirement)), row.needs.length ? el("p", { class: "dim" }, `needs ${row.needs.join(", ")}`) : null),
    el("div", { class: `verdicts${beside ? " halves" : ""}` }, details.map((detail, i) => verdict(detail, names[i], targets.indexOf(names[i])))),
    el("div", { class: beside || !source ? "" : "side-by-side" },
      source ? el("details", { class: "source", open: !beside && innerWidth > 700 }, el("summary", {}, el("h3", {}, "Scenario"), el("span", { class: "dim" }, ` ${row.file}`)), yaml(source, told.lines, told.stopped, told.list)) : el("p", { class: "dim" }, row.file),
      el("section", { class: "transcript" }, el("div", { class: "transcript-head" }, el("h3", {}, "Transcript"), layers(told.node)), hint, told.node)));
  if (!$("detail").open) $("detail").showModal();
  $("detail").scrollTop = 0;
  $("detail-title").focus({ preventScroll: true });
  remember();
}

function step(by) {
  const column = targets.indexOf(current.target);
  for (let i = shown.indexOf(rowOf.get(current.trial)) + by; i >= 0 && i < shown.length; i += by) {
    if (shown[i].kinds[column]) return open(shown[i].trial, current.target, current.beside);
  }
}
