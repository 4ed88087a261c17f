"""Lists of dated tasks, soonest due first: somebody's own, the late ones, the site's; and those of a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text

from clinic.db import db
from clinic.models import Applicant, Case, Task, User
from clinic.models.task import OPEN_TASK
from clinic.queries.page import Page, Way, find_page, order_page
from clinic.ready_query import ReadyQuery, ReadyTogether, given

COUNT_LIMIT = 1000
WHOSE = ("mine", "site")


@dataclass(frozen=True)
class TaskFilter:
    """What a reader narrowed the list to."""

    whose: str = "mine"
    late: bool = False  # due before today
    escalated: bool = False
    kind: str | None = None
    role: str | None = None


def list_tasks(user: User, narrowed: TaskFilter, today: date, after: Any = None, before: Any = None) -> Page:
    """One page of open tasks; `today` at the user's site."""
    build = partial(_page_tasks, narrowed, list_role_names(user))
    return find_page(build, after, before, site_id=user.site_id, user_id=user.id, today=today)


@lru_cache(maxsize=256)
def _page_tasks(narrowed: TaskFilter, roles: tuple[str, ...], way: Way) -> ReadyQuery:
    query = select(
        Task.id, Task.kind, Task.detail, Task.role, Task.assignee_id, Task.due_on, Task.first_due_on, Task.postponed,
        Task.level, Task.escalated_role, Task.case_id, Case.number, Case.programme, Applicant.family_name,
        Applicant.given_names, Applicant.native_family_name, Applicant.native_given_names, Applicant.native_language,
        Applicant.birth_date, Applicant.id.label("applicant_id"), User.name.label("assignee"),
    ).outerjoin(Case, Case.id == Task.case_id).outerjoin(Applicant, Applicant.id == Case.applicant_id).outerjoin(
        User, User.id == Task.assignee_id).where(*_narrow(narrowed, roles))
    return order_page(query, Task.due_on, Task.id, way)


def count_tasks(user: User, narrowed: TaskFilter, today: date) -> int:
    """How many, at most COUNT_LIMIT."""
    return count_each(user, (narrowed,), today)[0]


def count_each(user: User, several: tuple[TaskFilter, ...], today: date) -> list[int]:
    """How many each of `several` leaves, at most COUNT_LIMIT, by one statement."""
    found = _count_each(several, list_role_names(user)).list_rows(site_id=user.site_id, user_id=user.id, today=today)
    return [int(rows[0][0]) for rows in found]


@lru_cache(maxsize=256)
def _count_each(several: tuple[TaskFilter, ...], roles: tuple[str, ...]) -> ReadyTogether:
    return ReadyTogether(*(ReadyQuery(_count(*_narrow(narrowed, roles))) for narrowed in several))


@lru_cache(maxsize=256)
def count_due(roles: tuple[str, ...]) -> ReadyQuery:
    """How many of somebody's own tasks are due today or late; asks for their user_id and site_id, and today."""
    return ReadyQuery(_count(*_narrow(TaskFilter(), roles), Task.due_on <= _TODAY))


def _count(*conditions: Any) -> Select[*tuple[Any, ...]]:
    found = select(Task.id).where(*conditions).limit(COUNT_LIMIT).subquery()
    return select(func.count()).select_from(found)


def list_role_names(user: User) -> tuple[str, ...]:
    """The names of a user's roles, in the order that a query is remembered under."""
    return tuple(sorted(role.name for role in user.roles))


def list_tasks_of_case(case: Case, closed: int = 5) -> tuple[list[Task], list[Task]]:
    """The open tasks of a case, soonest due first, and the last `closed` ones."""
    rows = list(db.session.execute(
        select(Task).where(Task.case_id == case.id).order_by(Task.due_on, Task.id)).unique().scalars())
    ended = sorted((row for row in rows if row.closed_at), key=lambda row: (row.closed_at, row.id), reverse=True)
    return [row for row in rows if row.closed_at is None], ended[:closed]


def list_colleagues(user: User) -> list[User]:
    """The active people of the user's site, by name: to whom a task can be given."""
    return list(db.session.execute(
        select(User).where(User.site_id == user.site_id, User.active).order_by(User.name, User.id)).unique().scalars())


_TODAY = given("today", Task.due_on.type)


def _narrow(narrowed: TaskFilter, roles: tuple[str, ...]) -> list[Any]:
    """What a query is given: site_id, user_id and today."""
    conditions: list[Any] = [Task.site_id == given("site_id"), _is_open()]
    if narrowed.whose == "mine":
        conditions.append(_is_of(given("user_id"), roles))
    if narrowed.late:
        conditions.append(Task.due_on < _TODAY)
    if narrowed.escalated:
        conditions.append(Task.level > 0)
    if narrowed.kind:
        conditions.append(Task.kind == narrowed.kind)
    if narrowed.role:
        conditions.append(Task.role == narrowed.role)
    return conditions


def _is_open() -> Any:
    return text(f"task.{OPEN_TASK}")  # word for word: only so may the partial indexes serve


def _is_of(user_id: Any, roles: tuple[str, ...]) -> ColumnElement[bool]:
    """In somebody's list: given to them, or to a role of theirs and to nobody in it, or gone up to one."""
    return or_(Task.assignee_id == user_id, and_(Task.assignee_id.is_(None), Task.role.in_(roles)),
               Task.escalated_role.in_(roles))
