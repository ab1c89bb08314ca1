// Each target as a whole, and the levels and groups of requirements on all of them.

function headline() {
  const red = cells.filter(isRed).length;
  const stale = index.targets.reduce((sum, target) => sum + target.stale.length, 0);
  const unreachable = index.targets.filter((target) => target.unreachable).length;
  const shards = index.selection.shards;
  const absent = shards ? shards.of - shards.held.length : 0;
  const said = [
    index.interrupted ? "interrupted" : null,
    absent > 0 ? `${absent} of ${shards.of} shards not here` : null,
    unreachable ? `${unreachable} target${unreachable === 1 ? "" : "s"} not reached` : null,
    red ? `${red} gating trial${red === 1 ? "" : "s"} red` : null,
    stale ? `${stale} stale known deviation${stale === 1 ? "" : "s"}` : null,
  ].filter(Boolean);
  $("headline").textContent = `siospec: ${said.length ? said.join(", ") : "nothing that gates failed"}`;
  $("headline").className = said.length ? "failed" : "";
  document.title = $("headline").textContent;
  const when = new Date(index.started).toLocaleString();
  const flags = index.selection.arguments.length ? `, ${index.selection.arguments.join(" ")}` : "";
  $("about").textContent = `siospec ${index.siospec} · ${when} · ${rows.length} trials on ${targets.length} target${targets.length === 1 ? "" : "s"} in ${ms(index.duration_ms)} · gate: ${index.selection.gate}${flags}`;
}

/** The counts of some cells, each a button that shows them in the matrix. */
function tally(some, label, fields) {
  const found = counts(some);
  return KINDS.filter((kind) => found[kind]).map((kind) => el("button", { type: "button", class: `count ${kind}`, "aria-label": `${found[kind]} ${words(kind)}${label ? `, ${label}` : ""}: show`, click: () => show({ ...fields, verdict: kind }) },
    mark(kind), ` ${found[kind]}`, fields.level ? "" : ` ${words(kind)}`));
}

function bar(some) {
  const found = counts(some);
  return el("div", { class: "bar", role: "img", "aria-label": KINDS.map((kind) => `${found[kind]} ${words(kind)}`).join(", ") },
    ["passed", "unexpected-pass", "known-deviation", "errored", "failed", "not-offered"].filter((kind) => found[kind]).map((kind) => el("span", { class: `bg-${kind}`, "--part": found[kind] })));
}

function overview() {
  $("overview").append(...index.targets.map((target, column) => {
    const some = cells.filter((cell) => cell.target === column);
    const judged = some.filter((cell) => cell.verdict !== "not-offered" && cell.verdict !== "errored");
    const passed = judged.filter((cell) => cell.verdict === "passed" || cell.verdict === "unexpected-pass").length;
    const red = some.filter(isRed).length;
    return el("article", { class: `card${red || target.unreachable ? " red" : ""}` },
      el("h3", {}, target.name),
      el("div", { class: "dim versions" }, Object.entries(target.versions).map(([name, version]) => `${name} ${version}`).join(", ") || target.url || "\u00a0"),
      el("p", { class: "figure" }, el("strong", {}, judged.length ? `${passed}` : "–"), ` of ${judged.length} judged passed`),
      bar(some),
      el("div", { class: "counts" }, tally(some, target.name, { on: target.name })),
      red ? el("p", { class: "failed" }, `${red} of these turn${red === 1 ? "s" : ""} the run red`) : null,
      target.unreachable ? el("p", { class: "failed" }, visible(target.unreachable)) : null,
      target.missing.length ? el("p", { class: "failed" }, `not declared although required: ${target.missing.join(", ")}`) : null,
      target.stale.length ? el("details", {}, el("summary", { class: "unexpected-pass" }, `${target.stale.length} stale known deviation${target.stale.length === 1 ? "" : "s"}`), el("ul", {}, target.stale.map((entry) => el("li", {}, el("code", {}, entry.scenario), ": ", entry.why)))) : null,
      target.deaths.map((text) => el("details", {}, el("summary", { class: "failed" }, "its process died"), el("pre", {}, visible(text)))));
  }));
}

/** A line of the table: the counts of a level, or of one of its groups, on each target. */
function line(level, group, head) {
  const of = rows.filter((row) => (row.level || "own") === level && (group === undefined || row.group === group));
  return el("tr", { class: group === undefined ? "level" : "group" }, head, targets.map((target, column) => {
    const some = of.flatMap((row) => row.columns[column].map((i) => row.cells[i]));
    return el("td", {}, group === undefined && some.length ? bar(some) : null, el("div", { class: "counts" }, tally(some, `${level}${group ? ` ${group}` : ""}, ${target}`, { level, group, on: target })));
  }));
}

function groups() {
  const table = el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "level, group"), targets.map((target) => el("th", { scope: "col" }, target)))));
  for (const level of [...LEVELS, "own"]) {
    const of = rows.filter((row) => (row.level || "own") === level);
    if (!of.length) continue;
    const names = [...new Set(of.map((row) => row.group))].filter(Boolean).sort();
    const body = el("tbody", { hidden: true });
    const toggle = el("button", { type: "button", class: "toggle", "aria-expanded": "false", click: () => {
      if (!body.childElementCount) body.append(...names.map((group) => line(level, group, el("th", { scope: "row" }, group, el("div", { class: "dim" }, folders(of, group))))));
      body.hidden = !body.hidden;
      toggle.setAttribute("aria-expanded", String(!body.hidden));
    } }, level === "own" ? "no requirement" : level, el("span", { class: "dim" }, ` ${names.length} group${names.length === 1 ? "" : "s"}`));
    table.append(el("tbody", {}, line(level, undefined, el("th", { scope: "row" }, toggle))), body);
  }
  $("groups").append(table);
}

/** Where a group's scenarios stand, which says more than its short name. */
function folders(of, group) {
  const found = [...new Set(of.filter((row) => row.group === group).map((row) => row.folder))];
  return found.slice(0, 2).join(", ") + (found.length > 2 ? ", …" : "");
}
