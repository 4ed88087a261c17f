// The grid of one test: Enter or the down key to the next row, the up key back; Tab leaves. Inside a list the arrow keys stay native.
const LABEL = /^[A-Z]{2,8}-?[SLGP]?-?\d{6,}-?[0-9A-Z]?$/i;
const PAUSE = 250; // of a hand after a letter; a scanner is faster
const key = (text) => text.toUpperCase().replace(/[^0-9A-Z]/g, "");

for (const grid of document.querySelectorAll("[data-grid]")) {
  const fields = () => [...grid.querySelectorAll(".grid__value:not([readonly]):not([disabled])")];
  const go = (from, step) => {
    const all = fields();
    const next = all[all.indexOf(from) + step];
    if (next) { next.focus(); next.select?.(); }
    return Boolean(next);
  };
  grid.addEventListener("keydown", (event) => {
    const field = event.target.closest(".grid__value");
    if (!field || event.altKey || event.ctrlKey || event.metaKey) return;
    const inList = field.tagName === "SELECT";
    if (event.key === "Enter") {
      event.preventDefault(); // never the whole form
      if (!inList && LABEL.test(field.value.trim()) && /[a-z]/i.test(field.value)) {
        field.dispatchEvent(new Event("change", { bubbles: true })); // the server says what is wrong with it
        field.select(); // the value that is typed instead takes its place
        return;
      }
      if (!go(field, 1)) field.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (!inList && event.key === "ArrowDown") { event.preventDefault(); go(field, 1); }
    else if (!inList && event.key === "ArrowUp") { event.preventDefault(); go(field, -1); }
  });
  // An input sends the whole form that it stands in: keep what is this row's own, and what holds for all rows.
  document.body.addEventListener("htmx:configRequest", (event) => {
    const row = event.detail.elt.closest("tr");
    if (!row || !grid.contains(row)) return;
    const id = row.id.slice("row-".length);
    for (const name of [...event.detail.formData.keys()]) {
      if (!["csrf_token", "unit", "method", `v-${id}`, `c-${id}`].includes(name)) event.detail.formData.delete(name);
    }
  });
  // The first letter chooses in a list, and a scanner types letters too: a list is saved when nothing more is typed, and only
  // where it still says the same. What was a scan has been taken back by then (clinic.js).
  let pressed = -PAUSE;
  grid.addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  document.body.addEventListener("htmx:confirm", (event) => {
    const list = event.detail.elt;
    if (list.tagName !== "SELECT" || !grid.contains(list)) return;
    event.preventDefault();
    const chosen = list.value;
    const save = () => {
      const wait = PAUSE - (performance.now() - pressed);
      if (list.value !== chosen) return;
      if (wait > 0) setTimeout(save, wait); else event.detail.issueRequest(true);
    };
    save();
  });
  // Warn before leaving what is not saved: a value under way, or one that was refused. The unit and the method are no values.
  const kept = new Map(fields().map((field) => [field, field.value]));
  let sent = false;
  grid.addEventListener("submit", () => { sent = true; });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const { elt, requestConfig, xhr } = event.detail;
    if (xhr.status === 200 && kept.has(elt)) kept.set(elt, requestConfig.formData.get(elt.name));
  });
  addEventListener("beforeunload", (event) => {
    if (!sent && [...kept].some(([field, value]) => field.value !== value)) event.preventDefault();
  });
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const field = event.detail.requestConfig?.elt;
    if (field?.matches?.(".grid__value")) field.setAttribute("aria-invalid", String(event.detail.xhr.status === 422));
  });
  // What was refused is sent again when what holds for all rows was chosen: it was refused for want of it.
  grid.addEventListener("change", (event) => {
    if (!["unit", "method"].includes(event.target.name)) return;
    for (const field of fields()) {
      if (field.value && field.getAttribute("aria-invalid") === "true") field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
  // What is unusual is confirmed by its tick, which saves the row again.
  grid.addEventListener("change", (event) => {
    if (!event.target.name?.startsWith("c-")) return;
    const field = event.target.closest("tr").querySelector(".grid__value");
    const all = event.target.closest(".cell").querySelectorAll("input[type=checkbox]");
    if (![...all].every((tick) => tick.checked)) return;
    field.focus(); // the tick goes as the row is saved: without this the keys would begin at the top of the page
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// A scan goes to its row; to another page only where the row is not here.
for (const form of document.querySelectorAll("[data-go]")) {
  form.addEventListener("submit", (event) => {
    const field = form.querySelector("input[name=q]");
    const row = [...document.querySelectorAll("tr[data-number]")].find((one) => key(one.dataset.number) === key(field.value));
    if (!row) return;
    event.preventDefault();
    field.value = "";
    row.querySelector(".grid__value")?.focus();
    row.scrollIntoView({ block: "center" });
  });
}

// A scan ticks its row of the list; the server does the same without scripts. What is not in the list ticks nothing.
for (const box of document.querySelectorAll("[data-tick-scan]")) {
  const field = box.querySelector("input");
  const word = document.querySelector("[data-tick-word]");
  const say = (text, tone) => { word.textContent = text; word.className = `scan__word scan__word--${tone}`; };
  const take = (event) => {
    event.preventDefault();
    const scanned = key(field.value);
    const tick = scanned && [...document.querySelectorAll("input[data-number]")].find((one) => key(one.dataset.number) === scanned);
    const name = (pattern) => pattern.replace("NUMBER", tick ? tick.dataset.number : field.value.trim() || "–");
    if (!tick) { say(name(box.dataset.missing), "bad"); field.select(); return; }
    say(name(tick.checked ? box.dataset.again : box.dataset.ticked), "good");
    tick.checked = true;
    field.value = "";
    field.focus();
    tick.closest("tr")?.scrollIntoView({ block: "nearest" });
  };
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") take(event); });
  const button = box.querySelector("button");
  button.type = "button"; // Enter in another field hands over, as it did before there was a scan
  button.addEventListener("click", take);
}
