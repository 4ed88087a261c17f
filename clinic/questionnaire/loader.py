"""Reads and checks the forms under clinic/programmes/*/forms; a new form is a new JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from clinic.errors import Misconfigured, NotFound
from clinic.questionnaire.computed import check_computed
from clinic.questionnaire.item import CANONICAL, FACT_SYSTEM, Condition, Item, ItemKind, Questionnaire
from clinic.questionnaire.subject import SUBJECTS

PROGRAMMES = Path(__file__).resolve().parent.parent / "programmes"

# Extensions: the first three are FHIR's own (R4 extension registry), the rest are published with our profiles.
MIN_VALUE = "http://hl7.org/fhir/StructureDefinition/minValue"
MAX_VALUE = "http://hl7.org/fhir/StructureDefinition/maxValue"
MAX_DECIMALS = "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces"
UNIT = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit"
SOFT_MIN = CANONICAL + "StructureDefinition/soft-minimum"
SOFT_MAX = CANONICAL + "StructureDefinition/soft-maximum"
PERMISSION = CANONICAL + "StructureDefinition/permission"
APPLIES_TO = CANONICAL + "StructureDefinition/applies-to"
HINT = CANONICAL + "StructureDefinition/hint"
COMPUTED = CANONICAL + "StructureDefinition/computed"
EXTENSIONS = {MIN_VALUE, MAX_VALUE, MAX_DECIMALS, UNIT, SOFT_MIN, SOFT_MAX, PERMISSION, APPLIES_TO, HINT,
              COMPUTED}

OPERATORS = {"exists", "=", "!=", ">", "<", ">=", "<="}
LINK_ID = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*")
FACT = re.compile(r"(results|circumstance|case)(\.[a-z0-9_]+)+")


@cache
def list_questionnaires() -> dict[str, Questionnaire]:
    """Every form by name. Raises Misconfigured naming the file and what is wrong in it."""
    forms: dict[str, Questionnaire] = {}
    for path in _list_files():
        form = read_questionnaire(path.read_text(encoding="utf-8"), path.stem)
        forms[form.name] = form
    return forms


def get_questionnaire(name: str) -> Questionnaire:
    """The form called `name`. Raises NotFound."""
    form = list_questionnaires().get(name)
    if form is None:
        raise NotFound("There is no such form.", form=name)
    return form


def check_forms() -> list[str]:
    """Every fault of every form file, as `file: what is wrong`; empty when all is well."""
    faults = []
    for path in _list_files():
        try:
            read_questionnaire(path.read_text(encoding="utf-8"), path.stem)
        except Misconfigured as error:
            faults.append(f"{path.relative_to(PROGRAMMES)}: {error.message}")
    return faults


def read_questionnaire(text: str, name: str) -> Questionnaire:
    """A form from its JSON. Raises Misconfigured with all faults found, each naming its linkId."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misconfigured(f"{name}: not JSON ({error})") from None
    if not isinstance(body, dict) or not isinstance(body.get("item", []), list):
        raise Misconfigured(f"{name}: not a Questionnaire with its items")
    faults: list[str] = []
    if body.get("resourceType") != "Questionnaire":
        faults.append("resourceType must be Questionnaire")
    for key in ("url", "version", "title", "status", "item"):
        if not body.get(key):
            faults.append(f"{key} is missing")
    if body.get("url") != f"{CANONICAL}Questionnaire/{name}":
        faults.append(f"url must be {CANONICAL}Questionnaire/{name}")
    items = _read_items(body, None, faults)
    form = Questionnaire(name, body.get("url", ""), body.get("version", ""), body.get("title", ""), items, body)
    faults += _list_faults(form)
    if faults:
        raise Misconfigured(f"{name}: " + "; ".join(faults))
    return form


def _list_files() -> list[Path]:
    return sorted(PROGRAMMES.glob("*/forms/*.json"))


def _read_items(body: dict[str, Any], permission: str | None, faults: list[str]) -> tuple[Item, ...]:
    """The items of a form or of an item; one that is shaped otherwise than R4 says is a fault and left out."""
    items = []
    for place, item in enumerate(body.get("item", [])):
        try:
            items.append(_read_item(item, permission, faults))
        except (AttributeError, LookupError, TypeError, ValueError):
            name = item.get("linkId") if isinstance(item, dict) else f"item {place} of {body.get('linkId', 'the form')}"
            faults.append(f"{name}: not shaped as a Questionnaire item")
    return tuple(items)


def _read_item(body: dict[str, Any], permission: str | None, faults: list[str]) -> Item:
    link_id = str(body.get("linkId", ""))
    extensions = {extension["url"]: _read_value(extension) for extension in body.get("extension", [])}
    for url in set(extensions) - EXTENSIONS:
        faults.append(f"{link_id}: unknown extension {url}")
    try:
        kind = ItemKind(body.get("type", ""))
    except ValueError:
        faults.append(f"{link_id}: unknown type {body.get('type')!r}")
        kind = ItemKind.DISPLAY
    permission = extensions.get(PERMISSION, permission)
    return Item(
        link_id=link_id, text=str(body.get("text", "")), kind=kind, required=bool(body.get("required", False)),
        facts=tuple(code["code"] for code in body.get("code", []) if code.get("system") == FACT_SYSTEM),
        conditions=tuple(Condition(str(c.get("question")), str(c.get("operator")), _read_value(c, "answer"))
                         for c in body.get("enableWhen", [])),
        needs_all=body.get("enableBehavior") == "all",
        options=tuple((option["valueCoding"]["code"], option["valueCoding"]["display"])
                      for option in body.get("answerOption", [])),
        unit=extensions.get(UNIT), minimum=extensions.get(MIN_VALUE), maximum=extensions.get(MAX_VALUE),
        decimals=int(extensions[MAX_DECIMALS]) if MAX_DECIMALS in extensions else None,
        soft_minimum=extensions.get(SOFT_MIN), soft_maximum=extensions.get(SOFT_MAX), permission=permission,
        applies_to=extensions.get(APPLIES_TO), hint=extensions.get(HINT), computed=extensions.get(COMPUTED),
        longest=body.get("maxLength"),
        items=_read_items(body, permission, faults),
    )


def _read_value(body: dict[str, Any], prefix: str = "value") -> Any:
    """The one `value…` or `answer…` of an element: booleans as they are, the code of a coding, all else as text."""
    for key, value in body.items():
        if key.startswith(prefix):
            if isinstance(value, dict):
                return value.get("code")
            return value if isinstance(value, bool) else str(value)
    return None


def _list_faults(form: Questionnaire) -> Iterator[str]:
    seen: set[str] = set()
    questions = form.list_questions()
    for item in form.walk():
        if not LINK_ID.fullmatch(item.link_id):
            yield f"{item.link_id!r}: a linkId has small letters, figures, dashes and dots"
        if item.link_id in seen:
            yield f"{item.link_id}: linkId used twice"
        seen.add(item.link_id)
        if not item.text:
            yield f"{item.link_id}: text is missing"
        if item.kind is ItemKind.CHOICE and not item.options:
            yield f"{item.link_id}: a choice needs answerOption"
        if item.applies_to and item.applies_to not in SUBJECTS:
            yield f"{item.link_id}: unknown subject {item.applies_to}"
        if item.computed is not None:
            yield from (f"{item.link_id}: {fault}" for fault in check_computed(item.computed, questions))
        for code in item.facts:
            if not FACT.fullmatch(code):
                yield f"{item.link_id}: unreadable fact {code}"
        for condition in item.conditions:
            if condition.operator not in OPERATORS:
                yield f"{item.link_id}: unknown operator {condition.operator}"
            if condition.question not in questions:
                yield f"{item.link_id}: enableWhen asks for unknown {condition.question}"
