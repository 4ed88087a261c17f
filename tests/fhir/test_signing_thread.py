"""A signature through the clinic's own service: document, proof, release and the record, all from the same rows."""

from __future__ import annotations

import gzip
import hashlib

from flask import Flask
from sqlalchemy import select

from clinic.db import db, set_mode
from clinic.models import Answer, Circumstance, ConclusionKind, SignedExam
from clinic.rules import list_circumstances
from clinic.services.conclusion import ConclusionInput
from clinic.services.signing import sign
from fhir.encoder import decode, digest
from fhir.projection import list_differences
from fhir.table import ReleasedVersion
from tests.factory import make_user
from tests.fhir import sample
from tests.fhir.test_document import read_body

BESIDE = {"Bundle", "Provenance", "Binary", "DocumentReference"}  # released, and not in the document


def test_signed_case_is_released_and_projected(app: Flask) -> None:
    case = sample.make_clean_adult()
    for item in list_circumstances(case.programme, case.category):
        case.circumstances.append(Circumstance(
            word=item.word, answer=Answer.NO, answered_at=sample.MOMENT, answered_by_id=case.opened_by_id))
    physician = make_user("physician")
    db.session.commit()
    case_id, version, physician_id = case.id, case.version, physician.id
    db.session.rollback()
    set_mode("read")
    exam_id = sign(case_id, version, physician_id, ConclusionInput(ConclusionKind.ACCEPTED))

    exam = db.session.get_one(SignedExam, exam_id)
    body = gzip.decompress(exam.document)
    assert hashlib.sha256(body).hexdigest() == exam.sha256
    entries = {(one["resource"]["resourceType"], one["resource"]["id"]) for one in decode(body)["entry"]}
    rows = db.session.execute(select(ReleasedVersion).where(ReleasedVersion.signed_exam_id == exam_id)).scalars().all()
    assert {(row.kind, row.id) for row in rows if row.kind not in BESIDE} == entries
    assert {row.kind for row in rows} >= BESIDE
    assert all(row.is_current and row.etag == digest(read_body(row)) for row in rows)
    assert list(list_differences(db.session)) == []
