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

    clients: Mapped[list[AuthorityClient]] = relationship(back_populates="authority")
    destination: Mapped[Destination | None] = relationship(viewonly=True)

    @property
    def held(self) -> bool:
        """Whether an administrator stopped deliveries to it."""
        return self.destination is not None and self.destination.held_at is not None


class Destination(Base):
    """How sending to an authority goes, and whether a person stopped it; without a row it goes well.

    Every worker and every screen reads the circuit breaker here: after several faults in a row the destination
    rests until `resting_until`, then one delivery goes ahead (`trying_since`) and decides. Not projected.
    """

    __tablename__ = "destination"

    authority_id: Mapped[str] = mapped_column(ForeignKey("authority.id"), primary_key=True)
    faults: Mapped[int] = mapped_column(default=0)  # in a row
    last_fault: Mapped[str] = mapped_column(String(40), default="")  # a DeliveryReason
    faulty_since: Mapped[datetime | None] = moment()  # the first fault in the row
    opened_at: Mapped[datetime | None] = moment()  # when the breaker opened; None: it is closed
    resting_until: Mapped[datetime | None] = moment()
    trying_since: Mapped[datetime | None] = moment()  # the one delivery that decides is on its way
    held_at: Mapped[datetime | None] = moment()
    held_reason: Mapped[str] = mapped_column(Text, default="")
    held_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))


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
