// Bars that count down, templates that fill the message, fields an answer needs, progress of an import. No build step.
(() => {
  "use strict";
  const body = () => document.querySelector("[data-rd-now]");

  // The server's time, carried forward by this machine's clock.
  const started = Date.now();
  const now = () => Number(body()?.dataset.rdNow || started) + (Date.now() - started);

  function countDown() {
    document.querySelectorAll("[data-rd-due]").forEach((bar) => {
      const start = Number(bar.dataset.rdStart), due = Number(bar.dataset.rdDue), at = now();
      const used = Math.min(Math.max((at - start) / Math.max(due - start, 1), 0), 1);
      bar.firstElementChild.style.width = `${Math.round(used * 100)}%`;
      bar.classList.toggle("rd-bar-late", at >= due);
      bar.classList.toggle("rd-bar-soon", at < due && used >= 0.8);
      const words = bar.parentElement.querySelector("[data-rd-words]");
      if (words) say(words, due - at, used);
    });
  }

  function say(element, left, used) {
    const { late, rest, d, h, m, under } = body().dataset;
    const gap = document.documentElement.lang.startsWith("zh") ? "" : " ";
    const minutes = Math.floor(Math.abs(left) / 60000);
    const template = left <= 0 ? late : rest;
    const parts = minutes >= 1440 ? [[Math.floor(minutes / 1440), d], [Math.floor(minutes / 60) % 24, h]]
      : minutes >= 60 ? [[Math.floor(minutes / 60), h], [minutes % 60, m]] : [[minutes, m]];
    element.textContent = template.replace("%", minutes ? parts.map(([n, unit]) => n + gap + unit).join(gap) : under);
    element.className = left <= 0 ? "rd-late" : used >= 0.8 ? "rd-soon" : "rd-fine";
  }

  function fill(target, words) {
    target.value = words;
    target.focus();
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function back() {
    document.querySelectorAll("[data-rd-back]").forEach((button) => button.addEventListener("click", () => history.back()));
  }

  function templates() {
    document.querySelectorAll("[data-rd-templates]").forEach((picker) => {
      picker.addEventListener("change", () => {
        const chosen = picker.selectedOptions[0], target = document.getElementById("id_message");
        if (chosen?.dataset.body && target) fill(target, chosen.dataset.body);
      });
    });
    document.querySelectorAll("[data-rd-template]").forEach((button) => button.addEventListener("click", () => {
      const picker = button.form.querySelector("[data-rd-templates]"), target = document.getElementById("id_message");
      if (picker) picker.value = button.dataset.rdTemplate;
      if (target) fill(target, button.dataset.body);
    }));
  }

  // How long a message is: in characters, and in bytes where the marketplace, which counts those, is to take it.
  function counted() {
    const text = document.querySelector("textarea[name=message], textarea[name=body]");
    if (!text || !body()?.dataset.chars) return;
    const line = Object.assign(document.createElement("small"), { className: "rd-help rd-block" });
    line.setAttribute("role", "status");
    text.after(line);
    const way = text.form.querySelector("select[name=channel], select[name=through]");
    const tell = () => {
      const bytes = new TextEncoder().encode(text.value.trim()).length, through = way?.value === "gateway";
      line.textContent = body().dataset.chars.replace("%", [...text.value.trim()].length) + (through ? " · " + body().dataset.bytes.replace("%", bytes) : "");
      line.className = through && bytes > 400 ? "rd-error rd-block" : "rd-help rd-block";
    };
    text.addEventListener("input", tell); text.form.addEventListener("change", tell); tell();
  }

  function answers() {
    const form = document.querySelector("[data-rd-answers]");
    if (!form) return;
    const show = () => {
      const chosen = form.querySelector("input[name=answer]:checked");
      const needs = (chosen?.dataset.needs || "").split(" "), shows = (chosen?.dataset.shows || "").split(" ");
      form.querySelectorAll("[data-rd-field]").forEach((row) => {
        const name = row.dataset.rdField, always = ["note", "files", "photo"].includes(name);
        row.hidden = !always && !needs.includes(name) && !shows.includes(name);
        row.querySelector("[data-rd-wanted]")?.toggleAttribute("hidden", !needs.includes(name));
      });
    };
    form.addEventListener("change", show);
    show();
  }

  function progress() {
    const bar = document.querySelector("[data-rd-progress]");
    if (!bar) return;
    const look = async () => {
      const answer = await fetch(bar.dataset.rdProgress, { headers: { Accept: "application/json", "X-Poll": "1" } });
      if (!answer.ok) return;
      const run = await answer.json();
      const share = run.expected ? Math.min(run.read / run.expected, 1) : 0;
      bar.firstElementChild.style.width = `${Math.round(share * 100)}%`;
      for (const name of ["read", "created", "updated", "unchanged", "rejected"]) {
        const cell = document.querySelector(`[data-rd-count=${name}]`);
        if (cell) cell.textContent = run[name];
      }
      if (run.status === "running") setTimeout(look, 2000); else location.reload();
    };
    look();
  }

  // The plan of a batch: how many refunds are ticked, and their sum, to the fen.
  function plan() {
    const form = document.querySelector("[data-rd-plan]");
    if (!form) return;
    const add = () => {
      const ticked = [...form.querySelectorAll("input[name=row]:checked")];
      const fen = ticked.reduce((sum, box) => sum + Math.round(Number(box.dataset.amount) * 100), 0);
      form.querySelectorAll("[data-rd-sum]").forEach((cell) => { cell.textContent = (fen / 100).toFixed(2); });
      form.querySelectorAll("[data-rd-ticked]").forEach((cell) => { cell.textContent = ticked.length; });
    };
    form.addEventListener("change", (event) => {
      const all = event.target.closest("[data-rd-all]");
      if (all) form.querySelectorAll(`input[name=row][data-shop="${all.dataset.rdAll}"]`).forEach((box) => { box.checked = all.checked; });
      add();
    });
    add();
  }

  // A queue fetches itself anew while somebody looks at it. What did not change answers 304 and costs next to nothing;
  // what did is merged into the page row by row, so that place, ticks and what is being typed stay.
  let stamp = "";
  async function refresh() {
    const region = document.querySelector("[data-rd-live]");
    if (document.hidden || !region) return;
    const headers = { "X-Live": "1", ...(stamp ? { "If-None-Match": stamp } : {}) };
    const answer = await fetch(location.href, { headers, cache: "no-store" }).catch(() => null);
    if (!answer || answer.redirected) return;
    stamp = answer.headers.get("ETag") || "";
    if (!answer.ok) return; // 304: nothing new
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"), fresh = page.querySelector("[data-rd-live]");
    if (!fresh) { location.reload(); return; } // it has come to its end: the whole page says so
    Idiomorph.morph(region, fresh, {
      ignoreActiveValue: true,
      restoreFocus: true,
      callbacks: {
        beforeNodeMorphed: (old, next) => {
          if (old instanceof HTMLInputElement && old.type === "checkbox") next.checked = old.checked;
          if (old instanceof HTMLElement && old.classList.contains("rd-current")) next.classList.add("rd-current");
          return !(old instanceof HTMLFormElement && old.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
        },
        beforeAttributeUpdated: (name, node) => !(name === "open" && node instanceof HTMLDetailsElement),
      },
    });
    const bell = document.querySelector("[data-rd-bell]"), rung = page.querySelector("[data-rd-bell]");
    if (bell && rung) bell.replaceWith(rung);
    unread();
    countDown();
    document.dispatchEvent(new Event("rd:fresh"));
  }

  // The tab says how many messages are unread.
  const title = document.title;
  function unread() {
    const count = document.querySelector("[data-rd-bell] b")?.textContent.trim();
    document.title = count ? `(${count}) ${title}` : title;
  }

  function live() {
    const seconds = Number(document.querySelector("[data-rd-live]")?.dataset.rdLive);
    if (seconds) setInterval(refresh, seconds * 1000);
  }

  // Who else is on this case, and whether it changed under one's eyes. Nobody is locked out.
  function presence() {
    const line = document.querySelector("[data-rd-here]"), token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (!line || !token) return;
    let typed = 0;
    document.addEventListener("input", () => { typed = Date.now(); });
    const tell = async () => {
      if (document.hidden) return;
      const form = new URLSearchParams({ typing: Date.now() - typed < 10000 ? "1" : "" });
      const answer = await fetch(line.dataset.rdHere, { method: "POST", body: form, headers: { "X-CSRFToken": token, "X-Poll": "1" } }).catch(() => null);
      if (!answer?.ok || answer.redirected) return;
      const { others, version } = await answer.json();
      const said = others.map((one) => (one.typing ? line.dataset.typing : line.dataset.looking).replace("%", one.name));
      if (String(version) !== line.dataset.version) said.push(line.dataset.changed);
      line.textContent = said.join(" ");
    };
    tell();
    setInterval(tell, 8000);
  }

  // The theme looks for a text field beside every file field; plain ones have none.
  function plainFiles() {
    document.querySelectorAll(".rd input[type=file]").forEach((input) => {
      if (!input.parentNode.parentNode.parentNode.querySelector("input[type=text]")) input.hasChangeListener = true;
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    plainFiles();
    templates(); back(); counted(); answers(); progress(); plan(); live(); unread(); presence();
    if (body()) { countDown(); setInterval(countDown, 1000); }
    document.querySelector("[data-rd-autofocus]")?.focus();
  });
})();
