// The review on a narrow screen: its parts are folded, so that the whole exam is seen as a list of parts first.
// Without this script every part stays open.

const narrow = window.matchMedia("(max-width: 640px)");
const parts = [...document.querySelectorAll("details[data-part]")];

function unfoldTarget() {
  const row = window.location.hash.length > 1 ? document.getElementById(window.location.hash.slice(1)) : null;
  const part = row ? row.closest("details[data-part]") : null;
  if (part) {
    part.open = true;
    row.scrollIntoView({ block: "center" });
  }
}

if (narrow.matches) {
  for (const part of parts) part.open = false;
}
unfoldTarget();
window.addEventListener("hashchange", unfoldTarget);
window.addEventListener("beforeprint", () => { for (const part of parts) part.open = true; });
