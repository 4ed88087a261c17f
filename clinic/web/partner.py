"""Partner laboratories of the site: who they are on the line, how they are let in, and their token."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.permissions import Permission, has_permission, requires
from clinic.read_audit import mark_blueprint
from clinic.schemas.partner_laboratory import CHARSETS, LaboratoryIn
from clinic.schemas.site import list_time_zones
from clinic.services.partner_laboratory import (
    FACTS,
    add_laboratory,
    change_laboratory,
    draw_token,
    end_token,
    get_laboratory,
    list_laboratories,
)
from clinic.services.site import get_site
from clinic.web.account_history import list_past
from clinic.web.form import read_form
from clinic.web.proven_form import load_proven

blueprint = Blueprint("partner", __name__, url_prefix="/administration/laboratories")
mark_blueprint(blueprint, "how the house is run: laboratories and their lines, nobody examined")
Page = str | tuple[str, int] | Response
P = Permission


@blueprint.get("")
@requires(P.MANAGE_LABORATORIES)
def index() -> str:
    """Every laboratory of the site."""
    return render_template("partner/index.html", rows=list_laboratories(current_user.site_id))


@blueprint.get("/new")
@requires(P.MANAGE_LABORATORIES)
def new() -> str:
    """The form for a new laboratory."""
    site = get_site(current_user.site_id)
    return _render_new({"our_facility": site.code, "time_zone": site.time_zone, "charset": "utf-8", "active": True})


@blueprint.post("/new")
@requires(P.MANAGE_LABORATORIES)
def add() -> Page:
    """Register a laboratory."""
    typed = read_form(request.form)
    try:
        facts = load_proven(LaboratoryIn(), typed)
        laboratory = add_laboratory(get_site(current_user.site_id), facts)
    except InvalidInput as error:
        return _render_new(typed, error.fields), 422
    flash(_("The laboratory is registered. Next say what its codes mean here."), "success")
    return redirect(url_for(".show", laboratory_id=laboratory.id), 303)


@blueprint.get("/<laboratory_id>")
@requires(P.MANAGE_LABORATORIES)
def show(laboratory_id: str) -> str:
    """One laboratory, to be changed."""
    laboratory = get_laboratory(current_user, laboratory_id)
    return _render(laboratory_id, {name: getattr(laboratory, name) for name in FACTS})


@blueprint.post("/<laboratory_id>")
@requires(P.MANAGE_LABORATORIES)
def change(laboratory_id: str) -> Page:
    """Change what is recorded of it."""
    get_laboratory(current_user, laboratory_id)
    typed = read_form(request.form)
    try:
        facts = load_proven(LaboratoryIn(), typed)
        changed = change_laboratory(get_laboratory(current_user, laboratory_id), facts)
    except InvalidInput as error:
        return _render(laboratory_id, typed, error.fields), 422
    flash(_("Saved.") if changed else _("Nothing was different."), "success" if changed else "info")
    return redirect(url_for(".show", laboratory_id=laboratory_id), 303)


@blueprint.post("/<laboratory_id>/token")
@requires(P.MANAGE_LABORATORIES)
def token(laboratory_id: str) -> Page:
    """Draw a new token for the JSON interface, which is shown this once, or end the present one."""
    laboratory = get_laboratory(current_user, laboratory_id)
    typed = read_form(request.form)
    try:
        load_proven(None, typed, prefix="token_")
    except InvalidInput as error:
        return _render(laboratory_id, {name: getattr(laboratory, name) for name in FACTS}, error.fields), 422
    laboratory = get_laboratory(current_user, laboratory_id)
    facts = {name: getattr(laboratory, name) for name in FACTS}
    if typed.get("act") == "end":
        end_token(laboratory)
        flash(_("The token is ended: nobody comes in by it any more."))
        return redirect(url_for(".show", laboratory_id=laboratory_id), 303)
    return _render(laboratory_id, facts, drawn=draw_token(laboratory))


def _render_new(typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    return render_template("partner/new.html", typed=typed, errors=errors, zones=list_time_zones(),
                           charsets=list(CHARSETS.items()))


def _render(
    laboratory_id: str, typed: dict[str, Any], errors: dict[str, list[str]] | None = None, drawn: str = "",
) -> str:
    laboratory = get_laboratory(current_user, laboratory_id)
    return render_template(
        "partner/show.html", laboratory=laboratory, typed=typed, errors=errors, zones=list_time_zones(),
        charsets=list(CHARSETS.items()), drawn=drawn, maps=has_permission(P.MAP_RESULTS),
        past=list_past("laboratory", laboratory_id))
