"""Who is signed in, in a request that only reads: one statement brings the sign-in, the person, site and roles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import select

from clinic.db import db
from clinic.models import Authorisation, Role, SignIn, Site, User
from clinic.models.user import user_role
from clinic.ready_query import ReadyQuery, given

_SIGN_IN = ReadyQuery(
    select(
        SignIn.user_id, SignIn.started_at, SignIn.seen_at, SignIn.locked_at, SignIn.ended_at,
        User.email, User.name, User.active, User.fs_uniquifier, User.language,
        Site.id.label("site_id"), Site.code, Site.name.label("site_name"), Site.city, Site.country, Site.time_zone,
        Role.name.label("role"),
    )
    .join(User, User.id == SignIn.user_id).join(Site, Site.id == User.site_id)
    .outerjoin(user_role, user_role.c.user_id == User.id).outerjoin(Role, Role.id == user_role.c.role_id)
    .where(SignIn.id == given("id")).order_by(Role.name)
)
_AUTHORISATIONS = ReadyQuery(
    select(Authorisation.id, Authorisation.user_id, Authorisation.programme, Authorisation.valid_from,
           Authorisation.valid_until)
    .where(Authorisation.user_id == given("user_id")).order_by(Authorisation.id)
)


class ReaderSite(NamedTuple):
    """The site of a reader."""

    id: str
    code: str
    name: str
    city: str
    country: str
    time_zone: str


class ReaderRole(RoleMixin):
    """A role of a reader."""

    def __init__(self, name: str) -> None:
        self.name = name


class Reader(UserMixin):
    """The signed-in person as the statement found them; whatever else is asked of it, their row (`User`) answers.

    A request that may write has the row itself, which can stand in what is written.
    """

    def __init__(self, rows: Sequence[Any]) -> None:
        row = rows[0]
        self.id: str = row.user_id
        self.email: str = row.email
        self.name: str = row.name
        self.active: bool = row.active
        self.fs_uniquifier: str = row.fs_uniquifier
        self.language: str = row.language
        self.site_id: str = row.site_id
        self.site = ReaderSite(row.site_id, row.code, row.site_name, row.city, row.country, row.time_zone)
        self.role_names = frozenset(one.role for one in rows if one.role)
        self.roles = [ReaderRole(one.role) for one in rows if one.role]

    @cached_property
    def authorisations(self) -> list[Any]:
        """For which destinations they may sign, and when."""
        return _AUTHORISATIONS.list_rows(user_id=self.id)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # SQLAlchemy's own marks: this is no row
            raise AttributeError(name)
        return getattr(db.session.get_one(User, self.id), name)


def list_sign_in_rows(sign_in_id: str) -> list[Any]:
    """The sign-in with its person, one row for each of their roles; empty when there is no such sign-in."""
    return _SIGN_IN.list_rows(id=sign_in_id)
