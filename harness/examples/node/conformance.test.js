// The conformance of server.js: each trial of siospec is a test of node:test.
const assert = require("node:assert");
const { spawnSync } = require("node:child_process");
const { mkdtempSync, readFileSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { test } = require("node:test");

const siospec = process.env.SIOSPEC ?? "siospec";
const folder = mkdtempSync(join(tmpdir(), "siospec-"));
const report = join(folder, "run.json");
const said = spawnSync(siospec, ["run", "--quiet", "--target", __dirname, "--report", `json=${report}`], {
  encoding: "utf8",
});
assert.ok([0, 1].includes(said.status), `${said.error ?? ""}${said.stdout}${said.stderr}`);
const run = JSON.parse(readFileSync(report, "utf8"));
rmSync(folder, { recursive: true });

for (const { trial, title, gates, replay, verdict } of run.outcomes) {
  const { kind, failure, known, reason } = verdict;
  const red = kind === "unexpected-pass" || (gates && (kind === "failed" || kind === "errored"));
  const skip = kind === "passed" || red ? false : known?.reason ?? reason ?? "differs, and does not gate";
  test(trial, { skip }, () => {
    if (!red) return;
    const where = failure ? `${failure.file}:${failure.line}: ${failure.message}` : reason ?? "";
    const parts = [`${title}: ${kind}`, where, `expected: ${failure?.expected}`, `received: ${failure?.received}`];
    assert.fail([...parts, `again: ${replay}`].join("\n"));
  });
}
