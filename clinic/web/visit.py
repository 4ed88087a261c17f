"""Who is here today, by station: how long they wait, what for, who has them, and the one thing to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from secrets import token_hex
from typing import Any, NamedTuple

from flask import Blueprint, current_app, flash, get_template_attribute, redirect, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response

from clinic import clock
from clinic.auth import sign_form_token
from clinic.memo import Memo
from clinic.permissions import Permission, find_signed_in, has_permission, permissions_of, requires
from clinic.queries.case import get_case
from clinic.queries.visit import Here, HereParts, build_here, list_here_parts
from clinic.read_audit import note_shown
from clinic.services import visit
from clinic.waiting_room import Place, Stop, find_place
from clinic.web.case_list import Rows, render_list
from clinic.web.hold_sign import list_held_here
from clinic.web.language import find_speech
from clinic.web.station import find_open_url, find_path, find_work, label_work
from clinic.web.worklist import list_tabs

blueprint = Blueprint("visit", __name__)
P = Permission
LONG_MINUTES = 45  # from here on a wait is called long; our own choice
STOP_WORDS: dict[Stop, LazyString] = {
    Stop.RECEPTION: lazy_gettext("Reception"), Stop.CONSENT: lazy_gettext("Consent and identity"),
    Stop.HISTORY: lazy_gettext("History and vitals"), Stop.EXAM: lazy_gettext("Examination"),
    Stop.XRAY: lazy_gettext("X-ray"), Stop.LABORATORY: lazy_gettext("Laboratory"),
    Stop.VACCINATION: lazy_gettext("Vaccination"), Stop.REVIEW: lazy_gettext("Review and leaving"),
}


REMEMBERED = "here_rows"  # key of the application's extensions
SIZE = 4000  # places, rows of 1.5 kB, and words
_READERS = Memo(500)
# What is of this minute or this request stands in a remembered row as a mark: nobody can write one into a page.
_WAIT = Markup(f"<!--{token_hex(16)}-->")  # noqa: S704
_TOKEN = f"<!--{token_hex(16)}-->".encode()


@dataclass(frozen=True, eq=False)
class _Spot:
    """Somebody and where they are: itself the key of what is written of it."""

    here: Here
    place: Place


@blueprint.get("/today")
@requires(P.SEE_CASES)
def today() -> bytes:
    """Everybody at this site today who has not gone, grouped by station."""
    reader = find_signed_in()
    here, is_cut = list_here_parts(reader)
    note_shown(one.row.id for one in here)
    now = clock.now()
    groups: dict[Stop, list[bytes]] = {stop: [] for stop in Stop}
    for stop, row in _render_rows(here, now):
        groups[stop].append(row)
    rows = {stop: Rows(b"".join(written), place) for place, (stop, written) in enumerate(groups.items())}
    return render_list(
        "worklist/today.html", *rows.values(), tabs=list_tabs("today"), is_cut=is_cut, now=now, total=len(here),
        groups=[(stop, words, rows[stop], len(groups[stop]))
                for stop, words in zip(Stop, _say_stops(find_speech().name), strict=True)])


def _render_rows(here: list[HereParts], now: datetime) -> list[tuple[Stop, bytes]]:
    """The station of each, and the row as HTML.

    Remembered under all that goes into them: where somebody is, under what the database has of them and the day; the
    row, under that and who reads it how. The minutes and the token of the form are put in for each request.
    """
    reader = find_signed_in()
    zone, language = reader.site.time_zone, find_speech().name
    day, held = clock.today(zone), list_held_here()
    said = _READERS.get((language, zone, day), object)
    reading = _READERS.get((permissions_of(reader), language, zone, day), object)
    memo: Memo = current_app.extensions.setdefault(REMEMBERED, Memo(SIZE))

    def find_spot(index: int) -> _Spot:
        one = build_here(here[index])
        return _Spot(one, find_place(*one, day, zone))

    spots: list[_Spot] = memo.get_all([(said, one) for one in here], find_spot)
    waits = [_find_wait(spot.place, now) for spot in spots]
    own = _list_own(here, reader.id)
    keys = [(reading, spot, wait.is_long, one.row.applicant_id in held, one.row.id in own and reader.id)
            for one, spot, wait in zip(here, spots, waits, strict=True)]
    rows = memo.get_all(keys, lambda index: _write_row(spots[index], waits[index].is_long))
    write = get_template_attribute("worklist/_here.html", "wait_words")
    words = memo.get_all([(language, wait) for wait in waits], lambda index: str(write(waits[index])).encode())
    token = sign_form_token().encode()
    return [(spot.place.errand.stop, b"".join((head, wait, tail.replace(_TOKEN, token))))
            for spot, (head, tail), wait in zip(spots, rows, words, strict=True)]


class _Wait(NamedTuple):
    """How long somebody waits, or is with the one named."""

    minutes: int
    is_long: bool
    with_: str | None


def _find_wait(place: Place, now: datetime) -> _Wait:
    minutes = max(int((now - place.since).total_seconds()) // 60, 0)
    return _Wait(minutes, place.with_ is None and minutes >= LONG_MINUTES, place.with_.by if place.with_ else None)


def _list_own(here: list[HereParts], user_id: str) -> set[str]:
    """The cases on which `user_id` has done something that stands there: what is next may be another thing for them."""
    return {one.row.id for one in here for parts in (one.standing, one.presence) for _place, row in parts
            if user_id in row}


def _write_row(spot: _Spot, is_long: bool) -> tuple[bytes, bytes]:
    """The row as the reader sees it, before and after the words of the wait."""
    row, _standing, presence = spot.here
    write = get_template_attribute("worklist/_here.html", "here_row")
    written = str(write(row, presence, spot.place.errand.why, [STOP_WORDS[stop] for stop in spot.place.then],
                        _WAIT, is_long, _find_next(spot.here, spot.place)))
    head, tail = written.encode().replace(sign_form_token().encode(), _TOKEN).split(str(_WAIT).encode())
    return head, tail


@lru_cache(maxsize=32)
def _say_stops(_language: str) -> tuple[str, ...]:
    return tuple(str(STOP_WORDS[stop]) for stop in Stop)


@blueprint.post("/cases/<case_id>/arrive")
@requires(P.REGISTER)
def arrive(case_id: str) -> Response:
    """Check somebody in."""
    made = visit.check_in(get_case(case_id, current_user), current_user)
    flash(_("Checked in: number %(n)s of today.", n=made.number), "success")
    return _return(case_id)


@blueprint.post("/cases/<case_id>/leave")
@requires(P.REGISTER)
def leave(case_id: str) -> Response:
    """Somebody has gone home for today."""
    visit.check_out(get_case(case_id, current_user), current_user)
    flash(_("Gone for today."), "success")
    return _return(case_id)


def _return(case_id: str) -> Response:
    to_list = request.form.get("from") == "today"
    return redirect(url_for(".today") if to_list else url_for("case.show", case_id=case_id))


def _find_next(one: Here, place: Place) -> dict[str, Any]:
    """The one thing this user can do for the person now; with another member of staff at work, only look."""
    row, standing, _presence = one
    errand, look = place.errand, {"label": _("Open"), "url": url_for("case.show", case_id=row.id)}
    if place.with_ is not None and place.with_.by_id != current_user.id:
        return look
    if errand.stop is Stop.REVIEW and has_permission(P.REGISTER):
        return {"label": _("Gone home"), "url": url_for(".leave", case_id=row.id), "post": True,
                "fields": {"from": "today"}}
    if errand.path == "photo":
        url = find_open_url(f"/cases/{row.id}/photo")
        return {"label": _("Take photo"), "url": url} if url else look
    if errand.path == "sign" and row.progress not in ("ready", "physician", "not-cleared"):
        return look
    path = find_path(errand.exam, row.programme) if errand.path == "forms" else errand.path
    if path == "laboratory" and not has_permission(P.ENTER_RESULT):
        path = "draw"
    url = find_work(path, row.id) if path else None
    if not path or url is None:
        return look
    drafts = {mark.by_id for mark in standing.drafts.values()}
    if errand.stop is Stop.EXAM and current_user.id in drafts:
        return {"label": _("Resume"), "url": url}
    return {"label": _("Record consent") if path == "consent" else label_work(path), "url": url}
