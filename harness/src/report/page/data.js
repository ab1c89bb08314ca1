// The run: the index, which stands in the page, and the parts, which are unpacked when a cell is opened.

const index = JSON.parse(document.getElementById("index").textContent);
const MARKS = { "failed": "✗", "errored": "?", "unexpected-pass": "!", "known-deviation": "≠", "passed": "✓", "not-offered": "–" };
/** Verdicts, the worst first. */
const KINDS = Object.keys(MARKS);
const LEVELS = ["MUST", "SHOULD", "MAY", "DE-FACTO"];
const words = (kind) => kind.replace("-", " ");
const targets = index.targets.map((target) => target.name);
const worst = (kinds) => kinds.reduce((a, b) => (KINDS.indexOf(b) < KINDS.indexOf(a) ? b : a));
/** Whether a cell alone turns the run red. */
const isRed = (cell) => cell.verdict === "unexpected-pass" || (cell.gates && (cell.verdict === "failed" || cell.verdict === "errored"));

const rows = index.rows;
const cells = rows.flatMap((row) => row.cells);
rows.forEach((row, at) => {
  row.at = at;
  const slash = row.trial.split("[")[0].lastIndexOf("/");
  row.folder = row.trial.slice(0, Math.max(slash, 0));
  row.leaf = row.trial.slice(slash + 1);
  row.columns = targets.map((_, column) => row.cells.flatMap((cell, i) => (cell.target === column ? [i] : [])));
  row.kinds = row.columns.map((found) => (found.length ? worst(found.map((i) => row.cells[i].verdict)) : null));
  const judged = row.kinds.filter((kind) => kind && kind !== "not-offered");
  // What is known is a deviation all the same.
  const alike = { "known-deviation": "failed", "unexpected-pass": "passed" };
  row.differs = targets.length > 1 ? new Set(judged.map((kind) => alike[kind] || kind)).size > 1 : judged.some((kind) => kind !== "passed");
  row.text = [row.trial, ...(row.aka || []), row.title, row.group, ...row.requirements, ...row.cells.map((cell) => cell.why || "")].join("\n").toLowerCase();
});
const rowOf = new Map(rows.map((row) => [row.trial, row]));

/** How many of some cells came to which verdict. */
function counts(some) {
  const found = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  for (const cell of some) found[cell.verdict] += 1;
  return found;
}

const parts = new Map();
/** The part in which a row's details stand. */
function part(number) {
  if (!parts.has(number)) {
    parts.set(number, (async () => {
      const bytes = Uint8Array.from(atob(document.getElementById(`part-${number}`).textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
      return JSON.parse(await new Response(stream).text());
    })());
  }
  return parts.get(number);
}

/** What stands behind a row's cell on a target: the worst of its repetitions, or the one that is asked for. */
async function detailOf(row, column, repetition) {
  const found = row.columns[column];
  const kind = row.kinds[column];
  const i = repetition !== undefined ? found[repetition] : found.find((at) => row.cells[at].verdict === kind);
  const unpacked = await part(Math.floor(row.at / index.rows_per_part));
  return { ...unpacked.rows[row.at % index.rows_per_part][i], cell: row.cells[i], times: found.length, repetition: found.indexOf(i), source: unpacked.sources[row.file] };
}
