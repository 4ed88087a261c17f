"""What has been done on some cases so far, read in a fixed number of queries however many the cases are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import case, select, text
from sqlalchemy.orm import aliased

from clinic.culture import TEST
from clinic.models import (
    Film,
    FilmState,
    FormResponse,
    FormStatus,
    LabOrder,
    LabOrderState,
    LabResult,
    Purpose,
    Requirement,
    RequirementState,
    ResultStatus,
    Specimen,
    SpecimenKind,
    User,
    XrayReading,
)
from clinic.models.lab_order import LIVE
from clinic.ready_query import ReadyQuery, ReadyTogether, each


@dataclass(frozen=True)
class Mark:
    """Something somebody did: who, when, and what stands there now."""

    by: str
    at: datetime
    by_id: str = ""
    what: str = ""


@dataclass(frozen=True)
class ResultMark:
    """A laboratory result that nothing has replaced."""

    test: str
    specimen_id: str | None
    status: ResultStatus
    entered: Mark
    checked: Mark | None  # by the second person, who confirmed it or sent it back
    remark: str
    method: str | None = None
    value: str = ""  # of a culture alone: whether its clock has stopped

    @property
    def is_sent_back(self) -> bool:
        """Whether the second person refused it."""
        return self.status is ResultStatus.ENTERED_IN_ERROR and self.checked is not None


@dataclass(frozen=True)
class SpecimenMark:
    """A specimen of a series: the day its cultures' clocks began, the media inoculated as far as somebody said, and
    the day it was taken."""

    began_on: date
    media: tuple[str, ...] = ()
    collected_on: date | None = None


@dataclass
class Standing:
    """One case's work, as its lists and its page speak of it."""

    exams: list[str] = field(default_factory=list)  # open ones, in the order of the rules
    results: list[ResultMark] = field(default_factory=list)  # as entered
    films: dict[FilmState, Mark] = field(default_factory=dict)  # the newest of each state
    reading: Mark | None = None  # the newest current one; `what`: preliminary, deferred, or empty
    drafts: dict[str, Mark] = field(default_factory=dict)  # by form
    orders: dict[str, LabOrderState] = field(default_factory=dict)  # in work, by test; the newest of each
    specimens: dict[str, SpecimenMark] = field(default_factory=dict)  # of the diagnosis, by id, oldest first


# The rows that one case's standing is made of, each with its place in PARTS: equal rows make the same standing.
Parts = tuple[tuple[int, tuple[Any, ...]], ...]


def load_standings(case_ids: Collection[str]) -> dict[str, Standing]:
    """The standing of each case."""
    return {case_id: build_standing(parts) for case_id, parts in load_parts(case_ids).items()}


def load_parts(case_ids: Collection[str]) -> dict[str, Parts]:
    """What the standing of each case is made of, to compare and to make it of."""
    return sort_parts(case_ids, _TOGETHER.list_rows(cases=list(case_ids)) if case_ids else ())


def sort_parts(case_ids: Iterable[str], answers: Iterable[list[Any]]) -> dict[str, Parts]:
    """The rows of several queries by the case that each names first, with the query's place."""
    found: dict[str, list[tuple[int, tuple[Any, ...]]]] = {case_id: [] for case_id in case_ids}
    for place, rows in enumerate(answers):
        for row in rows:
            found[row[0]].append((place, row))
    return {case_id: tuple(parts) for case_id, parts in found.items()}


def build_standing(parts: Parts) -> Standing:
    """The standing that the parts of a case make."""
    standing = Standing()
    for place, row in parts:
        PARTS[place][1](standing, row)
    return standing


# Every list asks them for every page. The case's id comes first in each.
_CASE = each("cases")
_EXAMS = ReadyQuery(
    select(Requirement.case_id, Requirement.exam)
    .join(_CASE, _CASE.c.value == Requirement.case_id).where(Requirement.state == RequirementState.OPEN)
    .order_by(Requirement.position, Requirement.exam)
)
_FIRST, _SECOND = aliased(User), aliased(User)
_RESULTS = ReadyQuery(
    select(
        LabResult.case_id, LabResult.test, LabResult.specimen_id, LabResult.status, LabResult.remark,
        LabResult.method, case((LabResult.test == TEST, LabResult.value), else_="").label("value"),
        LabResult.entered_at, LabResult.entered_by_id, _FIRST.name.label("entered_by"),
        LabResult.confirmed_at, LabResult.confirmed_by_id, _SECOND.name.label("checked_by"),
    )
    .join(_FIRST, _FIRST.id == LabResult.entered_by_id).outerjoin(_SECOND, _SECOND.id == LabResult.confirmed_by_id)
    .join(_CASE, _CASE.c.value == LabResult.case_id).where(LabResult.superseded_at.is_(None)).order_by(LabResult.id)
)
_FILMS = ReadyQuery(
    select(Film.case_id, Film.state, Film.received_at, Film.received_by_id, User.name)
    .join(User, User.id == Film.received_by_id).join(_CASE, _CASE.c.value == Film.case_id).order_by(Film.id)
)
_READINGS = ReadyQuery(
    select(XrayReading.case_id, XrayReading.status, XrayReading.deferred, XrayReading.entered_at,
           XrayReading.entered_by_id, User.name)
    .join(User, User.id == XrayReading.entered_by_id)
    .join(_CASE, _CASE.c.value == XrayReading.case_id)
    .where(XrayReading.superseded_at.is_(None),
           XrayReading.status != ResultStatus.ENTERED_IN_ERROR)
    .order_by(XrayReading.id)
)
_DRAFTS = ReadyQuery(
    select(FormResponse.case_id, FormResponse.form, FormResponse.saved_at, FormResponse.started_by_id, User.name)
    .join(User, User.id == FormResponse.started_by_id)
    .join(_CASE, _CASE.c.value == FormResponse.case_id).where(FormResponse.status == FormStatus.IN_PROGRESS)
)
_SPECIMENS = ReadyQuery(
    select(Specimen.case_id, Specimen.id, Specimen.collected_on, Specimen.inoculated_on, Specimen.media)
    .join(_CASE, _CASE.c.value == Specimen.case_id)
    .where(Specimen.withdrawn_at.is_(None), Specimen.rejected_at.is_(None), Specimen.purpose == Purpose.DIAGNOSIS,
           Specimen.kind.in_((SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE)))
    .order_by(Specimen.collected_on, Specimen.id)
)

_ORDERS = ReadyQuery(
    select(LabOrder.case_id, LabOrder.test, LabOrder.state)
    .join(_CASE, _CASE.c.value == LabOrder.case_id).where(text(LIVE)).order_by(LabOrder.id)
)


def _add_exam(standing: Standing, row: Any) -> None:
    standing.exams.append(row.exam)


def _add_result(standing: Standing, row: Any) -> None:
    checked = Mark(row.checked_by, row.confirmed_at, row.confirmed_by_id) if row.confirmed_by_id else None
    standing.results.append(ResultMark(
        row.test, row.specimen_id, row.status, Mark(row.entered_by, row.entered_at, row.entered_by_id), checked,
        row.remark, row.method, row.value))


def _add_film(standing: Standing, row: Any) -> None:
    standing.films[row.state] = Mark(row.name, row.received_at, row.received_by_id)


def _add_reading(standing: Standing, row: Any) -> None:
    what = row.status.value if row.status is ResultStatus.PRELIMINARY else row.deferred or ""
    standing.reading = Mark(row.name, row.entered_at, row.entered_by_id, what)


def _add_draft(standing: Standing, row: Any) -> None:
    standing.drafts[row.form] = Mark(row.name, row.saved_at, row.started_by_id)


def _add_specimen(standing: Standing, row: Any) -> None:
    media = tuple((row.media or "").split())
    standing.specimens[row.id] = SpecimenMark(row.inoculated_on or row.collected_on, media, row.collected_on)


def _add_order(standing: Standing, row: Any) -> None:
    standing.orders[row.test] = row.state


PARTS: tuple[tuple[ReadyQuery, Callable[[Standing, Any], None]], ...] = (
    (_EXAMS, _add_exam), (_RESULTS, _add_result), (_FILMS, _add_film), (_READINGS, _add_reading),
    (_DRAFTS, _add_draft), (_SPECIMENS, _add_specimen), (_ORDERS, _add_order),
)
_TOGETHER = ReadyTogether(*(query for query, _add in PARTS))
