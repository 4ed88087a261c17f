"""Authorities' machine clients: registered, given other keys, let in or out; each change with the password again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext, ngettext
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.wrappers import Response

from clinic.db import db
from clinic.errors import ClearwayError, InvalidInput
from clinic.key_set import list_key_names
from clinic.models import AuditChange, AuthorityClient, User
from clinic.permissions import Permission, has_permission, requires
from clinic.read_audit import mark_blueprint
from clinic.schemas.authority_client import ClientEndIn, KeysIn, NewClientIn
from clinic.schemas.door import load
from clinic.services.authority import list_authorities
from clinic.services.authority_client import (
    add_client,
    get_client,
    is_served,
    list_ending,
    replace_keys,
    restore_client,
    revoke_client,
    set_client_end,
)
from clinic.web.form import read_form
from clinic.web.reauthentication import check_again

blueprint = Blueprint("authority_client", __name__, url_prefix="/authority-clients")
mark_blueprint(blueprint, "machines of authorities, no person")
Page = str | tuple[str, int] | Response

CHANGE_WORDS: dict[str, LazyString] = {
    "add-client": lazy_gettext("Registered"), "replace-client-keys": lazy_gettext("Keys replaced"),
    "set-client-end": lazy_gettext("End changed"), "revoke-client": lazy_gettext("Let in no more"),
    "restore-client": lazy_gettext("Let in again"), "grant-token": lazy_gettext("Got an access token"),
}
PAST_SHOWN = 20
STANDING = "standing_"  # before the field names of the second form on the page of a client


@blueprint.get("")
@requires(Permission.MANAGE_CLIENTS)
def index() -> str:
    """Every client of every authority, and what ends soon."""
    clients = [client for authority in list_authorities() for client in authority.clients]
    return render_template("client/index.html", clients=clients, standing=describe_standing,
                           warnings=list_client_warnings())


@blueprint.get("/new")
@requires(Permission.MANAGE_CLIENTS)
def new() -> str:
    """The form for a new client."""
    return render_template("client/new.html", authorities=list_authorities(), typed={})


@blueprint.post("/new")
@requires(Permission.MANAGE_CLIENTS)
def add() -> Page:
    """Register a client."""
    typed = read_form(request.form)
    try:
        plain = _load(NewClientIn(), typed)
        client = add_client(
            plain["authority"], plain["keys"].jwks, plain["name"], plain["scopes"], jwks_url=plain["keys"].url,
            expires_on=plain["expires_on"], keys_expire_on=plain["keys_expire_on"],
        )  # fmt: skip
    except InvalidInput as error:
        return render_template("client/new.html", authorities=list_authorities(), typed=typed, errors=error.fields or {
            "jwks": [error.message]}), 422
    flash(_("The client is registered. Tell its owner the client_id."), "success")
    return redirect(url_for(".show", client_id=client.id), 303)


@blueprint.get("/<client_id>")
@requires(Permission.MANAGE_CLIENTS)
def show(client_id: str) -> Page:
    """One client, its keys, its past, and what can be done."""
    return _render(get_client(client_id), {})


@blueprint.post("/<client_id>")
@requires(Permission.MANAGE_CLIENTS)
def act(client_id: str) -> Page:
    """Replace the keys, change the end, revoke or restore."""
    client, typed = get_client(client_id), read_form(request.form)
    try:
        match typed.get("act"):
            case "keys":
                plain = _load(KeysIn(), typed)
                replace_keys(client_id, plain["keys"], plain["keys_expire_on"])
            case "end":
                set_client_end(client_id, _load(ClientEndIn(), typed, STANDING)["expires_on"])
            case "revoke":
                _load(None, typed, STANDING)
                revoke_client(client_id)
            case "restore":
                _load(None, typed, STANDING)
                restore_client(client_id)
            case _:
                raise InvalidInput(_("Choose what to do."), {"act": [_("Choose what to do.")]})
    except ClearwayError as error:
        fields = error.fields if isinstance(error, InvalidInput) else {}
        return _render(client, typed, fields or {"act": [error.message]}), max(error.status, 422)
    flash(_("Saved."), "success")
    return redirect(url_for(".show", client_id=client_id), 303)


def describe_standing(client: AuthorityClient) -> tuple[str, str]:
    """Whether a client is let in, in words, with the tone of their tag."""
    if not client.active:
        return _("Revoked"), "off"
    return (_("Let in"), "good") if is_served(client) else (_("Ended"), "bad")


def list_client_warnings() -> list[str]:
    """A sentence for each client or key set that ends within thirty days or has ended; only for who can act on it."""
    if not has_permission(Permission.MANAGE_CLIENTS):
        return []
    return [_say_ending(client, what, days) for client, what, days in list_ending()]


def init_client_warnings(app: Flask) -> None:
    """Give the pages the warnings."""
    app.jinja_env.globals["client_warnings"] = list_client_warnings


def _say_ending(client: AuthorityClient, what: str, days: int) -> str:
    names = {"name": client.name, "id": client.id}
    if days < 0:
        return (_("%(name)s (%(id)s) is let in no more: its time has ended.", **names) if what == "client"
                else _("%(name)s (%(id)s) cannot come in: its keys have expired.", **names))
    if what == "client":
        return ngettext("%(name)s (%(id)s) is let in for %(num)s day more.",
                        "%(name)s (%(id)s) is let in for %(num)s days more.", days, **names)
    return ngettext("The keys of %(name)s (%(id)s) are accepted for %(num)s day more.",
                    "The keys of %(name)s (%(id)s) are accepted for %(num)s days more.", days, **names)


def _load(schema: Any, typed: dict[str, Any], prefix: str = "") -> Any:
    """What the schema makes of it, once the password was right; all that is wrong is said at once."""
    problems: dict[str, list[str]] = {}
    plain: Any = {}
    if schema is not None:
        try:
            plain = load(schema, typed)
        except InvalidInput as error:
            problems |= error.fields
    problems = problems or check_again(typed, prefix=prefix)
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems)
    return plain


def _render(client: AuthorityClient, typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    past = db.session.execute(
        select(AuditChange.happened_at, AuditChange.action, User.name)
        .outerjoin(User, User.id == AuditChange.actor_id)
        .where(AuditChange.subject_kind == "client", AuditChange.subject_id == client.id)
        .order_by(AuditChange.id.desc()).limit(PAST_SHOWN)
    ).all()  # fmt: skip
    return render_template(
        "client/show.html", client=client, standing=describe_standing(client), past=past, change_words=CHANGE_WORDS,
        keys=list_key_names(client.jwks) if client.jwks else [], typed=typed, errors=errors,
    )
