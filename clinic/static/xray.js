// "Normal findings" excludes the others: ticking the one clears the other. The server refuses both together anyway.
const form = document.querySelector("form[data-reading]");
form?.addEventListener("change", ({ target }) => {
  if (target.name !== "findings" || !target.checked) return;
  const isNormal = target.value === "NORMAL";
  for (const box of form.querySelectorAll("input[name=findings]")) {
    if ((box.value === "NORMAL") !== isNormal) box.checked = false;
  }
});
