// Looks at the HTML report in a real Chromium, as a person would: opens, searches, filters, opens cells, compares, with
// the keyboard, in the dark, on a phone, on paper. `npm ci && npm test`; CHROMIUM and SIOSPEC name other executables.
// `npm test -- --large` also opens 1,500 trials on 5 targets and prints what that takes; `-- --shots FOLDER` keeps pictures.

import assert from "node:assert/strict";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { FAILS, compared, folder, hostile, known, large } from "./runs.js";

const words = process.argv.slice(2);
const shots = words.includes("--shots") ? words[words.indexOf("--shots") + 1] : null;
if (shots) mkdirSync(shots, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let failed = 0;
let passed = 0;

/** Opens a page, does something there, and insists that nothing was fetched and nothing complained. */
async function see(name, file, act, { hash = "", width = 1280, height = 900, colorScheme = "light", complains = false } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  page.setDefaultTimeout(15_000);
  const fetched = [];
  const complaints = [];
  await page.route("**/*", (route) => {
    const url = route.request().url();
    if (url.startsWith("file:") && url.split("#")[0] === pathToFileURL(file).href) return route.continue();
    fetched.push(url);
    return route.abort();
  });
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    await page.goto(pathToFileURL(file).href + hash);
    await act(page);
    if (shots) await page.screenshot({ path: join(shots, `${name.replace(/\W+/g, "-")}.png`) });
    assert.deepEqual(fetched, [], "nothing is fetched");
    if (!complains) assert.deepEqual(complaints, [], "the console is silent");
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${String(error.stack).replace(/^/gm, "        ")}`);
    if (complaints.length) console.log(`        console: ${complaints.join("\n        ")}`);
  } finally {
    await page.close();
  }
}

const rows = (page) => page.locator("#matrix tbody tr:not(.folder):not(.sentinel)");
const count = async (page, n) => page.waitForFunction((n) => document.getElementById("shown").textContent.startsWith(`${n} of `), n);
const focused = (page) => page.evaluate(() => ({ trial: document.activeElement.dataset.trial, target: document.activeElement.dataset.target, id: document.activeElement.id }));
const cell = (page, trial, target) => page.locator(`button.cell[data-trial="${trial}"][data-target="${target}"]`);
const wide = (page, selector) => page.locator(selector).evaluate((node) => node.scrollWidth - node.clientWidth);

const { html, url, run } = await compared();
const trials = new Set(run.outcomes.map((outcome) => outcome.trial));
const of = (target, kind) => run.outcomes.filter((outcome) => outcome.target === target && outcome.verdict.kind === kind).length;
const opened = `#${new URLSearchParams({ trial: FAILS, target: url })}`;
const beside = `#${new URLSearchParams({ trial: FAILS, target: "reference", beside: url })}`;

await see("opens from disk and counts what the run counts", html, async (page) => {
  await count(page, trials.size);
  const cards = page.locator(".card");
  assert.equal(await cards.count(), 2);
  assert.equal(await cards.nth(0).locator(".figure strong").textContent(), String(of("reference", "passed")));
  assert.match(await cards.nth(1).textContent(), /✗ 1 failed/);
  assert.match(await page.title(), /1 gating trial red/);
});

await see("searches, filters, and shows only differences", html, async (page) => {
  await page.fill("#search", "post-is-ANSWERED");
  await count(page, [...trials].filter((trial) => trial.includes("post-is-answered")).length);
  await page.fill("#search", "no such scenario");
  await count(page, 0);
  assert.ok(await page.locator("#none").isVisible());
  await page.click("#clear");
  await count(page, trials.size);
  await page.check("#differences");
  await count(page, 1);
  assert.match(await rows(page).first().textContent(), /post-is-answered-ok/);
  await page.uncheck("#differences");
  await page.selectOption("#verdict", "failed");
  await count(page, 1);
  await page.selectOption("#on", "reference");
  await count(page, 0);
  await page.reload();
  await count(page, 0);
  assert.equal(await page.inputValue("#on"), "reference", "the address keeps the filters");
});

await see("levels open into groups, and a count leads to its rows", html, async (page) => {
  const must = page.locator("#groups .toggle").first();
  await must.click();
  assert.equal(await must.getAttribute("aria-expanded"), "true");
  await page.locator("#groups .group", { hasText: "EIO-PO" }).locator(".count.failed").click();
  await count(page, 1);
  assert.deepEqual(await page.evaluate(() => ["level", "group", "verdict"].map((id) => document.getElementById(id).value)), ["MUST", "EIO-PO", "failed"]);
});

await see("rows are made when they are scrolled to", html, async (page) => {
  const before = await rows(page).count();
  assert.ok(before < trials.size, `${before} of ${trials.size} at once`);
  while ((await rows(page).count()) < trials.size) await page.mouse.wheel(0, 4000);
});

await see("a passing cell tells everything", html, async (page) => {
  const trial = [...trials].find((name) => name.startsWith("socket.io/binary/") && name.includes("websocket")) || [...trials].find((name) => name.startsWith("socket.io/binary/"));
  await page.fill("#search", trial.split("[")[0]);
  await cell(page, trial, "reference").click();
  await page.locator("dialog[open] .sequence").waitFor();
  assert.match(await page.locator(".requirements a").first().getAttribute("href"), /^https:\/\/github\.com\//);
  assert.match(await page.locator(".replay code").textContent(), /^siospec run .*--exact --filter '/);
  assert.match(await page.locator(".yaml").textContent(), /^\s*1.*schema\.json[^]*steps:/);
  assert.ok(await page.locator(".lane.server").isVisible());
  assert.ok((await page.locator(".step .passed").count()) > 0, "steps that went well say so");
  const met = page.locator("details.packet.received .tag.taken.passed").first();
  const step = /^✓ expected by step ([\d.]+)$/.exec(await met.textContent())[1];
  const head = page.locator(".step", { has: page.locator(".number", { hasText: new RegExp(`^${step}$`) }) });
  await head.locator(".jump").first().click();
  assert.ok(await page.locator(".message.flash", { hasText: `expected by step ${step}` }).isVisible(), "a step leads to what met it");
  const event = page.locator("details.packet.sent", { has: page.locator("code", { hasText: /^45/ }) }).first();
  await event.locator("summary").focus();
  await page.keyboard.press("Enter");
  await event.locator(".anatomy").waitFor();
  const fields = await event.locator(".anatomy th").allTextContents();
  for (const field of ["Engine.IO", "Socket.IO", "attachments", "namespace", "event", "argument"]) assert.ok(fields.includes(field), `${field} in ${fields}`);
  await event.locator("summary", { hasText: "in hex" }).click();
  await event.locator(".hex", { hasText: /^0000 {2}34 35/ }).waitFor();
  const answer = page.locator("details.packet", { hasText: "answers" }).first();
  await answer.locator("summary").first().click();
  await answer.locator(".jump").first().click();
  assert.equal(await page.locator(".flash").count(), 1, "what was asked is shown");
});

await see("a failing cell says what was expected and what came, and where", html, async (page) => {
  await page.locator("dialog[open] .failure").waitFor();
  assert.match(await page.locator(".requirements").textContent(), /EIO-PO-01: [^`]* ok [^`]*$/, "what is code is set as code");
  const facts = await page.locator(".failure").textContent();
  assert.match(facts, /expectedok.*receivedOK/);
  assert.equal(await page.locator(".yaml .here").textContent(), "7  - A.http.expect: {status: 200, body: ok}");
  assert.equal(await page.locator(".step.stopped").count(), 1);
  assert.match(await page.locator(".message.http", { has: page.locator(".tag.taken.failed") }).textContent(), /200 OK[^]*✗ step 3 expected something else/);
  assert.match(await page.locator(".note.verdict.failed").textContent(), /step 3: another answer came/);
  await page.locator(".yaml .here").click();
  assert.match(await page.evaluate(() => document.activeElement.className), /step stopped/);
}, { hash: opened });

await see("two targets stand side by side, and what differs is marked", html, async (page) => {
  await page.selectOption("#beside", { index: 1 });
  await page.locator(".two .pair").first().waitFor();
  assert.equal(await page.locator(".pair.differs").count(), 1);
  assert.match(await page.locator(".pair.differs .step").textContent(), /^3.*differs$/);
  const alone = await page.locator(".pair.differs .message.alone code").allTextContents();
  assert.deepEqual(alone.map((text) => text.slice(-2)).sort(), ["OK", "ok"]);
  await page.click("#first-difference");
  assert.match(await page.evaluate(() => document.activeElement.dataset.key), /^3#1$/);
  const [left, right] = await Promise.all([0, 1].map((i) => page.locator(".pair .half").nth(i).boundingBox()));
  assert.ok(left.x + left.width <= right.x, "beside, not below");
}, { hash: opened });

await see("what is only of the moment is not marked as a difference", html, async (page) => {
  const told = await page.evaluate(() => {
    const note = (text) => ({ at: 0, layer: "note", annotations: [text] });
    const [one, two] = ["step 1: - A.emit: [hello]", "step 2: - A.expect: hello-back"].map(note);
    const http = (direction, text, more) => ({ at: 1, client: "A", layer: "http", direction, raw: { text }, ...more });
    const packet = (direction, text, more) => ({ at: 1, client: "A", layer: "engine", direction, raw: { text }, ...more });
    const poll = (sid) => http("sent", `GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\n\r\n`);
    const join = (room) => packet("sent", `42["join","${room}"]`);
    const monitor = { ...packet("received", '42/monitor,["joined","/","x"]'), client: "M" };
    const ends = { at: 1, client: "A", layer: "tcp", direction: "received", annotations: ["the server ended the TCP stream"] };
    const marked = (left, right) => paired(...[left, right].map((entries) => settled(steps({ transcript: { entries }, verdict: {} }))))
      .map((pair) => [pair.left.label, [...pair.alone].map(({ entry }) => rawText(entry.raw) || entry.annotations[0])]).filter(([, alone]) => alone.length);
    const answer = (text) => packet("received", text, { taken_by: "2" });
    return {
      early: marked([one, join("red"), answer('42["hello-back"]'), two], [one, two, join("red"), answer('42["hello-back"]')]),
      polls: marked([one, poll("aB3aB3aB3aB3aB3aB3"), poll("aB3aB3aB3aB3aB3aB3"), two], [one, poll("cD4cD4cD4cD4cD4cD4"), two]),
      marks: marked([one, join("red"), two], [one, join("red~0123456789abcdef"), two]),
      monitor: marked([one, monitor, two, ends], [one, two]),
      answers: marked([one, answer('42["hello-back",1]'), two], [one, two, answer('42["hello-back",2]')]),
      names: marked([one, join("one-more-room-with-a-long-name"), two], [one, join("another-room-with-a-long-name"), two]),
      expected: marked([one, two, { ...ends, taken_by: "2" }], [one, two]),
    };
  });
  assert.deepEqual(told, {
    early: [], polls: [], marks: [], monitor: [],
    answers: [["step 2", ['42["hello-back",1]', '42["hello-back",2]']]],
    names: [["step 1", ['42["join","one-more-room-with-a-long-name"]', '42["join","another-room-with-a-long-name"]']]],
    expected: [["step 2", ["the server ended the TCP stream"]]],
  });
});

await see("the keyboard is enough", html, async (page) => {
  await page.keyboard.press("/");
  assert.equal((await focused(page)).id, "search");
  await page.keyboard.type("engine.io/polling");
  for (let i = 0; i < 12 && !(await focused(page)).trial; i += 1) await page.keyboard.press("Tab");
  const first = await focused(page);
  assert.equal(first.target, "reference", "Tab leads from the filters to the first cell");
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none", "the focus can be seen");
  await page.keyboard.press("ArrowDown");
  const below = await focused(page);
  assert.notEqual(below.trial, first.trial);
  await page.keyboard.press("ArrowUp");
  assert.deepEqual(await focused(page), first);
  await page.keyboard.press("ArrowRight");
  assert.equal((await focused(page)).target, url);
  await page.keyboard.press("Control+End");
  const last = await focused(page);
  await page.keyboard.press("Enter");
  await page.locator("dialog[open] article.verdict").waitFor();
  await page.keyboard.press("k");
  await page.waitForFunction((name) => document.getElementById("detail-title").textContent !== name, last.trial);
  await page.keyboard.press("j");
  await page.waitForFunction((name) => document.getElementById("detail-title").textContent === name, last.trial);
  await page.keyboard.press("Escape");
  await page.locator("dialog:not([open])").waitFor({ state: "attached" });
  await page.waitForFunction(() => document.activeElement.dataset.trial);
  assert.deepEqual(await focused(page), last, "the focus returns to the cell");
});

await see("everything that can be used has a name", html, async (page) => {
  await page.locator("dialog[open] .sequence").waitFor();
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, select, summary, a, [role=img], [role=grid], dialog")].filter((node) => {
    const labelled = node.getAttribute("aria-labelledby");
    const name = node.getAttribute("aria-label") || (labelled && document.getElementById(labelled).textContent) || (node.labels && node.labels[0] && node.labels[0].textContent) || node.textContent;
    return !name.trim();
  }).map((node) => node.outerHTML.slice(0, 200)));
  assert.deepEqual(nameless, []);
}, { hash: opened });

/** The contrast of each kind of text with what lies behind it, where it is below what WCAG's AA asks. */
const pale = (page) => page.evaluate(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (front, back) => {
    for (const colour of [back, front]) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    return `rgb(${r} ${g} ${b})`;
  };
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => (node ? over(getComputedStyle(node).backgroundColor, ground(node.parentElement)) : over("Canvas", "#fff"));
  const found = new Set();
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!text || !node.checkVisibility() || node.closest("script, noscript, option")) continue;
    const back = ground(node);
    const [a, b] = [light(over(getComputedStyle(node).color, back)), light(back)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) found.add(`${node.tagName}.${node.className} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return [...found];
});

for (const colorScheme of ["light", "dark"]) {
  await see(`can be read in the ${colorScheme}`, html, async (page) => {
    const [red, green, blue] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
    assert.ok(colorScheme === "dark" ? red + green + blue < 150 : red + green + blue > 600);
    assert.deepEqual(await pale(page), []);
    await page.goto(pathToFileURL(html).href + beside);
    await page.reload();
    await page.locator("dialog[open] .two").waitFor();
    await page.click("button:text('open all')");
    assert.deepEqual(await pale(page), []);
  }, { colorScheme });
}

await see("fits a phone of 360 pixels", html, async (page) => {
  await page.locator("#groups .toggle").first().click();
  assert.equal(await wide(page, "html"), 0);
  await page.fill("#search", "post-is-answered-ok");
  const [name, mark] = await Promise.all([rows(page).first().locator(".name").boundingBox(), rows(page).first().locator("button").nth(1).boundingBox()]);
  assert.ok(mark.y >= name.y + name.height, "the cells stand below the name");
  await rows(page).first().locator("button").first().click();
  await page.locator("dialog[open] .sequence").waitFor();
  await page.click("button:text('open all')");
  assert.equal(await wide(page, "dialog"), 0);
  await page.selectOption("#beside", { index: 1 });
  await page.locator(".two").waitFor();
  assert.equal(await wide(page, "dialog"), 0);
  const [left, right] = await Promise.all([0, 1].map((i) => page.locator(".pair .half").nth(i).boundingBox()));
  assert.ok(left.y + left.height <= right.y + 1, "below, not beside");
}, { width: 360, height: 740 });

const sheets = (pdf) => pdf.toString("latin1").match(/\/Type\s*\/Page\b/g).length;

await see("prints every row, without what is only for hands", html, async (page) => {
  await page.emulateMedia({ media: "print" });
  assert.ok(!(await page.locator("#filters").isVisible()));
  const pdf = await page.pdf();
  assert.equal(await rows(page).count(), trials.size);
  assert.ok(sheets(pdf) > trials.size / 40, `${sheets(pdf)} sheets`);
});

await see("prints a cell over as many sheets as it takes", html, async (page) => {
  await page.locator("dialog[open] .sequence").waitFor();
  await page.click("button:text('open all')");
  const pdf = await page.pdf();
  assert.ok(sheets(pdf) > 1 && sheets(pdf) < 12, `${sheets(pdf)} sheets`);
  await page.waitForFunction(() => document.querySelector("dialog:modal"));
}, { hash: opened });

const evil = hostile();
const untouched = async (page) => assert.equal(await page.evaluate(() => [window.owned, document.querySelectorAll("img").length, document.scripts[document.scripts.length - 1].textContent.startsWith('"use strict"')].join()), ",0,true");

await see("bytes that would like to be HTML stay text", evil, async (page) => {
  assert.match(await rows(page).first().textContent(), /<\/script><script>window\.owned/);
  await rows(page).first().locator("button").first().click();
  await page.locator("dialog[open] .sequence").waitFor();
  await page.click("button:text('open all')");
  const told = await page.locator(".sequence").textContent();
  for (const shown of ["</script><script>window.owned = 'wire'", "⟨U+202E⟩", "⟨U+2028⟩", "3c 2f 73 63 72 69 70 74 3e 00 ff fe"]) assert.ok(told.includes(shown), shown);
  await untouched(page);
});

await see("the policy keeps a script out that got in, and its pictures", evil, async (page) => {
  await page.evaluate(() => {
    const added = document.createElement("div");
    added.innerHTML = "<img src='http://127.0.0.1:9/x.png' onerror='window.owned = 1'><button onclick='window.owned = 1'>x</button>";
    document.body.append(added);
    const script = document.createElement("script");
    script.textContent = "window.owned = 1";
    document.body.append(script);
    added.querySelector("button").click();
    return fetch("http://127.0.0.1:9/").catch(() => {});
  });
  assert.equal(await page.evaluate(() => window.owned), undefined);
}, { complains: true });

const six = known(run, 6);
for (const width of [360, 1280]) {
  await see(`six targets stand side by side at ${width} pixels`, six, async (page) => {
    await count(page, 3);
    const outside = await page.locator("#matrix td:has(button.cell), #matrix thead th.target").evaluateAll((all) => all.filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.textContent));
    assert.deepEqual(outside, [], "each stays in its column");
    assert.ok((await wide(page, "html")) <= 0, "nothing to scroll sideways");
  }, { width });
}

if (words.includes("--large")) {
  const huge = large(run, 1500, 5);
  await see("1,500 trials on 5 targets", huge, async (page) => {
    await count(page, 1500);
    const loaded = await page.evaluate(() => Math.round(performance.getEntriesByType("navigation")[0].loadEventEnd));
    const took = await page.evaluate(async () => {
      const time = async (work) => {
        const began = performance.now();
        await work();
        void document.body.offsetHeight;
        return Math.round(performance.now() - began);
      };
      return [await time(() => show({ search: "polling" })), await time(() => open(rows.at(-1).trial, targets[0])), await time(() => open(rows.at(-1).trial, targets[0], targets[4]))];
    });
    console.log(`        ${(statSync(huge).size / 1e6).toFixed(1)} MB; loaded after ${loaded} ms, filtered in ${took[0]} ms, a cell opened in ${took[1]} ms, two compared in ${took[2]} ms`);
  });
}

await browser.close();
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
