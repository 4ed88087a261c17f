"""Members of staff as an administrator may see them: those of the own site, or of every site of the organisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVarTuple

from flask_babel import gettext as _
from sqlalchemy import Select, func, or_, select

from clinic.db import db
from clinic.errors import NotFound
from clinic.models import Laboratory, Role, Site, User
from clinic.models.user import user_role
from clinic.queries.page import Page, fetch_page
from clinic.services.authority_of_staff import reaches_all_sites

R = TypeVarTuple("R")


@dataclass(frozen=True)
class MemberFilter:
    """What a list of staff is narrowed to; empty: not at all."""

    text: str = ""  # in the name or the sign-in address
    role: str = ""
    site_id: str = ""
    active: bool | None = None


def list_members(
    administrator: User, narrowed: MemberFilter, after: str | None = None, before: str | None = None
) -> Page:
    """One page of `User` rows by name, behind the member `after` or in front of `before` (ids)."""
    query = _within_reach(select(User.id, User.name), administrator)
    if narrowed.text:
        query = query.where(or_(User.name.icontains(narrowed.text, autoescape=True),
                                User.email.icontains(narrowed.text, autoescape=True)))
    if narrowed.role:
        query = query.where(User.roles.any(Role.name == narrowed.role))
    if narrowed.site_id:
        query = query.where(User.site_id == narrowed.site_id)
    if narrowed.active is not None:
        query = query.where(User.active.is_(narrowed.active))
    return fetch_page(query, User.name, User.id, after=_find_place(after, administrator),
                      before=_find_place(before, administrator))


def get_members(ids: list[str]) -> list[User]:
    """The members of these ids, in their order."""
    found = {user.id: user for user in db.session.execute(select(User).where(User.id.in_(ids))).unique().scalars()}
    return [found[one] for one in ids]


def get_member(user_id: str, administrator: User) -> User:
    """A member of a site that the administrator reaches. Raises NotFound for anybody else, as if there were none."""
    member = db.session.execute(
        _within_reach(select(User).where(User.id == user_id), administrator)).unique().scalar_one_or_none()
    if member is None:
        raise NotFound(_("There is no such member of staff at your site."), user=user_id)
    return member


def list_sites_within_reach(administrator: User) -> list[Site]:
    """The sites whose staff somebody administers, by name."""
    query = select(Site).order_by(Site.name, Site.id)
    if not reaches_all_sites(administrator):
        query = query.where(Site.id == administrator.site_id)
    return list(db.session.execute(query).scalars())


def count_members(administrator: User) -> tuple[int, int]:
    """(how many within reach may sign in, how many are disabled)."""
    query = select(User.active, func.count()).group_by(User.active)
    counts = {row[0]: row[1] for row in db.session.execute(_within_reach(query, administrator))}
    return counts.get(True, 0), counts.get(False, 0)


def list_holders(administrator: User) -> dict[str, list[tuple[str, str]]]:
    """(id, name) of the active members within reach who hold each role, by name."""
    query = select(Role.name, User.id, User.name).join(user_role, user_role.c.role_id == Role.id).join(
        User, User.id == user_role.c.user_id).where(User.active).order_by(User.name, User.id)
    found: dict[str, list[tuple[str, str]]] = {}
    for role, user_id, name in db.session.execute(_within_reach(query, administrator)):
        found.setdefault(role, []).append((user_id, name))
    return found


def _within_reach(query: Select[*R], administrator: User) -> Select[*R]:
    query = query.where(User.id.not_in(select(Laboratory.user_id)))  # the accounts by which laboratories enter
    return query if reaches_all_sites(administrator) else query.where(User.site_id == administrator.site_id)


def _find_place(user_id: str | None, administrator: User) -> tuple[str, str] | None:
    """Where a member stands in the list; None when there is none."""
    row = user_id and db.session.execute(
        _within_reach(select(User.name, User.id).where(User.id == user_id), administrator)).one_or_none()
    return (row.name, row.id) if row else None
