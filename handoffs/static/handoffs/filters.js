// The filters of a queue: choosing one is asking for it, and what is empty stays out of the address.
(() => {
  "use strict";
  const asked = (form) => [...form.elements].filter((field) => field.name && field.type !== "hidden");

  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-rd-filters]")) asked(event.target).forEach((field) => { field.disabled = !field.value.trim(); });
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("[data-rd-filters]");
    if (form && event.target.matches("select")) form.requestSubmit();
  });
  // Back in the browser's history the fields are as they were sent: they can be chosen again.
  window.addEventListener("pageshow", () => document.querySelectorAll("[data-rd-filters]").forEach((form) => asked(form).forEach((field) => { field.disabled = false; })));
})();
