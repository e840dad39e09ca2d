// What this device keeps until the desk has taken it: receipts with their photos, in the browser's own database.
window.rdStore = (() => {
  "use strict";
  const opened = new Promise((resolve, reject) => {
    const asked = indexedDB.open("refunddesk-receipts", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("receipts", { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  const run = async (mode, act) => {
    const base = await opened;
    return new Promise((resolve, reject) => {
      const work = base.transaction("receipts", mode), asked = act(work.objectStore("receipts"));
      work.oncomplete = () => resolve(asked.result);
      work.onerror = work.onabort = () => reject(work.error);
    });
  };
  return {
    put: (item) => run("readwrite", (rows) => rows.put(item)),
    get: (key) => run("readonly", (rows) => rows.get(key)),
    all: () => run("readonly", (rows) => rows.getAll()),
    remove: (key) => run("readwrite", (rows) => rows.delete(key)),
  };
})();
