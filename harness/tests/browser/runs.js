// The runs whose reports are looked at: the bundled server beside one with a fault, and a conversation with hostile bytes.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const here = import.meta.dirname;
const built = ["debug", "release"].map((profile) => join(here, "../../../target", profile, "siospec"));
const siospec = process.env.SIOSPEC || built.find(existsSync);
if (!siospec) throw new Error("build siospec first, or name it in the variable SIOSPEC");

/** The rule that the second target breaks, and the one trial that then fails. */
export const FAULT = "po-OK-uppercase";
export const FAILS = "engine.io/polling/post-is-answered-ok";
export const folder = mkdtempSync(join(tmpdir(), "siospec-browser-"));

function call(codes, ...words) {
  const done = spawnSync(siospec, words, { encoding: "utf8", maxBuffer: 1 << 28, timeout: 240_000 });
  if (!codes.includes(done.status)) throw new Error(`siospec ${words.join(" ")} ended with ${done.status}\n${done.stdout}\n${done.stderr}`);
}

/** Plays two targets, of which one has a fault. */
export async function compared() {
  const server = spawn(siospec, ["serve", "--port", "0", "--fault", FAULT], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let port;
    for await (const line of createInterface(server.stdout)) {
      port = /^READY (\d+)/.exec(line)?.[1];
      if (port) break;
    }
    const url = `http://127.0.0.1:${port}`;
    const [html, json] = [join(folder, "run.html"), join(folder, "run.json")];
    const filters = ["engine.io/polling", "engine.io/upgrade", "socket.io/acks", "socket.io/binary"].flatMap((name) => ["--filter", name]);
    call([1], "run", "--quiet", "--target", "reference", "--url", url, ...filters, "--report", `html=${html}`, "--report", `json=${json}`);
    return { html, url, run: JSON.parse(readFileSync(json, "utf8")) };
  } finally {
    server.kill();
  }
}

/** Plays a conversation whose bytes would like to be HTML. */
export function hostile() {
  const html = join(folder, "hostile.html");
  call([0, 4], "run", "--quiet", join(here, "hostile.yaml"), "--report", `html=${html}`);
  return html;
}

/** The same outcomes again and again, until there are so many trials on so many targets. */
export function large(run, trials, targets, file = "large") {
  const names = Array.from({ length: targets }, (_, i) => `target-${i + 1}`);
  const outcomes = run.outcomes.filter((outcome) => outcome.target === "reference");
  const grown = names.flatMap((target) => Array.from({ length: trials }, (_, i) => {
    const outcome = outcomes[i % outcomes.length];
    return { ...outcome, target, trial: `${outcome.trial.replace("/", `/${Math.floor(i / outcomes.length)}-`)}` };
  }));
  const [html, json] = [join(folder, `${file}.html`), join(folder, `${file}.json`)];
  writeFileSync(json, JSON.stringify({ ...run, targets: names.map((name) => ({ ...run.targets[0], name })), outcomes: grown }));
  call([0, 4], "report", "--quiet", "--partial", json, "--report", `html=${html}`);
  return html;
}

/** What fails as a known deviation, on so many targets. */
export function known(run, targets) {
  const failed = run.outcomes.find((outcome) => outcome.verdict.kind === "failed");
  const entry = { scenario: failed.scenario, expected: "ok", got: "OK", reason: "it shouts" };
  const verdict = { kind: "known-deviation", failure: failed.verdict.failure, known: entry };
  return large({ ...run, outcomes: [{ ...failed, target: "reference", verdict }] }, 3, targets, "known");
}
