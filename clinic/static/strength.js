// A word about a new password while it is typed: the server's own judgement, asked for when the typing pauses.
const PAUSE = 400; // milliseconds

for (const word of document.querySelectorAll("[data-strength]")) {
  const field = document.getElementById(word.dataset.of);
  let waiting = 0, asked = null;

  async function weigh() {
    asked = new AbortController();
    try {
      const reply = await fetch(word.dataset.strength, { method: "POST", body: gather(), signal: asked.signal });
      if (!reply.ok) throw new Error(`answer ${reply.status}`); // whoever asks too often hears it when they save
      const { sentence, is_good: isGood } = await reply.json();
      word.textContent = sentence;
      word.classList.toggle("strength--good", isGood);
    } catch (error) {
      if (error.name !== "AbortError") word.textContent = "";
    }
  }

  // The new password, and whose it is where that is typed too; never the present password beside it.
  function gather() {
    const given = new FormData(field.form), body = new URLSearchParams();
    for (const name of ["csrf_token", "email", field.name]) if (given.has(name)) body.set(name, given.get(name));
    return body;
  }

  field.addEventListener("input", () => {
    clearTimeout(waiting);
    asked?.abort();
    if (!field.value) { word.textContent = ""; return; }
    waiting = setTimeout(weigh, PAUSE);
  });
}
