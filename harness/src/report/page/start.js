// What ties the rooms together: keys, the address, printing.

/** Keeps filters and the open cell in the address, so that a link leads back to them. */
function remember() {
  const wanted = { ...asked(), ...($("detail").open ? current : {}) };
  const kept = Object.entries(wanted).filter(([, value]) => value).map(([key, value]) => [key, value === true ? "1" : value]);
  history.replaceState(null, "", kept.length ? `#${new URLSearchParams(kept)}` : location.pathname + location.search);
}

function recall() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  for (const id of fields) $(id).value = wanted.get(id) || "";
  $("differences").checked = wanted.has("differences");
  const cell = ["trial", "target", "beside"].map((key) => wanted.get(key));
  filter();
  if (cell[0]) open(...cell);
  else if ($("detail").open) $("detail").close();
}

let printing = false;
headline();
overview();
groups();
matrix();
recall();
$("filters").addEventListener("input", () => {
  filter();
  remember();
});
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("clear").addEventListener("click", () => {
  show({});
  $("search").focus();
});
$("beside").addEventListener("change", (event) => open(current.trial, current.target, event.target.value));
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => $("detail").close());
$("detail").addEventListener("close", () => {
  if (printing) return;
  remember();
  const cell = shown.includes(rowOf.get(current.trial)) && reach(rowOf.get(current.trial), current.target);
  if (cell) cell.focus();
  $("body").replaceChildren();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const opened = $("detail").open;
  const act = { "/": !opened && (() => $("search").focus()), "j": opened && (() => step(1)), "k": opened && (() => step(-1)) }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
window.addEventListener("hashchange", recall);
new ResizeObserver(([filters]) => document.documentElement.style.setProperty("--filters", `${filters.borderBoxSize[0].blockSize}px`)).observe($("filters"));
// Paper shows everything; and what lies in the top layer is not laid out in pages.
window.addEventListener("beforeprint", () => {
  for (const list of [...lazies]) list.all();
  if (!$("detail").open) return;
  printing = true;
  $("detail").close();
  $("detail").show();
});
window.addEventListener("afterprint", () => {
  if (!printing) return;
  $("detail").close();
  $("detail").showModal();
  setTimeout(() => { printing = false; });
});
