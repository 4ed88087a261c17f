"""Which orders have their answer: nothing is asked of a laboratory again for them."""

from __future__ import annotations

from sqlalchemy import select

from clinic.db import db
from clinic.models import Case, LabResult


def list_answered(case: Case) -> set[str]:
    """The ids of the case's orders of which a result stands, confirmed or not."""
    rows = db.session.execute(select(LabResult).where(
        LabResult.case_id == case.id, LabResult.order_id.is_not(None))).unique().scalars()
    return {row.order_id for row in rows if row.is_current and row.order_id}
