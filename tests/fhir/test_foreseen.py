"""What a signature's first half foresees of the clinic's own record is what the projection would have stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import Case, Conclusion
from fhir.projection import list_differences, project
from fhir.source_row import list_conclusions
from fhir.table import StoredVersion
from tests.fhir import story

Story = Callable[[story.Staff], Case]


def sign_uk(staff: story.Staff) -> Case:
    return story.sign_clean(staff, "uk")


def sign_au(staff: story.Staff) -> Case:
    return story.sign_clean(staff, "au")


@pytest.mark.parametrize(("tell", "kinds"), [
    (story.sign_child, {"Condition", "Encounter", "Observation"}),
    (story.sign_abnormal, {"Encounter", "Observation"}),
    (story.amend_twice, {"Encounter", "Observation"}),
    (sign_uk, {"Encounter", "Observation"}),
    (sign_au, {"Encounter", "Observation"}),
])
def test_foreseen_versions_are_the_projections_byte_for_byte(app: Flask, tell: Story, kinds: set[str]) -> None:
    case = tell(story.make_staff())
    conclusion = list_conclusions(db.session(), case.id)[-1]
    foreseen = _list_versions(conclusion)
    assert {row["kind"] for row in foreseen} == kinds
    assert list(list_differences(db.session())) == []
    for row in _select_versions(conclusion):
        db.session.delete(row)
    db.session.flush()
    with clock.stopped_at(conclusion.decided_at):
        project(db.session(), [case, conclusion])
    db.session.flush()
    assert _list_versions(conclusion) == foreseen
    db.session.rollback()


def test_nothing_of_a_signed_case_waits_to_be_projected(app: Flask) -> None:
    case = story.sign_child(story.make_staff())
    before = db.session.query(StoredVersion).count()
    project(db.session(), [case, *list_conclusions(db.session(), case.id)])
    db.session.flush()
    assert db.session.query(StoredVersion).count() == before
    db.session.rollback()


def _select_versions(conclusion: Conclusion) -> list[StoredVersion]:
    query = select(StoredVersion).where(
        StoredVersion.case_id == conclusion.case_id, StoredVersion.recorded_at == conclusion.decided_at)
    return list(db.session.execute(query.order_by(StoredVersion.kind, StoredVersion.id)).scalars())


def _list_versions(conclusion: Conclusion) -> list[dict[str, Any]]:
    return [{column.key: getattr(row, column.key) for column in StoredVersion.__table__.columns}
            for row in _select_versions(conclusion)]
