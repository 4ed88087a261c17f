// A passport scanner types the lines at the foot of the photo page: as soon as they are whole, read them.
const WHOLE = new Set(["44+44", "36+36", "30+30+30"]);
for (const button of document.querySelectorAll("[data-reads-zone]")) {
  const field = document.getElementById(button.dataset.readsZone);
  let sent = field.value.trim();
  field.addEventListener("input", () => {
    const text = field.value.trim();
    const lengths = text.split(/\s*\n\s*/).map((line) => line.replace(/\s/g, "").length).join("+");
    if (!WHOLE.has(lengths) || text === sent) return;
    sent = text;
    button.click();
  });
}

// The next thing to do has the cursor: the lines while the form is empty, then the first field they did not fill.
if (!document.querySelector(".govuk-error-summary, .notice--warn, .doubles") && document.getElementById("mrz")) {
  const order = ["mrz", "family_name", "residence", "language", "document-number"];
  const read = document.querySelector(".zone__checks");
  const next = order.slice(read ? 1 : 0).map((id) => document.getElementById(id)).find((field) => field && !field.value);
  next?.focus();
}

// Likely doubles are read before anything else.
if (!document.querySelector(".govuk-error-summary")) document.getElementById("doubles")?.focus();
