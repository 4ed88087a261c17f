"""A signed case whose applicant is merged: what was signed stays, and nothing of the other record leaves."""

from __future__ import annotations

import gzip
from typing import Any

from flask import Flask
from sqlalchemy import select

from clinic import workflow
from clinic.db import db, set_mode
from clinic.models import Answer, Applicant, Case, CaseState, Circumstance, ConclusionKind, SignedExam, User
from clinic.rules import list_circumstances
from clinic.services.applicant_link import list_holdings
from clinic.services.conclusion import ConclusionInput
from clinic.services.merge import build_fingerprint, merge_records
from clinic.services.merge_caution import list_cautions
from clinic.services.registration import PERSON_FIELDS
from clinic.services.signing import open_amendment, sign
from fhir.encoder import decode
from fhir.projection import list_differences
from fhir.table import ReleasedVersion
from tests.factory import make_applicant, make_case, make_user
from tests.fhir import sample


def _sign(case: Case, physician: User) -> SignedExam:
    db.session.commit()
    case_id, version, physician_id = case.id, case.version, physician.id
    db.session.rollback()
    set_mode("read")
    exam_id = sign(case_id, version, physician_id, ConclusionInput(ConclusionKind.ACCEPTED))
    db.session.rollback()
    set_mode("write")
    return db.session.get_one(SignedExam, exam_id)


def _read_patient(exam: SignedExam) -> dict[str, Any]:
    bundle = decode(gzip.decompress(exam.document))
    found: dict[str, Any] = next(one["resource"] for one in bundle["entry"]
                                 if one["resource"]["resourceType"] == "Patient")
    return found


def _read_released() -> set[tuple[str, str, int, bytes]]:
    return {(row.kind, row.id, row.version, bytes(row.body)) for row in db.session.execute(select(ReleasedVersion))
            .scalars()}


def test_signed_document_stays_and_an_amendment_tells_nothing_of_the_other_record(app: Flask) -> None:
    case = sample.make_clean_adult()
    for item in list_circumstances(case.programme, case.category):
        case.circumstances.append(Circumstance(
            word=item.word, answer=Answer.NO, answered_at=sample.MOMENT, answered_by_id=case.opened_by_id))
    physician, clerk, case_id = make_user("physician"), make_user("admin"), case.id
    loser = case.applicant
    fields = {name: getattr(loser, name) for name in PERSON_FIELDS}
    survivor_id = make_applicant(clerk, **fields).id
    first = _sign(case, physician)
    document, released = first.document, _read_released()

    case, survivor = db.session.get_one(Case, case_id), db.session.get_one(Applicant, survivor_id)
    theirs = make_case("uk", survivor, clerk, authority_case_number="GWF012345678")
    loser = case.applicant
    merge_records(survivor, loser, "the same passport, registered twice",
                  [one.code for one in list_cautions(survivor, loser)],
                  build_fingerprint(survivor, loser, list_holdings(loser.id, survivor.id)), clerk)
    db.session.commit()
    assert list(list_differences(db.session())) == []
    assert db.session.get_one(SignedExam, first.id).document == document and _read_released() == released

    case = db.session.get_one(Case, case_id)
    assert case.applicant_id == survivor_id
    open_amendment(case, "the address was wrong", physician)
    workflow.move(case, CaseState.IN_REVIEW, "everything is in", physician)
    second = _sign(case, physician)
    before, after = (_read_patient(one) for one in (db.session.get_one(SignedExam, first.id), second))
    assert after["id"] == before["id"] and after["identifier"] == before["identifier"] and "link" not in after
    text = gzip.decompress(second.document).decode()
    others = [survivor.number, loser.number, theirs.number, "GWF012345678", loser.id, survivor.id,
              *(paper.number for paper in survivor.documents if paper.recorded_at > loser.registered_at
                and paper.number not in str(before["identifier"]))]
    assert len(others) > 6 and not [one for one in others if one in text]
    assert list(list_differences(db.session())) == []
