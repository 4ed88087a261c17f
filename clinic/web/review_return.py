"""Whoever follows “Change” on the review comes back to the same row once something is saved at that station."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from flask import Flask, Response, request, session, url_for

_KEY = "review_return"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,90}")
_NEVER = ("identity.", "sign.")  # on the way to a station, not the work itself


def find_return() -> str | None:
    """The row of the review to which the present page leads back; None when its reader did not come from there."""
    kept = session.get(_KEY)
    if not kept:
        return None
    here = (request.view_args or {}).get("case_id")
    is_part = here == kept["case"] if here else (request.endpoint or "").startswith("applicant.")
    return url_for("sign.review", case_id=kept["case"], _anchor=f"row-{kept['row']}") if is_part else None


def build_change(case_id: str, change: str, row: str, target: str = "") -> str:
    """The address of the page where a row is changed; `change` beneath the case, or a whole path of the person's."""
    path = change if change.startswith("/") else f"/cases/{case_id}/{change}"
    asked = {"review": row} | ({"case": case_id} if change.startswith("/") else {})
    return f"{path}{'&' if '?' in path else '?'}{urlencode(asked)}{'#' + quote(target) if target else ''}"


def init_review_return(app: Flask) -> None:
    """Remember the row on the way out, lead back after a save; forget when the reader goes elsewhere."""
    app.jinja_env.globals.update(review_return=find_return, review_change=build_change)

    @app.before_request
    def _remember() -> None:
        if request.method != "GET" or request.endpoint in (None, "static"):
            return
        row = request.args.get("review", "")
        case_id = (request.view_args or {}).get("case_id") or request.args.get("case", "")
        if _NAME.fullmatch(row) and _NAME.fullmatch(case_id):
            session[_KEY] = {"case": case_id, "row": row}
        elif request.endpoint in ("case.show", "sign.review", "worklist.index"):
            session.pop(_KEY, None)

    @app.after_request
    def _lead_back(answer: Response) -> Response:
        place = find_return() if request.method == "POST" and answer.status_code == 302 else None
        if place and not (request.endpoint or "").startswith(_NEVER):
            session.pop(_KEY, None)
            answer.headers["Location"] = place
        return answer
