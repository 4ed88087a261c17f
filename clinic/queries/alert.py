"""What the physician must not overlook on a case: positive, critical and corrected results, and contradictions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.db import db
from clinic.laboratory_test import list_tests
from clinic.models import Answer, Case, LabResult, ResultStatus, XrayReading
from clinic.questionnaire.unit import say_unit
from clinic.result_word import label_value
from clinic.services.abnormality import Abnormality, find_abnormality
from clinic.services.form_fact import list_form_facts
from clinic.services.laboratory import compute_igra
from clinic.xray_finding import FindingCategory, list_all_findings


class AlertKind(StrEnum):
    """Why something is shown; the graver first."""

    CRITICAL = "critical"
    POSITIVE = "positive"
    CONTRADICTION = "contradiction"
    CORRECTED = "corrected"
    ABNORMAL = "abnormal"
    CONFIDENTIAL = "confidential"  # what it says is seen only with a stated reason


@dataclass(frozen=True)
class Alert:
    """One thing to see: `text` is a whole sentence in the reader's language, `code` is stable.

    `is_confirmed` is false while the result waits for its second person. `is_sensitive` is never shown on a list.
    `result_id` and `reading_id` name the entry to open, where there is one.
    """

    code: str
    kind: AlertKind
    text: str
    happened_at: datetime | None = None
    is_confirmed: bool = True
    is_sensitive: bool = False
    is_guarded: bool = False  # opened only with a stated reason
    result_id: str | None = None
    reading_id: str | None = None

    @property
    def tone(self) -> str:
        """The tone of the tag that repeats the words."""
        return "bad" if self.kind in (AlertKind.CRITICAL, AlertKind.POSITIVE) else "warn"


def list_alerts(case: Case) -> list[Alert]:
    """Everything to see on a case, the graver first, the newer first within a kind; signed cases too."""
    rows = list(db.session.execute(
        select(LabResult).where(LabResult.case_id == case.id).order_by(LabResult.id.desc())
    ).unique().scalars())
    current = [row for row in rows if row.is_current]
    found = [alert for row in current for alert in _of_result(row, rows)]
    found += _of_film(case) + _list_contradictions(case, current)
    order = list(AlertKind)
    return sorted(found, key=lambda alert: order.index(alert.kind))


def _of_result(row: LabResult, rows: list[LabResult]) -> list[Alert]:
    test = list_tests()[row.test]
    found = []
    abnormality = find_abnormality(row)
    if abnormality in (Abnormality.ABNORMAL, Abnormality.CRITICAL):
        kind = AlertKind.CRITICAL if abnormality is Abnormality.CRITICAL else AlertKind.ABNORMAL
        if test.values and row.value in POSITIVE:
            kind = AlertKind.POSITIVE
        found.append(_build(row, f"{row.test}-{row.value if test.values else abnormality.value}", kind,
                            _("%(test)s: %(value)s.", test=_name(row), value=_say(row))))
    older = [other for other in rows if other.series_id == row.series_id and other.revision < row.revision]
    counted = next((other for other in older if other.status in (ResultStatus.FINAL, ResultStatus.CORRECTED)), None)
    if counted is not None and counted.confirmed_at != row.confirmed_at:  # the same moment: that version stands again
        found.append(_build(row, f"{row.test}-corrected", AlertKind.CORRECTED, _(
            "%(test)s was corrected after it counted: %(before)s became %(now)s. %(why)s", test=_name(row),
            before=_say(counted), now=_say(row), why=row.remark)))
    computed = compute_igra(row)
    if computed and computed != row.value:
        found.append(_build(row, "igra-values", AlertKind.CONTRADICTION, _(
            "IGRA: the values give “%(computed)s”, the laboratory says “%(stated)s”.",
            computed=label_value(computed), stated=label_value(row.value))))
    return found


POSITIVE = frozenset(("positive", "reactive", "detected", "mtb", "trace", "resistant"))


def _build(row: LabResult, code: str, kind: AlertKind, text: str) -> Alert:
    confirmed = row.status is not ResultStatus.PRELIMINARY
    return Alert(code, kind, text if confirmed else text + " " + _("Waits for the second person."),
                 row.confirmed_at or row.entered_at, confirmed, list_tests()[row.test].sensitive,
                 list_tests()[row.test].guarded, result_id=row.id)


def _of_film(case: Case) -> list[Alert]:
    findings = list_all_findings()
    readings = db.session.execute(
        select(XrayReading).where(XrayReading.case_id == case.id, XrayReading.superseded_at.is_(None))
    ).scalars()
    found = []
    for reading in readings:
        if not reading.is_current:
            continue
        labels = [findings[code].label for code in reading.findings
                  if findings[code].category is FindingCategory.SUGGESTS_TB]
        if labels or reading.result == "tb":
            found.append(Alert(
                "film-suggests-tb", AlertKind.POSITIVE,
                _("Chest X-ray suggests tuberculosis: %(findings)s.", findings=", ".join(labels) or _("as concluded")),
                reading.confirmed_at or reading.entered_at, reading_id=reading.id))
        if reading.revision > 1:
            found.append(Alert("film-corrected", AlertKind.CORRECTED,
                               _("The reading of the chest X-ray was corrected. %(why)s", why=reading.remark),
                               reading.entered_at, reading_id=reading.id))
    return found


def _list_contradictions(case: Case, rows: list[LabResult]) -> list[Alert]:
    """Where the history or the physician's findings say something else than a result."""
    said = {row.word: row.answer for row in case.circumstances}
    facts = list_form_facts(case)
    values = {(row.test, row.value) for row in rows}
    checks: list[tuple[str, bool, str, bool]] = [
        ("hiv-history", ("hiv", "positive") in values and said.get("hiv_known") is Answer.NO,
         _("The HIV test is positive; the history says that no infection is known."), True),
        ("syphilis-staged", bool(facts.get("syphilis")) and not _has_reactive(values),
         _("The form gives a stage or treatment of syphilis; no syphilis test is reactive."), False),
        ("gonorrhoea-treated", bool(facts.get("gonorrhoea", {}).get("treated"))
         and ("gonorrhoea-naat", "detected") not in values,
         _("The form says gonorrhoea was treated; no test has detected it."), False),
        ("susceptibility", "dst" in facts and ("sputum-culture", "mtb") not in values,
         _("The form gives a drug susceptibility; no culture grew M. tuberculosis."), False),
        ("tuberculosis-history", _has_tuberculosis(values) and _is_without_treatment(facts, said),
         _("Sputum proves tuberculosis; the form says that no treatment is given."), False),
    ]
    return [Alert(code, AlertKind.CONTRADICTION, text, is_sensitive=sensitive, is_guarded=sensitive)
            for code, holds, text, sensitive in checks if holds]


def _has_reactive(values: set[tuple[str, str]]) -> bool:
    return any(test.startswith("syphilis-") and value == "reactive" for test, value in values)


def _has_tuberculosis(values: set[tuple[str, str]]) -> bool:
    return ("sputum-culture", "mtb") in values or ("sputum-naat", "detected") in values


def _is_without_treatment(facts: dict[str, Any], said: dict[str, Answer]) -> bool:
    return facts.get("tb_treatment", {}).get("status") == "none" and said.get("on_tb_treatment") is not Answer.YES


def _name(row: LabResult) -> str:
    label = list_tests()[row.test].label
    return f"{label}, {row.specimen.number}" if row.specimen else label


def _say(row: LabResult) -> str:
    return f"{row.value} {say_unit(row.unit)}" if row.unit else label_value(row.value)
