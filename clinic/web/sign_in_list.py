"""Sign-ins that stand: one's own, and for administrators those of their site's staff; each can be ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.config import get_settings
from clinic.errors import NotFound
from clinic.models import SignInEnd, User
from clinic.permissions import Permission, requires
from clinic.queries.staff import get_member
from clinic.read_audit import mark_blueprint
from clinic.services.authority_of_staff import ensure_may_change
from clinic.services.sign_in import end_sign_in, end_sign_ins, list_sign_ins
from clinic.session_life import find_standing

blueprint = Blueprint("sign_in_list", __name__)
mark_blueprint(blueprint, "sign-ins of staff, nobody examined")
P = Permission


@blueprint.get("/sign-ins")
@requires(P.ASK_RULES)
def mine() -> str:
    """My sign-ins: where, since when, last seen; this one is marked."""
    return render_template("session/mine.html", sign_ins=describe_sign_ins(
        current_user, lambda one: url_for(".end_mine", sign_in_id=one)))


@blueprint.post("/sign-ins/<sign_in_id>/end")
@requires(P.ASK_RULES)
def end_mine(sign_in_id: str) -> Response:
    """End one of my own, but not the present one: that is what signing out is for."""
    if sign_in_id == find_standing().id:
        raise NotFound(_("This is the sign-in you are using: sign out instead."), sign_in=sign_in_id)
    end_sign_in(current_user, sign_in_id, SignInEnd.ENDED_BY_SELF)
    flash(_("The sign-in has ended."), "success")
    return redirect(url_for(".mine"))


@blueprint.post("/sign-ins/end-others")
@requires(P.ASK_RULES)
def end_others() -> Response:
    """End all of my own but the present one."""
    _say_ended(end_sign_ins(current_user, SignInEnd.ENDED_BY_SELF, but=find_standing().id))
    return redirect(url_for(".mine"))


@blueprint.get("/administration/users/<user_id>/sign-ins")
@requires(P.MANAGE_USERS)
def of_member(user_id: str) -> str:
    """The sign-ins of a member of staff."""
    member = get_member(user_id, current_user)
    return render_template("session/member.html", member=member, sign_ins=describe_sign_ins(
        member, lambda one: url_for(".end_of_member", user_id=user_id, sign_in_id=one)))


@blueprint.post("/administration/users/<user_id>/sign-ins/<sign_in_id>/end")
@requires(P.MANAGE_USERS)
def end_of_member(user_id: str, sign_in_id: str) -> Response:
    """End one of a member of staff."""
    end_sign_in(_get_changeable(user_id), sign_in_id, SignInEnd.ENDED_BY_ADMINISTRATOR)
    flash(_("The sign-in has ended."), "success")
    return redirect(url_for(".of_member", user_id=user_id))


@blueprint.post("/administration/users/<user_id>/sign-ins/end-all")
@requires(P.MANAGE_USERS)
def end_all_of_member(user_id: str) -> Response:
    """End all of a member of staff; an administrator's own present one stands."""
    _say_ended(end_sign_ins(_get_changeable(user_id), SignInEnd.ENDED_BY_ADMINISTRATOR, but=find_standing().id))
    return redirect(url_for(".of_member", user_id=user_id))


def describe_sign_ins(user: User, address_end: Callable[[str], str]) -> list[dict[str, Any]]:
    """What `session/_list.html` shows of the sign-ins of `user` that stand; `address_end` gives where one is ended."""
    here = find_standing().id
    idle = current_app.config["SESSION_IDLE"]
    return [{"id": row.id, "browser": row.browser or _("Another program"), "address": row.address,
             "since": row.started_at, "seen": row.seen_at, "here": row.id == here, "end": address_end(row.id),
             "locked": row.id != here and (row.locked_at is not None or clock.now() - row.seen_at > idle)}
            for row in list_sign_ins(user, get_settings(current_app).session_hours)]


def _get_changeable(user_id: str) -> User:
    """A member within reach whose sign-ins the administrator may end: their own, and whose account they may change."""
    member = get_member(user_id, current_user)
    if member.id != current_user.id:
        ensure_may_change(member, current_user)
    return member


def _say_ended(count: int) -> None:
    if count:
        flash(ngettext("%(num)s sign-in has ended.", "%(num)s sign-ins have ended.", count), "success")
    else:
        flash(_("There was no other sign-in."), "info")
