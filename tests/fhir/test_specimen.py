"""What became of a specimen stands in its status: still there, not taken by the laboratory, thrown away, a mistake."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from clinic import clock
from clinic.db import db
from clinic.models import RejectionReason, Specimen, SpecimenKind
from fhir.encoder import decode
from fhir.store import find_newest
from tests.factory import make_case, make_user


@pytest.mark.parametrize(("became", "status"), [
    ({}, "available"),
    ({"rejected_at": True, "rejected_reason": RejectionReason.WRONG_CONTAINER}, "unsatisfactory"),
    ({"discarded_at": True}, "unavailable"),
    ({"rejected_at": True, "rejected_reason": RejectionReason.LATE, "withdrawn_at": True}, "entered-in-error"),
])
def test_status_says_what_became_of_it(app: Flask, became: dict[str, Any], status: str) -> None:
    case, nurse, now = make_case(), make_user("nurse"), clock.now()
    row = Specimen(case_id=case.id, case=case, number="NBO-S-000001-7", kind=SpecimenKind.BLOOD,
                   collected_on=now.date(), recorded_at=now, recorded_by_id=nurse.id)
    db.session.add(row)
    db.session.commit()
    assert "receivedTime" not in _read(row.id), "nobody has received it yet"
    row.received_at = now
    for name, value in became.items():
        setattr(row, name, now if value is True else value)
    db.session.commit()
    stored = _read(row.id)
    assert stored["status"] == status and stored["receivedTime"].startswith(f"{now:%Y-%m-%dT%H:%M}")
    reason = became.get("rejected_reason")
    wanted = [{"text": reason.value.replace("-", " ").capitalize()}] if reason else []
    assert stored.get("condition", []) == wanted


def _read(specimen_id: str) -> dict[str, Any]:
    row = find_newest(db.session, "Specimen", specimen_id)
    assert row is not None
    return decode(row.body)
