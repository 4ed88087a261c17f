// Starts the kit's components and adds small conveniences; every page works without it.
const components = document.getElementById("components");
if (components && document.body.classList.contains("govuk-frontend-supported")) {
  const { initAll } = await import(components.href);
  initAll();
}

// "/" moves to the search field. Only while nothing is being typed, and never with a modifier (WCAG 2.1.4 asks that a
// single-key shortcut can be switched off: data-shortcuts="off" on <html>).
const search = document.getElementById("search");
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
  if (!search || event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.documentElement.dataset.shortcuts === "off") return;
  event.preventDefault();
  search.focus();
  search.select();
});

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
