"""My tasks: what is due, late or gone up; closing one with its outcome, putting it off, giving it to somebody else."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    current_app,
    flash,
    get_template_attribute,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.db import db
from clinic.errors import InvalidInput
from clinic.memo import Memo
from clinic.models import Case, ContactKind, ContactPoint, Task, User
from clinic.permissions import ROLES, Permission, find_signed_in, permissions_of, requires
from clinic.queries.task import WHOSE, TaskFilter, count_each, list_colleagues, list_tasks, list_tasks_of_case
from clinic.read_audit import note_case, note_shown
from clinic.schemas.door import load
from clinic.schemas.task import GiveIn, NewTaskIn, PostponeIn, TaskOutcomeIn
from clinic.services import lab_order, release
from clinic.services import task as service
from clinic.task_kind import BY_HAND, TaskKind, list_task_kinds
from clinic.web.case import list_flags
from clinic.web.case_list import Rows, address_pages, render_list, say_count
from clinic.web.clinical_format import format_date
from clinic.web.form import read_form
from clinic.web.hold_sign import list_held_here
from clinic.web.language import find_speech
from clinic.web.staff_name import list_names
from clinic.web.station import find_open_url
from clinic.web.station_page import Answer, forget, open_case, show
from clinic.web.task_word import ADVICE, CASE, NEW_EXAM, find_place, is_of_another, kind_word, outcome_word, say_detail
from clinic.web.word import role_word

blueprint = Blueprint("task", __name__)
P = Permission
OPENING = (P.OPEN_CASE, P.RECORD_SPUTUM, P.DIRECT_TASKS)  # who may ask for something by a day
Page = str | tuple[str, int] | Response
# The lists of tasks: what stands behind the address, and what it narrows to.
TABS: tuple[tuple[str, TaskFilter], ...] = (
    ("", TaskFilter()), ("?late=yes", TaskFilter(late=True)),
    ("?whose=site&escalated=yes", TaskFilter(whose="site", escalated=True)), ("?whose=site", TaskFilter(whose="site")))
NOT_REACHED = "not-reached"  # an outcome of what is done by calling the person
CRITICAL = "critical-call"  # the kind that is told of above whatever else is late
REMEMBERED = "task_rows"  # key of the application's extensions
SIZE = 2000  # rows of 1.5 kB
SCREEN = "igra"  # what a contact is tested with
_READERS = Memo(500)


@blueprint.get("/tasks")
@requires(P.SEE_CASES)
def index() -> bytes:
    """Open tasks, soonest due first."""
    reader = find_signed_in()
    today = clock.today(reader.site.time_zone)
    narrowed = _read_filter()
    page = list_tasks(reader, narrowed, today, _read_place("after"), _read_place("before"))
    note_shown(row.case_id for row in page.rows if row.case_id)
    several = (*(one for _query, one in TABS), TaskFilter(kind=CRITICAL), narrowed)
    counts = count_each(reader, several, today)
    rows = _render_rows(page.rows, today)
    return render_list(
        "task/index.html", rows, rows=rows, tabs=_list_tabs(narrowed, counts), given=narrowed, choices=_list_choices,
        count=say_count(counts[-1]), critical=0 if narrowed.kind == CRITICAL else counts[-2],
        critical_url=url_for(".index", kind=CRITICAL), **address_pages(page, lambda row: (row.due_on, row.id)),
    )


@blueprint.get("/tasks/<task_id>")
@requires(P.SEE_CASES)
def view(task_id: str) -> Page:
    """One task: what it is, and what can be done with it."""
    return _show(service.get_task(task_id, current_user))


@blueprint.post("/tasks/<task_id>/close")
@requires(P.SEE_CASES)
def close(task_id: str) -> Page:
    """Close it with an outcome."""
    row, typed = service.get_task(task_id, current_user), read_form(request.form)
    try:
        plain = load(TaskOutcomeIn(), typed)
        follower = service.close_task(row, plain["outcome"], current_user, plain["remark"])
        release.note_told(row, current_user)
    except InvalidInput as problem:
        return _show_again(task_id, typed, problem)
    if follower is None:
        flash(_("Closed."), "success")
    else:
        flash(_("Closed. The next one is due on %(day)s.", day=format_date(follower.due_on)), "success")
    return redirect(_find_list(typed), 303)


@blueprint.post("/tasks/<task_id>/postpone")
@requires(P.SEE_CASES)
def postpone(task_id: str) -> Page:
    """Put it off until a day."""
    row, typed = service.get_task(task_id, current_user), read_form(request.form)
    try:
        plain = load(PostponeIn(), typed)
        service.postpone_task(row, plain["until"], plain["reason"].strip(), current_user)
    except InvalidInput as problem:
        return _show_again(task_id, typed, problem, "postpone")
    flash(_("Put off."), "success")
    return redirect(_find_list(typed), 303)


@blueprint.post("/tasks/<task_id>/give")
@requires(P.SEE_CASES)
def give(task_id: str) -> Page:
    """Put it into another list."""
    row, typed = service.get_task(task_id, current_user), read_form(request.form)
    try:
        plain = load(GiveIn(), typed)
        role, person = _read_receiver(plain["to"], row)
        service.give_task(row, role, person, plain["reason"].strip(), current_user)
    except InvalidInput as problem:
        return _show_again(task_id, typed, problem, "give")
    flash(_("Given."), "success")
    return redirect(_find_list(typed), 303)


@blueprint.get("/cases/<case_id>/tasks/new")
@requires(*OPENING)
def new(case_id: str) -> Answer:
    """Ask for something on a case by a day."""
    return _show_new(open_case(case_id), {})


@blueprint.post("/cases/<case_id>/tasks/new")
@requires(*OPENING)
def create(case_id: str) -> Answer | Response:
    """Open it."""
    case, typed = open_case(case_id), read_form(request.form)
    try:
        plain = load(NewTaskIn(), typed)
        service.open_task_by_hand(case, plain["kind"], plain["due_on"], plain["role"], plain["detail"], current_user)
    except InvalidInput as problem:
        return _show_new(forget(case_id), typed, problem)
    flash(_("The task is in the list."), "success")
    return redirect(url_for("case.show", case_id=case.id), 303)


def describe_due(
    due_on: date, today: date, level: int, escalated_role: str | None, kind: str = ""
) -> tuple[str, str, str | None]:
    """When it is due in words, the tone that repeats them, and whom it has gone up to."""
    known = list_task_kinds().get(kind)
    days = (today - due_on).days
    if days > 0:
        words, tone = ngettext("%(num)s day late", "%(num)s days late", days), "bad"
    elif days == 0 and known is not None and known.is_at_once:
        words, tone = _("Due now"), "bad"
    elif days == 0:
        words, tone = _("Due today"), "warn"
    else:
        words, tone = ngettext("Due in %(num)s day", "Due in %(num)s days", -days), "neutral"
    up = _("gone up to: %(role)s", role=role_word(escalated_role)) if level and escalated_role else None
    return words, tone, up


def tell_of_case(case: Case) -> dict[str, Any]:
    """What the case's own page says of its tasks; nothing to who came by an emergency from another site."""
    if case.site_id != current_user.site_id:
        return {}
    opened, closed = list_tasks_of_case(case)
    today, names = clock.today(case.site.time_zone), list_names(row.assignee_id for row in opened)
    return {
        "open": [{
            "title": kind_word(row.kind), "url": url_for("task.view", task_id=row.id),
            "detail": say_detail(row.kind, row.detail),
            "whose": names.get(row.assignee_id or "") or role_word(row.role),
            "due": describe_due(row.due_on, today, row.level, row.escalated_role, row.kind)} for row in opened],
        "closed": [{"title": kind_word(row.kind), "url": url_for("task.view", task_id=row.id),
                    "outcome": outcome_word(row.outcome or "")} for row in closed],
        "new_url": find_open_url(f"/cases/{case.id}/tasks/new"),
    }


def init_tasks(app: Flask) -> None:
    """Give the case's page its tasks."""
    app.jinja_env.filters["tasks_of_case"] = tell_of_case
    app.jinja_env.filters["case_flags"] = list_flags


def _read_filter() -> TaskFilter:
    given = request.args
    return TaskFilter(
        whose=given["whose"] if given.get("whose") in WHOSE else WHOSE[0], late=given.get("late") == "yes",
        escalated=given.get("escalated") == "yes",
        kind=given["kind"] if given.get("kind") in list_task_kinds() else None,
        role=given["role"] if given.get("role") in ROLES else None)


def _read_place(name: str) -> tuple[date, str] | None:
    day, _underscore, key = request.args.get(name, "").partition("_")
    try:
        return (date.fromisoformat(day), key) if key else None
    except ValueError:
        return None


def _list_tabs(narrowed: TaskFilter, counts: list[int]) -> list[dict[str, Any]]:
    here = TaskFilter(narrowed.whose, narrowed.late, narrowed.escalated)
    return [{"label": label, "url": f"/tasks{query}", "active": here == one, "count": say_count(count)}
            for label, (query, one), count in zip(_say_tabs(find_speech().name), TABS, counts, strict=False)]


@lru_cache(maxsize=32)
def _say_tabs(_language: str) -> tuple[str, ...]:
    return _("Mine"), _("Mine, late"), _("Gone up"), _("Everybody's")


def _list_choices() -> dict[str, list[tuple[str, str]]]:
    """What the list may be narrowed to."""
    return {"kinds": [(name, kind_word(name)) for name in list_task_kinds()],
            "roles": [(name, str(words)) for name, (words, _held) in ROLES.items()]}


def _render_rows(found: list[Any], today: date) -> Rows:
    """The rows as HTML, each remembered under all that goes into it: the row, whether its person is held, the day."""
    held = list_held_here()
    said = _READERS.get((find_speech().name, current_user.site.time_zone, today), object)
    memo: Memo = current_app.extensions.setdefault(REMEMBERED, Memo(SIZE))
    write = get_template_attribute("task/_row.html", "task_row")
    keys = [(said, row, row.applicant_id in held) for row in found]
    return Rows(b"".join(memo.get_all(keys, lambda place: str(write(_render_row(found[place], today))).encode())))


def _render_row(row: Any, today: date) -> dict[str, Any]:
    words, tone, up = describe_due(row.due_on, today, row.level, row.escalated_role, row.kind)
    url = url_for(".view", task_id=row.id)
    return {
        "id": row.id, "tone": "bad" if tone == "bad" else None,
        "what": {"text": kind_word(row.kind), "url": url, "sub": say_detail(row.kind, row.detail)},
        "due": {"state": words, "tone": tone, "detail": up},
        "person": {"person": row, "url": url_for("case.show", case_id=row.case_id)} if row.case_id else None,
        "number": {"text": row.number, "url": url_for("case.show", case_id=row.case_id)} if row.case_id else None,
        "whose": {"text": row.assignee or role_word(row.role),
                  "sub": _("put off %(n)s times", n=row.postponed) if row.postponed else None},
        "next": {"action": {"label": _("Open"), "url": url}},
    }


def _show(row: Task, typed: dict[str, Any] | None = None, problem: InvalidInput | None = None,
          form: str = "close") -> Page:
    case = row.case
    if case is not None:
        note_case(case)
    today = clock.today(current_user.site.time_zone)
    kind = list_task_kinds().get(row.kind)
    words, tone, up = describe_due(row.due_on, today, row.level, row.escalated_role, row.kind)
    page = render_template(
        "task/show.html", row=row, case=case, title=kind_word(row.kind), detail=say_detail(row.kind, row.detail),
        advice=ADVICE.get(row.kind), due=(words, tone, up), names=list_names(
            (row.assignee_id, row.closed_by_id, row.opened_by_id)), role=role_word(row.role),
        outcomes=[(one, outcome_word(one)) for one in kind.outcomes if one not in kind.recorded] if kind else [],
        kind=kind, ends=_say_end(kind),
        outcome=outcome_word(row.outcome) if row.outcome else None,
        receivers=_list_receivers(row) if row.closed_at is None else [],
        may_work=service.may_work(row, current_user), typed=typed or {}, form=form,
        errors=problem.fields if problem else None,
        work_url=_find_work_url(row), list_url=_find_list(typed or {}), phones=_list_phones(row),
    )
    return (page, 422) if problem else page


def _list_phones(row: Task) -> list[ContactPoint] | None:
    """Where to call the person; None where nobody calls them, and where the case is that of somebody else."""
    kind = list_task_kinds().get(row.kind)
    if row.case is None or kind is None or NOT_REACHED not in kind.outcomes or is_of_another(row.kind, row.key):
        return None
    return row.case.applicant.list_contacts(ContactKind.PHONE)


def _find_list(typed: dict[str, Any]) -> str:
    """The list from which the task was opened, as it was narrowed there."""
    home = url_for(".index")
    try:
        left = urlsplit(typed.get("list") or request.referrer or "")
    except ValueError:  # a header that no browser sends
        return home
    return f"{home}?{left.query}" if left.path == home and left.query.isascii() and left.query.isprintable() and (
        left.query) else home


def _say_end(kind: TaskKind | None) -> str:
    """What ends a task without anybody closing it; empty where nothing does."""
    names = [outcome_word(one) for one in kind.outcomes if one in kind.recorded] if kind else []
    return _("It ends by itself once this is recorded where it is done: %(names)s.", names=", ".join(names)) \
        if names else ""


def _find_work_url(row: Task) -> str | None:
    """Where it is done, if the reader may open that: of a value to be told, the result itself."""
    place = find_place(row.kind, row.key)
    if row.case is None or place is None:
        return None
    if place == CASE:
        return find_open_url(f"/cases/{row.case_id}")
    if place == NEW_EXAM:
        return find_open_url(f"/applicants/{row.case.applicant_id}/cases/new")
    if place == "draw" and not lab_order.is_to_draw(row.case, SCREEN):  # no rule asks for it: it is ordered first
        return find_open_url(f"/cases/{row.case_id}/orders")
    if place == "draw":  # by who draws; others call the person
        return find_open_url(f"/cases/{row.case_id}/draw") or find_open_url(f"/cases/{row.case_id}/laboratory")
    result = release.find_result(row)
    if result is not None:
        return find_open_url(f"/cases/{row.case_id}/{place}/{result.id}")
    waits = find_open_url(f"/laboratory/inbox/{row.subject_id}") if row.kind == CRITICAL and row.subject_id else None
    return waits or find_open_url(f"/cases/{row.case_id}/{place}")


def _show_again(task_id: str, typed: dict[str, Any], problem: InvalidInput, form: str = "close") -> Page:
    db.session.rollback()
    return _show(service.get_task(task_id, current_user), typed, problem, form)


def _list_receivers(row: Task) -> list[tuple[str, str]]:
    """Roles that somebody at the site has, then people; both only where they may do what is asked."""
    roles = [(f"role:{name}", _("Everybody: %(role)s", role=role_word(name)))
             for name in service.list_receiving_roles(row.kind, row.key, row.site_id)]
    return roles + [(f"user:{user.id}", user.name) for user in list_colleagues(current_user)
                    if service.may_do(row.kind, row.key, permissions_of(user))]


def _read_receiver(given: str, row: Task) -> tuple[str, User | None]:
    kind, _colon, key = given.partition(":")
    if kind == "role" and key in ROLES:
        return key, None
    person = next((user for user in list_colleagues(current_user) if user.id == key), None) if kind == "user" else None
    if person is None:
        raise InvalidInput(_("Please correct what is marked."), fields={"to": [_("Choose whose task it is.")]},
                           task=row.id)
    return row.role, person


def _show_new(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    roles = service.list_receiving_roles(BY_HAND[0], "", case.site_id)
    own = next((role.name for role in current_user.roles), "")
    return show("task/new.html", case, problem, typed=typed, own=own,
                kinds=[(name, kind_word(name)) for name in BY_HAND],
                roles=[(name, role_word(name)) for name in roles])
