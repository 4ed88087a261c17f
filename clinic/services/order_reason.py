"""Why a test is asked for: what who asked beyond the rules said, and why it is asked for again, each by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.db import db
from clinic.models import LabOrder


@dataclass(frozen=True)
class OrderReason:
    """Empty where nobody said so."""

    asked: str = ""
    again: str = ""

    def say(self) -> str:
        """Both in one line, for a paper or a message."""
        return "; ".join(filter(None, (self.asked, self.again and _("again: %(reason)s", reason=self.again))))


def list_reasons(orders: Iterable[LabOrder]) -> dict[str, OrderReason]:
    """The reasons of all of a case's orders, by order: one that replaces another keeps what that was asked for."""
    found: dict[str, OrderReason] = {}
    for row in sorted(orders, key=lambda one: one.id):
        before = found.get(row.replaces_id or "")
        found[row.id] = OrderReason(row.reason) if before is None else OrderReason(before.asked, row.reason)
    return found


def find_reason(order: LabOrder) -> OrderReason:
    """The reasons of one order."""
    rows = db.session.execute(select(LabOrder).where(LabOrder.case_id == order.case_id)).unique().scalars()
    return list_reasons(rows)[order.id]
