"""What has been done on some cases so far, read in a fixed number of queries however many the cases are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import BindParameter, Result, Select, bindparam, select
from sqlalchemy.orm import aliased

from clinic.culture import TEST
from clinic.db import db
from clinic.models import (
    Film,
    FilmState,
    FormResponse,
    FormStatus,
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
    """A specimen of a series: the day its cultures' clocks began, and the media inoculated as far as somebody said."""

    began_on: date
    media: tuple[str, ...] = ()


@dataclass
class Standing:
    """One case's work, as its lists and its page speak of it."""

    exams: list[str] = field(default_factory=list)  # open ones, in the order of the rules
    results: list[ResultMark] = field(default_factory=list)  # as entered
    films: dict[FilmState, Mark] = field(default_factory=dict)  # the newest of each state
    reading: Mark | None = None  # the newest current one; `what`: preliminary, deferred, or empty
    drafts: dict[str, Mark] = field(default_factory=dict)  # by form
    specimens: dict[str, SpecimenMark] = field(default_factory=dict)  # of the diagnosis, by id, oldest first

    def to_key(self) -> Hashable:
        """Equal for two standings of which the same is to be said."""
        return (tuple(self.exams), tuple(self.results), tuple(self.films.items()), self.reading,
                tuple(self.drafts.items()), tuple(self.specimens.items()))


def load_standings(case_ids: Collection[str]) -> dict[str, Standing]:
    """The standing of each case."""
    found = {case_id: Standing() for case_id in case_ids}
    if found:
        for load in LOADERS:
            load(found)
    return found


# Built once, because every list asks them for every page. The cases are filled in by _run.
_CASES: BindParameter[Any] = bindparam("cases", expanding=True)
_EXAMS = (
    select(Requirement.case_id, Requirement.exam)
    .where(Requirement.case_id.in_(_CASES), Requirement.state == RequirementState.OPEN)
    .order_by(Requirement.position, Requirement.exam)
)
_FIRST, _SECOND = aliased(User), aliased(User)
_RESULTS = (
    select(
        LabResult.case_id, LabResult.test, LabResult.specimen_id, LabResult.status, LabResult.remark,
        LabResult.method, LabResult.value,
        LabResult.entered_at, LabResult.entered_by_id, _FIRST.name.label("entered_by"),
        LabResult.confirmed_at, LabResult.confirmed_by_id, _SECOND.name.label("checked_by"),
    )
    .join(_FIRST, _FIRST.id == LabResult.entered_by_id).outerjoin(_SECOND, _SECOND.id == LabResult.confirmed_by_id)
    .where(LabResult.case_id.in_(_CASES), LabResult.superseded_at.is_(None)).order_by(LabResult.id)
)
_FILMS = (
    select(Film.case_id, Film.state, Film.received_at, Film.received_by_id, User.name)
    .join(User, User.id == Film.received_by_id).where(Film.case_id.in_(_CASES)).order_by(Film.id)
)
_READINGS = (
    select(XrayReading.case_id, XrayReading.status, XrayReading.deferred, XrayReading.entered_at,
           XrayReading.entered_by_id, User.name)
    .join(User, User.id == XrayReading.entered_by_id)
    .where(XrayReading.case_id.in_(_CASES), XrayReading.superseded_at.is_(None),
           XrayReading.status != ResultStatus.ENTERED_IN_ERROR)
    .order_by(XrayReading.id)
)
_DRAFTS = (
    select(FormResponse.case_id, FormResponse.form, FormResponse.saved_at, FormResponse.started_by_id, User.name)
    .join(User, User.id == FormResponse.started_by_id)
    .where(FormResponse.case_id.in_(_CASES), FormResponse.status == FormStatus.IN_PROGRESS)
)
_SPECIMENS = (
    select(Specimen.case_id, Specimen.id, Specimen.collected_on, Specimen.inoculated_on, Specimen.media)
    .where(Specimen.case_id.in_(_CASES), Specimen.withdrawn_at.is_(None), Specimen.purpose == Purpose.DIAGNOSIS,
           Specimen.kind.in_((SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE)))
    .order_by(Specimen.collected_on, Specimen.id)
)


def _run(query: Select[*tuple[Any, ...]], found: dict[str, Standing]) -> Result[Any]:
    return db.session.execute(query, {"cases": list(found)})


def _load_exams(found: dict[str, Standing]) -> None:
    for row in _run(_EXAMS, found):
        found[row.case_id].exams.append(row.exam)


def _load_results(found: dict[str, Standing]) -> None:
    for row in _run(_RESULTS, found):
        checked = Mark(row.checked_by, row.confirmed_at, row.confirmed_by_id) if row.confirmed_by_id else None
        found[row.case_id].results.append(ResultMark(
            row.test, row.specimen_id, row.status, Mark(row.entered_by, row.entered_at, row.entered_by_id), checked,
            row.remark, row.method, row.value if row.test == TEST else ""))


def _load_films(found: dict[str, Standing]) -> None:
    for row in _run(_FILMS, found):
        found[row.case_id].films[row.state] = Mark(row.name, row.received_at, row.received_by_id)


def _load_readings(found: dict[str, Standing]) -> None:
    for row in _run(_READINGS, found):
        what = row.status.value if row.status is ResultStatus.PRELIMINARY else row.deferred or ""
        found[row.case_id].reading = Mark(row.name, row.entered_at, row.entered_by_id, what)


def _load_drafts(found: dict[str, Standing]) -> None:
    for row in _run(_DRAFTS, found):
        found[row.case_id].drafts[row.form] = Mark(row.name, row.saved_at, row.started_by_id)


def _load_specimens(found: dict[str, Standing]) -> None:
    for row in _run(_SPECIMENS, found):
        media = tuple((row.media or "").split())
        found[row.case_id].specimens[row.id] = SpecimenMark(row.inoculated_on or row.collected_on, media)


LOADERS: tuple[Callable[[dict[str, Standing]], None], ...] = (
    _load_exams, _load_results, _load_films, _load_readings, _load_drafts, _load_specimens,
)
