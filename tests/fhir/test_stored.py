"""Everything that whole lives of cases store and release: valid, coded, closed, and equal to the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.models import SignedExam
from fhir.dossier import list_references
from fhir.encoder import decode, encode
from fhir.projection import list_differences
from fhir.rule import list_faults
from fhir.table import ReleasedVersion, StoredVersion
from tests.fhir import story, validator
from tests.fhir.test_document import read_body


@pytest.fixture
def told(app: Flask, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Every story told; the printed packet is not what is looked at here, so a token stands for it."""
    monkeypatch.setattr("clinic.services.signing.issue_document", lambda *_all: b"%PDF-1.7 packet")
    return story.tell_all(story.make_staff())


def _list_bodies() -> list[bytes]:
    stored = db.session.execute(select(StoredVersion)).scalars()
    released = db.session.execute(select(ReleasedVersion)).scalars()
    return [*(row.body for row in stored), *(read_body(row) for row in released)]


@pytest.mark.peers
def test_whole_lives_of_cases_store_and_release_nothing_that_two_validators_refuse(told: dict[str, str]) -> None:
    bodies = _list_bodies()
    assert len(bodies) > 700
    for judge in (validator.validate_with_google, validator.validate_with_medplum):
        assert [(bodies[place][:90], errors) for place, errors in judge(bodies).items()] == []


def test_whole_lives_leave_the_store_equal_to_the_rows_and_every_reference_with_a_target(
    app: Flask, told: dict[str, str]
) -> None:
    assert list(list_differences(db.session)) == []
    rows = list(db.session.execute(select(StoredVersion)).scalars())
    known = {f"{row.kind}/{row.id}" for row in rows}
    resources = [decode(row.body) for row in rows]
    assert {found for one in resources for found in list_references(one)} - known == set()
    for one, row in zip(resources, rows, strict=True):
        assert list_faults(one) == [] and encode(one) == row.body
    db.session.commit()
    assert app.test_cli_runner().invoke(args=["rebuild-fhir", "--check"]).exit_code == 0


def test_nothing_preliminary_or_in_error_is_in_a_document_and_nothing_preliminary_is_released(
    told: dict[str, str],
) -> None:
    released = [decode(read_body(row)) for row in db.session.execute(select(ReleasedVersion)).scalars()]
    assert not {one.get("status") for one in released} & {"preliminary", "registered", "in-progress", "draft"}
    current = {(row.kind, row.id) for row in db.session.execute(
        select(ReleasedVersion).where(ReleasedVersion.is_current.is_(True))).scalars()}
    for bundle in (one for one in released if one["resourceType"] == "Bundle"):
        inside = [entry["resource"] for entry in bundle["entry"]]
        assert "entered-in-error" not in {one.get("status") for one in inside}
        assert {(one["resourceType"], one["id"]) for one in inside} <= current
    exams = db.session.execute(select(SignedExam)).scalars().all()
    assert {exam.case_id for exam in exams} == {
        case_id for name, case_id in told.items() if name not in ("wrong film", "consent", "treated")}


def _list_statuses(case_id: str, kind: str, has: Callable[[dict[str, Any]], bool]) -> list[list[str]]:
    """Of each resource of the case that `has` what is looked for: its statuses, the oldest first."""
    query = select(StoredVersion).where(StoredVersion.case_id == case_id, StoredVersion.kind == kind)
    found: dict[str, list[str]] = {}
    for row in db.session.execute(query.order_by(StoredVersion.id, StoredVersion.version)).scalars():
        one = decode(row.body)
        if has(one):
            found.setdefault(row.id, []).append(one["status"])
    return sorted(found.values())


def _is_called(words: str) -> Callable[[dict[str, Any]], bool]:
    return lambda one: one["code"]["text"].startswith(words)


def test_every_status_stays_in_the_history(told: dict[str, str]) -> None:
    wrong, amended = told["wrong film"], told["amended"]
    assert _list_statuses(wrong, "Observation", _is_called("Interferon")) == [
        ["preliminary", "final", "entered-in-error"]]
    assert _list_statuses(wrong, "Observation", _is_called("Syphilis")) == [["preliminary", "entered-in-error"]]
    assert _list_statuses(wrong, "Observation", _is_called("HIV")) == [["preliminary"]]
    assert _list_statuses(wrong, "DiagnosticReport", _is_called("Chest")) == [
        ["final", "corrected", "entered-in-error"]]
    assert _list_statuses(wrong, "ImagingStudy", lambda _: True) == [["available", "entered-in-error"]]
    syphilis = _list_statuses(amended, "Observation", _is_called("Syphilis"))
    assert [one[-1] for one in syphilis] == ["corrected"] and syphilis[0].index("final") < len(syphilis[0]) - 1
    assert _list_statuses(amended, "Observation", _is_called("Body weight")) == [["final", "amended", "amended"]]
    assert _list_statuses(amended, "Observation", _is_called("Heart rate")) == [["final", "entered-in-error"]]
    assert _list_statuses(amended, "Observation", _is_called("Body height")) == [["final"]]
    assert _list_statuses(amended, "QuestionnaireResponse", lambda _: True) == [["completed", "amended", "amended"]]
    doses = _list_statuses(amended, "Immunization", lambda one: "lotNumber" in one)
    assert ["completed", "entered-in-error"] in doses
