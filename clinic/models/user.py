"""Staff and their roles, as Flask-Security expects them."""

from __future__ import annotations

from datetime import date, datetime

from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.column import key, moment
from clinic.models.site import Site

user_role = Table(
    "user_role",
    Base.metadata,
    Column("user_id", ForeignKey("user.id"), primary_key=True),
    Column("role_id", ForeignKey("role.id"), primary_key=True),
)


class Role(Base, RoleMixin):
    """A named set of permissions; the set itself stands in clinic/permissions.py."""

    __tablename__ = "role"

    id: Mapped[str] = key()
    name: Mapped[str] = mapped_column(String(40), unique=True)
    description: Mapped[str | None] = mapped_column(String(200))


class User(Base, UserMixin):
    """A member of staff; belongs to one site."""

    __tablename__ = "user"

    id: Mapped[str] = key()
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    licence_number: Mapped[str | None] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(8), default="en")
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    created_at: Mapped[datetime] = moment()

    site: Mapped[Site] = relationship(lazy="joined", innerjoin=True)
    roles: Mapped[list[Role]] = relationship(secondary=user_role, lazy="selectin")
    authorisations: Mapped[list[Authorisation]] = relationship(back_populates="user", lazy="selectin")


class Authorisation(Base):
    """That a physician may sign for one destination, and from when to when."""

    __tablename__ = "authorisation"

    id: Mapped[str] = key()
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    programme: Mapped[str] = mapped_column(String(8))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]

    user: Mapped[User] = relationship(back_populates="authorisations")
