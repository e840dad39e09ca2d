// The import form: a chosen file tells its own date, which becomes “as of” in the person's time zone.
(() => {
  "use strict";
  const inZone = (moment, zone) => new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone || undefined, year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  }).format(moment).replace(" ", "T");

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-rd-dates]").forEach((input) => {
      input.addEventListener("change", () => {
        const target = document.getElementById(input.dataset.rdDates), file = input.files[0];
        if (target && file) target.value = inZone(new Date(file.lastModified), input.form.dataset.rdZone);
      });
    });
  });
})();
