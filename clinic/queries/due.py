"""What has come due by the clock, and what of it still waits: one statement for each kind of task, over dated facts.

A statement names what is due whether or not a worker ran on the day, and leaves out what was asked for before. So a
sweep after a week's standstill finds each thing once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, exists, func, or_, select, text
from sqlalchemy.orm import aliased

from clinic import culture, workflow
from clinic.laboratory_test import list_tests
from clinic.models import (
    MEDIA,
    Case,
    CaseState,
    LabResult,
    Purpose,
    Requirement,
    ResultStatus,
    SignedExam,
    Specimen,
    SpecimenKind,
    Task,
    TbContact,
    TbMonth,
    Treatment,
    Visit,
)
from clinic.models.laboratory import WAITING
from clinic.models.signature import IN_FORCE
from clinic.models.treatment import UNDER_WAY
from clinic.progress import SPUTUM
from clinic.queries import due_result
from clinic.queries.due_contact import (
    is_late_contact,
    is_late_resistance,
    select_late_contacts,
    select_late_resistance,
)
from clinic.queries.due_contact_test import (
    is_still_exposed,
    needs_retest,
    needs_test,
    of_contact,
    select_first_tests,
    select_retests,
    select_reviews,
    was_tested,
    was_tested_again,
)
from clinic.queries.due_dose import (
    has_ended,
    has_outcome,
    is_without_outcome,
    select_ended,
    select_without_doses,
    without_doses,
)
from clinic.queries.due_resisted import is_resisted, select_resisted
from clinic.queries.due_second_entry import is_differing, select_differing
from clinic.queries.due_source import (
    Moment,
    Source,
    at_sites,
    columns,
    is_cultured,
    is_in_force,
    last_day,
    last_moment,
    led_at_sites,
    was_asked,
)
from clinic.queries.due_susceptibility import is_untested, select_untested, was_answered
from clinic.queries.due_tb_case import is_away, is_unnotified, select_returning, select_unnotified, was_notified
from clinic.queries.index_choice import write_out
from clinic.rules.age import add_months
from clinic.task_kind import list_task_kinds

RESPIRATORY = (SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE)
COUNTING = (ResultStatus.FINAL, ResultStatus.CORRECTED)
UNUSABLE = ("contaminated", "inconclusive")  # such a culture does not count among the three (us.md 0.1)
SERIES = 3  # specimens (us.md 0.1 sputum_specimens)
MOST_MONTHS = 36  # of a treatment; longer than any regimen
LAST_MONTH = 7  # so many days after the last dose that was planned its month is still asked for
ENDED_SINCE = timedelta(days=60)  # an exam that ended longer ago is no news


def select_new(source: Source, moment: Moment, limit: int) -> Select[*tuple[Any, ...]]:
    """What is due and was never asked for, at most `limit` rows."""
    due = source.select_due(moment)
    key = due.selected_columns["key"].element
    return due.where(~was_asked(source.kind, key, source.is_waiting)).limit(limit)


def select_settled(source: Source, limit: int) -> Select[*tuple[Any, ...]]:
    """The ids of open tasks whose matter has come to its end by itself."""
    return select(Task.id).where(
        Task.kind == source.kind, text("task.closed_at is null"), Task.subject_id.is_not(None), ~source.is_waiting()
    ).limit(limit)


def _is_settled(specimen: Any, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """A culture of the specimen counts and says something final."""
    return exists().where(
        LabResult.specimen_id == specimen.id, LabResult.test == culture.TEST, LabResult.superseded_at.is_(None),
        LabResult.status.in_(COUNTING), LabResult.value.not_in(list_tests()[culture.TEST].open_values), *more)


def _select_cultures(moment: Moment) -> Select[*tuple[Any, ...]]:
    """On the last day of the longest medium that was inoculated; nobody said: of the longest there is."""
    began = func.coalesce(Specimen.inoculated_on, Specimen.collected_on)
    is_short = Specimen.media == culture.SHORT
    shortest = moment.today - timedelta(days=culture.SHORTEST)
    return select(
        *columns(Specimen.id, Specimen.id, began),
        case((is_short, culture.SHORTEST), else_=list_task_kinds()["culture-awaited"].days).label("days"),
    ).join(Case, Case.id == Specimen.case_id).where(
        Specimen.collected_on <= shortest, or_(began <= last_day("culture-awaited", moment),
                                               and_(is_short, began <= shortest)),
        _is_awaited(Specimen), at_sites(moment))


def _is_awaited(specimen: Any) -> ColumnElement[bool]:
    """A medium is outstanding, as clinic/culture.py reads the results of a specimen together."""
    outstanding = or_(*(
        and_(or_(specimen.media.is_(None), specimen.media.contains(medium)),
             ~_is_settled(specimen, LabResult.method == medium)) for medium in MEDIA))
    return and_(
        is_cultured(), Case.state.in_(workflow.RECORDING), outstanding,
        ~_is_settled(specimen, or_(LabResult.method.is_(None), LabResult.value == "mtb")))


def _is_culture_waiting() -> ColumnElement[bool]:
    return exists(select(Specimen.id).join(Case, Case.id == Specimen.case_id).where(
        Specimen.id == Task.subject_id, _is_awaited(Specimen)))


def _was_cultured() -> ColumnElement[bool]:
    return exists(select(Specimen.id).where(Specimen.id == Task.subject_id, is_cultured(), _is_settled(Specimen)))


def _respiratory_of(case_id: Any) -> list[Any]:
    return [Specimen.case_id == case_id, Specimen.kind.in_(RESPIRATORY), Specimen.withdrawn_at.is_(None),
            Specimen.rejected_at.is_(None), Specimen.purpose == Purpose.DIAGNOSIS]


def _count_usable(case_id: Any) -> Any:
    unusable = and_(_is_settled(Specimen, LabResult.value.in_(UNUSABLE)),
                    ~_is_settled(Specimen, LabResult.value.not_in(UNUSABLE)))
    return select(func.count()).select_from(Specimen).where(
        *_respiratory_of(case_id), ~unusable).correlate(Requirement).scalar_subquery()


def _select_sputum(moment: Moment) -> Select[*tuple[Any, ...]]:
    """A specimen of the series is missing; each one taken makes the next one a task of its own.

    So does each one that was rejected or withdrawn: without those the number would be one that was asked for before.
    """
    taken = select(func.count()).select_from(Specimen).where(
        Specimen.case_id == Requirement.case_id, Specimen.kind.in_(RESPIRATORY),
        Specimen.purpose == Purpose.DIAGNOSIS).correlate(Requirement).scalar_subquery()
    last = select(func.max(Specimen.collected_on)).where(
        *_respiratory_of(Requirement.case_id)).correlate(Requirement).scalar_subquery()
    key = Requirement.id.concat(":").concat(cast(taken, String))
    # The day of the request is read in UTC here; the day that counts is worked out from `added_at` at the site.
    return select(*columns(key, Requirement.id, last), Requirement.added_at.label("else_base")).join(
        Case, Case.id == Requirement.case_id
    ).where(
        _is_sputum_open(), at_sites(moment), or_(last.is_(None), last <= last_day("sputum-due", moment)),
        Requirement.added_at <= last_moment("sputum-due", moment))


def _is_sputum_open() -> ColumnElement[bool]:
    return and_(Requirement.exam.in_(SPUTUM), text("requirement.state = 'open'"), Case.state.in_(workflow.RECORDING),
                _count_usable(Requirement.case_id) < SERIES)


def _is_sputum_waiting() -> ColumnElement[bool]:
    return and_(exists(select(Requirement.id).join(Case, Case.id == Requirement.case_id).where(
        Requirement.id == Task.subject_id, _is_sputum_open())), ~_was_taken())


def _was_taken() -> ColumnElement[bool]:
    return exists().where(*_respiratory_of(Task.case_id), Specimen.recorded_at > Task.opened_at)


def _select_unconfirmed(moment: Moment) -> Select[*tuple[Any, ...]]:
    return select(*columns(LabResult.id, LabResult.id, LabResult.entered_at)).join(
        Case, Case.id == LabResult.case_id
    ).where(
        write_out(WAITING, "lab_result"), led_at_sites(moment),
        LabResult.entered_at <= last_moment("result-unconfirmed", moment))


def _is_unconfirmed() -> ColumnElement[bool]:
    return exists().where(LabResult.id == Task.subject_id, LabResult.status == ResultStatus.PRELIMINARY,
                          LabResult.superseded_at.is_(None))


def _is_current() -> ColumnElement[bool]:
    return and_(write_out(UNDER_WAY, "treatment"),
                Treatment.status != ResultStatus.ENTERED_IN_ERROR)


def _select_months(moment: Moment) -> Select[*tuple[Any, ...]]:
    """The newest month of each treatment that goes on, not every month that was slept through, nor one written down."""
    last = last_day("treatment-month", moment)
    months = case(*((Treatment.started_on <= add_months(last, -n), n) for n in range(MOST_MONTHS, 0, -1)), else_=0)
    key = Treatment.series_id.concat(":").concat(cast(months, String))
    return select(*columns(key, Treatment.series_id, Treatment.started_on), months.label("months")).join(
        Case, Case.id == Treatment.case_id
    ).where(_is_current(), led_at_sites(moment), Treatment.started_on <= add_months(last, -1),
            ~exists().where(TbMonth.case_id == Treatment.case_id, TbMonth.superseded_at.is_(None),
                            TbMonth.month >= months, Treatment.disease == "tuberculosis"),
            ~has_ended(moment.today - timedelta(days=LAST_MONTH)))


def _is_treated() -> ColumnElement[bool]:
    return exists().where(Treatment.series_id == Task.subject_id, _is_current())


def _select_ending(moment: Moment) -> Select[*tuple[Any, ...]]:
    return select(*columns(SignedExam.id, SignedExam.id, SignedExam.valid_until)).join(
        Case, Case.id == SignedExam.case_id
    ).where(
        write_out(IN_FORCE, "signed_exam"),
        SignedExam.valid_until <= last_day("validity-ending", moment),
        SignedExam.valid_until >= moment.today - ENDED_SINCE, is_in_force(), led_at_sites(moment))


def _is_ending() -> ColumnElement[bool]:
    return exists(select(SignedExam.id).join(Case, Case.id == SignedExam.case_id).where(
        SignedExam.id == Task.subject_id, is_in_force()))


def _select_no_shows(moment: Moment) -> Select[*tuple[Any, ...]]:
    return select(*columns(Case.id, Case.id, Case.opened_at)).where(
        # Registered ones by their index of states: that of openings has every case there ever was.
        _has_not_come(), at_sites(moment), func.coalesce(Case.opened_at, Case.updated_at) <= last_moment(
            "nobody-came", moment))


def _has_not_come() -> ColumnElement[bool]:
    return and_(Case.state == CaseState.REGISTERED, ~exists().where(Visit.case_id == Case.id))


def _is_nobody_here() -> ColumnElement[bool]:
    return exists(select(Case.id).where(Case.id == Task.subject_id, _has_not_come()))


def _select_resting(kind: str, *conditions: ColumnElement[bool]) -> Callable[[Moment], Select[*tuple[Any, ...]]]:
    def build(moment: Moment) -> Select[*tuple[Any, ...]]:
        key = Case.id.concat(":").concat(cast(Case.version, String))
        return select(*columns(key, Case.id, Case.updated_at)).where(
            *conditions, at_sites(moment), Case.updated_at <= last_moment(kind, moment))

    return build


_STANDS_STILL = and_(Case.state == CaseState.IN_PROGRESS, Case.status.in_(("incomplete", "undecided")))
_IS_HELD = and_(Case.state == CaseState.ON_HOLD)
_OTHER = aliased(Task)
_HAS_NO_OTHER_TASK = ~exists().where(_OTHER.case_id == Case.id, _OTHER.closed_at.is_(None))


def _is_resting(condition: ColumnElement[bool]) -> Callable[[], ColumnElement[bool]]:
    return lambda: exists(select(Case.id).where(
        Case.id == Task.subject_id, condition, Case.updated_at <= Task.opened_at))


SOURCES: tuple[Source, ...] = (
    Source("culture-awaited", _select_cultures, _is_culture_waiting, _was_cultured),
    Source("sputum-due", _select_sputum, _is_sputum_waiting, _was_taken),
    Source("susceptibility-awaited", select_untested, is_untested, was_answered),
    due_result.SMEARS,
    due_result.OTHERS,
    Source("resisted-medicine", select_resisted, is_resisted),
    Source("result-unconfirmed", _select_unconfirmed, _is_unconfirmed),
    Source("entries-differ", select_differing, is_differing),
    Source("treatment-month", _select_months, _is_treated),
    Source("treatment-end", select_ended, is_without_outcome, has_outcome),
    Source("doses-missed", select_without_doses, without_doses, _is_treated),
    Source("tb-notification", select_unnotified, is_unnotified, was_notified),
    Source("refusal-return", select_returning, is_away),
    Source("contact-test", select_first_tests, of_contact(needs_test(TbContact)), of_contact(was_tested(TbContact))),
    Source("contact-retest", select_retests, of_contact(needs_retest(TbContact)),
           of_contact(was_tested_again(TbContact))),
    Source("contact-review", select_reviews, of_contact(is_still_exposed(TbContact)),
           of_contact(TbContact.last_exposed_on.is_not(None))),
    Source("contact-after-signature", select_late_contacts, is_late_contact),
    Source("contact-resistance", select_late_resistance, is_late_resistance),
    Source("validity-ending", _select_ending, _is_ending),
    Source("nobody-came", _select_no_shows, _is_nobody_here),
    Source("on-hold", _select_resting("on-hold", _IS_HELD), _is_resting(_IS_HELD)),
    # The last: where a person has anything to do on a case already, it does not stand still.
    Source("standstill", _select_resting("standstill", _STANDS_STILL, _HAS_NO_OTHER_TASK),
           _is_resting(_STANDS_STILL)),
)


def find_base(row: Any, to_day: Callable[[datetime], date]) -> date:
    """The day from which a row's task counts."""
    found = row.base if row.base is not None else row.else_base
    day: date = to_day(found) if isinstance(found, datetime) else found
    months = getattr(row, "months", 0)
    return add_months(day, months) if months else day


def group_by_day(zones: dict[str, str], now: datetime, to_day: Callable[[datetime, str], date]) -> Sequence[Moment]:
    """The sites (id to time zone) by the calendar day that it is there: two or three groups the world over."""
    days: dict[date, list[str]] = {}
    for site, zone in zones.items():
        days.setdefault(to_day(now, zone), []).append(site)
    return [Moment(now, day, tuple(sorted(sites))) for day, sites in days.items()]
