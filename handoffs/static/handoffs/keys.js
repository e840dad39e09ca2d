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
    if (found) { found.matches("details") ? unfold(found) : found.matches("input:not([type=checkbox]), textarea") ? found.focus() : found.click(); return true; }
    const address = row?.dataset[`key${key.toUpperCase()}`];
    if (address) location.assign(address);
    return Boolean(address);
  }

  function unfold(details) { Object.assign(details, { open: true }).querySelector("a, button, input:not([type=hidden]), select")?.focus(); }

  function typing(target) { return target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])")); }

  // The numbered buttons of the open group, or of the page.
  function number(key) {
    const groups = [...document.querySelectorAll("main details[open][data-rd-numbered], main [data-rd-numbered]:not(details)")];
    const buttons = groups.filter((group) => group.offsetParent !== null).flatMap((group) => [...group.querySelectorAll("a.rd-button, button")]);
    buttons[Number(key) - 1]?.click();
    return Number(key) <= buttons.length;
  }

  // Ctrl or Cmd and Enter send the form one writes in.
  function sent(event) {
    const form = event.key === "Enter" && (event.ctrlKey || event.metaKey) && (event.target.closest?.("form") || document.querySelector("main .rd-dialog form[method=post], main form.rd-dialog[method=post]"));
    if (!form || !form.closest("main")) return false;
    form.requestSubmit(form.querySelector("button.rd-main") || undefined);
    event.preventDefault();
    return true;
  }

  // Where an address names a row, one stands on it.
  function stand() {
    const row = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (row && row.matches("[data-rd-row]")) { row.classList.add("rd-current"); row.scrollIntoView({ block: "center" }); }
    const group = document.querySelector("details#everything");
    if (group && location.hash === "#everything") group.open = true;
  }
  document.addEventListener("DOMContentLoaded", stand);

  document.addEventListener("keydown", (event) => {
    if (!event.isComposing && sent(event)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    const help = document.getElementById("rd-keys"), open = help?.open;
    if (event.key === "?" && help) { open ? help.close() : help.showModal(); event.preventDefault(); return; }
    if (open) return;
    const done = event.key === "j" ? (walk(1), true) : event.key === "k" ? (walk(-1), true)
      : event.key === "o" && current() ? (link(current())?.click(), true)
      : /^[1-9]$/.test(event.key) ? number(event.key)
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
