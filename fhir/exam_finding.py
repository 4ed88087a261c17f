"""Findings of the physical examination: each question of a form that takes “normal”, “abnormal” or “not done”."""

from __future__ import annotations

from collections.abc import Iterator

from clinic.errors import Misconfigured
from fhir.canonical import item_coding
from fhir.code import coding, concept
from fhir.element import Element, note
from fhir.encoder import Resource
from fhir.form_slot import DETAIL, Answers, FormSlot
from fhir.questionnaire import list_findings

# The form's answer: rows of the value and of its interpretation.
VALUES = {
    "normal": ("snomed.normal", "interpretation.normal"),
    "abnormal": ("snomed.abnormal", "interpretation.abnormal"),
    "negative": ("snomed.negative", "interpretation.negative"),
    "positive": ("snomed.positive", "interpretation.positive"),
}
NOT_DONE = "not-done"
_LABORATORY = "laboratory."  # tests done at the desk stand in a group of this name
_SENSITIVE = {"laboratory.hepatitis-b", "laboratory.hepatitis-c"}


def list_slots(questionnaire: Resource, answers: Answers) -> Iterator[FormSlot]:
    """Every finding that the form asks for, answered or not; Misconfigured for an answer that means nothing here."""
    for item in list_findings(questionnaire):
        link: str = item["linkId"]
        is_test = link.startswith(_LABORATORY)
        rows = [item_coding(link)] if is_test else [coding("loinc.physical-findings"), item_coding(link)]
        yield FormSlot(
            link, "category.laboratory" if is_test else "category.exam", {"coding": rows, "text": item["text"]},
            (link, link + DETAIL), _say(answers.get(link), answers.get(link + DETAIL)),
            sensitivity="confidentiality.restricted" if link in _SENSITIVE else None,
        )


def _say(answer: str | None, remark: str | None) -> Element | None:
    if answer is None:
        return None
    said: Element = {}
    if answer == NOT_DONE:
        said["dataAbsentReason"] = concept("absent-reason.not-performed")
    elif answer in VALUES:
        value, interpretation = VALUES[answer]
        said["valueCodeableConcept"] = concept(value, answer.capitalize())
        said["interpretation"] = [concept(interpretation)]
    else:
        raise Misconfigured(f"Add the answer “{answer}” to fhir/exam_finding.py; nothing was saved.", answer=answer)
    if noted := note(remark):
        said["note"] = noted
    return said
