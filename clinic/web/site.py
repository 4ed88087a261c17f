"""The organisation's sites: listed, added, changed; which programmes each offers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.permissions import Permission, requires
from clinic.queries.site import get_site_row, list_sites
from clinic.read_audit import mark_blueprint
from clinic.rules.programme import list_programmes
from clinic.schemas.door import load
from clinic.schemas.site import SiteIn, list_time_zones
from clinic.services.site import FACTS, add_site, change_site, get_site, has_given_numbers
from clinic.web.account_history import list_past
from clinic.web.form import read_form

blueprint = Blueprint("site", __name__, url_prefix="/administration/sites")
mark_blueprint(blueprint, "how the house is run: staff, sites and destinations, nobody examined")
Page = str | tuple[str, int] | Response


@blueprint.get("")
@requires(Permission.MANAGE_ORGANISATION)
def index() -> str:
    """Every site."""
    return render_template("site/index.html", rows=list_sites())


@blueprint.get("/new")
@requires(Permission.MANAGE_ORGANISATION)
def new() -> str:
    """The form for a new site."""
    return _render_new({"programmes": list(list_programmes())})


@blueprint.post("/new")
@requires(Permission.MANAGE_ORGANISATION)
def add() -> Page:
    """Add a site."""
    typed = read_form(request.form, lists=("programmes",))
    try:
        site = add_site(load(SiteIn(), typed))
    except InvalidInput as error:
        return _render_new(typed, error.fields), 422
    flash(_("The site is added. Next it needs its staff."), "success")
    return redirect(url_for(".show", site_id=site.id), 303)


@blueprint.get("/<site_id>")
@requires(Permission.MANAGE_ORGANISATION)
def show(site_id: str) -> str:
    """One site, to be changed."""
    site, row = get_site(site_id), get_site_row(site_id)
    typed: dict[str, Any] = {name: getattr(site, name) for name in FACTS}
    return _render(site_id, typed | {"programmes": list(row.programmes) if row else []})


@blueprint.post("/<site_id>")
@requires(Permission.MANAGE_ORGANISATION)
def change(site_id: str) -> Page:
    """Correct a site, or the programmes that it offers."""
    site, typed = get_site(site_id), read_form(request.form, lists=("programmes",))
    try:
        changed = change_site(site_id, load(SiteIn(), {"code": site.code} | typed))
    except InvalidInput as error:
        return _render(site_id, typed, error.fields), 422
    flash(_("The site is changed.") if changed else _("Nothing was different."), "success" if changed else "info")
    return redirect(url_for(".show", site_id=site_id), 303)


def _render_new(typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    return render_template("site/new.html", typed=typed, errors=errors, zones=list_time_zones(),
                           programmes=[(one.code, one.name) for one in list_programmes().values()])


def _render(site_id: str, typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    site, row = get_site(site_id), get_site_row(site_id)
    return render_template(
        "site/show.html", site=site, row=row, typed=typed, errors=errors, zones=list_time_zones(),
        code_stays=has_given_numbers(site), past=list_past("site", site_id),
        programmes=[(one.code, one.name) for one in list_programmes().values()])
