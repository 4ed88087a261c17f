"""What every list of cases shares: rows with why and the one next action, counters, places in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

from flask import current_app, get_template_attribute, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from clinic import clock
from clinic.memo import Memo
from clinic.permissions import Permission, find_signed_in, has_permission, permissions_of
from clinic.progress import SPUTUM, XRAY, State, describe_exam, label_exam, list_unasked
from clinic.queries.draw import list_consented
from clinic.queries.page import Page, Place
from clinic.queries.standing import Standing, build_standing, load_parts
from clinic.queries.waiting import EXAMINING, View, list_drawn_exams, list_laboratory_exams
from clinic.queries.worklist import COUNT_LIMIT
from clinic.read_audit import note_shown
from clinic.web.case_word import progress_line
from clinic.web.hold_sign import list_held_here
from clinic.web.language import find_speech
from clinic.web.station import find_work, find_work_path, label_work

P = Permission
REMEMBERED_ROWS = 4000  # about 6 MB
REMEMBERED_PAGES = 60  # whole ones: about 10 MB
_READERS = Memo(500)
_MARK = token_hex(16)

# Where the work of a kind is done, beneath /cases/<id>; without one the row leads where its progress points.
PLACES = {View.SENT_BACK: "laboratory", View.SIGN: "sign", View.CONFIRM: "laboratory", View.READ: "xray",
          View.HELD: "xray", View.TAKE: "xray", View.DRAW: "draw", View.ENTER: "laboratory", View.SPUTUM: "sputum",
          View.VACCINATE: "vaccination", View.TREAT: "tuberculosis", View.FACTS: "circumstances"}
BY_PROGRESS = {"facts": "circumstances", "ready": "sign", "physician": "sign", "not-cleared": "sign"}


@dataclass(frozen=True)
class Line:
    """One row of a list: the case and its person, why it is where it is, and the one next action."""

    row: Any
    why: list[tuple[State, str]]  # what the list is about, and of which examinations; empty: the case's own line
    line: str
    next: dict[str, Any]


class Rows:
    """The rows of a page as they are sent; in a template they stand as one mark, which `render_list` puts them for.

    A page's text is put together several times over and encoded at its end; so most of it need not be. `place` tells
    several lists of a page apart.
    """

    def __init__(self, content: bytes, place: int = 0) -> None:
        self.content = content
        self.mark = Markup(f"<!--{_MARK}:{place}-->")  # noqa: S704  nobody can write it into a page

    def __bool__(self) -> bool:
        return bool(self.content)

    def __html__(self) -> str:
        return self.mark


def render_list(template: str, *lists: Rows, **values: Any) -> bytes:
    """A page with `lists` in it."""
    page = render_template(template, **values).encode()
    for rows in lists:
        page = page.replace(rows.mark.encode(), rows.content, 1)
    return page


def render_rows(page: Page, view: View | None, with_state: bool = False) -> Rows:
    """The rows of a page as HTML, one after the other.

    Making fifty costs as much as everything else on the page together, and most are as they were a minute ago. So each
    is remembered under all that goes into it: the row, the case's standing, who reads it how, and the day; and so are
    all of them together, for a page of which nothing has changed.
    """
    case_ids = [row.id for row in page.rows]
    note_shown(case_ids)
    parts = load_parts(case_ids)
    reading = find_signed_in()
    zone = reading.site.time_zone
    today = clock.today(zone)
    held = list_held_here()
    # One object for all rows of the same reader: hashed once, not once for each row.
    consented = list_consented(case_ids) if view is View.DRAW else frozenset(case_ids)
    reader = _READERS.get((view, with_state, permissions_of(reading), find_speech().name, zone, today), object)
    kept = current_app.extensions
    memo, pages = kept.get("case_rows") or kept.setdefault(
        "case_rows", (Memo(REMEMBERED_ROWS), Memo(REMEMBERED_PAGES)))
    write = get_template_attribute("worklist/_case.html", "case_row")

    def render(place: int) -> bytes:
        row = page.rows[place]
        standing = build_standing(parts[row.id])
        why, following = describe_work(row, view, standing, today, zone), _find_next(row, view)
        if row.id not in consented:
            consent, following = _find_consent(row)
            why = [(consent, ""), *why]
        return str(write(Line(row, why, progress_line(row, standing), following), with_state)).encode()

    def join() -> bytes:
        keys = [(reader, row, row.applicant_id in held, parts[row.id], row.id in consented) for row in page.rows]
        return b"".join(memo.get_all(keys, render))

    held_here = held.intersection([row.applicant_id for row in page.rows]) if held else frozenset()
    return Rows(pages.get((reader, *page.rows, *parts.values(), frozenset(held_here), frozenset(consented)), join))


def describe_work(
    row: Any, view: View | None, standing: Standing, today: date, zone: str
) -> list[tuple[State, str]]:
    """The states of the examinations that a station's list is about, each once with the examinations it is true of."""
    grouped: dict[State, list[str]] = {}
    for exam in _list_exams(view, standing):
        state = describe_exam(exam, standing, row.programme, today, zone)
        if view in WANTED and state.code not in WANTED[view]:
            continue
        grouped.setdefault(state, []).append(label_exam(exam))
    if view in (View.SENT_BACK, View.CONFIRM):  # also what no rule asked for
        for state, label in list_unasked(standing, zone):
            if state.code in WANTED[view]:
                grouped.setdefault(state, []).append(label)
    only = view in (View.READ, View.HELD, View.TAKE)  # one examination: its name says nothing
    return [(state, "" if only else ", ".join(labels)) for state, labels in grouped.items()]


# The lists that show only those examinations of a case which are in certain states.
WANTED: dict[View | None, tuple[str, ...]] = {
    View.SENT_BACK: ("sent-back",), View.CONFIRM: ("second-person",), View.ENTER: ("to-do", "drawn", "sent-back"),
    View.DRAW: ("to-do",),
}


def _list_exams(view: View | None, standing: Standing) -> list[str]:
    laboratory = [*list_laboratory_exams(), *SPUTUM]
    wanted: dict[View | None, Any] = {
        View.SENT_BACK: laboratory, View.CONFIRM: laboratory, View.DRAW: list_drawn_exams(),
        View.ENTER: list_laboratory_exams(), View.SPUTUM: SPUTUM,
        View.TREAT: ("tb-treatment-dot",),
        View.READ: XRAY, View.HELD: XRAY, View.TAKE: XRAY, View.EXAMINE: EXAMINING, View.MINE: EXAMINING,
    }
    return [exam for exam in standing.exams if exam in wanted.get(view, ())]


def _find_next(row: Any, view: View | None) -> dict[str, Any]:
    """The row's one next action: the work of the kind, else what its progress says if it is this user's, else look."""
    second = row.progress == "second-person"
    path = PLACES.get(view) if view else None
    if path is None and row.progress in BY_PROGRESS:
        path = BY_PROGRESS[row.progress]
    elif path is None and row.progress in ("to-do", "draft", "second-person") and row.progress_detail:
        path = find_work_path(row.progress_detail, row.programme, row.progress)
    url = find_work(path, row.id) if path else None
    if path is None or url is None or (view is None and second and not has_permission(P.CONFIRM_RESULT)):
        return {"label": _("Open"), "url": url_for("case.show", case_id=row.id)}
    label = {View.CONFIRM: _("Confirm"), View.SENT_BACK: _("Enter again"), View.HELD: _("Look"),
             View.TAKE: _("Films")}.get(view) if view else None
    return {"label": label or label_work(path, second and view is None and path == "laboratory"), "url": url}


def _find_consent(row: Any) -> tuple[State, dict[str, Any]]:
    """From who has not consented nothing is taken: what is said of it, and where it is recorded."""
    url, words = find_work("consent", row.id), _("No consent yet")
    if url:
        return State("no-consent", words), {"label": _("Record the consent"), "url": url}
    return (State("no-consent", words, _("to reception first")),
            {"label": _("Open"), "url": url_for("case.show", case_id=row.id)})


def find_day_start(day: date, reader: Any = None) -> datetime:
    """The moment a day begins at the site of `reader` (default: who is signed in)."""
    return clock.find_bounds(day, day, (reader or find_signed_in()).site.time_zone)[0]


def say_count(number: int) -> str:
    """A counter's words."""
    return f"{number}+" if number >= COUNT_LIMIT else str(number)


def address_pages(page: Page, moment: str | Callable[[Any], Place]) -> dict[str, str | None]:
    """Where the next and the previous page are; everything else in the address stays.

    `moment` is the name of the column that orders the rows, or what gives a row's place.
    """
    # Written as the query it is: `url_for` would take somebody's `_scheme` or `endpoint` for an argument of its own.
    kept = [(name, value) for name, value in request.args.items() if value and name not in ("after", "before")]
    rows = page.rows

    def address(name: str, row: Any) -> str:
        at, key = (getattr(row, moment), row.id) if isinstance(moment, str) else moment(row)
        return f"{request.path}?{urlencode([*kept, (name, f'{at.isoformat()}_{key}')])}"

    return {"next_url": address("after", rows[-1]) if rows and page.has_next else None,
            "prev_url": address("before", rows[0]) if rows and page.has_previous else None}


def read_place(name: str) -> Place | None:
    """The place in a list that the address names; None when it cannot be read."""
    moment, _underscore, key = request.args.get(name, "").partition("_")
    try:
        found = datetime.fromisoformat(moment)
        return (found.astimezone(UTC), key) if found.tzinfo and key else None
    except (ValueError, OverflowError):  # at the ends of the calendar there is no such moment of ours
        return None
