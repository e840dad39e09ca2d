// Sends what the device keeps: photos first, each once, then the receipt under its key. Nothing is removed before the
// desk has said that it has it.
window.rdQueue = (() => {
  "use strict";
  class Gone extends Error {}
  class LoggedOut extends Error {}
  class Declined extends Error {
    constructor(body) { super(body.message); this.field = body.field; }
  }

  async function ask(url, options = {}) {
    let answer;
    try {
      answer = await fetch(url, { redirect: "manual", credentials: "same-origin", ...options });
    } catch { throw new Gone(); }
    if (answer.type === "opaqueredirect" || answer.status === 401) throw new LoggedOut();
    const json = (answer.headers.get("Content-Type") || "").includes("json");
    if (answer.status >= 500 || (answer.ok && !json)) throw new Gone();
    if (!json) throw answer.status === 403 ? new LoggedOut() : new Gone();
    const body = await answer.json().catch(() => { throw new Gone(); });
    if (!answer.ok) throw new Declined(body);
    return body;
  }

  const post = (url, token, body) => ask(url, {
    method: "POST",
    headers: { "X-CSRFToken": token, ...(body instanceof FormData ? {} : { "Content-Type": "application/json" }) },
    body: body instanceof FormData ? body : JSON.stringify(body),
  });

  async function send(item, urls, token) {
    for (const [index, photo] of item.photos.entries()) {
      if (photo.id) continue;
      const form = new FormData();
      form.append("file", photo.blob, `${item.waybill}-${index + 1}.jpg`);
      photo.id = (await post(urls.photos, token, form)).id;
      await rdStore.put(item);
    }
    const attachments = item.photos.map((photo) => photo.id);
    if (item.more) return post(urls.later.replace("KEY", item.more), token, { attachments });
    return post(urls.receipts, token, { ...item.body, key: item.key, attachments });
  }

  let sending = false, again = false;
  // Send all that waits of this person; `told(item, outcome)` hears of each. Stops where the connection does.
  async function flush({ user, urls, token, told }) {
    if (sending) { again = true; return; }
    sending = true;
    try {
      do {
        again = false;
        const waiting = (await rdStore.all()).filter((item) => item.user === user && item.state === "queued");
        for (const item of waiting.sort((a, b) => a.at - b.at)) {
          told(item, { sending: true });
          try {
            const done = await send(item, urls, token);
            await rdStore.remove(item.key);
            await told(item, { done });
          } catch (error) {
            if (!(error instanceof Declined)) { await told(item, { error }); break; }
            Object.assign(item, { state: "declined", error: error.message });
            await rdStore.put(item);
            await told(item, { declined: error });
          }
        }
      } while (again);
    } finally { sending = false; }
  }
  return { ask, flush, Gone, LoggedOut, Declined };
})();
