"""The commit half of a signature: what it writes, what it refuses, and that it stands or falls as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from clinic import workflow
from clinic.db import db, set_mode, without_waiting, write_unit
from clinic.errors import CaseChanged, NotAllowed
from clinic.many_rows import FEW, add_rows, make_ready
from clinic.models import (
    AuditChange,
    Case,
    CaseState,
    CaseTransition,
    Conclusion,
    Delivery,
    DeliveryState,
    SignedExam,
    User,
)
from clinic.ports import ports
from clinic.services import signing
from clinic.services.signing import PreparedSignature, commit_signature, open_amendment
from clinic.storage_fault import is_double
from fhir.table import ReleasedIndex, ReleasedVersion, StoredVersion
from tests.clinic.documents.paper import prepare
from tests.factory import make_authority
from tests.us_case import Staff, make_complete_case, make_staff

WRITTEN = (Conclusion, SignedExam, CaseTransition, AuditChange, Delivery, StoredVersion, ReleasedVersion, ReleasedIndex)


@pytest.fixture
def staff(app: Flask) -> Staff:
    """The six of one site."""
    return make_staff()


@pytest.fixture
def prepared(staff: Staff) -> PreparedSignature:
    """The first half of a signature."""
    return prepare(make_complete_case(staff), staff)


def count_rows() -> dict[str, int]:
    return {model.__tablename__: db.session.execute(select(func.count()).select_from(model)).scalar_one()
            for model in WRITTEN}


def test_everything_is_written_as_prepared(prepared: PreparedSignature) -> None:
    before = count_rows()
    db.session.rollback()
    exam = db.session.get_one(SignedExam, commit_signature(prepared))
    found = {name: number - before[name] for name, number in count_rows().items()}
    assert found == {
        "conclusion": 1, "signed_exam": 1, "case_transition": 1, "audit_change": 2, "delivery": 1,
        "fhir_version": len(prepared.record.values), "released_version": len(prepared.resources),
        "released_index": sum(len(one.found_by) for one in prepared.resources),
    }
    assert (exam.document, exam.pdf, exam.jws, exam.signed_at, exam.version, exam.revoked_at) == (
        prepared.packed_document, prepared.pdf, prepared.jws, prepared.signed_at, 1, None)
    conclusion = db.session.get_one(Conclusion, exam.conclusion_id)
    assert {name: getattr(conclusion, name) for name in prepared.conclusion} == prepared.conclusion
    assert exam.valid_until is not None and exam.valid_until.isoformat() == conclusion.conclusion["valid_until"]
    case = db.session.get_one(Case, prepared.case_id)
    assert (case.state, case.state_reason, case.status, case.edition, case.version) == (
        CaseState.SIGNED, None, conclusion.decision["status"], conclusion.edition, prepared.case_version + 1)
    step = db.session.execute(select(CaseTransition).where(CaseTransition.case_id == case.id)
                              .order_by(CaseTransition.id.desc()).limit(1)).scalar_one()
    assert (step.from_state, step.to_state, step.by_id, step.reason, step.happened_at) == (
        CaseState.IN_REVIEW, CaseState.SIGNED, prepared.signer_id, "", case.updated_at)
    delivery = db.session.execute(select(Delivery)).scalar_one()
    (rendered,) = prepared.deliveries
    assert (delivery.state, delivery.attempts, delivery.state_reason, delivery.body, delivery.idempotency_key) == (
        DeliveryState.QUEUED, 0, "", rendered.body, rendered.idempotency_key)
    assert delivery.next_attempt_at == delivery.queued_at >= prepared.signed_at


def test_both_changes_are_audited_under_the_signer(prepared: PreparedSignature) -> None:
    exam_id = commit_signature(prepared)
    rows = db.session.execute(select(AuditChange).where(AuditChange.actor_id == prepared.signer_id)
                              .order_by(AuditChange.id.desc()).limit(2)).scalars().all()
    assert [(row.action, row.subject_kind, row.subject_id) for row in rows] == [
        ("sign", "signed-exam", exam_id), ("state", "case", prepared.case_id)]
    assert {(row.case_id, row.site_id, row.actor_kind) for row in rows} == {
        (prepared.case_id, prepared.site_id, "user")}
    assert rows[0].detail == {"version": 1, "sha256": prepared.sha256, "pdf_sha256": prepared.pdf_sha256}
    assert rows[1].detail == {"from": "in-review", "to": "signed"}


def change_case(prepared: PreparedSignature) -> None:
    workflow.mark_touched(db.session.get_one(Case, prepared.case_id))


def leave_house(prepared: PreparedSignature) -> None:
    db.session.get_one(User, prepared.signer_id).active = False


@pytest.mark.parametrize(("happen", "refusal"), [(change_case, CaseChanged), (leave_house, NotAllowed)])
def test_what_happened_between_the_halves_refuses_the_second(
    prepared: PreparedSignature, happen: Callable[[PreparedSignature], None], refusal: type[Exception]
) -> None:
    with write_unit():
        happen(prepared)
    before = count_rows()
    with pytest.raises(refusal):
        commit_signature(prepared)
    assert count_rows() == before


def test_same_signature_is_not_written_twice(prepared: PreparedSignature) -> None:
    commit_signature(prepared)
    before = count_rows()
    with pytest.raises(CaseChanged):
        commit_signature(prepared)
    assert count_rows() == before


def test_what_fails_at_the_end_leaves_nothing(prepared: PreparedSignature, monkeypatch: pytest.MonkeyPatch) -> None:
    before = count_rows()
    release = ports.release

    def release_and_fail(*args: Any) -> None:
        release(*args)
        raise OSError("the machine went away")

    monkeypatch.setattr(ports, "release", release_and_fail)
    with pytest.raises(OSError, match="went away"):
        commit_signature(prepared)
    assert count_rows() == before
    assert db.session.get_one(Case, prepared.case_id).state is CaseState.IN_REVIEW
    monkeypatch.undo()
    assert commit_signature(prepared) == prepared.exam_id


def test_amendment_goes_out_after_what_it_replaces(staff: Staff, prepared: PreparedSignature) -> None:
    first = commit_signature(prepared)
    with write_unit() as session:
        case = session.get_one(Case, prepared.case_id)
        open_amendment(case, "Wrong weight", session.get_one(User, prepared.signer_id))
        workflow.move(case, CaseState.IN_REVIEW)
    set_mode("write")
    again = prepare(db.session.get_one(Case, prepared.case_id), staff)
    second = commit_signature(again)
    earlier, later = db.session.execute(select(Delivery).order_by(Delivery.id)).scalars()
    assert (earlier.signed_exam_id, earlier.state) == (first, DeliveryState.SUPERSEDED)
    assert (later.signed_exam_id, later.state) == (second, DeliveryState.QUEUED)
    exam = db.session.get_one(SignedExam, second)
    assert (exam.version, exam.replaces_id, exam.amendment_reason) == (2, first, "Wrong weight")


def test_double_among_statements_that_nobody_waits_for_is_told(staff: Staff) -> None:
    step = {"id": "1", "case_id": make_complete_case(staff).id, "from_state": None, "to_state": CaseState.REGISTERED,
            "reason": "", "happened_at": signing.clock.now(), "by_id": None}
    db.session.commit()
    with pytest.raises(DBAPIError) as caught, without_waiting(db.session.connection()):
        add_rows(db.session.connection(), make_ready(CaseTransition, [step]))
        add_rows(db.session.connection(), make_ready(CaseTransition, [step]))
    assert is_double(caught.value)
    db.session.rollback()
    assert db.session.get(CaseTransition, "1") is None


@pytest.mark.parametrize("number", [0, 1, FEW, FEW + 1, 40])
def test_few_and_many_rows_are_the_same_rows(staff: Staff, number: int) -> None:
    case_id = make_complete_case(staff).id
    rows = [{"case_id": case_id, "from_state": None, "to_state": CaseState.REGISTERED, "reason": f"{n}\t\\N é\n",
             "happened_at": signing.clock.now(), "by_id": None} for n in range(number)]
    ready = make_ready(CaseTransition, rows or [{"case_id": case_id}])
    add_rows(db.session.connection(), ready if rows else type(ready)(ready.insert, []))
    found = db.session.execute(select(CaseTransition).where(
        CaseTransition.reason.like("%\\N%", escape="!")).order_by(CaseTransition.id)).scalars().all()
    assert [{name: getattr(row, name) for name in rows[0]} for row in found] == rows
    assert len({row.id for row in found}) == number


@pytest.mark.parametrize("number", [1, FEW, FEW + 1])
def test_rows_whose_key_the_database_counts_are_added_as_well(app: Flask, number: int) -> None:
    authority = make_authority("us")
    row = {"authority_id": authority.id, "kind": "Patient", "id": "a", "parameter": "name", "value": "b"}
    add_rows(db.session.connection(), make_ready(ReleasedIndex, [row] * number))
    found = db.session.execute(select(ReleasedIndex)).scalars().all()
    assert len({one.row for one in found}) == number and {one.value for one in found} == {"b"}
