// The parts of an IGRA are shown for the chosen kind only; without it all show, and the server reads the chosen kind's.
for (const igra of document.querySelectorAll(".igra")) {
  const show = () => {
    const kind = igra.querySelector("input[type=radio]:checked")?.value;
    for (const parts of igra.querySelectorAll("[data-kind]")) parts.hidden = parts.dataset.kind !== kind;
  };
  igra.addEventListener("change", show);
  show();
}

// One key ticks every normal result; without scripts each has its own tick.
for (const table of document.querySelectorAll("[data-tick-all]")) {
  const ticks = table.querySelectorAll("input[type=checkbox]");
  if (ticks.length < 2) continue;
  const all = document.createElement("button");
  all.type = "button";
  all.className = "govuk-button govuk-button--secondary button--small tick-all";
  all.textContent = table.dataset.tickAll;
  all.addEventListener("click", () => { for (const tick of ticks) tick.checked = true; });
  table.before(all);
}

// A form that is answered by a file: the page then says what the file changed. Without scripts it does when it is opened anew.
for (const form of document.querySelectorAll("form[data-file]")) {
  form.addEventListener("submit", async (event) => {
    const here = form.dataset.file;
    if (!here) return;
    event.preventDefault();
    form.dataset.file = ""; // whatever happens now, the next submit is the browser's own
    let answer = null;
    try { answer = await fetch(form.action, { method: "POST", body: new FormData(form) }); } catch { /* the browser says it */ }
    const name = answer?.ok && /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
    if (!name) { form.requestSubmit(event.submitter); return; } // refused: nothing was written, and the page says why
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    location.assign(here);
  });
}
