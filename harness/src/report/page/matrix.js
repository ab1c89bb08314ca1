// The matrix scenario × target: filters, rows made when they are scrolled to, and arrow keys.

let shown = [];
let drawn = null;
const fields = ["search", "verdict", "on", "level", "group"];
const asked = () => ({ ...Object.fromEntries(fields.map((id) => [id, $(id).value])), differences: $("differences").checked });

function matrix() {
  $("matrix").tHead.append(el("tr", { role: "row" }, el("th", { scope: "col", role: "columnheader", class: "name" }, "scenario"), el("th", { scope: "col", role: "columnheader", class: "level" }, "level"),
    targets.map((target) => el("th", { scope: "col", role: "columnheader", class: "target" }, el("span", {}, target)))));
  $("matrix").style.setProperty("--targets", targets.length);
  $("matrix").setAttribute("aria-colcount", targets.length + 2);
  $("matrix").tBodies[0].addEventListener("click", (event) => {
    const button = event.target.closest("button.cell");
    if (button) open(button.dataset.trial, button.dataset.target);
  });
  $("matrix").addEventListener("keydown", move);
  // One of the cells is in the order of the Tab key: the one that was last visited.
  $("matrix").addEventListener("focusin", (event) => {
    const button = event.target.closest("button.cell");
    if (!button) return;
    for (const old of $("matrix").querySelectorAll('button.cell[tabindex="0"]')) old.tabIndex = -1;
    button.tabIndex = 0;
  });
  const options = (id, values, label) => $(id).append(...values.map((value) => el("option", { value }, label ? label(value) : value)));
  options("verdict", KINDS.filter((kind) => cells.some((cell) => cell.verdict === kind)), words);
  options("on", targets);
  options("level", [...LEVELS, "own"].filter((level) => rows.some((row) => (row.level || "own") === level)), (level) => (level === "own" ? "no requirement" : level));
  options("group", [...new Set(rows.map((row) => row.group))].filter(Boolean).sort());
  if (targets.length === 1) {
    $("on-label").hidden = true;
    $("differences-word").textContent = "only deviations";
  }
}

function fits(row, { search, verdict, on, level, group, differences }) {
  const kinds = on ? [row.kinds[targets.indexOf(on)]] : row.kinds;
  return search.toLowerCase().split(/\s+/).every((word) => row.text.includes(word)) && (!level || (row.level || "own") === level) && (!group || row.group === group)
    && (verdict ? kinds.includes(verdict) : kinds.some(Boolean)) && (!differences || row.differs);
}

function filter() {
  const wanted = asked();
  shown = rows.filter((row) => fits(row, wanted));
  const items = shown.flatMap((row, i) => (i === 0 || shown[i - 1].folder !== row.folder ? [{ folder: row.folder }, { row, i }] : [{ row, i }]));
  if (drawn) drawn.stop();
  drawn = lazily($("matrix").tBodies[0], items, (item) => (item.row ? line_of(item.row, item.i) : heading(item.folder)), 120);
  drawn.indexOf = (row) => items.findIndex((item) => item.row === row);
  $("matrix").setAttribute("aria-rowcount", items.length + 1);
  $("shown").textContent = `${shown.length} of ${rows.length}`;
  $("none").hidden = shown.length > 0;
  $("clear").hidden = !(wanted.differences || fields.some((id) => wanted[id]));
}

/** Sets the filters, and goes to the matrix. */
function show(wanted) {
  for (const id of fields) $(id).value = wanted[id] || "";
  $("differences").checked = Boolean(wanted.differences);
  filter();
  remember();
  $("filters").scrollIntoView();
  const first = $("matrix").querySelector("button.cell");
  if (first) first.focus({ preventScroll: true });
}

function heading(folder) {
  return el("tr", { role: "row", class: "folder" }, el("th", { role: "rowheader", scope: "rowgroup", colspan: targets.length + 2 }, folder || "scenarios"));
}

function line_of(row, i) {
  return el("tr", { role: "row", class: row.differs ? "differs" : "" },
    el("th", { role: "rowheader", scope: "row", class: "name" }, el("code", {}, row.leaf), el("div", { class: "dim" }, visible(row.title))),
    el("td", { role: "gridcell", class: "level" }, row.level || ""),
    targets.map((target, column) => {
      const kind = row.kinds[column];
      if (!kind) return el("td", { role: "gridcell" });
      const found = row.columns[column].map((at) => row.cells[at]);
      const times = found.length > 1 ? `${found.filter((cell) => cell.verdict === kind).length}/${found.length}` : "";
      const why = found.find((cell) => cell.verdict === kind).why;
      return el("td", { role: "gridcell" }, el("button", { type: "button", class: `cell ${kind}${found.some(isRed) ? " gates" : ""}`, tabindex: i === 0 && row.kinds.findIndex(Boolean) === column ? 0 : -1, "data-trial": row.trial, "data-target": target, title: why && visible(why), "aria-label": `${row.leaf} on ${target}: ${words(kind)}${times ? ` ${times}` : ""}` },
        mark(kind), el("span", { class: "word" }, ` ${words(kind).replace(/ (deviation|pass)$/, "")}`), times ? ` ${times}` : ""));
    }));
}

const button_of = (trial, target) => $("matrix").querySelector(`button[data-trial="${CSS.escape(trial)}"][data-target="${CSS.escape(target)}"]`);

/** The cell of a row, made if it was not yet. */
function reach(row, target) {
  drawn.upTo(drawn.indexOf(row) + 1);
  return button_of(row.trial, target);
}

function move(event) {
  const button = event.target.closest("button.cell");
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-15, 0], PageDown: [15, 0], Home: [0, -targets.length], End: [0, targets.length] }[event.key];
  if (!button || !steps || event.altKey || event.metaKey) return;
  event.preventDefault();
  const clamp = (value, end) => Math.min(Math.max(value, 0), end - 1);
  let row = shown.indexOf(rowOf.get(button.dataset.trial));
  let column = targets.indexOf(button.dataset.target);
  if (event.ctrlKey && event.key === "Home") row = 0;
  else if (event.ctrlKey && event.key === "End") row = shown.length - 1;
  else [row, column] = [clamp(row + steps[0], shown.length), clamp(column + steps[1], targets.length)];
  // A row may lack a target; the nearest cell on the way is taken.
  const by = [Math.sign(steps[0]), Math.sign(steps[1])];
  for (; shown[row] && column >= 0 && column < targets.length; row += by[0], column += by[1]) {
    if (shown[row].kinds[column]) return reach(shown[row], targets[column]).focus();
    if (!by[0] && !by[1]) return;
  }
}
