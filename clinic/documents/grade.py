"""The summary for Canada, Australia and New Zealand: each examination with its grade and what it rests on."""

from __future__ import annotations

from typing import Any

from clinic.documents.identity import to_day
from clinic.documents.record import Record
from clinic.documents.treatment import SUSCEPTIBILITY, build_treatments, describe_susceptibility
from clinic.documents.unit import with_unit
from clinic.laboratory_test import list_tests
from clinic.models import Conclusion, LabResult
from clinic.questionnaire.item import ItemKind
from clinic.questionnaire.summary import Line, Section
from clinic.result_word import label_value
from clinic.rules import get_exam_label
from clinic.xray_finding import list_all_findings

# The grades' meaning (ca-au-nz-uk-iom.md 1.6 and 2.7, confirmed by the addendum 2.2).
MEANING = {"A": "No significant or abnormal finding", "B": "Significant or abnormal finding"}


def build_grades(record: Record, conclusion: Conclusion) -> dict[str, Any]:
    """What the template `documents/grade.html` shows besides the identity; plain values, English."""
    return {
        "grades": [
            {"exam": get_exam_label(exam), "grade": grade.get("given") or grade["suggested"],
             "meaning": MEANING[grade.get("given") or grade["suggested"]],
             "changed": bool(grade.get("given")) and grade["given"] != grade["suggested"],
             "because": [reason["says"] for reason in grade["because"]]}
            for exam, grade in conclusion.conclusion["grades"].items()
        ],
        "required": [get_exam_label(item["exam"]) for item in conclusion.decision["required"]],
        "results": [_build_result(row) for row in record.results],
        "film": _build_film(record), "treatments": build_treatments(record),
        "forms": [(row.form, [_build_section(section) for section in sections if not section.is_empty])
                  for row, sections in record.list_sections()],
    }


def _build_result(row: LabResult) -> dict[str, str]:
    test = list_tests()[row.test]
    value = with_unit(row.value, row.unit) if test.number else label_value(row.value).capitalize()
    if row.test == SUSCEPTIBILITY:
        value = describe_susceptibility(row) or value
    return {"test": test.label, "on": to_day(row.performed_on), "value": value}


def _build_film(record: Record) -> dict[str, Any] | None:
    reading = record.reading
    if reading is None:
        return None
    known = list_all_findings()
    return {
        "taken": to_day(reading.taken_on), "deferred": reading.deferred, "remark": reading.remark,
        "findings": [known[code].label if code in known else code for code in reading.findings],
        "radiologist": record.name(reading.entered_by_id),
    }


def _build_section(section: Section) -> dict[str, Any]:
    return {"title": section.title, "denied": section.denied, "normal": section.normal,
            "lines": [(line.label, _to_words(line)) for line in section.lines]}


def _to_words(line: Line) -> str:
    return to_day(line.value) if line.kind is ItemKind.DATE else with_unit(line.value, line.unit)
