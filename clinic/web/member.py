"""Users: the administrator's list, adding one, one's page, and correcting what is recorded of them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.errors import AlreadyDone, InvalidInput
from clinic.models import Authorisation, User
from clinic.permissions import ROLES, Permission, permissions_of, requires
from clinic.queries.staff import MemberFilter, get_member, get_members, list_members, list_sites_within_reach
from clinic.read_audit import mark_blueprint
from clinic.rules.programme import list_programmes
from clinic.schemas.staff import MemberIn, NewMemberIn
from clinic.services.authority_of_staff import WIDE, reaches_all_sites
from clinic.services.recovery import issue_recovery
from clinic.services.staff import add_member, change_member, ensure_address_is_free
from clinic.web.account_history import list_past
from clinic.web.form import read_form
from clinic.web.language import list_languages
from clinic.web.permission_word import permission_word
from clinic.web.proven_form import load_proven
from clinic.web.seek import read_sought, seeks

blueprint = Blueprint("member", __name__, url_prefix="/administration/users")
mark_blueprint(blueprint, "how the house is run: staff, sites and destinations, nobody examined")
Page = str | tuple[str, int] | Response
STANDINGS = {"active": True, "disabled": False}


@blueprint.get("")
@requires(Permission.MANAGE_USERS)
@seeks("q")
def index() -> str:
    """Staff within reach, by name."""
    kept: dict[str, Any] = {name: text for name in ("q", "role", "site", "standing")
                            if (text := request.args.get(name, "").strip())}
    sought = read_sought("q")
    page = list_members(current_user, MemberFilter(
        sought, kept.get("role", ""), kept.get("site", ""), STANDINGS.get(kept.get("standing", ""))),
        request.args.get("after"), request.args.get("before"))  # fmt: skip
    members = get_members([row.id for row in page.rows])
    return render_template(
        "member/index.html", members=members, kept=kept, sought=sought, roles=list_role_choices(),
        sites=list_sites_within_reach(current_user),
        next_url=url_for(".index", **kept, after=members[-1].id) if page.has_next and members else None,
        prev_url=url_for(".index", **kept, before=members[0].id) if page.has_previous and members else None,
    )  # fmt: skip


@blueprint.get("/new")
@requires(Permission.MANAGE_USERS)
def new() -> str:
    """The form for a new person."""
    return _render_new({"language": "en", "site": current_user.site_id})


@blueprint.post("/new")
@requires(Permission.MANAGE_USERS)
def add() -> Page:
    """Add a person, and show the code by which they set their password."""
    typed = read_form(request.form, lists=("roles", "programmes"))
    try:
        plain = load_proven(NewMemberIn(list_languages()), typed,
                            check=lambda made: ensure_address_is_free(made["facts"].email))
        user = add_member(plain["facts"], plain["roles"], plain["right"], current_user)
    except InvalidInput as error:
        return _render_new(typed, error.fields or {"name": [error.message]}), 422
    except AlreadyDone as error:
        return _render_new(typed, {"email": [error.message]}), 422
    return show_code(user, issue_recovery(user, current_user), is_new=True)


@blueprint.get("/<user_id>")
@requires(Permission.MANAGE_USERS)
def show(user_id: str) -> str:
    """One person: what is recorded, roles, authorisations, what happened to the account."""
    user = get_member(user_id, current_user)
    return render_template(
        "member/show.html", user=user, may=[permission_word(one) for one in Permission if one in permissions_of(user)],
        authorisations=list_authorisations(user), past=list_past("user", user.id), refusal=find_refusal(user))


@blueprint.get("/<user_id>/edit")
@requires(Permission.MANAGE_USERS)
def edit(user_id: str) -> Page:
    """The form for what is recorded of a person."""
    user = get_member(user_id, current_user)
    return _render_edit(user, {"name": user.name, "email": user.email, "site": user.site_id,
                               "licence_number": user.licence_number, "language": user.language})


@blueprint.post("/<user_id>/edit")
@requires(Permission.MANAGE_USERS)
def change(user_id: str) -> Page:
    """Correct it, or move the person to another site."""
    typed = read_form(request.form)
    try:
        plain = load_proven(MemberIn(list_languages()), typed,
                            check=lambda made: ensure_address_is_free(made["facts"].email, user_id))
        changed = change_member(get_member(user_id, current_user), plain["facts"], current_user)
    except InvalidInput as error:
        return _render_edit(get_member(user_id, current_user), typed, error.fields), 422
    except AlreadyDone as error:
        return _render_edit(get_member(user_id, current_user), typed, {"email": [error.message]}), 422
    flash(_("Saved.") if changed else _("Nothing was different."), "success" if changed else "info")
    return redirect(url_for(".show", user_id=user_id), 303)


def show_code(user: User, code: str, is_new: bool = False) -> Response:
    """The page that shows, once, by which code a person sets a password; kept by no browser."""
    page = Response(render_template("member/code.html", user=user, code=code, is_new=is_new), mimetype="text/html")
    page.headers["Cache-Control"] = "no-store"
    return page


def list_role_choices() -> list[tuple[str, str]]:
    """(name, word) of every role."""
    return [(name, str(label)) for name, (label, _permissions) in ROLES.items()]


def list_giveable_roles() -> list[tuple[str, str]]:
    """(name, word) of the roles that the person signed in may give."""
    wide = reaches_all_sites(current_user)
    return [choice for choice in list_role_choices() if wide or choice[0] not in WIDE]


def list_authorisations(user: User) -> list[tuple[Authorisation, str]]:
    """Each authorisation with how it stands (`now`, `later`, `ended`), the latest first."""
    today = clock.today(user.site.time_zone)
    found = sorted(user.authorisations, key=lambda one: (one.valid_from, one.programme), reverse=True)
    return [(one, "later" if one.valid_from > today else
             "ended" if one.valid_until is not None and one.valid_until < today else "now") for one in found]


def find_refusal(user: User) -> str:
    """Why the person signed in may not change this account, in one sentence; empty when they may."""
    if user.id == current_user.id:
        return _("This is your own account: another administrator changes it.")
    if Permission.MANAGE_ORGANISATION in permissions_of(user) and not reaches_all_sites(current_user):
        return _("Only an administrator of the whole organisation changes this account.")
    return ""


def _render_new(typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    return render_template(
        "member/new.html", typed=typed, errors=errors, roles=list_giveable_roles(), languages=list_languages(),
        sites=list_sites_within_reach(current_user),
        programmes=[(one.code, one.name) for one in list_programmes().values()])


def _render_edit(user: User, typed: dict[str, Any], errors: dict[str, list[str]] | None = None) -> str:
    return render_template("member/edit.html", user=user, typed=typed, errors=errors, languages=list_languages(),
                           sites=list_sites_within_reach(current_user), refusal=find_refusal(user))
