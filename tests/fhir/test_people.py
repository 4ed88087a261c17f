"""People around the applicant as FHIR: contacts, guardians, families; none of it is released to anybody."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.models import ContactKind, Relation
from clinic.ports import FrozenResource
from clinic.services.contact import add_contact
from clinic.services.family import found_family, join_family, leave_family
from clinic.services.related_person import add_related, end_related
from fhir.encoder import decode
from fhir.projection import list_differences
from fhir.related_person import to_relationship
from fhir.release import release
from fhir.store import find_newest, list_history
from fhir.table import ReleasedVersion, StoredVersion
from tests.factory import make_applicant, make_user
from tests.fhir import sample
from tests.fhir.test_document import build_order, sign


def _read(kind: str, resource_id: str) -> dict[str, Any]:
    stored = find_newest(db.session, kind, resource_id)
    assert stored is not None
    return decode(stored.body)


def _related(**values: Any) -> dict[str, Any]:
    return {"registered_id": None, "name": "Noor Said", "organisation": None, "relation": Relation.AUNT,
            "is_guardian": True, "is_emergency": False, "phone": None, "document_kind": None, "document_number": None,
            } | values


def test_every_relation_but_the_unrelated_has_its_code() -> None:
    for relation in Relation:
        assert ("coding" in to_relationship(relation)) is (relation is not Relation.UNRELATED)
    assert to_relationship(Relation.MOTHER)["coding"][0]["code"] == "MTH"
    assert to_relationship(Relation.LEGAL_GUARDIAN)["coding"][0]["code"] == "GUARD"


def test_patient_says_how_the_person_is_reached_and_in_which_language(app: Flask) -> None:
    user = make_user()
    applicant = make_applicant(user, phone="+254 700 000001", email="a@mail.example", address="Camp 3",
                               language="prs", interpreter_language="fa-AF")
    add_contact(applicant, {"kind": ContactKind.PHONE, "value": "+254 700 000002", "note": None}, user)
    add_related(applicant, _related(is_guardian=False, is_emergency=True, phone="+254 700 000003"), user)
    db.session.commit()
    patient = _read("Patient", applicant.id)
    assert [(point["value"], point.get("rank")) for point in patient["telecom"]] == [
        ("+254 700 000001", 1), ("+254 700 000002", 2), ("a@mail.example", None)]
    assert patient["address"][0]["text"] == "Camp 3"
    assert [one["language"]["coding"][0]["code"] for one in patient["communication"]] == ["prs", "fa-AF"]
    assert {"url": "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired", "valueBoolean": True
            } in patient["extension"]
    assert patient["contact"][0]["relationship"][0]["coding"][0]["code"] == "C"
    assert patient["contact"][0]["telecom"][0]["value"] == "+254 700 000003"


def test_guardian_becomes_a_related_person_that_ends_and_stays(app: Flask) -> None:
    user = make_user()
    child = make_applicant(user, birth_date="2019-03-01")
    row = add_related(child, _related(), user)
    db.session.commit()
    resource = _read("RelatedPerson", row.id)
    assert [one["coding"][0]["code"] for one in resource["relationship"]] == ["AUNT", "GUARD"]
    assert resource["active"] is True and resource["patient"] == {"reference": f"Patient/{child.id}"}
    end_related(child, row, "the mother arrived", user)
    db.session.commit()
    assert _read("RelatedPerson", row.id)["active"] is False
    assert len(list_history(db.session, "RelatedPerson", row.id)) == 2


def test_family_becomes_a_group_that_keeps_who_left(app: Flask) -> None:
    user = make_user()
    mother, child = make_applicant(user), make_applicant(user, birth_date="2019-03-01")
    family = found_family(mother, {"kind": "family", "name": "Wanjiru", "authority_number": None}, user)
    member = join_family(family, child, Relation.CHILD, user)
    leave_family(family, member, "lives with the father", user)
    db.session.commit()
    group = _read("Group", family.id)
    assert group["quantity"] == 1 and group["identifier"][0]["value"] == family.number
    assert [(one["entity"]["reference"], one["inactive"]) for one in group["member"]] == [
        (f"Patient/{mother.id}", False), (f"Patient/{child.id}", True)]
    assert list(list_differences(db.session)) == []


def test_no_family_guardian_or_emergency_contact_is_ever_released(app: Flask) -> None:
    """Members may go to different authorities, and the others asked nobody to be known (architecture, decision 1)."""
    signer = make_user("physician", licence_number="KMPDC-77")
    for make, said in ((sample.make_clean_adult, {}), (sample.make_child, {"classes": ["B2"], "overall": "class-b"})):
        sign(build_order(make(), signer, **said))
    stored = {row.kind for row in db.session.execute(select(StoredVersion)).scalars()}
    assert {"Group", "RelatedPerson"} <= stored
    released = list(db.session.execute(select(ReleasedVersion)).scalars())
    assert released and not {"Group", "RelatedPerson"} & {row.kind for row in released}
    for row in released:
        assert b"SAID, Noor" not in row.body and b"Group/" not in row.body and b"RelatedPerson/" not in row.body
        assert row.kind != "Patient" or b'"contact"' not in row.body


def test_releasing_a_family_is_refused_outright(app: Flask) -> None:
    case = sample.make_child()
    exam, _built = sign(build_order(case, make_user("physician", licence_number="KMPDC-78"), classes=["B2"],
                                    overall="class-b"))
    with pytest.raises(ValueError, match="own record"):
        release(db.session, exam, [FrozenResource("Group", "any", 1, b"{}", "", ())])
