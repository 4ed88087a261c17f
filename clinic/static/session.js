// Warns two minutes before a session ends, prolongs it by any key, and covers the page once it has ended.
const box = document.getElementById("session");
const { address, idle, warning } = box.dataset;
let active = Date.now(); // when somebody last did something on this page
let timer;

for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => { active = Date.now(); }, true);

// Seconds left; `background` asks without prolonging.
async function ask(background) {
  const answer = await fetch(address, { cache: "no-store", headers: background ? { "X-Background": "1" } : {} });
  return (await answer.json()).left;
}

function later(seconds) {
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(seconds, 1) * 1000);
}

async function look() {
  let left;
  try {
    left = await ask(true);
    const quiet = (Date.now() - active) / 1000;
    // Somebody typed on this page since the server last heard of it: they are there.
    if (left && left <= warning && quiet < idle - left - 1) left = await ask(false);
  } catch {
    return later(10); // no connection: the form itself says so
  }
  if (!left) return end();
  if (left > warning) {
    if (box.open) box.close();
    return later(left - warning);
  }
  if (!box.open) box.showModal();
  return later(Math.min(left, 10));
}

async function extend() {
  try {
    const left = await ask(false);
    if (!left) return end();
    box.close();
    later(left > warning ? left - warning : left);
  } catch {
    later(5);
  }
}

function end() {
  clearTimeout(timer);
  document.dispatchEvent(new CustomEvent("session-ended")); // a form puts by what is typed
  box.querySelector("[data-state=warning]").hidden = true;
  box.querySelector("[data-state=ended]").hidden = false;
  box.setAttribute("aria-labelledby", "session-ended-title");
  document.body.classList.add("is-locked"); // what was on the screen is nobody's to read now
  if (!box.open) box.showModal();
  const again = box.querySelector("[data-again]");
  again.href = `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
  again.focus();
}

box.addEventListener("cancel", (event) => event.preventDefault());
box.addEventListener("keydown", (event) => {
  if (box.querySelector("[data-state=warning]").hidden || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
  event.preventDefault();
  extend();
});
box.querySelector("[data-extend]").addEventListener("click", extend);
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
later(idle - warning);
