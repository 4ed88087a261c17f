"""An authority reads every version of a result that its signatures released, and no version that they did not."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from clinic.db import db
from tests.factory import make_authority
from tests.fhir import story
from tests.fhir_api.machine import Machine


def _read_history(machine: Machine, loinc: str) -> list[dict[str, Any]]:
    """The versions of the case's one Observation with that code, the newest first."""
    found = machine.get(f"Observation?code={loinc}").json["entry"]
    assert len(found) == 1
    history = machine.get(f"Observation/{found[0]['resource']['id']}/_history").json["entry"]
    return [entry["resource"] for entry in history]


def test_authority_reads_what_was_final_before_it_was_corrected_amended_or_withdrawn(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic.services.signing.issue_document", lambda *_all: b"%PDF-1.7 packet")
    make_authority("uk")
    story.amend_twice(story.make_staff())
    us, uk = Machine(app, "us"), Machine(app, "uk")
    db.session.commit()
    us, uk = us.sign_in(), uk.sign_in()

    syphilis = _read_history(us, "20507-0")
    assert [one["status"] for one in syphilis] == ["corrected", "corrected", "final"]
    weights = _read_history(us, "29463-7")
    assert [(one["status"], one["valueQuantity"]["value"]) for one in weights] == [
        ("amended", 70.2), ("amended", 70.1), ("final", 68.4)]
    pulse = _read_history(us, "8867-4")
    assert [one["status"] for one in pulse] == ["entered-in-error", "final"]
    assert uk.get(f"Observation/{syphilis[0]['id']}/_history").status_code == 404
    assert uk.get("Observation?code=20507-0").json["total"] == 0
