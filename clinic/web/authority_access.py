"""Which authority read what, and when: of one case, and of the whole site."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user

from clinic.audit import record_case_read
from clinic.permissions import Permission, requires
from clinic.queries.authority_access import (
    PAGE_SIZE,
    AuthorityAccess,
    list_case_accesses,
    list_site_accesses,
)
from clinic.queries.case import get_case

blueprint = Blueprint("authority_access", __name__)

ACTION_WORDS: dict[str, LazyString] = {
    "read": lazy_gettext("Read one entry"), "vread": lazy_gettext("Read an earlier version"),
    "history": lazy_gettext("Read the versions of an entry"), "search": lazy_gettext("Searched"),
    "everything": lazy_gettext("Fetched the whole case"), "document": lazy_gettext("Fetched the signed document"),
    "count": lazy_gettext("Counted"),
}


@blueprint.get("/authority-access")
@requires(Permission.SEE_AUDIT)
def index() -> str:
    """Every look of an authority at a case of the site, the newest first."""
    rows, following = list_site_accesses(current_user, request.args.get("after"))
    return render_template(
        "access/index.html", rows=[(row, case) for row, case in rows], describe=describe, say_shown=say_shown,
        next_url=url_for(".index", after=following) if following else None,
    )


@blueprint.get("/cases/<case_id>/authority-access")
@requires(Permission.SEE_AUDIT, Permission.SEE_DELIVERIES)
def of_case(case_id: str) -> str:
    """Every look of an authority at one case."""
    case = get_case(case_id, current_user)
    record_case_read(case, "authority-access")
    rows = list_case_accesses(case, request.args.get("after"), PAGE_SIZE + 1)
    following = rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None
    return render_template(
        "access/case.html", case=case, rows=[(row, case) for row in rows[:PAGE_SIZE]], describe=describe,
        say_shown=say_shown, next_url=url_for(".of_case", case_id=case.id, after=following) if following else None,
    )


def describe(row: AuthorityAccess) -> str:
    """What the client did, in words."""
    return str(ACTION_WORDS.get(row.action, row.action))


def say_shown(row: AuthorityAccess) -> str:
    """What it saw: resource types and how many of each, as the authority knows them."""
    if row.is_unchanged:
        return _("Had it already: nothing was sent again")
    return ", ".join(f"{kind} × {count}" if count > 1 else kind for kind, count in row.kinds)
