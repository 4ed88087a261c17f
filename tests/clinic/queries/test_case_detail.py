"""What the case page shows beside its requirements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from clinic import clock, workflow
from clinic.db import db
from clinic.models import CaseState
from clinic.queries.case_detail import list_history
from tests.factory import make_case, make_user

S = CaseState


@pytest.mark.database
def test_history_has_no_line_for_every_dose(app: Flask) -> None:
    """Out of the review and back with each entry: half a year of doses were 364 lines on the case's page."""
    case = make_case("uk", user=make_user("reception"))
    physician = make_user("physician", case.site)
    moment = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def move(to: CaseState, by: bool = False, later: timedelta = timedelta(hours=1)) -> None:
        nonlocal moment
        moment += later
        with clock.stopped_at(moment):
            workflow.move(case, to, "why", physician if by else None)
        db.session.flush()

    move(S.IN_PROGRESS)
    move(S.IN_REVIEW)
    for _dose in range(3):
        move(S.IN_PROGRESS)
        move(S.IN_REVIEW, later=timedelta(0))
    assert [row.to_state for row in list_history(case)][:2] == [S.IN_REVIEW, S.IN_PROGRESS]
    assert len(list_history(case)) == 3, "registered, begun, in review"
    move(S.IN_PROGRESS)  # something became outstanding, and was done an hour later
    move(S.IN_REVIEW)
    assert len(list_history(case)) == 5
