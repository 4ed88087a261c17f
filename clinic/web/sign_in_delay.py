"""For administrators: who has to wait after too many attempts, and letting them try again at once."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.limit import Door
from clinic.permissions import Permission, requires
from clinic.read_audit import mark_blueprint
from clinic.services.attempt import lift_wait, list_waits

blueprint = Blueprint("sign_in_delay", __name__, url_prefix="/administration/delays")
mark_blueprint(blueprint, "who waits after wrong guesses: staff and addresses, nobody examined")

DOOR_WORDS: dict[Door, LazyString] = {
    Door.SIGN_IN: lazy_gettext("Signing in"), Door.AGAIN: lazy_gettext("Proving who they are again"),
    Door.TOKEN: lazy_gettext("An authority's client asks for a token"), Door.PUBLIC: lazy_gettext("Public pages"),
    Door.READING: lazy_gettext("Opening records"),
}
KIND_WORDS: dict[str, LazyString] = {
    "known": lazy_gettext("This account on a browser it is known on"),
    "pair": lazy_gettext("This account from this address"), "account": lazy_gettext("This account from new browsers"),
    "address": lazy_gettext("Everybody from this address"),
    "reader": lazy_gettext("More within an hour than any work asks for"),
}


@blueprint.get("")
@requires(Permission.MANAGE_USERS)
def index() -> str:
    """Who waits now, and until when."""
    return render_template("session/delays.html", waits=list_waits(current_user), door_words=DOOR_WORDS,
                           kind_words=KIND_WORDS)


@blueprint.post("/<wait_id>/lift")
@requires(Permission.MANAGE_USERS)
def lift(wait_id: str) -> Response:
    """Let them try again at once."""
    lift_wait(wait_id, current_user)
    flash(_("They may try again now."), "success")
    return redirect(url_for(".index"))
