"""Registrations that were refused: kept for who typed them until they are saved, thrown away, or a day old."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select

from clinic import clock
from clinic.db import db
from clinic.models import RegistrationDraft, User

KEPT_FOR = timedelta(hours=24)  # a person who was sent for a paper comes back the same day or registers anew
MOST_OFFERED = 3


def keep_draft(user: User, typed: dict[str, Any], draft_id: str | None = None) -> RegistrationDraft:
    """Keep what `user` typed, in place of the draft it was before; forget what is a day old."""
    table = RegistrationDraft
    db.session.execute(delete(table).where(table.user_id == user.id, table.saved_at < clock.now() - KEPT_FOR))
    row = find_draft(user, draft_id)
    if row is None:
        row = RegistrationDraft(user_id=user.id)
        db.session.add(row)
    row.typed, row.saved_at = typed, clock.now()
    db.session.flush()
    return row


def find_draft(user: User, draft_id: str | None) -> RegistrationDraft | None:
    """One of the user's own; nobody else's is ever found."""
    row = db.session.get(RegistrationDraft, draft_id) if draft_id else None
    return row if row is not None and row.user_id == user.id else None


def list_drafts(user: User) -> list[RegistrationDraft]:
    """The newest of the user's own."""
    table = RegistrationDraft
    return list(db.session.execute(
        select(table).where(table.user_id == user.id, table.saved_at >= clock.now() - KEPT_FOR)
        .order_by(table.saved_at.desc()).limit(MOST_OFFERED)).scalars())


def discard_draft(user: User, draft_id: str | None) -> None:
    """Forget a draft, because it was saved or is not wanted."""
    row = find_draft(user, draft_id)
    if row is not None:
        db.session.delete(row)
        db.session.flush()
