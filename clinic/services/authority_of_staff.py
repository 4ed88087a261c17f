"""Who may change whose account: the rules of docs/decisions/0016-who-administers.md, each raising a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.db import db
from clinic.errors import NotAllowed, NotFound, NotNow
from clinic.models import Role, Site, User
from clinic.permissions import ROLES, Permission, has_permission, permissions_of

# Roles that reach over the whole organisation: given and taken by those who hold one themselves.
WIDE = frozenset(name for name, (_label, held) in ROLES.items() if Permission.MANAGE_ORGANISATION in held)


def reaches_all_sites(administrator: User) -> bool:
    """Whether somebody administers every site, not only their own."""
    return has_permission(Permission.MANAGE_ORGANISATION, administrator)


def ensure_reaches_site(site_id: str, actor: User | None) -> None:
    """Raises NotFound for a site that `actor` does not administer, which is what a site that does not exist is, too.

    The operator's command (None) reaches all.
    """
    is_within = actor is None or site_id == actor.site_id or reaches_all_sites(actor)
    if not is_within or db.session.get(Site, site_id) is None:
        raise NotFound(_("There is no such site. Choose one of the list."), site=site_id)


def ensure_may_change(user: User, actor: User | None) -> None:
    """Raises NotFound for somebody of a site out of reach; NotAllowed for oneself and for who reaches further."""
    if actor is None:
        return
    ensure_reaches_site(user.site_id, actor)
    if user.id == actor.id:
        raise NotAllowed(_("Nobody changes their own account here. Ask another administrator."), user=actor.id)
    if Permission.MANAGE_ORGANISATION in permissions_of(user) and not reaches_all_sites(actor):
        raise NotAllowed(_("Only an administrator of the whole organisation changes this account."), user=actor.id)


def ensure_may_give(roles: Iterable[str], actor: User | None) -> None:
    """Raises NotAllowed when one of `roles` reaches over the whole organisation, and `actor` does not."""
    if actor is not None and WIDE.intersection(roles) and not reaches_all_sites(actor):
        raise NotAllowed(_("Only an administrator of the whole organisation gives or takes this role."), user=actor.id)


def ensure_not_last(user: User) -> None:
    """Raises NotNow when nobody else could administer the organisation: `user` is the last active one who can.

    Whoever asks at the same time waits, so that two who disable each other do not both succeed.
    """
    if not user.active or not WIDE.intersection(role.name for role in user.roles):
        return
    rows = select(Role.id).where(Role.name.in_(WIDE)).order_by(Role.id).with_for_update()
    wide = db.session.execute(rows).scalars().all()
    others = db.session.execute(
        select(User.id).where(User.active, User.id != user.id, User.roles.any(Role.id.in_(wide))).limit(1)).first()
    if others is None:
        raise NotNow(_("This is the last active administrator. Give another person that role first."), user=user.id)
