"""Where somebody goes who has to prove who they are first; what they had posted waits for them."""

from __future__ import annotations

import logging
import re
from urllib.parse import urlsplit

from flask import current_app, request, session
from sqlalchemy.exc import SQLAlchemyError

from clinic.db import db, write_unit
from clinic.errors import ClearwayError, Unavailable
from clinic.services.unsaved_page import keep_page
from clinic.session_life import WAITING, Standing, State, find_standing
from clinic.way_back import address_lock, address_sign_in, address_sign_in_again, is_ours

log = logging.getLogger(__name__)
SECRETS = re.compile(r"password|passkey|^csrf_token$|(^|_)code$")  # names of fields that are never kept


def find_way_in() -> str:
    """The lock page of a locked screen, else the sign-in page; each leads back to the page that was asked for.

    A form that was posted too late is kept for whose page it was, and comes back on the page it was typed on.
    """
    standing = find_standing()
    is_read = request.method in ("GET", "HEAD")
    target = request.full_path.rstrip("?") if is_read else "/"
    if not standing.user_id:
        return address_sign_in(target)
    if not is_read:
        target = _find_way_on(standing) or _keep_posted(standing)
    if standing.state is State.LOCKED:
        return address_lock(standing.user_id, target)
    return address_sign_in_again(standing.user_id, target)


def is_secret(name: str) -> bool:
    """Whether what is typed into a field of this name is never kept."""
    return SECRETS.search(name.lower()) is not None


def find_page_before() -> str:
    """Path and query of our page from which this request came; empty when it came from elsewhere, or nobody says.

    No page repeats its own address beside its tokens: a stranger may choose it, and answers are compressed.
    """
    referrer = urlsplit(request.referrer or "")
    page = referrer.path + (f"?{referrer.query}" if referrer.query else "")
    return page if referrer.netloc == request.host and is_ours(page) else ""


def _find_way_on(standing: Standing) -> str:
    """Where a form leads that changes nothing, as a search: there is nothing to keep. Empty for any other."""
    way_on = getattr(current_app.view_functions.get(request.endpoint or ""), "way_on", None)
    try:
        return str(way_on(standing.user_id, **request.view_args or {})) if way_on else ""
    except ClearwayError:  # it leads nowhere
        return "/"


def _keep_posted(standing: Standing) -> str:
    """Keep the form's fields; returns the page it was typed on."""
    page = find_page_before()
    if not page:
        return "/"
    fields = [{"form": f"{request.path}#0", "name": name, "kind": "posted", "value": value, "on": True, "label": name}
              for name, value in request.form.items(multi=True) if value and not is_secret(name)]
    db.session.rollback()
    try:
        with write_unit():
            keep_page(standing.user_id, page, fields)
    except (Unavailable, SQLAlchemyError) as error:
        log.error("sign_in=%s what was posted could not be kept: %s", standing.id, type(error).__name__)
    else:
        session[WAITING] = True
    return page
