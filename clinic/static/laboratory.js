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
