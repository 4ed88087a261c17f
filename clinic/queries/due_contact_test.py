"""Contacts of tuberculosis: to be tested at once, again from the eighth week, asked about while exposure goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, or_, select
from sqlalchemy.orm import aliased

from clinic import workflow
from clinic.models import Case, ContactState, LabResult, Task, TbContact
from clinic.models.tb_contact import STANDS
from clinic.queries.due_contact import COUNTING, has_tuberculosis, is_infected
from clinic.queries.due_source import Moment, at_sites, columns, last_moment
from clinic.queries.index_choice import write_out
from clinic.task_kind import list_task_kinds

UNCLEAR = "indeterminate"  # of an IGRA


def _is_exposed(contact: Any) -> ColumnElement[bool]:
    return and_(contact.state == ContactState.CONFIRMED, Case.applicant_id == contact.applicant_id,
                Case.state.in_(workflow.RECORDING))


def was_tested(contact: Any) -> ColumnElement[bool]:
    """Since the exposure began, or positive at any time (nobody repeats that; us.md 1.10).

    Where nobody knows when it began, a negative test of an earlier exam says nothing: one of an exam that is open does.
    """
    own = aliased(Case)
    return _has_test(contact, or_(
        is_infected(), LabResult.performed_on >= contact.first_exposed_on,
        and_(contact.first_exposed_on.is_(None), own.state.in_(workflow.RECORDING))), own=own)


def _has_test(contact: Any, *more: ColumnElement[bool], own: Any = None) -> ColumnElement[bool]:
    """An IGRA or skin test of the contact counts; `own` names its case where a condition speaks of it."""
    own = aliased(Case) if own is None else own
    return exists(select(LabResult.id).join(own, own.id == LabResult.case_id).where(
        own.applicant_id == contact.applicant_id, LabResult.test.in_(("igra", "tst")),
        LabResult.superseded_at.is_(None), LabResult.status.in_(COUNTING), *more))


def needs_test(contact: Any) -> ColumnElement[bool]:
    """Exposed, not ill, and not tested yet."""
    return and_(contact.state == ContactState.CONFIRMED, ~was_tested(contact), ~has_tuberculosis(contact))


def needs_second_test(contact: Any) -> ColumnElement[bool]:
    """Neither infected nor ill, and not tested again since the eighth week; a second test that says nothing is none."""
    return and_(
        contact.state == ContactState.CONFIRMED, contact.retest_on.is_not(None), ~has_tuberculosis(contact),
        ~was_tested_again(contact))


def needs_retest(contact: Any) -> ColumnElement[bool]:
    """The second test is to come after a first one."""
    return and_(needs_second_test(contact), was_tested(contact))  # who was tested never has the first task


def select_first_tests(moment: Moment) -> Select[*tuple[Any, ...]]:
    """Of a contact whose case was opened after somebody confirmed it."""
    told = TbContact.last_exposed_on.label("told")
    return select(*columns(TbContact.id, TbContact.id, TbContact.recorded_at), told).join(
        Case, _is_exposed(TbContact)
    ).where(at_sites(moment), needs_test(TbContact))


def select_retests(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the day of the second test."""
    kind = list_task_kinds()["contact-retest"]
    key = TbContact.id.concat(":").concat(cast(TbContact.retest_on, String))
    return select(*columns(key, TbContact.id, TbContact.last_exposed_on)).join(Case, _is_exposed(TbContact)).where(
        write_out(STANDS, "tb_contact"),
        TbContact.retest_on <= moment.today + timedelta(days=kind.ahead), at_sites(moment), needs_retest(TbContact))


def select_reviews(moment: Moment) -> Select[*tuple[Any, ...]]:
    """Since somebody recorded an exposure that goes on."""
    return select(*columns(TbContact.id, TbContact.id, TbContact.recorded_at)).join(
        Case, _is_exposed(TbContact)
    ).where(
        is_still_exposed(TbContact), TbContact.recorded_at <= last_moment("contact-review", moment),
        at_sites(moment))


def is_still_exposed(contact: Any) -> ColumnElement[bool]:
    """Nobody said when it ended, and the contact is not ill."""
    return and_(contact.state == ContactState.CONFIRMED, contact.last_exposed_on.is_(None), ~has_tuberculosis(contact))


def was_tested_again(contact: Any) -> ColumnElement[bool]:
    """Since the eighth week, or found infected at any time."""
    return _has_test(contact, or_(is_infected(), and_(
        LabResult.performed_on >= contact.retest_on, LabResult.value != UNCLEAR)))


def of_contact(condition: ColumnElement[bool]) -> Callable[[], ColumnElement[bool]]:
    """The condition on the contact of a task."""
    return lambda: exists(select(TbContact.id).where(TbContact.id == Task.subject_id, condition))
