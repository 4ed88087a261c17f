"""Diagnoses that a physician recorded in a form, before any conclusion classes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from clinic.models import DiagnosisBasis, DiseaseSite, FormResponse, TbCase
from fhir.code import concept
from fhir.element import Element, clean_text

Answers = Mapping[str, Any]
KINDS = {"mental": "Mental disorder", "substance": "Substance use disorder", "alcohol": "Alcohol use disorder"}
# Which label of sensitivity a diagnosis carries (v3-ActCode), by the beginning of its slot.
SENSITIVE = {
    "syphilis": "act-code.std", "gonorrhoea": "act-code.std", "mental": "act-code.psychiatry",
    "substance": "act-code.substance", "alcohol": "act-code.substance",
}
EXTRAPULMONARY = "tb.B1E"  # the slot that a class B1 of extrapulmonary tuberculosis fills too


@dataclass(frozen=True)
class Diagnosis:
    """One disease, in whose words, whether it is still there, and what was noted about it."""

    code: Element
    is_active: bool = True
    remark: str | None = None
    body_site: str | None = None
    evidence: str | None = None  # on what it rests, in words
    since: date | None = None  # the day of the diagnosis


def list_diagnoses(response: FormResponse) -> dict[str, Diagnosis]:
    """Slot of the case to the diagnosis that the form's answers put there."""
    answers = response.answers or {}
    return {slot: found for slot, read in _READERS.items() if (found := read(answers)) is not None}


def read_tb_case(tb: TbCase) -> tuple[str, Diagnosis]:
    """The slot of a tuberculosis case, one that a form fills too, and its diagnosis: what, where, on what evidence."""
    slot = EXTRAPULMONARY if tb.site_of_disease is DiseaseSite.EXTRAPULMONARY else "tuberculosis"
    row, words = _SITES[tb.site_of_disease]
    is_over = tb.outcome is not None and tb.outcome.is_success
    return slot, Diagnosis(
        concept(row, words), not is_over, None, clean_text(tb.organ), _BASES[tb.basis], tb.diagnosed_on)


_SITES = {
    DiseaseSite.PULMONARY: ("snomed.pulmonary-tuberculosis", "Tuberculosis of the lungs"),
    DiseaseSite.EXTRAPULMONARY: ("snomed.extrapulmonary-tuberculosis", "Extrapulmonary tuberculosis"),
    DiseaseSite.BOTH: ("snomed.tuberculosis", "Tuberculosis of the lungs and elsewhere"),
}
_BASES = {
    DiagnosisBasis.CULTURE: "Culture", DiagnosisBasis.NAAT: "Nucleic acid amplification test",
    DiagnosisBasis.SMEAR: "Smear", DiagnosisBasis.HISTOLOGY: "Histology",
    DiagnosisBasis.CLINICAL: "Clinical, without bacteriology",
}


def describe_slot(slot: str) -> Element:
    """What stands in a slot of a form, without the answers that were taken away."""
    kind = slot.split(".")[0]
    row = _ROWS.get(slot)
    return concept(*row) if row else {"text": KINDS.get(kind, "Other condition")}


def list_slots() -> tuple[str, ...]:
    """Every slot that a form can fill."""
    return tuple(_READERS)


# Row of the code table and words of the slots that always mean the same.
_ROWS = {
    "tuberculosis": ("snomed.tuberculosis", "Tuberculosis"),
    EXTRAPULMONARY: ("snomed.extrapulmonary-tuberculosis", "Extrapulmonary tuberculosis"),
    "syphilis": ("snomed.syphilis", "Syphilis"),
    "gonorrhoea": ("snomed.gonorrhoea", "Gonorrhoea"),
    "hansens": ("snomed.leprosy", "Hansen's disease"),
}


def _read_tuberculosis(answers: Answers) -> Diagnosis | None:
    is_there = answers.get("finding.tuberculosis") is True and not clean_text(answers.get("finding.tuberculosis.site"))
    if not is_there:
        return None
    return Diagnosis(concept(*_ROWS["tuberculosis"]), answers.get("finding.tuberculosis.status") != "completed")


def _read_extrapulmonary(answers: Answers) -> Diagnosis | None:
    site = clean_text(answers.get("finding.tuberculosis.site"))
    if answers.get("finding.tuberculosis") is not True or not site:
        return None
    is_active = answers.get("finding.tuberculosis.status") != "completed"
    return Diagnosis(concept(*_ROWS[EXTRAPULMONARY]), is_active, site)


def _read_infection(name: str) -> Callable[[Answers], Diagnosis | None]:
    def read(answers: Answers) -> Diagnosis | None:
        if answers.get(f"finding.{name}") is not True:
            return None
        is_treated = answers.get(f"finding.{name}.treated") is True
        return Diagnosis(concept(*_ROWS[name]), not is_treated, clean_text(answers.get(f"finding.{name}.detail")))
    return read


def _read_disorder(kind: str, place: int) -> Callable[[Answers], Diagnosis | None]:
    """The disorder written at one of the three places of the form, if it is of this kind."""
    def read(answers: Answers) -> Diagnosis | None:
        name = f"disorder-{place}"
        if answers.get(name) is not True or answers.get(f"{name}.kind") != kind:
            return None
        return Diagnosis({"text": clean_text(answers.get(f"{name}.diagnosis")) or KINDS[kind]})
    return read


def _read_others(answers: Answers) -> Diagnosis | None:
    written = clean_text(answers.get("finding.others"))
    if written is None:
        return None
    return Diagnosis({"text": "; ".join(line.strip() for line in written.splitlines() if line.strip())})


_READERS: dict[str, Callable[[Answers], Diagnosis | None]] = {
    "tuberculosis": _read_tuberculosis,
    EXTRAPULMONARY: _read_extrapulmonary,
    "syphilis": _read_infection("syphilis"),
    "gonorrhoea": _read_infection("gonorrhoea"),
    "hansens": _read_infection("hansens"),
    **{f"{kind}.{place}": _read_disorder(kind, place) for kind in KINDS for place in (1, 2, 3)},
    "other.form": _read_others,
}
