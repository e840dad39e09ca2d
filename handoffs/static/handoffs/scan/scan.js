// Receiving a return: a number, what should be in the parcel, what is, its weight, photos. See docs/scanning.md.
(() => {
  "use strict";
  const root = document.getElementById("scan");
  if (!root) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const words = read("scan-words"), desk = read("scan-desk"), conditions = read("scan-conditions");
  const urls = root.dataset, token = root.querySelector("[name=csrfmiddlewaretoken]").value;
  const at = (name) => document.getElementById(`scan-${name}`);
  const fill = (text, value) => text.replace("%s", value);
  const make = (tag, props = {}, ...kids) => {
    const { dataset, ...rest } = props, made = Object.assign(document.createElement(tag), rest);
    Object.assign(made.dataset, dataset || {});
    made.append(...kids);
    return made;
  };
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
  const isNumber = (text) => /^[A-Z0-9-]{4,64}$/i.test(text.replace(/\s/g, ""));
  let now = null; // the receipt on the screen

  function say(text, kind = "fine") {
    const line = at("said");
    line.textContent = text;
    line.className = `scan-said rd-${kind}`;
  }

  // Looking up ---------------------------------------------------------------------------------------------------------
  const blank = (waybill) => ({ key: newKey(), user: desk.user, state: "draft", at: Date.now(), waybill, found: null, chosen: null,
    counts: {}, weight: "", note: "", carrier: "", shop: "", photos: [], error: "" });

  async function look(text, kept = null) {
    const waybill = text.replace(/\s/g, "").toUpperCase();
    if (!isNumber(waybill)) { say(words.badWaybill, "error"); return; }
    if (now && now.waybill !== waybill) await setAside();
    at("go").disabled = true;
    const item = kept || (now?.waybill === waybill ? now : blank(waybill));
    try {
      item.found = await rdQueue.ask(`${urls.look}?waybill=${encodeURIComponent(waybill)}`);
      item.waybill = item.found.waybill;
      say("");
    } catch (error) {
      if (error instanceof rdQueue.Declined) { say(error.message, "error"); return; }
      if (error instanceof rdQueue.LoggedOut) { say(words.login, "error"); return; }
      item.found = null;
      say(words.gone, "soon");
    } finally { at("go").disabled = false; }
    navigator.vibrate?.(60);
    await show(item);
    await list();
  }

  // Half a receipt is not thrown away when another number is scanned: it waits below, to be counted.
  async function setAside() {
    if (!now) return;
    if (now.photos.length || now.weight || now.note) { now.state = "toCount"; await keep(now); } else await rdStore.remove(now.key);
    now = null;
  }

  // The form -----------------------------------------------------------------------------------------------------------
  const lines = () => (now?.chosen?.lines || now?.found?.lines || []).filter((line) => !line.received);
  const id = (line) => `${line.case_id}|${line.line}`;
  const count = (line) => (now.counts[id(line)] ||= { actual: line.planned ?? 1, condition: "good" });
  const differs = (line) => count(line).condition !== "good" || (line.planned !== null && line.planned !== count(line).actual);

  async function show(item) {
    now = item;
    Object.assign(now, { state: "draft", error: "" });
    await keep(now);
    at("number").value = now.waybill;
    at("waybill").textContent = [now.found?.carrier, now.waybill].filter(Boolean).join(" ");
    at("weight").value = now.weight; at("note").value = now.note;
    at("carrier").value = now.carrier || now.found?.carrier || ""; at("shop").value = now.shop;
    at("form").hidden = false;
    draw();
    at("form").scrollIntoView({ block: "start" });
    (lines().length || !now.found ? at("weight") : at("form").querySelector("button")).focus({ preventScroll: true });
  }

  function draw() {
    const found = now.found, orphan = found && !found.lines.length && !now.chosen;
    const all = now.chosen?.lines || found?.lines || [];
    at("door").hidden = !found?.refused_at_door;
    at("all").hidden = !all.length || lines().length > 0;
    at("orphan").hidden = !orphan;
    at("orphan-fields").hidden = !orphan;
    at("likely").replaceChildren(...(orphan ? found.suggestions.map(suggestion) : []));
    at("lines").replaceChildren(...all.map(lineOf));
    at("entry").hidden = !desk.mayReceive || (all.length > 0 && !lines().length);
    at("keep").hidden = !orphan && Boolean(found); at("send").hidden = orphan || !found;
    at("keep").textContent = orphan ? at("keep").dataset.orphan : at("keep").dataset.later;
    weigh(); thumbs();
  }

  const suggestion = (row) => make("button", { type: "button", className: "rd-button scan-suggestion", onclick: () => {
    now.chosen = row; keep(now); draw(); at("lines").querySelector("button, input")?.focus();
  } }, make("b", { textContent: `${row.refund_id} ${row.title}` }), make("small", { textContent: row.why }));

  function lineOf(line) {
    const head = make("div", { className: "rd-spread" }, make("b", { textContent: line.title || line.refund_id }),
      make("small", { className: "rd-num", textContent: line.planned === null ? words.plannedUnknown : fill(words.planned, line.planned) }));
    const under = make("small", { textContent: [line.shop, line.refund_id, line.sku].filter(Boolean).join(" · ") });
    const card = make("fieldset", { className: "scan-line" }, head, under);
    if (line.received) { card.append(make("p", { className: "rd-fine", textContent: words.received })); return card; }
    if (!desk.mayReceive) return card;
    const number = make("input", { type: "number", min: 0, max: 9999, inputMode: "numeric", className: "rd-input scan-count", value: count(line).actual,
      oninput: () => set(Number(number.value)) });
    number.setAttribute("aria-label", at("lines").dataset.count);
    const set = (value) => {
      count(line).actual = Math.min(9999, Math.max(0, Math.trunc(value) || 0));
      if (Number(number.value) !== count(line).actual) number.value = count(line).actual;
      card.classList.toggle("scan-differs", differs(line)); keep(now); photosWanted();
    };
    const step = (by, sign, label) => {
      const made = make("button", { type: "button", className: "rd-button scan-step", textContent: sign, onclick: () => set(count(line).actual + by) });
      made.setAttribute("aria-label", label);
      return made;
    };
    const chosen = (value) => { count(line).condition = value; card.classList.toggle("scan-differs", differs(line)); keep(now); photosWanted(); };
    const choices = conditions.map((value) => make("label", {}, make("input", { type: "radio", name: `condition-${id(line)}`, value,
      checked: count(line).condition === value, onchange: () => chosen(value) }), make("span", { textContent: words[value] })));
    card.classList.toggle("scan-differs", differs(line));
    card.append(make("div", { className: "scan-stepper" }, step(-1, "−", words.less), number, step(1, "+", words.more)),
      make("div", { className: "scan-conditions" }, ...choices));
    return card;
  }

  const grams = () => Math.round(Number(String(now.weight).replace(",", ".").replace("，", ".")) * 1000) || 0;
  function weigh() {
    const expected = now.found?.expected_grams, hint = at("weight-hint"), kilos = expected ? expected / 1000 : 0;
    const off = expected && grams() && Math.abs(grams() - expected) > Math.max(50, expected / 10);
    hint.textContent = !expected ? "" : fill(off ? words.weightOff : words.weighed, kilos);
    hint.className = off ? "rd-soon" : "rd-help";
  }

  const photosWanted = () => { at("photos-wanted").hidden = !lines().some(differs) || now.photos.length > 0; };
  function thumbs() {
    at("thumbs").querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
    at("thumbs").replaceChildren(...now.photos.map((photo, index) => {
      const image = make("img", { src: URL.createObjectURL(photo.blob), alt: "", className: "rd-photo" });
      const off = make("button", { type: "button", className: "scan-remove", textContent: "×", onclick: () => { now.photos.splice(index, 1); keep(now); thumbs(); } });
      off.setAttribute("aria-label", fill(words.remove, index + 1));
      return make("span", { className: "scan-thumb" }, image, off);
    }));
    photosWanted();
  }

  async function shrink(files) {
    const made = [];
    for (const file of files) {
      try { made.push({ blob: await rdCamera.smaller(file), id: null }); } catch { say(words.noPhoto, "error"); }
    }
    return made;
  }

  const keep = (item) => rdStore.put(item).catch(() => say(words.full, "error"));

  // Sending ------------------------------------------------------------------------------------------------------------
  function bodyOf(orphan) {
    const rows = orphan ? [] : lines().map((line) => ({ case: line.case_id, line: line.line, ...count(line) }));
    return { waybill: now.waybill, carrier: at("carrier").value || now.found.carrier, weight_grams: grams() || null, lines: rows,
      note: now.note, shop: orphan && Number(now.shop) ? Number(now.shop) : null };
  }

  async function submit(orphan) {
    if (!orphan && now.found && !grams()) { say(words.needWeight, "error"); at("weight").focus(); return; }
    if (!orphan && now.found && lines().some(differs) && !now.photos.length) { say(words.needPhoto, "error"); at("photos").focus(); return; }
    const item = now;
    item.state = item.found ? "queued" : "toCount";
    if (item.found) item.body = bodyOf(orphan);
    item.at = Date.now();
    try { await rdStore.put(item); } catch { say(words.full, "error"); return; }
    now = null;
    clear();
    say(item.found ? words.kept : `${item.waybill}: ${words.toCount}`, "soon");
    await list();
    flush();
  }

  function clear() {
    at("form").hidden = true;
    at("number").value = "";
    at("number").focus();
    scrollTo({ top: 0 });
  }

  async function told(item, { sending, done, declined, error }) {
    if (done && item.more) say(words.added);
    else if (done) { say(`${item.waybill}: ${done.message}`); finished(item, done); navigator.vibrate?.([40, 60, 40]); }
    if (declined) say(`${item.waybill}: ${declined.message}`, "error");
    if (error instanceof rdQueue.LoggedOut) say(words.login, "error");
    await list(sending ? item.key : "");
  }
  const flush = () => rdQueue.flush({ user: desk.user, urls, token, told });

  function finished(item, done) {
    const input = make("input", { type: "file", accept: "image/*", multiple: true, hidden: true, hasChangeListener: true, onchange: async () => {
      const photos = await shrink(input.files);
      if (photos.length) await keep({ ...blank(item.waybill), state: "queued", more: item.key, photos });
      await list(); flush();
    } });
    const more = make("button", { type: "button", className: "rd-button", textContent: words.addPhotos, onclick: () => input.click() });
    at("done").prepend(make("li", {}, make("b", { className: "rd-num", textContent: item.waybill }), make("span", { textContent: done.message }), input, more));
    at("done").parentElement.hidden = false;
    while (at("done").children.length > 10) at("done").lastChild.remove();
  }

  async function list(sendingKey = "") {
    const all = (await rdStore.all()).filter((item) => item.key !== now?.key), mine = all.filter((item) => item.user === desk.user);
    const others = all.length - mine.length;
    at("waiting").hidden = !all.length;
    at("waiting-title").textContent = mine.length ? fill(words.waiting, mine.length) : "";
    at("others").textContent = others ? fill(words.others, others) : "";
    at("rows").replaceChildren(...mine.sort((a, b) => a.at - b.at).map((item) => waiting(item, sendingKey)));
  }

  function waiting(item, sendingKey) {
    const state = item.key === sendingKey ? words.sending : item.state === "declined" ? item.error : item.state === "queued" ? words.queued : words.toCount;
    const card = make("li", { dataset: { state: item.state } }, make("b", { className: "rd-num", textContent: item.waybill }),
      make("span", { className: item.state === "declined" ? "rd-error" : "rd-help", textContent: `${state}${item.photos.length ? " · " + fill(words.photos, item.photos.length) : ""}` }));
    if (item.state === "queued") return card;
    const open = async () => { await setAside(); delete item.body; await (item.more ? rdStore.put({ ...item, state: "queued" }).then(flush) : look(item.waybill, item)); await list(); };
    const drop = async () => { if (confirm(words.sure)) { await rdStore.remove(item.key); await list(); } };
    card.append(make("span", { className: "rd-buttons" },
      make("button", { type: "button", className: "rd-button", textContent: item.state === "declined" ? words.mend : words.count, onclick: open }),
      make("button", { type: "button", className: "rd-button rd-danger", textContent: words.discard, onclick: drop })));
    return card;
  }

  // Camera -------------------------------------------------------------------------------------------------------------
  function closeCamera() { rdCamera.close(at("video")); at("camera").hidden = true; at("open").hidden = false; at("open").focus(); }
  async function openCamera() {
    at("camera").hidden = false; at("open").hidden = true;
    say(words.cameraOn, "quiet");
    const taken = (text) => { if (!isNumber(text)) return false; closeCamera(); look(text); return true; };
    try { await rdCamera.open(at("video"), { script: urls.zxing, wasm: urls.wasm, taken }); } catch { closeCamera(); say(words.cameraNone, "error"); }
  }

  // Wiring -------------------------------------------------------------------------------------------------------------
  at("find").addEventListener("submit", (event) => { event.preventDefault(); look(at("number").value); });
  at("open").addEventListener("click", openCamera);
  at("shut").addEventListener("click", closeCamera);
  at("form").addEventListener("submit", (event) => { event.preventDefault(); submit(event.submitter === at("keep") && Boolean(now.found)); });
  for (const name of ["weight", "note", "carrier", "shop"]) {
    at(name).addEventListener("input", () => { now[name] = at(name).value; keep(now); if (name === "weight") weigh(); });
  }
  at("photos").addEventListener("change", async () => {
    const item = now, made = await shrink(at("photos").files);
    at("photos").value = "";
    item.photos.push(...made);
    await keep(item);
    if (item === now) thumbs();
  });
  window.addEventListener("online", flush);
  window.addEventListener("pagehide", () => rdCamera.close(at("video")));
  setInterval(flush, 20_000);

  (async () => {
    const left = (await rdStore.all()).filter((item) => item.user === desk.user && item.state === "draft").sort((a, b) => b.at - a.at);
    for (const item of left.slice(1)) await rdStore.put({ ...item, state: "toCount" });
    await list();
    if (left[0] && left[0].found) await show(left[0]); else if (left[0]) await look(left[0].waybill, left[0]);
    const asked = new URLSearchParams(location.search).get("waybill");
    if (asked) { history.replaceState(null, "", location.pathname); await look(asked); }
    await list();
    root.dataset.ready = "yes";
    flush();
  })();
})();
