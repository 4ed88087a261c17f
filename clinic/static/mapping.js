// A list of choices in groups follows the fields that say which group is meant; without this all groups stand there.
// Groups are taken out and put back, as not every browser hides one.
for (const list of document.querySelectorAll("[data-follows]")) {
  const [kind, test] = list.dataset.follows.split(" ").map((id) => document.getElementById(id));
  const first = list.options[0], groups = [...list.querySelectorAll("optgroup")];

  function follow() {
    const chosen = list.selectedOptions[0];
    const fitting = groups.filter((one) => one.dataset.kind === kind.value &&
      (one.dataset.test === test.value || (!test.value && one.dataset.kind === "test")));
    list.replaceChildren(first, ...fitting);
    if (chosen && list.contains(chosen)) chosen.selected = true;
    else first.selected = true;
  }

  kind.addEventListener("change", follow);
  test.addEventListener("change", follow);
  follow();
}
