// Elements, and text made visible. Nothing that a server sent is ever parsed as HTML.

const $ = (id) => document.getElementById(id);

/** An element with attributes, event handlers (functions), CSS variables (`--x`) and children. */
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else if (key.startsWith("--")) node.style.setProperty(key, value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Control characters as their pictures, and what turns or hides text as its number. */
function visible(text) {
  return text.replaceAll("\r\n", "\n").replace(/[\u0000-\u0009\u000b-\u001f\u007f]/g, (c) => String.fromCharCode(c === "\u007f" ? 0x2421 : 0x2400 + c.charCodeAt(0)))
    .replace(/[\u0080-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (c) => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

const cut = (text, length) => (text.length > length ? `${text.slice(0, length)}…` : text);
const ms = (value) => (value < 10000 ? `${value} ms` : `${(value / 1000).toFixed(1)} s`);
const clock = (micros) => (micros / 1000).toFixed(micros < 100000 ? 2 : 1);
const mark = (kind) => el("span", { class: `mark ${kind}`, "aria-hidden": "true" }, MARKS[kind]);

/** A link, if the run has one to offer; only to the web. */
const link = (href, text) => (/^https?:\/\//.test(href || "") ? el("a", { href, rel: "noreferrer noopener", target: "_blank" }, text) : text);

/** A text and a button that copies it. */
function copyable(text) {
  const button = el("button", { type: "button", class: "copy", click: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "selected";
    }
  } }, "copy");
  const code = el("code", {}, text);
  return el("div", { class: "copyable" }, code, button);
}

const lazies = new Set();
/** Fills a container with `make(item)`, some at once and the others when one scrolls near them, or wants to print. */
function lazily(container, items, make, batch) {
  let made = 0;
  const sentinel = el(container.tagName === "TBODY" ? "tr" : "div", { class: "sentinel", "aria-hidden": "true" });
  const watch = new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && upTo(made + batch), { rootMargin: "1200px" });
  function upTo(count) {
    const fragment = document.createDocumentFragment();
    for (const end = Math.min(count, items.length); made < end; made += 1) fragment.append(make(items[made], made));
    sentinel.before(fragment);
    watch.disconnect();
    if (made < items.length) watch.observe(sentinel);
    else {
      sentinel.remove();
      lazies.delete(self);
    }
  }
  function stop() {
    watch.disconnect();
    lazies.delete(self);
  }
  const self = { upTo, stop, all: () => upTo(items.length) };
  container.replaceChildren(sentinel);
  lazies.add(self);
  upTo(batch);
  return self;
}
