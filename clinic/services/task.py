"""Dated tasks: opened once whoever asks, given to somebody, put off with a reason, closed only with an outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotAllowed, NotFound, NotNow
from clinic.key import new_id
from clinic.models import AuditChange, Case, Role, Site, Task, User
from clinic.partial_date import format_clinically
from clinic.permissions import ROLES, Permission, permissions_of
from clinic.task_kind import TaskKind, list_task_kinds

NO_MORE = "not-needed"  # how the clock ends what is no longer awaited
# Awaited for the case's own sake.
OF_CASE = ("sputum-due", "film-repeat", "culture-awaited", "smear-awaited", "result-awaited")


@dataclass(frozen=True)
class NewTask:
    """What is to be opened; `key` is unique within the kind and says what it is about."""

    kind: str
    key: str
    site_id: str
    due_on: date
    case_id: str | None = None
    subject_id: str | None = None
    role: str | None = None  # default: the kind's
    assignee_id: str | None = None
    detail: str = ""  # ids and codes for its sentence, or somebody's words; never a name
    opened_at: datetime = field(default_factory=clock.now)


def open_task(
    kind: str, case: Case, key: str, due_on: date | None = None, *, role: str | None = None,
    assignee: User | None = None, detail: str = "", subject_id: str | None = None, actor: User | None = None,
) -> Task:
    """The task of `kind` that `key` names, on `case`; opened unless it was before, also if it has been closed since.

    The key is one for the whole installation: it holds an id of what the task is about.

    `due_on` is a day at the case's site, without it today; `actor` None: nobody, what happened. Raises InvalidInput for
    an unknown kind or role. Call it in a write unit.
    """
    site = case.site
    task = NewTask(kind=kind, key=key, site_id=site.id, due_on=due_on or clock.today(site.time_zone), case_id=case.id,
                   subject_id=subject_id, role=role, assignee_id=assignee.id if assignee else None, detail=detail)
    insert_tasks([task], {site.id: site.time_zone}, actor)
    db.session.flush()
    return db.session.execute(select(Task).where(Task.key == build_key(kind, key))).scalar_one()


def open_task_by_hand(case: Case, kind: str, due_on: date, role: str, words: str, actor: User) -> Task:
    """A task that a person asks for on a case, with their own words. Raises InvalidInput for a day that is past and a
    role that nobody at the site has."""
    if due_on < clock.today(case.site.time_zone):
        raise InvalidInput(_("Please correct what is marked."),
                           fields={"due_on": [_("This day is past. Choose today or a later one.")]}, case=case.id)
    if role not in list_receiving_roles(kind, "", case.site_id):
        raise InvalidInput(_("Please correct what is marked."), case=case.id, fields={"role": [
            _("Nobody at the site has this role. Choose one of the list.")]})
    return open_task(kind, case, new_id(), due_on, role=role, detail=words, actor=actor)


def insert_tasks(tasks: Iterable[NewTask], zones: dict[str, str], actor: User | None = None) -> int:
    """Open those of `tasks` that nobody has opened; how many. The unique key decides between two that try at once.

    `zones` has each site's time zone.
    """
    rows = [_build_row(task, zones[task.site_id], actor) for task in tasks]
    if not rows:
        return 0
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Task).on_conflict_do_nothing(index_elements=["key"]).returning(Task.id)
    made = set(db.session.execute(statement, rows).scalars())
    if not made:
        return 0
    # One statement for all, as `record_change` would write each.
    db.session.execute(dialect.insert(AuditChange), [
        {"id": new_id(), "happened_at": row["opened_at"], "actor_kind": "user" if actor else "system",
         "actor_id": actor.id if actor else None, "site_id": row["site_id"], "action": "open-task",
         "subject_kind": "task", "subject_id": row["id"], "case_id": row["case_id"],
         "detail": {"kind": row["kind"], "due": row["due_on"].isoformat()}}
        for row in rows if row["id"] in made])
    return len(made)


def get_task(task_id: str, user: User) -> Task:
    """A task of the user's site. Raises NotFound."""
    task = db.session.execute(
        select(Task).where(Task.id == task_id, Task.site_id == user.site_id)).unique().scalar_one_or_none()
    if task is None:
        raise NotFound(_("There is no such task at your site."), task=task_id)
    return task


def may_work(task: Task, user: User) -> bool:
    """Whether it is in the user's list, or the user directs the others' tasks."""
    roles = {role.name for role in user.roles}
    return task.site_id == user.site_id and (
        task.assignee_id == user.id or task.role in roles or task.escalated_role in roles
        or Permission.DIRECT_TASKS in permissions_of(user))


def may_do(kind: str, key: str, held: frozenset[Permission]) -> bool:
    """Whether who holds these permissions can do the task of that key: it is given to nobody else."""
    return not get_kind(kind).find_work(key).isdisjoint(held)


def list_receiving_roles(kind: str, key: str, site_id: str) -> list[str]:
    """The roles to which such a task can be given: they may do it, and somebody at the site has them."""
    held = set(db.session.execute(select(Role.name).select_from(User).join(User.roles).where(
        User.site_id == site_id, User.active)).scalars())
    return [name for name, (_words, permissions) in ROLES.items() if name in held and may_do(kind, key, permissions)]


def close_task(task: Task, outcome: str, actor: User | None, remark: str = "") -> Task | None:
    """Close it with an outcome of its kind; returns the task that follows, where that outcome is none for good.

    `actor` None: what was awaited has come. Raises AlreadyDone, NotAllowed, and InvalidInput without a fitting outcome
    or the words that it needs.
    """
    kind = get_kind(task.kind)
    _hold(task, actor)
    words = remark.strip()
    if outcome not in kind.outcomes or (actor is not None and outcome in kind.recorded):
        raise InvalidInput(_("Please correct what is marked."),
                           fields={"outcome": [_("Choose how it ended.")]}, task=task.id)
    if outcome in kind.explained and actor is not None and len(words) < 3:
        raise InvalidInput(_("Please correct what is marked."),
                           fields={"remark": [_("Say in a few words what was done, or why not.")]}, task=task.id)
    task.remark = words
    _end(task, outcome, actor)
    db.session.flush()
    return _open_next(task, kind, outcome, actor) if outcome in kind.again else None


def close_tasks_about(
    kind: str, subject_id: str, outcome: str, actor: User | None, case: Case | None = None
) -> int:
    """Close every open task of `kind` about that row, or only those on `case`: what it waited for has happened; how
    many."""
    query = select(Task).where(Task.kind == kind, Task.subject_id == subject_id, Task.closed_at.is_(None))
    if case is not None:
        query = query.where(Task.case_id == case.id)
    tasks = list(db.session.execute(query).unique().scalars())
    for task in tasks:
        _end(task, outcome, actor)
    db.session.flush()
    return len(tasks)


def say_anew(kind: str, subject_id: str, details: Sequence[str]) -> None:
    """Let every open task of `kind` about that row say the first of `details`, unless it says one of them already."""
    for task in db.session.execute(select(Task).where(
            Task.kind == kind, Task.subject_id == subject_id, Task.closed_at.is_(None),
            Task.detail.not_in(details))).unique().scalars():
        task.detail = details[0]
    db.session.flush()


def close_task_of(kind: str, key: str, outcome: str, actor: User | None) -> None:
    """Close the task of that key, if it is open: what it waited for has happened."""
    task = db.session.execute(select(Task).where(
        Task.key == build_key(kind, key), Task.closed_at.is_(None))).unique().scalar_one_or_none()
    if task is not None:
        _end(task, outcome, actor)
        db.session.flush()


def end_of_withdrawn(case: Case, actor: User) -> None:
    """Nothing is awaited of a case that was withdrawn; the clock would say that it came."""
    ends = dict.fromkeys(OF_CASE, "not-needed") | {
        kind.name: "withdrawn" for kind in list_task_kinds().values() if "withdrawn" in kind.outcomes}
    for task in db.session.execute(select(Task).where(
            Task.case_id == case.id, Task.kind.in_(ends), Task.closed_at.is_(None))).unique().scalars():
        _end(task, ends[task.kind], actor)
    db.session.flush()


def reopen(task: Task, asked: NewTask, zone: str) -> None:
    """What ended it holds no more, so it is asked for again. Only in the worker's sweep, which holds the row.

    The outcome stays until the next one: the page says how it had ended.
    """
    task.opened_at, task.opened_by_id = clock.now(), None
    task.closed_at = task.closed_by_id = task.escalated_role = None
    task.due_on = task.first_due_on = asked.due_on
    task.case_id, task.detail = asked.case_id, asked.detail  # a contact's next case
    task.postponed = task.level = 0
    task.escalates_at = _find_escalation(get_kind(task.kind), 0, asked.due_on, task.opened_at, zone)
    _audit(task, "reopen-task", None, {"due": asked.due_on.isoformat(), "outcome": task.outcome})


def settle(task: Task, has_come: bool) -> None:
    """What it waited for has come, or nobody waits for it any more (the pot was rejected, the case is on hold): the
    clock closes it. Only in the worker's sweep, which holds the row."""
    _end(task, (get_kind(task.kind).settled or "") if has_come else NO_MORE, None)


def give_task(task: Task, role: str, assignee: User | None, reason: str, actor: User) -> None:
    """Put it into another role's or person's list. Raises AlreadyDone, NotAllowed, InvalidInput for who cannot."""
    _hold(task, actor)
    sentence = _find_receiver_error(task, role, assignee)
    if sentence:
        raise InvalidInput(_("Please correct what is marked."), fields={"to": [sentence]}, task=task.id)
    _audit(task, "give-task", actor, {"from": [task.role, task.assignee_id],
                                      "to": [role, assignee.id if assignee else None], "reason": reason})
    task.role, task.assignee_id = role, assignee.id if assignee else None
    db.session.flush()


def give_back(user: User, actor: User | None) -> None:
    """What somebody had and can do no more (they left, moved, have another role) stands in their role's list again:
    it was in nobody's."""
    for task in db.session.execute(select(Task).where(
            Task.assignee_id == user.id, Task.closed_at.is_(None))).unique().scalars():
        if _find_receiver_error(task, task.role, user):
            _audit(task, "give-task", actor, {"from": [task.role, user.id], "to": [task.role, None], "reason": ""})
            task.assignee_id = None
    db.session.flush()


def postpone_task(task: Task, until: date, reason: str, actor: User) -> None:
    """Put it off until a day, with the reason; who sees it since it was late goes on seeing it.

    Raises InvalidInput for a day that is not ahead or too far, AlreadyDone, NotAllowed.
    """
    _hold(task, actor)
    kind, zone = get_kind(task.kind), _zone_of(task)
    today = clock.today(zone)
    last = today + timedelta(days=kind.postpone)
    if kind.postpone == 0:
        raise NotNow(_("This cannot be put off: do it now, or hand it to somebody who can."), task=task.id)
    if not today < until <= last:
        raise InvalidInput(_("Please correct what is marked."), fields={"until": [
            _("Choose a day from tomorrow until %(day)s.", day=format_clinically(last))]}, task=task.id)
    _audit(task, "postpone-task", actor, {"from": task.due_on.isoformat(), "until": until.isoformat(),
                                          "reason": reason})
    task.due_on, task.postponed = until, task.postponed + 1
    task.escalates_at = _find_escalation(kind, task.level, until, task.opened_at, zone)
    db.session.flush()


def climb(task: Task, zone: str) -> bool:
    """Take every step of escalation whose time has come; whether there was any. Only in the worker's sweep."""
    kind, now, reached = get_kind(task.kind), clock.now(), task.level
    while reached < len(kind.steps) and kind.steps[reached].find_moment(task.due_on, task.opened_at, zone) <= now:
        reached += 1
    is_higher = reached > task.level
    if is_higher:
        task.level, task.escalated_role = reached, kind.steps[reached - 1].role
        _audit(task, "escalate-task", None, {"level": reached, "role": task.escalated_role})
    task.escalates_at = _find_escalation(kind, reached, task.due_on, task.opened_at, zone)
    return is_higher


def get_kind(name: str) -> TaskKind:
    """The kind. Raises InvalidInput for one that stands in no file."""
    kind = list_task_kinds().get(name)
    if kind is None:
        raise InvalidInput(_("There is no such kind of task."), kind=name)
    return kind


def build_key(kind: str, key: str) -> str:
    """The unique key in the table."""
    return f"{kind}:{key}"


def _build_row(task: NewTask, zone: str, actor: User | None) -> dict[str, Any]:
    kind = get_kind(task.kind)
    role = task.role or kind.role
    if role not in ROLES:
        raise InvalidInput(_("Choose whose task it is."), role=role)
    return {
        "id": new_id(), "site_id": task.site_id, "kind": task.kind, "key": build_key(task.kind, task.key),
        "subject_id": task.subject_id, "case_id": task.case_id, "detail": task.detail, "role": role,
        "assignee_id": task.assignee_id, "due_on": task.due_on, "first_due_on": task.due_on, "postponed": 0, "level": 0,
        "escalated_role": None, "escalates_at": _find_escalation(kind, 0, task.due_on, task.opened_at, zone),
        "opened_at": task.opened_at, "opened_by_id": actor.id if actor else None, "closed_at": None,
        "closed_by_id": None, "outcome": None, "remark": "",
    }


def _open_next(task: Task, kind: TaskKind, outcome: str, actor: User | None) -> Task:
    """The next one of a task that was not done for good: nobody is lost by "not reached".

    It takes over the key, so that what ends the matter, and what brings it back, finds the newest; the ones before are
    numbered.
    """
    base = task.key.removeprefix(build_key(kind.name, "")).split("~")[0]
    whole = build_key(kind.name, base)
    chain = db.session.execute(select(Task).where(Task.case_id == task.case_id, or_(
        Task.key == whole, Task.key.startswith(whole + "~", autoescape=True)))).unique().scalars().all()
    numbers = [int(row.key.rpartition("~")[2]) for row in chain if row.key != whole]
    for row in chain:
        if row.key == whole:
            row.key = f"{whole}~{max(numbers, default=0) + 1}"
    db.session.flush()
    zone = _zone_of(task)
    follower = NewTask(
        kind=kind.name, key=base, site_id=task.site_id, case_id=task.case_id,
        subject_id=task.subject_id, role=task.role, assignee_id=task.assignee_id, detail=task.detail,
        due_on=clock.today(zone) + timedelta(days=kind.again[outcome]))
    insert_tasks([follower], {task.site_id: zone}, actor)
    return db.session.execute(select(Task).where(Task.key == whole)).unique().scalar_one()


def _find_escalation(kind: TaskKind, level: int, due_on: date, opened_at: datetime, zone: str) -> datetime | None:
    return kind.steps[level].find_moment(due_on, opened_at, zone) if level < len(kind.steps) else None


def _end(task: Task, outcome: str, actor: User | None) -> None:
    task.closed_at, task.closed_by_id = clock.now(), actor.id if actor else None
    task.outcome, task.escalates_at = outcome, None
    _audit(task, "close-task", actor, {"outcome": outcome})


def _hold(task: Task, actor: User | None) -> None:
    """Read the row anew and lock it. Raises AlreadyDone when somebody closed it, NotAllowed when it is not theirs."""
    db.session.refresh(task, with_for_update={"of": Task})
    if task.closed_at is not None:
        raise AlreadyDone(_("Somebody closed this task already."), task=task.id)
    if actor is not None and not may_work(task, actor):
        raise NotAllowed(_("This task is in somebody else's list. Ask them, or whoever directs the tasks."),
                         task=task.id, user=actor.id)


def _find_receiver_error(task: Task, role: str, assignee: User | None) -> str | None:
    if role not in ROLES:
        return _("Choose whose task it is.")
    if assignee is not None:
        if assignee.site_id != task.site_id or not assignee.active:
            return _("This person does not work at the site.")
        if not may_do(task.kind, task.key, permissions_of(assignee)):
            return _("This person's role does not include what is to be done. Choose somebody of the list.")
    elif not may_do(task.kind, task.key, ROLES[role][1]):
        return _("This role does not include what is to be done. Choose one of the list.")
    elif role not in list_receiving_roles(task.kind, task.key, task.site_id):
        return _("Nobody at the site has this role. Choose one of the list.")
    return None


def _zone_of(task: Task) -> str:
    return db.session.get_one(Site, task.site_id).time_zone


def _audit(task: Task, action: str, actor: User | None, detail: dict[str, Any]) -> None:
    record_change(action, "task", task.id, case_id=task.case_id, site_id=task.site_id,
                  actor_id=actor.id if actor else None, actor_kind="user" if actor else "system",
                  detail={"kind": task.kind, **detail})


def has_open_task(kind: str, case_id: str) -> bool:
    """Whether the case has an open task of that kind."""
    return bool(db.session.execute(select(exists().where(
        Task.kind == kind, Task.case_id == case_id, Task.closed_at.is_(None)))).scalar())
