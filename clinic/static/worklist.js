// Keeps the list of who is here up to date without disturbing whoever works in it; the page works without.
const box = document.querySelector("[data-refresh]");
const choice = document.querySelector("[data-refresh-switch]");
const stopped = document.querySelector("[data-stopped]");
const KEPT = "clearway-refresh"; // whether this browser tab refreshes by itself (WCAG 2.2, 2.2.2: it can be paused)

box.hidden = false;
choice.checked = sessionStorage.getItem(KEPT) !== "off";
choice.addEventListener("change", () => sessionStorage.setItem(KEPT, choice.checked ? "on" : "off"));

// Not while the reader stands in the list (focus would be lost), has text selected, or does not see the page.
document.addEventListener("htmx:beforeRequest", (event) => {
  const here = document.getElementById("here");
  const busy = here.contains(document.activeElement) || !getSelection().isCollapsed;
  if (!choice.checked || document.hidden || busy) event.preventDefault();
});

// Signed out meanwhile: the answer is the sign-in page. Keep what is shown and say that it is old.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.serverResponse.includes("data-here")) return;
  event.detail.shouldSwap = false;
  stopped.hidden = false;
});
for (const trouble of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(trouble, () => { stopped.hidden = false; });
}
document.addEventListener("htmx:afterSwap", () => { stopped.hidden = true; });
