"""What was typed on a page when its screen was locked or its sign-in ended: kept for the same person, for one day.

On the server, not in the browser: shared computers stand in a clinic, and what is kept there outlives whoever typed it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select

from clinic import clock
from clinic.db import db
from clinic.models import UnsavedPage, User

LIFE = timedelta(hours=24)  # the next shift, as for drafts
MOST_PAGES = 20  # of one person: more tabs than anybody types into; the oldest goes first
MOST_FIELDS = 2000  # of one page


def keep_page(user_id: str, address: str, fields: list[dict[str, Any]]) -> UnsavedPage:
    """Keep what the user typed at `address` (path and query), in place of what was kept of it before."""
    db.session.execute(delete(UnsavedPage).where(UnsavedPage.user_id == user_id, UnsavedPage.address == address))
    row = UnsavedPage(user_id=user_id, address=address, fields=fields[:MOST_FIELDS], kept_at=clock.now())
    db.session.add(row)
    db.session.flush()
    older = db.session.execute(
        select(UnsavedPage.id).where(UnsavedPage.user_id == user_id)
        .order_by(UnsavedPage.kept_at.desc(), UnsavedPage.id.desc()).offset(MOST_PAGES)).scalars().all()
    if older:
        db.session.execute(delete(UnsavedPage).where(UnsavedPage.id.in_(older)))
    return row


def find_page(user: User, address: str) -> UnsavedPage | None:
    """What `user` had typed at `address`; nobody else's is ever found, nor what is older than a day."""
    return db.session.execute(
        select(UnsavedPage).where(UnsavedPage.user_id == user.id, UnsavedPage.address == address,
                                  UnsavedPage.kept_at >= clock.now() - LIFE)
        .order_by(UnsavedPage.id.desc()).limit(1)).scalar_one_or_none()


def has_pages(user: User) -> bool:
    """Whether anything typed by `user` waits for them."""
    return db.session.execute(
        select(UnsavedPage.id).where(UnsavedPage.user_id == user.id, UnsavedPage.kept_at >= clock.now() - LIFE)
        .limit(1)).first() is not None


def drop_page(user: User, page_id: str) -> None:
    """Forget one of the user's own: it was put back into its page."""
    db.session.execute(delete(UnsavedPage).where(UnsavedPage.id == page_id, UnsavedPage.user_id == user.id))


def sweep_pages() -> int:
    """Forget what is a day old; returns how many. For the worker."""
    return int(db.session.execute(
        delete(UnsavedPage).where(UnsavedPage.kept_at < clock.now() - LIFE)).rowcount)  # type: ignore[attr-defined]
