"""Numbers that people and HL7 see, from a counter for each site; given once, never again."""

from __future__ import annotations

from sqlalchemy import select, text

from clinic.db import db
from clinic.models import Counter

# What every site counts for good; the visits of a day (`visit-2026-11-20`) are counted anew each day.
LASTING_KINDS = ("applicant", "case", "family", "specimen", "message", "order", "referral")


def next_number(site_id: str, kind: str) -> int:
    """The next number of `kind` at a site; the caller's transaction keeps or drops it."""
    db.session.execute(
        text("insert into counter (site_id, kind, value) values (:site, :kind, 0) on conflict do nothing"),
        {"site": site_id, "kind": kind},
    )
    row = db.session.execute(
        select(Counter).where(Counter.site_id == site_id, Counter.kind == kind).with_for_update()
    ).scalar_one()
    row.value += 1
    db.session.flush()
    return row.value
