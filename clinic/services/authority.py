"""Receiving authorities: registered, listed."""

from __future__ import annotations

from sqlalchemy import select

from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone
from clinic.models import Authority


def add_authority(authority_id: str, programme: str, name: str, channel: str, endpoint: str) -> Authority:
    """Register a destination's authority; raises AlreadyDone when the short name is taken."""
    if db.session.get(Authority, authority_id) is not None:
        raise AlreadyDone(f"There is an authority {authority_id} already.", authority=authority_id)
    authority = Authority(id=authority_id, programme=programme, name=name, channel=channel, endpoint=endpoint)
    db.session.add(authority)
    record_change("add-authority", "authority", authority_id)
    db.session.flush()
    return authority


def list_authorities() -> list[Authority]:
    """Every authority, by short name."""
    return list(db.session.execute(select(Authority).order_by(Authority.id)).scalars())
