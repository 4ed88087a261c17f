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

if (form) {
  form.addEventListener("change", refresh);
  refresh();
  // Enter in a field must not press the first button of the page, which belongs to one group only.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input[type=text]")) event.preventDefault();
  });
}
