"""One line of the review: what is recorded, who did and when, who confirmed, what stood there before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_login import current_user

from clinic import culture
from clinic.film_word import READ_VIEW_WORDS
from clinic.laboratory_test import list_tests
from clinic.models import (
    FormVersion,
    LabComponent,
    LabResult,
    Specimen,
    Treatment,
    VaccineDose,
    VaccineLine,
    XrayReading,
)
from clinic.queries.prior_value import PriorValue
from clinic.questionnaire.item import Item, ItemKind
from clinic.questionnaire.summary import Line, say_answer
from clinic.questionnaire.unit import say_unit
from clinic.result_word import label_value
from clinic.services.abnormality import Abnormality, find_abnormality
from clinic.services.confidential import is_hidden
from clinic.treatment_catalogue import list_treatables
from clinic.vaccine_product import label_product
from clinic.web.clinical_format import format_date
from clinic.web.station_page import describe_status, igra_word, list_parts, method_word
from clinic.web.treatment import label_outcome, label_stage
from clinic.xray_finding import list_all_findings

SUSCEPTIBILITY = "dst"  # of a specimen, with a row of its own: drug by drug


@dataclass(frozen=True)
class Note:
    """An earlier version or an earlier value: what it said, who and when, and why it was replaced."""

    text: str
    by_id: str | None = None
    at: datetime | None = None
    why: str = ""
    sensitive: bool = False


@dataclass
class ReviewRow:
    """One recorded fact. `change` is the page on which it is changed, `anchor` its place on this page."""

    anchor: str
    label: str
    values: list[str] = field(default_factory=list)
    detail: str = ""
    by_id: str | None = None
    at: datetime | None = None
    second_id: str | None = None
    second_at: datetime | None = None
    change: str = ""  # beneath the case, or a whole path
    target: str = ""  # the field there
    notable: bool = False
    tags: list[tuple[str, str]] = field(default_factory=list)
    before: list[Note] = field(default_factory=list)  # versions that this one replaced
    priors: list[Note] = field(default_factory=list)  # earlier values of the same thing


def list_people(rows: Iterable[ReviewRow]) -> list[str | None]:
    """Ids of everybody named on `rows`."""
    return [each for row in rows for each in (row.by_id, row.second_id, *(note.by_id for note in row.before))]


def from_result(row: LabResult, every: list[LabResult], priors: list[PriorValue]) -> ReviewRow:
    """A laboratory result with its parts, the versions it replaced, and earlier results of the same test."""
    if is_hidden(row, current_user):
        return ReviewRow(
            f"result-{row.series_id}", list_tests()[row.test].label, [_("Confidential: open it with a reason")], "",
            row.entered_by_id, row.entered_at, row.confirmed_by_id, row.confirmed_at, "confidential", "", False,
            _day(row) if row.counts else [*_day(row), describe_status(row)])
    found = find_abnormality(row)
    tags = [] if row.counts else [describe_status(row)]
    if found in (Abnormality.ABNORMAL, Abnormality.CRITICAL):
        tags.append((_("Critical") if found is Abnormality.CRITICAL else _("Abnormal"), "bad"))
    before = [Note(say_result(old), old.entered_by_id, old.entered_at, old.remark) for old in every
              if old.series_id == row.series_id and old.revision < row.revision]
    earlier = [Note(f"{format_date(one.row.performed_on)}: {say_result(one.row)}",
                    why="" if one.is_same_case else _("case %(number)s", number=one.case_number))
               for one in priors if one.row.series_id != row.series_id]
    return ReviewRow(
        f"result-{row.series_id}", list_tests()[row.test].label, [say_result(row)],
        "; ".join(_say_part(part) for part in list_parts(row)),
        row.entered_by_id, row.entered_at, row.confirmed_by_id, row.confirmed_at,
        f"laboratory/{row.id}", "", found is not Abnormality.NORMAL and bool(tags), [*_day(row), *tags],
        before, earlier)


def from_reading(row: XrayReading, every: list[XrayReading]) -> ReviewRow:
    """A reading of a chest film, with the readings it replaced."""
    before = [Note(", ".join(_say_findings(old)), old.entered_by_id, old.entered_at, row.remark) for old in every
              if old.series_id == row.series_id and old.revision < row.revision]
    abnormal = bool(set(row.findings) - {"NORMAL"})
    return ReviewRow(
        f"reading-{row.series_id}", _("Film of %(day)s", day=format_date(row.taken_on)) if row.taken_on
        else _("Film put off"), _say_findings(row), row.remark, row.entered_by_id, row.entered_at,
        row.confirmed_by_id, row.confirmed_at, f"xray?correct={row.id}", notable=abnormal,
        tags=[(str(READ_VIEW_WORDS[row.view]), "plain")] if row.view else [], before=before)


def from_specimen(row: Specimen, results: list[LabResult], every: list[LabResult]) -> ReviewRow:
    """A specimen with the results it has so far."""
    order = list(list_tests())
    own = sorted((one for one in results if one.specimen_id == row.id and one.test != SUSCEPTIBILITY),
                 key=lambda one: (order.index(one.test), one.method or ""))
    values = [f"{list_tests()[one.test].label}{_say_medium(one)}: {say_result(one)}" + (
        f" ({format_date(one.reported_on)})" if one.reported_on else "") for one in own]
    waiting = [(_("Needs second person"), "wait")] if any(not one.counts for one in own) else []
    before = [Note(say_result(old), old.entered_by_id, old.entered_at, old.remark) for one in own for old in every
              if old.series_id == one.series_id and old.revision < one.revision]
    last = max(own, key=lambda one: one.entered_at, default=None)
    return ReviewRow(
        f"specimen-{row.id}", _("%(number)s, %(day)s", number=row.number, day=format_date(row.collected_on)),
        values or [_("Results pending")], "", row.recorded_by_id, row.recorded_at,
        last.confirmed_by_id if last else None, last.confirmed_at if last else None, "sputum", f"row-{row.id}",
        any(find_abnormality(one) is not Abnormality.NORMAL for one in own), waiting, before)


def _say_medium(row: LabResult) -> str:
    """The medium of a culture behind its name; the others' method stands with their parts."""
    return f", {method_word(row.method)}" if row.test == culture.TEST and row.method else ""


def from_vaccine_line(line: str, row: VaccineLine | None, doses: list[VaccineDose], outcome: str) -> ReviewRow:
    """A line of the vaccination worksheet with its doses."""
    given = [f"{format_date(dose.given_on)} {label_product(dose.cvx)}" for dose in doses if dose.line == line]
    return ReviewRow(
        f"line-{line.lower().replace('/', '-')}", line, [outcome] if row else [], "; ".join(
            [*given, *([row.remark] if row and row.remark else [])]),
        row.recorded_by_id if row else None, row.recorded_at if row else None, change="vaccination",
        tags=[] if row else [(_("Not settled"), "warn")])


def from_line(line: Line, form: str) -> ReviewRow:
    """An answer of a form."""
    value = format_date(line.value) if line.kind is ItemKind.DATE else line.value
    value = f"{value} {say_unit(line.unit)}" if line.unit else value
    return ReviewRow(f"answer-{form}-{line.link_id}", line.label, [value], change=f"forms/{form}?amend=1",
                     target=line.link_id, notable=line.notable)


def from_treatment(row: Treatment, every: list[Treatment]) -> ReviewRow:
    """How a treatment stands, with every earlier report of it."""
    before = [Note("; ".join((_say_treatment(old), *_list_course(old))), old.entered_by_id, old.entered_at, old.remark)
              for old in every if old.series_id == row.series_id and old.revision < row.revision]
    return ReviewRow(
        f"treatment-{row.disease}", _("Treatment: %(disease)s", disease=list_treatables()[row.disease].label),
        [_say_treatment(row)], "; ".join(_list_course(row)), row.entered_by_id, row.entered_at,
        change=f"treatment/{row.disease}", notable=True, before=before)


def list_changes(item: Item, answers: dict[str, Any], versions: list[FormVersion]) -> list[Note]:
    """What an answer of a form was in each version that said otherwise than the next; oldest first."""
    said = [*(version.answers for version in versions), answers]
    notes = []
    for version, then, after in zip(versions, said, said[1:], strict=False):
        if any(then.get(key) != after.get(key) for key in (item.link_id, f"{item.link_id}.detail")):
            notes.append(Note(_say_before(item, then), version.completed_by_id, version.completed_at, version.reason))
    return notes


def _say_before(item: Item, answers: dict[str, Any]) -> str:
    answer = answers.get(item.link_id)
    if answer is None:
        return _("Not answered")
    value = format_date(answer) if item.kind is ItemKind.DATE else say_answer(item, answer)
    value = f"{value} {say_unit(item.unit)}" if item.unit else value
    detail = answers.get(f"{item.link_id}.detail")
    return f"{value}: {detail}" if detail else value


def _say_treatment(row: Treatment) -> str:
    stage = label_stage(row.stage) if row.stage else ""
    return ", ".join(filter(None, (label_outcome(row.outcome), stage)))


def _list_course(row: Treatment) -> list[str]:
    """Regimen, days and doses of a treatment, as far as they are recorded."""
    parts = [list_treatables()[row.disease].regimens[row.regimen].label if row.regimen else "", row.detail]
    days = {_("first dose"): row.started_on, _("last dose"): row.ended_on,
            _("cultures at the end reported negative"): row.cultures_negative_on}
    doses = {_("doses planned"): row.doses_planned, _("given"): row.doses_given, _("missed"): row.doses_missed}
    parts += [f"{label} {format_date(day)}" for label, day in days.items() if day]
    parts += [f"{count} {label}" for label, count in doses.items() if count is not None]
    parts.append(_("directly observed") if row.is_supervised else _("not observed"))
    return [part for part in (*parts, _("refused at this site") if row.is_refused_here else "") if part]


def from_fact(anchor: str, label: str, value: Any, change: str = "") -> ReviewRow:
    """A fact of the person or the case."""
    return ReviewRow(anchor, label, [str(value)] if value else [], change=change)


def say_result(row: LabResult) -> str:
    """A result as a reader says it."""
    return f"{row.value} {say_unit(row.unit)}" if row.unit else label_value(row.value).capitalize()


def _say_findings(row: XrayReading) -> list[str]:
    if row.deferred:
        return [_("Put off because of pregnancy.")]
    known = list_all_findings()
    return [known[code].label if code in known else code for code in row.findings]


def _say_part(part: LabComponent) -> str:
    return f"{igra_word(part.name)} {f'{part.value} {say_unit(part.unit)}' if part.unit else label_value(part.value)}"


def _day(row: LabResult) -> list[tuple[str, str]]:
    return [(format_date(row.performed_on), "plain")]

