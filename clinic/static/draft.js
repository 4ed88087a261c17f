// A refused registration is kept at its own address: whoever leaves this page and comes back finds it again instead of
// a question about sending the form twice. Who goes back to the empty form is taken to what was kept.
const form = document.querySelector("form[data-kept]");
if (form) history.replaceState(null, "", form.dataset.kept);

const kept = document.querySelector("a[data-resume]");
const [arrival] = performance.getEntriesByType("navigation");
if (kept && arrival?.type === "back_forward") location.replace(kept.href);
