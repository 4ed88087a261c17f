"""What was asked for stands as ServiceRequests, and results say which of them they answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.models import Requirement, RequirementState
from fhir.document import build_document
from fhir.encoder import decode
from fhir.projection import list_differences
from fhir.store import find_newest, list_history
from fhir.table import StoredVersion
from tests.factory import make_user
from tests.fhir import sample
from tests.fhir.test_document import build_order


def _list_newest(kind: str) -> list[dict[str, Any]]:
    return [decode(body) for body in db.session.execute(
        select(StoredVersion.body).where(StoredVersion.kind == kind)).scalars()]


def _get_order(exam: str) -> Requirement:
    return db.session.execute(select(Requirement).where(Requirement.exam == exam)).scalar_one()


def test_laboratory_and_film_are_ordered_and_desk_work_is_not(app: Flask) -> None:
    sample.make_clean_adult()
    db.session.commit()
    found = {one["code"]["coding"][0]["code"]: one for one in _list_newest("ServiceRequest")}
    assert found.keys() == {"igra", "syphilis", "hiv", "chest-xray", "igra-repeat"}
    assert {exam: (one["status"], one["intent"]) for exam, one in found.items() if exam.startswith("igra")} == {
        "igra": ("completed", "order"), "igra-repeat": ("revoked", "reflex-order")}
    assert found["hiv"]["meta"]["security"][0]["code"] == "HIV" and "security" not in found["igra"]["meta"]
    assert found["igra"]["reasonCode"] == [{"text": "Everybody has <igra>."}]


def test_result_report_and_study_are_based_on_the_orders_that_stood_when_they_were_entered(app: Flask) -> None:
    case = sample.make_clean_adult()
    sample.add_order(case, "creatinine", added_at=sample.MOMENT + timedelta(minutes=1))
    db.session.commit()
    based = {one["code"]["text"]: one["basedOn"][0]["reference"] for one in _list_newest("Observation")
             if "basedOn" in one}
    assert based == {
        "Interferon gamma release assay": f"ServiceRequest/{_get_order('igra').id}",
        "Syphilis, nontreponemal test": f"ServiceRequest/{_get_order('syphilis').id}",
        "HIV antigen and antibody": f"ServiceRequest/{_get_order('hiv').id}",
    }
    film = [{"reference": f"ServiceRequest/{_get_order('chest-xray').id}"}]
    reports = [one for one in _list_newest("DiagnosticReport") if one["code"]["text"] == "Chest X-ray"]
    assert [one["basedOn"] for one in (*reports, *_list_newest("ImagingStudy"))] == [film] * 2
    assert list(list_differences(db.session)) == []


def test_order_taken_back_is_revoked_and_its_history_stays(app: Flask) -> None:
    case = sample.make_clean_adult()
    row = sample.add_order(case, "creatinine", state=RequirementState.OPEN, done_at=None)
    db.session.commit()
    row.state, row.ended_reason = RequirementState.WITHDRAWN, "Ordered for another person"
    db.session.commit()
    history = [decode(one.body) for one in list_history(db.session, "ServiceRequest", row.id)]
    assert [one["status"] for one in history] == ["revoked", "active"]
    assert history[0]["note"] == [{"text": "Ordered for another person"}]


def test_changed_reason_alone_makes_a_new_version_and_nothing_new_makes_none(app: Flask) -> None:
    sample.make_clean_adult()
    db.session.commit()
    row = _get_order("igra")
    row.position = row.position
    db.session.commit()
    assert len(list_history(db.session, "ServiceRequest", row.id)) == 1
    row.reasons[0].says = "Everybody from two years on."
    db.session.commit()
    newest = find_newest(db.session, "ServiceRequest", row.id)
    assert newest is not None and newest.version == 2
    row.reasons.clear()
    db.session.commit()
    newest = find_newest(db.session, "ServiceRequest", row.id)
    assert newest is not None and newest.version == 3 and b"reasonCode" not in newest.body


def test_document_carries_only_orders_that_a_result_answers(app: Flask) -> None:
    case = sample.make_clean_adult()
    sample.add_order(case, "creatinine", added_at=sample.MOMENT + timedelta(days=1))
    bundle = decode(build_document(build_order(case, make_user("physician"))).body)
    orders = {entry["resource"]["code"]["coding"][0]["code"] for entry in bundle["entry"]
              if entry["resource"]["resourceType"] == "ServiceRequest"}
    assert orders == {"igra", "syphilis", "hiv", "chest-xray"}
