"""The clinic's forms as published Questionnaires, with the code systems and extensions that they use.

The form files name the default canonical base; where the setting differs, what we send out names the setting's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from clinic.config import ROOT, Settings
from clinic.errors import Misconfigured
from fhir.address import canonical
from fhir.element import Element
from fhir.encoder import Resource, decode

FORMS = ROOT / "clinic" / "programmes"


def list_questionnaires() -> dict[str, Resource]:
    """Every form by name."""
    return _read_all(FORMS, canonical(""))


def get_questionnaire(form: str) -> Resource:
    """The Questionnaire called `form`; Misconfigured when there is none."""
    found = list_questionnaires().get(form)
    if found is None:
        raise Misconfigured(f"Put the form {form}.json into a programme's forms folder; nothing was saved.", form=form)
    return found


def list_form_codes(system: str) -> dict[str, list[str]]:
    """Every code of one of our systems that a form uses, with its displays; those of questions and of answers."""
    found: dict[str, list[str]] = {}
    for questionnaire in list_questionnaires().values():
        for coding in _codings(questionnaire.get("item", [])):
            if coding["system"] == system:
                displays = found.setdefault(coding["code"], [])
                if coding.get("display") and coding["display"] not in displays:
                    displays.append(coding["display"])
    return dict(sorted(found.items()))


def list_findings(questionnaire: Resource) -> list[Element]:
    """The questions of a form that ask for a finding: those of which one answer is “not done”."""
    return [item for item in _walk(questionnaire.get("item", []))
            if any(option.get("valueCoding", {}).get("code") == "not-done" for option in item.get("answerOption", []))]


def find_fact_link(questionnaire: Resource, fact: str) -> str | None:
    """The linkId of the question that establishes `fact`, a code of the system `fact`."""
    found = (item["linkId"] for item in _walk(questionnaire.get("item", []))
             if any(code["code"] == fact for code in item.get("code", [])))
    return next(found, None)


def list_finding_items() -> dict[str, list[str]]:
    """LinkId of every finding that a form of ours asks for, with the words that ask for it."""
    return _list_finding_items(FORMS, canonical(""))


@cache
def _list_finding_items(folder: Path, base: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for questionnaire in _read_all(folder, base).values():
        for item in list_findings(questionnaire):
            words = found.setdefault(item["linkId"], [])
            if item["text"] not in words:
                words.append(item["text"])
    return dict(sorted(found.items()))


def _walk(items: list[Element]) -> Iterator[Element]:
    for item in items:
        yield item
        yield from _walk(item.get("item", []))


def _codings(items: list[Element]) -> Iterator[Element]:
    for item in _walk(items):
        yield from item.get("code", [])
        yield from (option["valueCoding"] for option in item.get("answerOption", []) if "valueCoding" in option)


@cache
def _read_all(folder: Path, base: str) -> dict[str, Resource]:
    return {path.stem: _read(path, base) for path in sorted(folder.glob("*/forms/*.json"))}


def _read(path: Path, base: str) -> Resource:
    text = path.read_text(encoding="utf-8").replace(Settings.canonical_base, base)
    found: Resource = decode(text)
    return found
