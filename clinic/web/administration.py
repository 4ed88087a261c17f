"""The administrator's start page: what there is to administer, and how it stands."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import func, select

from clinic.db import db
from clinic.models import AuthorityClient
from clinic.permissions import ROLES, Permission, has_permission, requires
from clinic.queries.destination import Condition, list_destinations
from clinic.queries.site import list_sites
from clinic.queries.staff import count_members
from clinic.read_audit import mark_blueprint
from clinic.services.attempt import list_waits
from clinic.services.partner_laboratory import list_laboratories
from clinic.web.authority_client import list_client_warnings

blueprint = Blueprint("administration", __name__, url_prefix="/administration")
mark_blueprint(blueprint, "how the house is run: staff, sites and destinations, nobody examined")
P = Permission


@blueprint.get("")
@requires(P.MANAGE_USERS, P.MANAGE_ORGANISATION, P.MANAGE_CLIENTS, P.MANAGE_LABORATORIES)
def index() -> str:
    """What the person signed in administers."""
    return render_template("administration/index.html", rows=_list_parts(), warnings=list_client_warnings())


def _list_parts() -> list[dict[str, Any]]:
    """A row for each part that is open to the person signed in: `what` with its address, `how` it stands."""
    parts: list[dict[str, Any]] = []

    def add(label: str, endpoint: str, how: str) -> None:
        parts.append({"what": {"text": label, "url": url_for(endpoint)}, "how": how})

    if has_permission(P.MANAGE_USERS):
        active, disabled = count_members(current_user)
        add(_("Users"), "member.index", _("%(active)s may sign in, %(disabled)s are disabled", active=active,
                                          disabled=disabled))
        add(_("Roles"), "role.index", _("%(n)s roles: what each may do, and who holds it", n=len(ROLES)))
        waiting = len(list_waits(current_user))
        add(_("Who has to wait"), "sign_in_delay.index", ngettext(
            "%(num)s tried too often", "%(num)s tried too often", waiting) if waiting else _("Nobody"))
    if has_permission(P.MANAGE_ORGANISATION):
        sites = len(list_sites())
        add(_("Sites"), "site.index", ngettext("%(num)s site, with the programmes it offers",
                                               "%(num)s sites, each with the programmes it offers", sites))
        rows = list_destinations(current_user)
        bad = sum(row.condition is not Condition.GOOD for row in rows)
        how = [ngettext("%(num)s destination", "%(num)s destinations", len(rows))]
        if bad:
            how.append(ngettext("%(num)s does not work as it should", "%(num)s do not work as they should", bad))
        add(_("Destinations"), "authority.index", "; ".join(how))
    if has_permission(P.MANAGE_LABORATORIES):
        count = sum(one.active for one in list_laboratories(current_user.site_id))
        add(_("Partner laboratories"), "partner.index", ngettext(
            "%(num)s laboratory works for this site", "%(num)s laboratories work for this site", count))
    if has_permission(P.MANAGE_CLIENTS):
        count = db.session.execute(
            select(func.count()).select_from(AuthorityClient).where(AuthorityClient.active)).scalar_one()
        add(_("Authorities' clients"), "authority_client.index", ngettext(
            "%(num)s machine may read its exams", "%(num)s machines may read their exams", count))
    return parts
