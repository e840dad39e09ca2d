// The desk by keyboard: j and k walk through the rows, and each key presses what it names, in the row or on the page.
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("[data-rd-row]")].filter((row) => row.offsetParent !== null);
  const current = () => document.querySelector("[data-rd-row].rd-current");
  const link = (row) => (row.matches("a") ? row : row.querySelector("a"));

  function walk(by) {
    const all = rows(), at = all.indexOf(current());
    if (!all.length) return;
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    current()?.classList.remove("rd-current");
    next.classList.add("rd-current");
    link(next)?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  // What a key presses: first in the row one stands on, else on the page. An address is gone to.
  function press(key) {
    const row = current(), name = `[data-key="${key}"]`;
    const found = row?.querySelector(name) || (row ? null : document.querySelector(name)) || document.querySelector(`main ${name}:not([data-rd-row] *)`);
    if (found) { found.matches("details") ? Object.assign(found, { open: true }).querySelector("a, button, input")?.focus() : found.matches("input:not([type=checkbox]), textarea") ? found.focus() : found.click(); return true; }
    const address = row?.dataset[`key${key.toUpperCase()}`];
    if (address) location.assign(address);
    return Boolean(address);
  }

  function typing(target) { return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])")); }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    const help = document.getElementById("rd-keys"), open = help?.open;
    if (event.key === "?" && help) { open ? help.close() : help.showModal(); event.preventDefault(); return; }
    if (open) return;
    const done = event.key === "j" ? (walk(1), true) : event.key === "k" ? (walk(-1), true)
      : event.key === "o" && current() ? (link(current())?.click(), true)
      : /^[a-z/]$/.test(event.key) && press(event.key);
    if (done) event.preventDefault();
  });

  // Ticked rows: how many, and the buttons that need some.
  function ticks() {
    document.querySelectorAll("[data-rd-ticks]").forEach((form) => {
      const count = document.querySelectorAll(`input[type=checkbox][form="${form.id}"]:checked`).length;
      form.querySelectorAll("[data-rd-ticks-count]").forEach((cell) => { cell.textContent = count; });
      form.querySelectorAll("button").forEach((button) => { button.disabled = !count; });
    });
  }
  document.addEventListener("change", ticks);
  document.addEventListener("rd:fresh", ticks);
  document.addEventListener("DOMContentLoaded", ticks);
})();
