"""Every answer to a member of staff leaves a row in the audit of reads, unless its route says why it need not.

A page that wants its row to say more calls `record_read` itself; then nothing is added here. What a view shows of many
people at once it names by `note_shown`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response, current_app, g, has_request_context, request

from clinic import clock
from clinic.audit import record_read
from clinic.db import current_mode, db, set_mode
from clinic.models import Case
from clinic.permissions import find_signed_in
from clinic.session_life import BACKGROUND

F = TypeVar("F", bound=Callable[..., Any])
# What an address is about, the most telling first.
SUBJECTS = {"exam_id": "signed-exam", "delivery_id": "delivery", "message_id": "inbound-message",
            "received_id": "inbound-message", "reported_id": "reported-result", "document_id": "lab-document",
            "film_id": "film", "result_id": "lab-result", "case_id": "case", "other_id": "applicant",
            "related_id": "related-person", "applicant_id": "applicant", "family_id": "family", "merge_id": "merge"}
REFUSALS = (409, 422)  # these answers show the record again, with what is to be corrected
AGAIN = timedelta(minutes=10)  # a list that refreshes itself is written down so often, not at every turn
_REMEMBERED = 1000


def shows_nobody(reason: str) -> Callable[[F], F]:
    """Mark a view whose answer shows nothing of any person; `reason` says how that is."""
    if not reason:
        raise ValueError("say why the view shows nobody")

    def mark(view: F) -> F:
        view.shows_nobody = reason  # type: ignore[attr-defined]
        return view

    return mark


def mark_blueprint(blueprint: Blueprint, reason: str) -> None:
    """The same for every view of a blueprint."""
    if not reason:
        raise ValueError("say why the views show nobody")
    blueprint.shows_nobody = reason  # type: ignore[attr-defined]


def why_nobody(app: Flask, endpoint: str) -> str | None:
    """Why the answers of a view need no row; None when they do."""
    view = app.view_functions.get(endpoint)
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    return getattr(view, "shows_nobody", None) or getattr(blueprint, "shows_nobody", None)


def note_case(case: Case) -> None:
    """Remember which case this request is about."""
    if has_request_context():
        g.read_case = (case.id, case.site_id)


def note_shown(case_ids: Iterable[str]) -> None:
    """Remember whose cases a list shows."""
    if has_request_context():
        g.read_shown = [*g.get("read_shown", ()), *case_ids]


def install_read_audit(app: Flask) -> None:
    """Watch every answer."""
    refreshed: dict[tuple[str, str], datetime] = {}

    @app.before_request
    def _begin() -> None:
        notes = vars(g._get_current_object())
        for name in ("read_recorded", "read_case", "read_shown", "read_reason", "emergency"):
            notes.pop(name, None)

    @app.after_request
    def _record(response: Response) -> Response:
        if g.get("read_recorded") or not _is_of_somebody(response):
            return response
        if current_mode() == "write" and not db.session().in_transaction():
            set_mode("read")  # the unit is over; what is still to be read takes no lock
        reader = find_signed_in()
        if reader.is_authenticated and not _is_refreshing(refreshed, reader.id):
            _record_answer(reader)
        return response


def _is_of_somebody(response: Response) -> bool:
    endpoint = request.endpoint or ""
    view = current_app.view_functions.get(endpoint)
    if not isinstance(getattr(view, "permission", None), tuple) or why_nobody(current_app, endpoint):
        return False
    return response.status_code < 300 or response.status_code in REFUSALS


def _record_answer(reader: Any) -> None:
    given = request.view_args or {}
    name = next((name for name in SUBJECTS if name in given), None)
    case_id, site_id = g.get("read_case", (None, None))
    shown = list(dict.fromkeys(g.get("read_shown", ())))
    record_read(
        "user", reader.id, "read" if name or case_id else "list", SUBJECTS[name] if name else "case",
        str(given[name]) if name else case_id or "", case_id=case_id, site_id=site_id or reader.site_id,
        detail={"shown": shown} if shown else None,
    )


def _is_refreshing(refreshed: dict[tuple[str, str], datetime], reader_id: str) -> bool:
    """Whether the page asks by itself for what this person was shown a moment ago, which stands in the audit."""
    if request.view_args:
        return False
    key, now = (reader_id, request.full_path), clock.now()
    is_again = BACKGROUND in request.headers and timedelta() <= now - refreshed.get(key, datetime.min.replace(
        tzinfo=now.tzinfo)) < AGAIN
    if not is_again:
        if len(refreshed) > _REMEMBERED:
            refreshed.clear()
        refreshed[key] = now
    return is_again
