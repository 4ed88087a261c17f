// "Normal findings" excludes the others: ticking the one clears the other. The server refuses both together anyway.
const form = document.querySelector("form[data-reading]");
const isNormal = (box) => box.value === "NORMAL" || box.dataset.common === "NORMAL";
form?.addEventListener("change", ({ target }) => {
  if (!["findings", "numbered"].includes(target.name) || !target.checked) return;
  for (const box of form.querySelectorAll("input[name=findings], input[name=numbered]")) {
    if (isNormal(box) !== isNormal(target)) box.checked = false;
  }
});

// The film that is read is the film that is shown.
const choice = form?.querySelector("#film_id");
choice?.addEventListener("change", () => document.dispatchEvent(new CustomEvent("film-chosen", { detail: choice.value })));

// No opinion before the film is up; a film that cannot be loaded says so and lets go.
const viewer = document.querySelector("[data-viewer]");
if (form && viewer && choice?.value && !viewer.dataset.ready && !viewer.dataset.failed) {
  const button = form.querySelector("button[type=submit], .govuk-button");
  button.disabled = true;
  document.addEventListener("film-ready", () => { button.disabled = false; }, { once: true });
}
