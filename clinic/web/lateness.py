"""What is stuck or late among the deliveries, for the navigation and the first screen of those who see to it."""

from __future__ import annotations

from flask import g
from flask_login import current_user

from clinic import clock
from clinic.permissions import Permission, find_signed_in, has_permission
from clinic.queries.destination import LateSummary, summarise_late
from clinic.web.delivery_word import get_limits


def may_mend_deliveries() -> bool:
    """Whether the user is one of those who see to stuck deliveries: the administrator, and quality."""
    reader = find_signed_in()
    return has_permission(Permission.MANAGE_DELIVERIES, reader) or (
        has_permission(Permission.SEE_DELIVERIES, reader) and has_permission(Permission.SEE_AUDIT, reader)
    )


def find_late() -> LateSummary:
    """The summary for the user's site, counted once for each page."""
    if "late_deliveries" not in g:
        g.late_deliveries = summarise_late(current_user, clock.now() - get_limits().notice)
    found: LateSummary = g.late_deliveries
    return found
