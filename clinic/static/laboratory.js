// The parts of an IGRA are shown for the chosen kind only; without it all show, and the server reads the chosen kind's.
for (const igra of document.querySelectorAll(".igra")) {
  const show = () => {
    const kind = igra.querySelector("input[type=radio]:checked")?.value;
    for (const parts of igra.querySelectorAll("[data-kind]")) parts.hidden = parts.dataset.kind !== kind;
  };
  igra.addEventListener("change", show);
  show();
}
