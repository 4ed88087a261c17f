// Warns two minutes before the screen is locked, goes on by any key, and covers the page when it is time: what was typed
// is kept on the server for who typed it, everything on the page is taken away, and the lock page takes its place.
const box = document.getElementById("session");
const { address, keep, page, idle, warning, id, kept, drop, csrf, unsaved } = box.dataset;
const { readTyped, putBack } = await import(unsaved);
const tabs = new BroadcastChannel("clearway-session"); // says "cover", and "locked" once the server knows; nothing else
let active = 0; // when somebody last did something on this page; that it was opened, the server knows
let covered = false, timer;

for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => { active = Date.now(); }, true);

// {left: seconds, id: of the sign-in}; `background` asks without prolonging.
async function ask(background) {
  const answer = await fetch(address, { cache: "no-store", headers: background ? { "X-Background": "1" } : {} });
  return answer.json();
}

function later(seconds) {
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(seconds, 1) * 1000);
}

async function look() {
  if (covered) return;
  let now;
  try {
    now = await ask(true);
    const quiet = (Date.now() - active) / 1000;
    // Somebody typed on this page since the server last heard of it: they are there.
    if (now.left && now.left <= warning && quiet < idle - now.left - 1) now = await ask(false);
  } catch {
    return later(10); // no connection: the form itself says so
  }
  if (covered) return; // somebody locked the screen while the server was asked
  if (!now.left || now.id !== id) return cover();
  document.body.classList.remove("is-locked");
  if (now.left > warning) {
    if (box.open) box.close();
    return later(now.left - warning);
  }
  if (!box.open) box.showModal();
  later(Math.min(now.left, 10));
}

async function extend() {
  try {
    const { left } = await ask(false);
    if (!left) return cover();
    box.close();
    later(left > warning ? left - warning : left);
  } catch {
    later(5);
  }
}

const heard = new Promise((resolve) => {
  tabs.addEventListener("message", ({ data }) => { if (data === "locked") resolve(); });
});

// `form`: the header's, when somebody locks the screen now; `told`: another window does, and goes ahead.
async function cover(form = null, told = false) {
  if (covered) return;
  covered = true;
  clearTimeout(timer);
  const here = location.pathname + location.search;
  const before = document.referrer.startsWith(location.origin + "/") ? document.referrer.slice(location.origin.length) : "";
  const typed = new URLSearchParams({ page, address: here, before, fields: JSON.stringify(readTyped()) });
  const lock = form && { url: form.action, body: new URLSearchParams(new FormData(form)) };
  const shown = document.getElementById("session-cover").content.cloneNode(true);
  document.title = shown.querySelector("h1").textContent;
  document.body.replaceChildren(shown); // nothing of the page is left to read
  document.querySelector("main").focus();
  if (!told) tabs.postMessage("cover");
  const headers = { "X-Background": "1" };
  for (;;) {
    try {
      const answer = await fetch(keep, { method: "POST", body: typed, headers });
      if (answer.status >= 500 || answer.status === 429) throw new Error(answer.status);
      if (lock) await fetch(lock.url, { method: "POST", body: lock.body, redirect: "manual" });
      if (told) await Promise.race([heard, new Promise((done) => { setTimeout(done, 10_000); })]);
      else tabs.postMessage("locked");
      const { ahead } = answer.ok ? await answer.json() : { ahead: "/" };
      return location.replace(ahead);
    } catch {
      document.querySelector("[data-waiting]").hidden = true;
      document.querySelector("[data-lost]").hidden = false;
      await new Promise((done) => { setTimeout(done, 5000); });
    }
  }
}

async function restore() {
  const here = location.pathname + location.search;
  const answer = await fetch(`${kept}?${new URLSearchParams({ address: here })}`, { headers: { "X-Background": "1" } });
  const { id: row, fields } = await answer.json();
  if (!row) return;
  const left = putBack(fields);
  const notice = document.getElementById("unsaved-notice").content.cloneNode(true);
  for (const words of left) {
    notice.querySelector("[data-left]").hidden = false;
    const line = document.createElement("li");
    line.textContent = words;
    notice.querySelector("ul").append(line);
  }
  document.getElementById("main-content").prepend(notice);
  if (!left.length) await fetch(drop, { method: "POST", body: new URLSearchParams({ id: row, csrf_token: csrf }), headers: { "X-Background": "1" } });
}

// A covered page has nothing to lose: no question whether to leave it.
addEventListener("beforeunload", (event) => { if (covered) event.stopImmediatePropagation(); }, { capture: true });
// A page that the browser kept whole and shows again by Back: hidden until the server has said that it may be seen.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.body.classList.add("is-locked");
  look();
});
addEventListener("pagehide", () => { if (covered) document.body.replaceChildren(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
tabs.addEventListener("message", ({ data }) => { if (data === "cover") cover(null, true); });

box.addEventListener("cancel", (event) => event.preventDefault());
box.addEventListener("keydown", (event) => {
  if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
  event.preventDefault();
  extend();
});
box.querySelector("[data-extend]").addEventListener("click", extend);

const lockForm = document.getElementById("lock");
lockForm?.addEventListener("submit", (event) => {
  event.preventDefault();
  cover(lockForm);
});
document.addEventListener("keydown", (event) => {
  if (event.code !== "KeyL" || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || covered) return;
  event.preventDefault();
  lockForm?.requestSubmit();
});
document.getElementById("sign-out")?.addEventListener("submit", () => tabs.postMessage("cover")); // they go on by themselves

if (kept) restore();
later(idle - warning);
