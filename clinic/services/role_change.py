"""Giving and taking roles: what a change gives and takes, said before it is made; duties better kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.audit import record_change
from clinic.db import db
from clinic.errors import NotNow
from clinic.models import User
from clinic.permissions import ROLES, Permission
from clinic.sentence import N_, Sentence
from clinic.services.authority_of_staff import WIDE, ensure_may_change, ensure_may_give, ensure_not_last
from clinic.services.staff import find_roles
from clinic.services.task import give_back


@dataclass(frozen=True)
class RoleChange:
    """What other roles would mean: permissions in the order of the enumeration."""

    gained: tuple[Permission, ...]
    lost: tuple[Permission, ...]
    duties: tuple[Sentence, ...]  # held together by the new roles, and better kept apart


P = Permission
# Pairs of duties, and what the house does about one person who holds both.
APART: tuple[tuple[frozenset[Permission], Sentence], ...] = (
    (frozenset({P.ENTER_RESULT, P.CONFIRM_RESULT}),
     Sentence(N_("Enters and confirms results. Each result is still confirmed by another person than who entered it,"
                 " the system sees to that."))),
    (frozenset({P.MANAGE_USERS, P.SIGN}),
     Sentence(N_("Manages accounts and signs exams. Nobody changes their own account, but nothing keeps one person from"
                 " having another one sign: two people are safer."))),
    (frozenset({P.SEE_AUDIT, P.SIGN}),
     Sentence(N_("Looks through the audit and signs exams: they would look after themselves."))),
    (frozenset({P.UPLOAD_FILM, P.READ_XRAY, P.SIGN}),
     Sentence(N_("Takes films, reads them and signs exams: no second pair of eyes sees the X-ray."))),
)


def compare_roles(before: Iterable[str], after: Iterable[str]) -> RoleChange:
    """What changes for a person whose roles `before` become `after`."""
    held, wanted = _hold(before), _hold(after)
    return RoleChange(
        tuple(one for one in Permission if one in wanted - held),
        tuple(one for one in Permission if one in held - wanted),
        tuple(sentence for duties, sentence in APART if duties <= wanted),
    )


def change_roles(user: User, wanted: Sequence[str], seen: Sequence[str], actor: User | None) -> RoleChange:
    """Give a member of staff other roles; `seen` are those that the actor saw before deciding.

    Raises InvalidInput; NotAllowed, NotFound; NotNow when the roles changed meanwhile, or nobody would administer.
    """
    db.session.execute(select(User.id).where(User.id == user.id).with_for_update())
    db.session.refresh(user, ["roles"])
    before = sorted(role.name for role in user.roles)
    ensure_may_change(user, actor)
    rows = find_roles(wanted)
    gained, lost = set(wanted) - set(before), set(before) - set(wanted)
    ensure_may_give(gained | lost, actor)
    if sorted(seen) != before:
        raise NotNow(_("Somebody changed these roles meanwhile. Look again before you decide."), user=user.id)
    if WIDE & lost and not WIDE.intersection(wanted):
        ensure_not_last(user)
    change = compare_roles(before, wanted)
    if gained or lost:
        user.roles = rows
        db.session.flush()
        record_change("change-roles", "user", user.id, site_id=user.site_id, detail={
            "gained": sorted(gained), "lost": sorted(lost), "permissions_gained": [one.value for one in change.gained],
            "permissions_lost": [one.value for one in change.lost]})
    if lost:
        give_back(user, actor)
    return change


def _hold(roles: Iterable[str]) -> set[Permission]:
    return {permission for name in roles if name in ROLES for permission in ROLES[name][1]}
