// Forms of a case: shows a question only while it is asked, counts what is answered. Works without it: then everything
// shows, and the server drops what was not asked.
const form = document.querySelector("form[data-form]");

function answer(name) {
  const fields = form.elements[name];
  if (!fields) return "";
  if (fields instanceof RadioNodeList) return fields.value;
  return fields.type === "radio" ? (fields.checked ? fields.value : "") : fields.value.trim();
}

function isMet({ question, operator, answer: wanted }) {
  const given = answer(question);
  if (operator === "exists") return (given !== "") === (wanted === "true");
  if (given === "") return false;
  const left = Number(given.replace(",", ".")), right = Number(wanted);
  switch (operator) {
    case "=": return given === wanted;
    case "!=": return given !== wanted;
    case ">": return left > right;
    case "<": return left < right;
    case ">=": return left >= right;
    default: return left <= right;
  }
}

function refresh() {
  for (const element of form.querySelectorAll("[data-when]")) {
    const { all, of } = JSON.parse(element.dataset.when);
    const outer = element.parentElement.closest("[data-when]");
    element.hidden = Boolean(outer?.hidden) || !(all ? of.every(isMet) : of.some(isMet));
  }
  for (const group of form.querySelectorAll("[data-group]")) {
    const asked = [...group.querySelectorAll(".quest:not([hidden])")].filter((quest) => !quest.closest("[hidden]"));
    const answered = asked.filter((quest) => {
      const field = quest.querySelector("input, textarea");
      return field && answer(field.name) !== "";
    });
    const count = document.querySelector(`[data-count="${group.dataset.group}"]`);
    if (count) count.textContent = asked.length ? `${answered.length}/${asked.length}` : "";
  }
}

// Nothing typed is lost: a draft that could not be saved is tried again, leaving the page warns, and a button reaches
// for the server before the page is given up for its answer.
function keepSafe() {
  const status = document.getElementById("autosave");
  const { draft, lost: lostWords, alive } = form.dataset;
  const background = { cache: "no-store", headers: { "X-Background": "1" } };
  let typed = 0, sent = 0, saved = 0, lost = false, going = false, refused = false, timer;

  const isDirty = () => typed > saved;
  const tryAgain = () => window.htmx?.trigger(form, "again");

  function say(text) {
    status.classList.add("autosave--bad");
    if (status.textContent !== text) status.textContent = text;
  }

  function lose() {
    lost = true;
    say(lostWords);
    clearTimeout(timer);
    timer = setTimeout(attempt, 5000);
  }

  // Amendments are not saved by themselves: for them only the connection is tried.
  async function attempt() {
    if (form.hasAttribute("hx-post")) return tryAgain();
    try { await fetch(alive, background); found(); } catch { lose(); }
  }

  function found() {
    clearTimeout(timer);
    lost = false;
    status.classList.remove("autosave--bad");
    if (status.textContent === lostWords) status.textContent = "";
  }

  form.addEventListener("input", () => { typed += 1; });
  form.addEventListener("change", () => { typed += 1; });
  form.addEventListener("htmx:beforeRequest", () => { sent = typed; });
  form.addEventListener("htmx:afterRequest", (event) => {
    const fate = event.detail.xhr.getResponseHeader("X-Draft"); // saved, kept for this person alone, or refused
    refused = event.detail.xhr.status === 422;
    if (event.detail.successful) {
      saved = sent;
      found();
    }
    if (refused || fate === "kept") status.classList.add("autosave--bad");
  });
  form.addEventListener("htmx:sendError", lose);
  form.addEventListener("htmx:timeout", lose);
  form.addEventListener("htmx:responseError", lose); // 422 is no such error: it comes with a line of ours
  addEventListener("online", () => { if (lost) attempt(); });
  addEventListener("beforeunload", (event) => {
    if (!going && isDirty() && (lost || refused || !form.hasAttribute("hx-post"))) event.preventDefault();
  });
  addEventListener("pagehide", () => {
    if (going || lost || !isDirty() || !form.hasAttribute("hx-post")) return;
    fetch(draft, { method: "POST", body: new FormData(form), keepalive: true, headers: { "HX-Request": "true" } });
  });
  form.addEventListener("submit", async (event) => {
    if (going) return;
    event.preventDefault();
    const button = event.submitter;
    try {
      await fetch(alive, background);
    } catch {
      return lose();
    }
    going = true;
    form.requestSubmit(button);
  });
  if (form.hasAttribute("data-kept")) {
    typed += 1;
    addEventListener("load", tryAgain);
  }
}

if (form) {
  if (form.dataset.alive) keepSafe(); // of a form of a case; other pages only want the questions shown as they are asked
  form.addEventListener("change", refresh);
  refresh();
  // Enter in a field must not press the first button of the page, which belongs to one group only.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input[type=text]")) event.preventDefault();
  });
}
