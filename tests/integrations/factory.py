"""Signed exams that wait in the outbox, and a clock that tests can turn."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from clinic import clock
from clinic.db import db, set_mode
from clinic.key import new_id
from clinic.models import (
    Authority,
    Case,
    CaseState,
    Conclusion,
    ConclusionKind,
    Delivery,
    SignedExam,
    User,
)
from tests.factory import make_applicant, make_authority, make_user

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Hand:
    """The clock of one test; it moves only when the test turns it."""

    def __init__(self, start: datetime = START) -> None:
        self.now = start

    def turn(self, **passed: float) -> None:
        """Let time pass."""
        self.now += timedelta(**passed)
        clock._fixed = self.now


def make_bundle(bundle_id: str) -> bytes:
    """The smallest document that a sandbox authority takes."""
    entries = [
        {"resource": {"resourceType": "Composition", "title": "Medical examination", "date": "2026-11-20"}},
        {"resource": {"resourceType": "Patient", "name": [{"family": "Wanjiru", "given": ["Grace"]}]}},
    ]
    return json.dumps({"resourceType": "Bundle", "id": bundle_id, "type": "document", "entry": entries}).encode()


def make_signed_case(physician: User | None = None, programme: str = "us", **values: Any) -> Case:
    """A case whose exam was signed."""
    physician = physician or make_user("physician")
    make_authority(programme)
    number = new_id()[-8:]
    case = Case(**{
        "site_id": physician.site_id, "number": f"NBO-{number}", "applicant_id": make_applicant(physician).id,
        "programme": programme, "category": "IV", "authority_id": programme, "state": CaseState.SIGNED,
        "opened_at": clock.now(), "opened_by_id": physician.id, "updated_at": clock.now(),
    } | values)  # fmt: skip
    db.session.add(case)
    db.session.flush()
    return case


def make_delivery(case: Case, endpoint: str | None = None, version: int = 1, **values: Any) -> Delivery:
    """A signed exam of `case` and its outbox row; `endpoint` is where its authority listens from now on."""
    if endpoint:
        db.session.get_one(Authority, case.authority_id).endpoint = endpoint
    signer_id = case.opened_by_id
    conclusion = Conclusion(
        case_id=case.id, case_version=case.version, edition="2026", facts={}, decision={"status": "final"},
        kind=ConclusionKind.ACCEPTED, conclusion={}, decided_at=clock.now(), decided_by_id=signer_id,
    )  # fmt: skip
    db.session.add(conclusion)
    db.session.flush()
    exam_id = new_id()
    body = make_bundle(exam_id)
    db.session.add(SignedExam(
        id=exam_id, case_id=case.id, authority_id=case.authority_id, conclusion_id=conclusion.id, version=version,
        document=gzip.compress(body), size=len(body), sha256=hashlib.sha256(body).hexdigest(), jws="e30..c2ln",
        signed_at=clock.now(), signed_by_id=signer_id,
    ))  # fmt: skip
    db.session.flush()
    delivery = Delivery(**{
        "site_id": case.site_id, "case_id": case.id, "signed_exam_id": exam_id, "authority_id": case.authority_id,
        "channel": "fhir_document", "content_type": "application/fhir+json", "body": body,
        "idempotency_key": exam_id, "queued_at": clock.now(), "next_attempt_at": clock.now(),
    } | values)  # fmt: skip
    db.session.add(delivery)
    db.session.flush()
    return delivery


def open_unit() -> None:
    """Let the test write again after `close_unit`."""
    db.session.rollback()
    set_mode("write")


def close_unit() -> None:
    """Commit what the test made and leave its write unit, so that others may open theirs."""
    db.session.commit()
    set_mode("read")


def get_delivery(delivery_id: str) -> Delivery:
    """The delivery as it stands in the database now."""
    db.session.rollback()
    return db.session.get_one(Delivery, delivery_id, populate_existing=True)


def get_case_state(case_id: str) -> CaseState:
    """The case's state as it stands in the database now."""
    db.session.rollback()
    return db.session.get_one(Case, case_id, populate_existing=True).state
