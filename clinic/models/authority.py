"""Receiving authorities, and the machine clients by which they come to us."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.column import moment


class Authority(Base):
    """A destination's immigration authority: one programme, one way of receiving exams."""

    __tablename__ = "authority"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)  # short name in addresses: us, ca, au, nz, uk
    programme: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(160))
    channel: Mapped[str] = mapped_column(String(40))  # a module of integrations/authorities
    endpoint: Mapped[str] = mapped_column(String(300))  # where that channel delivers to
    held: Mapped[bool] = mapped_column(default=False)  # an administrator stopped deliveries to it

    clients: Mapped[list[AuthorityClient]] = relationship(back_populates="authority")


class AuthorityClient(Base):
    """A SMART Backend Services client of an authority: it proves itself with a key that we know."""

    __tablename__ = "authority_client"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # the client_id
    authority_id: Mapped[str] = mapped_column(ForeignKey("authority.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    jwks: Mapped[str | None] = mapped_column(Text)  # the public keys, a JWK Set, when stored with us
    jwks_url: Mapped[str | None] = mapped_column(String(300))  # or where it publishes them; one of the two is set
    scopes: Mapped[str] = mapped_column(Text)  # space separated, the most it may ask for
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = moment()
    expires_on: Mapped[date | None] = mapped_column()  # the last day (UTC) on which it is served; none: no end
    keys_expire_on: Mapped[date | None] = mapped_column()  # the last day on which its stored keys are accepted

    authority: Mapped[Authority] = relationship(back_populates="clients", lazy="joined", innerjoin=True)
