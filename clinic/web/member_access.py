"""A user's power: roles, authorisations to sign, being let in; each change with the proof of who makes it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.errors import InvalidInput
from clinic.models import User
from clinic.permissions import Permission, permissions_of, requires
from clinic.queries.staff import get_member
from clinic.read_audit import mark_blueprint
from clinic.rules.programme import list_programmes
from clinic.schemas.staff import AuthorisationEndIn, AuthorisationIn
from clinic.services.authorisation import authorise, end_authorisation
from clinic.services.authority_of_staff import WIDE, reaches_all_sites
from clinic.services.recovery import issue_recovery, reset_second_factor
from clinic.services.role_change import change_roles, compare_roles
from clinic.services.staff import disable_member, enable_member, find_roles
from clinic.web.form import read_form
from clinic.web.member import find_refusal, list_authorisations, list_role_choices, show_code
from clinic.web.permission_word import permission_word
from clinic.web.proven_form import load_proven

blueprint = Blueprint("member_access", __name__, url_prefix="/administration/users/<user_id>")
mark_blueprint(blueprint, "how the house is run: staff, sites and destinations, nobody examined")
Page = str | tuple[str, int] | Response
END = "end_"  # before the field names of the second form on the page of authorisations


@blueprint.get("/roles")
@requires(Permission.MANAGE_USERS)
def roles(user_id: str) -> Page:
    """The roles to choose from; with `look` in the address, what the chosen ones would give and take."""
    user = get_member(user_id, current_user)
    if "look" not in request.args:
        return _render_roles(user, [role.name for role in user.roles])
    wanted = request.args.getlist("role")
    try:
        find_roles(wanted)
    except InvalidInput as error:
        return _render_roles(user, wanted, {"role": next(iter(error.fields.values()))}), 422
    return _render_review(user, wanted, sorted(role.name for role in user.roles))


@blueprint.post("/roles")
@requires(Permission.MANAGE_USERS)
def save_roles(user_id: str) -> Page:
    """Give and take roles as they were looked at."""
    typed = read_form(request.form, lists=("role", "seen"))
    try:
        load_proven(None, typed)
        change_roles(get_member(user_id, current_user), typed["role"], typed["seen"], current_user)
    except InvalidInput as error:
        return _render_review(get_member(user_id, current_user), typed["role"], typed["seen"], error.fields), 422
    flash(_("The roles are changed. They hold from the person's next click on."), "success")
    return redirect(url_for("member.show", user_id=user_id), 303)


@blueprint.get("/authorisations")
@requires(Permission.MANAGE_USERS)
def authorisations(user_id: str) -> str:
    """For which destinations a physician may sign, from when to when."""
    return _render_authorisations(get_member(user_id, current_user), {})


@blueprint.post("/authorisations")
@requires(Permission.MANAGE_USERS)
def change_authorisations(user_id: str) -> Page:
    """Give one, or end one."""
    typed = read_form(request.form)
    try:
        if typed.get("act") == "end":
            ended = load_proven(AuthorisationEndIn(), typed, END)
            user = get_member(user_id, current_user)
            end_authorisation(user, ended["authorisation"], ended["last_day"], current_user)
        else:
            plain = load_proven(AuthorisationIn(), typed)
            user = get_member(user_id, current_user)
            authorise(user, plain["programme"], plain["valid_from"], plain["valid_until"], current_user)
    except InvalidInput as error:
        return _render_authorisations(get_member(user_id, current_user), typed, error.fields), 422
    flash(_("Saved."), "success")
    return redirect(url_for(".authorisations", user_id=user_id), 303)


@blueprint.get("/access")
@requires(Permission.MANAGE_USERS)
def access(user_id: str) -> str:
    """Letting an account in or out, and helping somebody who cannot sign in."""
    return _render_access(get_member(user_id, current_user))


@blueprint.post("/access")
@requires(Permission.MANAGE_USERS)
def change_access(user_id: str) -> Page:
    """Disable, let in again, reset the second factor, or issue a code for a new password."""
    typed = read_form(request.form)
    try:
        load_proven(None, typed)
        user, act = get_member(user_id, current_user), typed.get("act")
        match act:
            case "disable":
                disable_member(user, current_user)
            case "enable":
                enable_member(user, current_user)
            case "second-factor":
                reset_second_factor(user, current_user)
            case "recovery":
                return show_code(user, issue_recovery(user, current_user))
            case _:
                raise InvalidInput(_("Choose what to do."), {"act": [_("Choose what to do.")]})
    except InvalidInput as error:
        return _render_access(get_member(user_id, current_user), error.fields), 422
    flash({"disable": _("The account is disabled and all its sessions have ended. What it recorded stays."),
           "enable": _("The account may sign in again."),
           "second-factor": _("The second factor is reset: the person sets it up anew at the next sign-in."),
           }[act], "success")
    return redirect(url_for("member.show", user_id=user_id), 303)


def _render_roles(user: User, chosen: list[str], errors: dict[str, list[str]] | None = None) -> str:
    wide = reaches_all_sites(current_user)
    held = {role.name for role in user.roles}
    choices = [{"value": name, "text": word, "disabled": name in WIDE and not wide}
               for name, word in list_role_choices() if wide or name not in WIDE or name in held]
    return render_template("member/roles.html", user=user, choices=choices, chosen=chosen, errors=errors,
                           refusal=find_refusal(user))


def _render_review(
    user: User, wanted: list[str], seen: list[str], errors: dict[str, list[str]] | None = None
) -> str:
    change = compare_roles(seen, wanted)
    return render_template(
        "member/roles_review.html", user=user, wanted=wanted, seen=seen, errors=errors, refusal=find_refusal(user),
        gained=[permission_word(one) for one in change.gained], lost=[permission_word(one) for one in change.lost],
        duties=change.duties, is_same=sorted(wanted) == sorted(seen))


def _render_authorisations(user: User, typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    rows = list_authorisations(user)
    return render_template(
        "member/authorisations.html", user=user, rows=rows, typed=typed, errors=errors, refusal=find_refusal(user),
        today=clock.today(user.site.time_zone), may_sign=Permission.SIGN in permissions_of(user),
        can_end=[one for one, standing in rows if standing != "ended"],
        programmes=[(one.code, one.name) for one in list_programmes().values()])


def _render_access(user: User, errors: dict[str, list[str]] | None = None) -> str:
    return render_template("member/access.html", user=user, errors=errors, refusal=find_refusal(user))
