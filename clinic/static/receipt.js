// Scan, scan, scan: the field is empty again at once, and the scans are saved one after another in their order. Each keeps its
// line with what became of it; none is given up for want of a connection. Without scripts every scan is a page of its own.
const PAUSE = 3000; // until a scan that could not be sent is tried again
const form = document.querySelector("[data-receipt]");
const box = document.querySelector("[data-scans]");
const list = box.querySelector("ol");
const status = box.querySelector("[role=status]");
const field = form.elements.scan;
const queue = []; // {line, body}: what is not saved yet, oldest first
let busy = false;
let shown = true; // whether the table below shows what was received

// Enter is taken here and not by way of the button, which lets nothing through for a second after each press.
field.addEventListener("keydown", (event) => { if (event.key === "Enter") take(event); });
form.addEventListener("submit", take);

function take(event) {
  event.preventDefault();
  const scanned = field.value.trim();
  if (scanned) add(scanned, new FormData(form));
  form.querySelector("[data-cautions]")?.remove(); // its ticks were about this scan
  field.value = "";
  field.focus();
}

// What came late is taken by whoever says so, with the same scan.
list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-take]");
  if (!button) return;
  const body = new FormData(form);
  body.set("scan", button.dataset.take);
  for (const one of button.parentElement.querySelectorAll("[data-confirm]")) body.append("confirmed", one.dataset.confirm);
  add(button.dataset.take, body, button.closest("li"));
  field.focus();
});

addEventListener("beforeunload", (event) => { if (queue.length) event.preventDefault(); });
addEventListener("online", work);

function add(scanned, body, instead = null) {
  const line = document.createElement("li");
  line.className = "scans__line";
  line.append(part("scans__number", scanned), " ", part("scans__word", box.dataset.waits));
  if (instead) instead.replaceWith(line); else list.prepend(line);
  box.hidden = false;
  queue.push({ line, body });
  work();
}

function part(name, words) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = words;
  return span;
}

async function work() {
  if (busy) return;
  busy = true;
  while (queue.length) {
    const answer = await send(queue[0].body);
    if (!answer) break;
    const { line } = queue.shift();
    if (answer.line) line.replaceWith(answer.line); else fail(line);
    if (answer.line?.dataset.tone === "good") shown = false;
    say();
  }
  busy = false;
  if (queue.length) {
    status.textContent = box.dataset.lost;
    setTimeout(work, PAUSE);
  } else if (!shown) {
    show();
  }
}

// {line} of the server, {} where it refused for good, null where nothing was heard or it may be back in a moment.
async function send(body) {
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
    if (answer.status === 503 || answer.status === 502 || answer.status === 504) return null;
    const line = [200, 422].includes(answer.status) && read(await answer.text()).querySelector(".scans__line");
    return line ? { line: document.adoptNode(line) } : {};
  } catch {
    return null;
  }
}

function read(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

function fail(line) {
  line.className = "scans__line scans__line--bad";
  line.querySelector(".scans__word").textContent = box.dataset.failed;
}

function say() {
  const good = list.querySelectorAll("[data-tone=good]").length;
  const other = list.children.length - queue.length - good;
  status.textContent = box.dataset.counts.replace("GOOD", good).replace("OTHER", other);
  status.classList.toggle("scans__some-not", other > 0);
}

// The table of those that came last, as the server shows it: with who may be infectious. Not as a background request, for it
// shows people who were not shown before, and each look is written down.
async function show() {
  shown = true;
  try {
    const answer = await fetch(form.action);
    const fresh = answer.ok && read(await answer.text()).getElementById("came-last");
    if (fresh) document.getElementById("came-last").replaceWith(document.adoptNode(fresh));
  } catch { /* the lines above say it */ }
}
