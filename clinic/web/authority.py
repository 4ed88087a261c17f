"""Destinations: how and where exams are sent to each authority, how its line does, and a test of the line."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.db import read_unit, write_unit
from clinic.errors import AlreadyDone, InvalidInput
from clinic.line_test import LineReport, LineResult
from clinic.permissions import Permission, has_permission, requires
from clinic.ports import ports
from clinic.queries.destination import get_destination, list_destinations
from clinic.read_audit import mark_blueprint
from clinic.rules.programme import list_programmes
from clinic.schemas.authority import AuthorityIn, NewAuthorityIn
from clinic.services.authority import (
    add_authority,
    change_authority,
    ensure_new,
    ensure_usable,
    get_authority,
    list_authorities,
    record_line_test,
)
from clinic.unit import manages_units
from clinic.web.account_history import list_past
from clinic.web.authority_client import describe_standing
from clinic.web.delivery_word import CONDITION_WORDS, explain_destination
from clinic.web.form import read_form
from clinic.web.proven_form import load_proven

blueprint = Blueprint("authority", __name__, url_prefix="/administration/destinations")
mark_blueprint(blueprint, "how the house is run: staff, sites and destinations, nobody examined")
Page = str | tuple[str, int] | Response

CHANNEL_WORDS: dict[str, LazyString] = {
    "fhir_document": lazy_gettext("FHIR document over HTTP"),
    "hl7_oru": lazy_gettext("HL7 v2 message (ORU^R01) over MLLP"),
}
RESULT_WORDS: dict[LineResult, tuple[LazyString, str]] = {
    LineResult.ANSWERS: (lazy_gettext("The line works: a FHIR server answers."), "good"),
    LineResult.CONNECTS: (lazy_gettext(
        "The line stands: the connection was taken, with its encryption if the address asks for it. Whether the"
        " authority understands us only an exam can show."), "good"),
    LineResult.ANSWERS_OTHERWISE: (lazy_gettext(
        "Somebody answers there, but not with what a FHIR server says of itself. Ask the authority whether the address"
        " is right; some servers do not offer it and take exams all the same."), "warn"),
    LineResult.UNREACHABLE: (lazy_gettext(
        "Nobody can be reached there. See whether the address is right, the way through the firewall is open, and the"
        " certificate is valid."), "bad"),
    LineResult.NO_ANSWER: (lazy_gettext(
        "The connection was taken, but no answer came in time. Ask the authority whether its system runs."), "bad"),
    LineResult.UNUSABLE: (lazy_gettext("The address cannot be used in this way of sending. Correct it."), "bad"),
}


@blueprint.get("")
@requires(Permission.MANAGE_ORGANISATION)
def index() -> str:
    """Every destination."""
    return render_template(
        "authority/index.html", rows=list_destinations(current_user), condition_words=CONDITION_WORDS,
        authorities={one.id: one for one in list_authorities()}, channel_words=CHANNEL_WORDS)


@blueprint.get("/new")
@requires(Permission.MANAGE_ORGANISATION)
def new() -> str:
    """The form for a new authority."""
    return _render_new({})


@blueprint.post("/new")
@requires(Permission.MANAGE_ORGANISATION)
def add() -> Page:
    """Register an authority."""
    typed = read_form(request.form)
    try:
        plain = load_proven(NewAuthorityIn(), typed, check=_check_new)
        authority = add_authority(plain["short_name"], plain["programme"], plain["name"], plain["channel"],
                                  plain["endpoint"])
    except InvalidInput as error:
        return _render_new(typed, error.fields), 422
    except AlreadyDone as error:
        return _render_new(typed, {"short_name": [error.message]}), 422
    flash(_("The destination is registered. Test its line before the first exam."), "success")
    return redirect(url_for(".show", authority_id=authority.id), 303)


@blueprint.get("/<authority_id>")
@requires(Permission.MANAGE_ORGANISATION)
def show(authority_id: str) -> str:
    """One destination, to be changed."""
    authority = get_authority(authority_id)
    return _render(authority_id, {"name": authority.name, "channel": authority.channel, "endpoint": authority.endpoint})


@blueprint.post("/<authority_id>")
@requires(Permission.MANAGE_ORGANISATION)
def change(authority_id: str) -> Page:
    """Change how or where exams are sent to it."""
    typed = read_form(request.form)
    try:
        plain = load_proven(AuthorityIn(), typed, check=_check)
        changed = change_authority(authority_id, plain["name"], plain["channel"], plain["endpoint"])
    except InvalidInput as error:
        return _render(authority_id, typed, error.fields), 422
    flash(_("Saved. Test the line next.") if changed else _("Nothing was different."),
          "success" if changed else "info")
    return redirect(url_for(".show", authority_id=authority_id), 303)


@blueprint.post("/<authority_id>/test")
@requires(Permission.MANAGE_ORGANISATION)
@manages_units
def test(authority_id: str) -> Page:
    """Try the line while nothing is open; no person's data leaves."""
    with read_unit():
        authority = get_authority(authority_id)
        channel, address = authority.channel, authority.endpoint
    report = ports.test_line(channel, address)
    with write_unit():
        record_line_test(authority_id, report.result.value)
    with read_unit():
        authority = get_authority(authority_id)
        typed = {"name": authority.name, "channel": authority.channel, "endpoint": authority.endpoint}
        return _render(authority_id, typed, report=report)


def _check(plain: dict[str, Any]) -> None:
    ensure_usable(plain["channel"], plain["endpoint"])


def _check_new(plain: dict[str, Any]) -> None:
    _check(plain)
    ensure_new(plain["short_name"])


def _render_new(typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    return render_template("authority/new.html", typed=typed, errors=errors, channels=_list_channels(),
                           programmes=[(one.code, one.name) for one in list_programmes().values()])


def _render(
    authority_id: str, typed: dict[str, Any], errors: dict[str, list[str]] | None = None,
    report: LineReport | None = None,
) -> str:
    row = get_destination(current_user, authority_id)
    return render_template(
        "authority/show.html", authority=get_authority(authority_id), row=row, word=CONDITION_WORDS[row.condition],
        lines=explain_destination(row), typed=typed, errors=errors, channels=_list_channels(), report=report,
        result_word=RESULT_WORDS[report.result] if report else None, standing=describe_standing,
        manages_clients=has_permission(Permission.MANAGE_CLIENTS),
        past=list_past("authority", authority_id, "destination", authority_id))


def _list_channels() -> list[tuple[str, str]]:
    return [(name, str(CHANNEL_WORDS.get(name, name))) for name in ports.list_channels()]
