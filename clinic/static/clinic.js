// Starts the kit's components and adds small conveniences; every page works without it.
const components = document.getElementById("components");
if (components && document.body.classList.contains("govuk-frontend-supported")) {
  const { initAll } = await import(components.href);
  initAll();
}

// What is jumped to lies below the banner, however high its lines and the sign of who is held make it on a narrow screen.
const banner = document.querySelector(".banner");
if (banner) {
  const begin = performance.getEntriesByType("navigation")[0]?.type === "navigate";
  let first = begin && document.querySelector(":target");
  new ResizeObserver(() => {
    document.documentElement.style.scrollPaddingBlockStart = `${banner.offsetHeight + 16}px`;
    if (first) first.scrollIntoView();
    first = null;
  }).observe(banner);
}

// Where a scan was refused, the next one must arrive: the summary of errors is read out, and the field keeps the focus.
const scan = document.querySelector(".scan [autofocus]");
const summary = document.querySelector(".govuk-error-summary");
if (summary && scan?.classList.contains("govuk-input--error")) { scan.focus(); scan.select(); }

// A scanner types wherever one is. Its Enter presses nothing that has the focus, its letters choose in no list: the number goes
// into the page's field for scans, else into the search. "/" moves to the search field. Only while nothing is being typed, and
// never with a modifier (WCAG 2.1.4 asks that a single-key shortcut can be switched off: data-shortcuts="off" on <html>).
const NUMBER = /^(?=(.*\d){4})[A-Z\d<-]{8,60}$/i;
const KEEPS = "textarea, [contenteditable], input:not([type=radio], [type=checkbox], [type=button], [type=submit], [type=file])";
const search = document.getElementById("search");
let typed = "", last = 0, list, chosen;
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest?.(KEEPS)) { typed = ""; return; }
  if (key === "Shift") return;
  if (event.timeStamp - last > 1000) typed = "";
  last = event.timeStamp;
  if (key.length === 1) {
    const to = key === "/" ? search : target === document.body && key !== " " && scan;
    if (to && document.documentElement.dataset.shortcuts !== "off") {
      if (key === "/") event.preventDefault();
      to.focus();
      to.select();
      return;
    }
    if (!typed) { list = target.matches?.("select") ? target : null; chosen = list?.value; }
    typed += key;
    return;
  }
  const number = typed;
  typed = "";
  if (key !== "Enter" || !NUMBER.test(number)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (list && list.value !== chosen) {
    list.value = chosen;
    if (!list.matches("[hx-post]")) list.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const into = document.querySelector(".scan input:not([type=hidden])") ?? search;
  if (!into || document.querySelector("dialog[open]")) return;
  into.focus();
  into.value = number;
  if (into.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }))) into.form.requestSubmit();
}, true);

// What asks for a tick before anything is saved may stand below what is in view: nobody would know that nothing was saved.
if (!scan && !summary) document.querySelector("[data-cautions]")?.focus();

// The summary of errors names the field of a sentence that would fit many: "Weight: Must lie between 0.5 and 400."
for (const link of document.querySelectorAll(".govuk-error-summary__list a[href^='#']")) {
  const field = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  const isPart = field?.matches("input[type=radio], input[type=checkbox], .govuk-date-input input");
  const label = isPart ? field.closest("fieldset")?.querySelector("legend") : field?.labels?.[0];
  if (!label) continue;
  const words = label.cloneNode(true);
  words.querySelectorAll(".govuk-visually-hidden").forEach((hidden) => hidden.remove());
  const name = words.textContent.trim();
  if (name && !link.textContent.toLowerCase().includes(name.toLowerCase())) link.prepend(name + (/[?:.؟。]$/.test(name) ? " " : ": "));
}

// A row that a "Change" link returns to keeps the reader's place; the link target gets focus for screen readers.
const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
if (target && target.id.startsWith("row-")) {
  target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

// Warn before leaving a form with unsaved input: <form data-guard>.
for (const form of document.querySelectorAll("form[data-guard]")) {
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}
