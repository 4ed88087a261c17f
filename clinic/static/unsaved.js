// What is typed on a page and not saved: read when the page is covered, put back when the same person returns to it.
const UNKEPT = "[type=hidden], [type=password], [type=file], [type=submit], [type=button], [type=reset], [type=image], [autocomplete=one-time-code]";

// The page's own forms, each by the path it posts to and its number among those.
function* listForms() {
  const seen = {};
  for (const form of document.forms) {
    if (form.closest("header.top, dialog")) continue;
    const path = new URL(form.getAttribute("action") || location.href, location.href).pathname;
    seen[path] = (seen[path] ?? -1) + 1;
    yield [`${path}#${seen[path]}`, form];
  }
}

function labelOf(field) {
  const legend = field.matches("[type=radio], [type=checkbox]") && field.closest("fieldset")?.querySelector("legend");
  const words = (legend || field.labels?.[0])?.textContent ?? field.getAttribute("aria-label") ?? field.name;
  return words.replace(/\s+/g, " ").trim().slice(0, 300);
}

function isChanged(field) {
  if (field.matches("[type=radio], [type=checkbox]")) return field.checked !== field.defaultChecked;
  if (field.matches("select")) {
    if (field.multiple) return [...field.options].some((option) => option.selected !== option.defaultSelected);
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(first, 0);
  }
  return field.value !== field.defaultValue;
}

// Every field that differs from how the page came; of a page that was refused, all of them, since none was saved.
export function readTyped() {
  const all = document.querySelector(".govuk-error-summary") !== null;
  const found = [];
  for (const [key, form] of listForms()) {
    for (const field of form.elements) {
      if (!field.name || !field.matches("input, select, textarea") || field.matches(UNKEPT)) continue;
      if (!all && !isChanged(field)) continue;
      const kept = { form: key, name: field.name, label: labelOf(field) };
      if (field.matches("[type=radio], [type=checkbox]")) found.push({ ...kept, kind: "tick", value: field.value, on: field.checked });
      else if (field.matches("select")) {
        for (const option of field.options) if (option.selected || field.multiple) found.push({ ...kept, kind: "choice", value: option.value, on: option.selected });
      } else if (field.value || field.defaultValue) found.push({ ...kept, kind: "text", value: field.value, on: true });
    }
  }
  return found;
}

// The fields of that name in that form: after a refused save the form's number may differ, so any of the same path will do.
function findFields(forms, { form: key, name }) {
  const path = key.split("#")[0];
  const near = forms.filter(([other]) => other === key), same = forms.filter(([other]) => other.split("#")[0] === path);
  for (const [, form] of [...near, ...same, ...forms]) {
    const fields = [...form.elements].filter((field) => field.name === name && !field.matches(UNKEPT));
    if (fields.length) return fields;
  }
  return [];
}

function setField(fields, { kind, value, on }) {
  const [first] = fields;
  if (first.matches("[type=radio], [type=checkbox]")) {
    const box = fields.find((field) => field.value === value);
    if (!box) return null;
    box.checked = on;
    return box;
  }
  if (first.matches("select")) {
    const option = [...first.options].find((each) => each.value === value);
    if (!option) return null;
    if (kind !== "choice" || on || first.multiple) option.selected = on;
    return first;
  }
  first.value = value;
  return first;
}

// What a form says by itself (hidden fields, the button pressed) and nobody typed.
function isControl(forms, { kind, name }) {
  return kind === "posted" && forms.some(([, form]) => [...form.elements].some((field) => field.name === name && field.matches(UNKEPT + ", button")));
}

// Puts everything back; returns the labels and texts for which the page has no field now.
export function putBack(kept) {
  const forms = [...listForms()], left = [], touched = new Set();
  for (const each of kept) {
    const fields = findFields(forms, each);
    const field = fields.length ? setField(fields, each) : null;
    if (field) touched.add(field);
    else if (each.on && each.value && !isControl(forms, each)) left.push(`${each.label || each.name}: ${each.value}`);
  }
  for (const field of touched) {
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
  }
  return left;
}
