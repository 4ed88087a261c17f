"""Susceptibility and treatment on paper: drug by drug, and the course in the words of the form (us.md 3.2, 3.5)."""

from __future__ import annotations

from typing import Any

from clinic.documents.identity import to_day
from clinic.documents.record import Record
from clinic.laboratory_test import list_tests
from clinic.models import LabResult, Treatment, TreatmentOutcome
from clinic.treatment_catalogue import list_treatables

OUTCOMES = {
    TreatmentOutcome.REFUSED: "Refused", TreatmentOutcome.CURRENT: "Goes on",
    TreatmentOutcome.COMPLETED: "Completed", TreatmentOutcome.STOPPED: "Stopped before the end",
}
STAGES = {  # us.md 2.2
    "primary": "Primary", "secondary": "Secondary", "early-latent": "Early latent (under a year)",
    "late-latent": "Late latent", "tertiary": "Tertiary", "unknown-duration": "Latent of unknown duration",
}
METHODS = {"phenotypic-liquid": "Phenotypic, liquid medium", "phenotypic-solid": "Phenotypic, solid medium",
           "molecular": "Molecular"}
SUSCEPTIBILITY = "dst"
SPELLED = {"pas": "para-aminosalicylic acid"}  # other medicines are called by their code


def build_susceptibility(record: Record) -> list[dict[str, Any]]:
    """Each counting susceptibility test: specimen, method, day of report, and [(drug, answer or "")] of every drug."""
    numbers = {row.id: row.number for row in record.specimens}
    return [
        {
            "specimen": numbers.get(row.specimen_id or "", ""), "method": METHODS.get(row.method or "", ""),
            "on": to_day(row.reported_on or row.performed_on), "remark": row.remark,
            "drugs": [(SPELLED.get(drug, drug).capitalize(), _find_answer(row, drug))
                      for drug in list_tests()[SUSCEPTIBILITY].drugs],
        }
        for row in record.results if row.test == SUSCEPTIBILITY
    ]


def describe_susceptibility(row: LabResult) -> str:
    """The drugs by answer in one line: `Resistant: isoniazid; susceptible: rifampicin`."""
    groups: dict[str, list[str]] = {}
    for drug in list_tests()[SUSCEPTIBILITY].drugs:
        if answer := _find_answer(row, drug):
            groups.setdefault(answer, []).append(SPELLED.get(drug, drug))
    words = [f"{answer}: {', '.join(drugs)}" for answer, drugs in sorted(groups.items(), key=lambda one: (
        one[0] != "resistant", one[0]))]
    return "; ".join(words).capitalize() if words else ""


def build_treatments(record: Record) -> list[dict[str, Any]]:
    """Each treatment as it stands, as labelled values."""
    return [
        {"disease": list_treatables()[row.disease].label, "code": row.disease,
         "fields": [(label, value) for label, value in _list_fields(row, record) if value]}
        for row in record.treatments
    ]


def _list_fields(row: Treatment, record: Record) -> list[tuple[str, str]]:
    regimen = list_treatables()[row.disease].regimens[row.regimen].label if row.regimen else ""
    cultures = f"Reported {to_day(row.cultures_negative_on)}" if row.cultures_negative_on else ""
    return [
        ("Stage", STAGES.get(row.stage or "", "")), ("Treatment", regimen), ("Details", row.detail),
        ("How it stands", OUTCOMES[row.outcome]),
        ("First dose", to_day(row.started_on)), ("Last dose", to_day(row.ended_on)), ("Doses", _say_doses(row)),
        ("Directly observed under a panel physician", "Yes" if row.is_supervised else "No"),
        ("Refused at this site", "Yes, taken elsewhere" if row.is_refused_here else ""),
        ("Cultures negative at the end", cultures), ("Recorded by", record.name(row.entered_by_id)),
    ]


def _say_doses(row: Treatment) -> str:
    parts = [f"{count} {word}" for count, word in (
        (row.doses_given, "given"), (row.doses_planned, "planned"), (row.doses_missed, "missed")) if count is not None]
    return ", ".join(parts)


def _find_answer(row: LabResult, drug: str) -> str:
    return next((part.value for part in row.components if part.name == drug), "")
