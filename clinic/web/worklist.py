"""The first screen after sign-in: what waits for me, why it waits, and the one thing to do next; and all cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

from flask import Blueprint, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from clinic import clock
from clinic.models import CaseState
from clinic.partial_date import DateUnreadable, PartialDate, parse_partial_date
from clinic.permissions import Permission, find_signed_in, has_permission, permissions_of, requires
from clinic.queries.heartbeat import find_worker_heart
from clinic.queries.visit import ListCounts, count_lists
from clinic.queries.waiting import View
from clinic.queries.worklist import Filter, count_cases, count_waiting, list_cases, list_waiting, order_of
from clinic.rules.programme import list_programmes
from clinic.schemas.field import to_words
from clinic.web.case_list import address_pages, find_day_start, read_place, render_list, render_rows, say_count
from clinic.web.delivery_word import say_passed
from clinic.web.language import find_speech
from clinic.web.lateness import find_late, may_mend_deliveries
from clinic.web.seek import read_sought, seeks
from clinic.web.word import case_state_word

blueprint = Blueprint("worklist", __name__)
P = Permission

# The kinds of work a user gets, in this order; the first one with anything waiting opens.
KINDS: tuple[tuple[View, Permission, LazyString], ...] = (
    (View.SENT_BACK, P.ENTER_RESULT, lazy_gettext("Sent back")),
    (View.SIGN, P.SIGN, lazy_gettext("To sign")),
    (View.AMEND, P.SIGN, lazy_gettext("To amend")),
    (View.CONFIRM, P.CONFIRM_RESULT, lazy_gettext("To confirm")),
    (View.READ, P.READ_XRAY, lazy_gettext("X-rays to read")),
    (View.HELD, P.UPLOAD_FILM, lazy_gettext("Films held")),
    (View.TAKE, P.UPLOAD_FILM, lazy_gettext("X-rays to take")),
    (View.DRAW, P.COLLECT_SPECIMEN, lazy_gettext("Blood and urine to take")),
    (View.ENTER, P.ENTER_RESULT, lazy_gettext("Laboratory")),
    (View.SPUTUM, P.RECORD_SPUTUM, lazy_gettext("Sputum")),
    (View.TREAT, P.RECORD_TREATMENT, lazy_gettext("Doses of today")),
    (View.EXAMINE, P.RECORD_EXAM, lazy_gettext("To examine")),
    (View.EXAMINE, P.RECORD_HISTORY, lazy_gettext("History and vitals")),
    (View.VACCINATE, P.RECORD_VACCINE, lazy_gettext("Vaccination")),
    (View.NEW, P.REGISTER, lazy_gettext("Opened today")),
    (View.FACTS, P.OPEN_CASE, lazy_gettext("Facts missing")),
    (View.MINE, P.SEE_CASES, lazy_gettext("I have open")),
)
# What the list of all cases may be narrowed to: the work that is open.
STATIONS: tuple[tuple[View, LazyString], ...] = (
    (View.FACTS, lazy_gettext("Facts missing")), (View.EXAMINE, lazy_gettext("Examination")),
    (View.TAKE, lazy_gettext("X-ray to take")), (View.READ, lazy_gettext("X-ray to read")),
    (View.ENTER, lazy_gettext("Laboratory")), (View.SPUTUM, lazy_gettext("Sputum")),
    (View.VACCINATE, lazy_gettext("Vaccination")),
)
LISTS = (("mine", "/"), ("today", "/today"), ("all", "/cases"))
ANY = "any"  # the state that stands for every one, the ended ones too
FILTERS = ("programme", "category", "state", "station", "from", "to", "q")
LONGEST = 80  # characters of what is searched for


@blueprint.get("/")
@requires(P.SEE_CASES)
def index() -> bytes:
    """What I can act on now, by the kinds of work of my role, and what I have open."""
    reader = find_signed_in()
    today = find_day_start(clock.today(reader.site.time_zone), reader)
    own = list_kinds(reader)
    counts = {view: count_waiting(reader, view, today) for view in own}
    asked = request.args.get("view", "")
    chosen = next((view for view in own if view == asked), None)
    if chosen is None:
        chosen = next((view for view in own if counts[view]), next(iter(own)))
    page = list_waiting(reader, chosen, today, read_place("after"), read_place("before"))
    kinds = [{"label": label, "url": url_for(".index", view=view.value), "count": say_count(counts[view]),
              "active": view is chosen} for view, label in own.items() if counts[view] or view is chosen]
    rows = render_rows(page, chosen)
    return render_list(
        "worklist/mine.html", rows, tabs=list_tabs("mine"), kinds=kinds, rows=rows,
        **address_pages(page, "updated_at"), may_register=has_permission(P.REGISTER), chosen=chosen,
        late=find_late() if may_mend_deliveries() else None,
        heart=find_worker_heart() if may_mend_deliveries() else None,
        passed=lambda moment: say_passed(clock.now() - moment),
        sent_back=counts.get(View.SENT_BACK, 0) if chosen is not View.SENT_BACK else 0,
    )


@blueprint.get("/cases")
@requires(P.SEE_CASES)
@seeks("q")
def cases() -> bytes | tuple[bytes, int]:
    """Every case of the site, narrowed by what stands in the address."""
    errors: dict[str, list[str]] = {}
    reader = find_signed_in()
    is_narrowed = any(request.args.get(name) for name in FILTERS) if request.args else False
    sought = read_sought("q", errors, LONGEST) if is_narrowed else ""
    narrowed = read_filter(errors, sought) if is_narrowed else Filter()
    page = list_cases(reader, narrowed, read_place("after"), read_place("before"))
    counts = count_own_lists(reader)
    count = counts.all if narrowed == Filter() else count_cases(reader, narrowed)
    rows = render_rows(page, None, with_state=True)
    shown = render_list(
        "worklist/all.html", rows, errors=errors, tabs=list_tabs("all", counts), rows=rows, count=say_count(count),
        given={**request.args, "q": sought}, is_narrowed=is_narrowed, may_register=has_permission(P.REGISTER, reader),
        choices=partial(_list_choices, narrowed.programme),
        **address_pages(page, order_of(narrowed).key),
    )
    return (shown, 422) if errors else shown


def list_kinds(reader: Any) -> dict[View, LazyString]:
    """The kinds of work of `reader`."""
    own: dict[View, LazyString] = {}
    held = permissions_of(reader)
    for view, permission, label in KINDS:
        if permission in held:
            own.setdefault(view, label)
    return own


@dataclass(frozen=True)
class Tab:
    """The name of a list with how many are in it."""

    label: str
    url: str
    count: str
    active: bool


def list_tabs(chosen: str, counts: ListCounts | None = None) -> tuple[Tab, ...]:
    """The three lists with their counts; `chosen` is mine, today or all; `counts` if they are known already."""
    known = (counts or count_own_lists(find_signed_in()))._asdict()
    return tuple(Tab(label, url, say_count(known[name]), name == chosen)
                 for (name, url), label in zip(LISTS, _say_lists(find_speech().name), strict=True))


def count_own_lists(reader: Any) -> ListCounts:
    """How many are in each of the three lists of `reader`."""
    return count_lists(reader, list_kinds(reader), find_day_start(clock.today(reader.site.time_zone), reader))


@lru_cache(maxsize=32)
def _say_lists(_language: str) -> tuple[str, ...]:
    return _("Mine"), _("Here today"), _("All cases")


def read_filter(errors: dict[str, list[str]], typed: str) -> Filter:
    """What the address narrows the list of all cases to, `typed` as number or name; a day that cannot be read is added
    to `errors`."""
    given = request.args
    programme = given.get("programme", "")
    state, station = given.get("state", ""), given.get("station", "")
    known = programme if programme in list_programmes() else None
    first, last = _read_day("from", errors), _read_day("to", errors)
    has_digit = any(sign.isdigit() for sign in typed)
    return Filter(
        state=CaseState(state) if state in set(CaseState) else None, ended=state == ANY, programme=known,
        category=given.get("category") if given.get("category") in dict(_list_categories(known)) else None,
        waits_for=next((view for view, _label in STATIONS if view == station), None),
        opened_from=find_day_start(first.earliest) if first else None,
        opened_before=find_day_start(last.latest + timedelta(days=1)) if last else None,
        number=typed if has_digit else "", name="" if has_digit else typed,
    )


def _read_day(name: str, errors: dict[str, list[str]]) -> PartialDate | None:
    typed = request.args.get(name, "").strip()
    try:
        return parse_partial_date(typed) if typed else None
    except DateUnreadable as problem:
        errors[name] = [to_words(problem.sentence)]
        return None


def _list_choices(programme: str | None) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer."""
    states = [(state.value, case_state_word(state)) for state in CaseState]
    return {
        "programmes": [(one.code, one.name) for one in list_programmes().values()],
        "categories": _list_categories(programme),
        "states": [*states, (ANY, _("All, the ended ones too"))],
        "stations": [(view.value, str(label)) for view, label in STATIONS],
    }


def _list_categories(programme: str | None) -> list[tuple[str, str]]:
    if programme is None:
        return []
    return [(one.code, one.label) for one in list_programmes()[programme].categories.values()]
