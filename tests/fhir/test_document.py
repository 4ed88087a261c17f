"""The document and its release: exact bytes, whole, unlinkable, and replaced by amendments."""

from __future__ import annotations

import base64
import gzip
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.key import new_id
from clinic.models import Applicant, Case, LabResult, ResultStatus, SignedExam, User
from clinic.ports import BuiltDocument, DocumentOrder
from clinic.services.signing import read_document
from fhir.binary import build_binary
from fhir.document import build_document, build_proof
from fhir.document_reference import prepare_print
from fhir.encoder import decode, encode
from fhir.release import release
from fhir.rule import list_faults
from fhir.table import ReleasedIndex, ReleasedVersion
from tests.factory import make_user
from tests.fhir import sample

PDF = b"%PDF-1.7\nwhat was printed\n%%EOF\n"


def read_body(row: ReleasedVersion) -> bytes:
    """The exact bytes of a released version, also of one whose bytes lie with the signed exam."""
    if row.body:
        return row.body
    exam = db.session.get_one(SignedExam, row.signed_exam_id)
    return read_document(exam) if row.kind == "Bundle" else build_binary(row.id, exam.signed_at, exam.pdf or b"")


def build_order(
    case: Case, signer: User | None = None, replaces: SignedExam | None = None, **said: Any
) -> DocumentOrder:
    """An order for the case's next signature."""
    signer = signer or make_user("physician", licence_number="KMPDC-1234")
    conclusion = sample.build_conclusion(case, signer, **said)
    if replaces:
        conclusion.decided_at = sample.MOMENT + timedelta(days=replaces.version)
    db.session.flush()
    return DocumentOrder(
        case=case, conclusion=conclusion, signer=signer, signed_at=conclusion.decided_at, bundle_id=new_id(),
        version=replaces.version + 1 if replaces else 1, replaces=replaces,
        amendment_reason="New culture" if replaces else None,
    )


def sign(order: DocumentOrder) -> tuple[SignedExam, BuiltDocument]:
    """Build, release and store, without the services around it."""
    built = build_document(order)
    proof = build_proof(order, built, "eyJ.." + "c2ln")
    db.session.add(order.conclusion)
    db.session.flush()
    exam = SignedExam(
        id=order.bundle_id, case_id=order.case.id, authority_id=order.case.authority_id,
        conclusion_id=order.conclusion.id, version=order.version, size=len(built.body),
        document=gzip.compress(built.body, mtime=0),
        replaces_id=order.replaces.id if order.replaces else None, sha256="0" * 64, jws="x",
        signed_at=order.signed_at, signed_by_id=order.signer.id, pdf=PDF,
    )
    printed = prepare_print(order)(PDF)
    db.session.add(exam)
    db.session.flush()
    release(db.session, exam, (*built.resources, *proof, *printed))
    db.session.commit()
    return exam, built


def _current(case: Case) -> dict[tuple[str, str], dict[str, Any]]:
    rows = db.session.execute(select(ReleasedVersion).where(
        ReleasedVersion.case_id == case.id, ReleasedVersion.is_current.is_(True))).scalars()
    return {(row.kind, row.id): decode(read_body(row)) for row in rows}


@pytest.mark.parametrize("make", [sample.make_clean_adult, sample.make_infiltrate, sample.make_child])
def test_document_is_valid_and_its_bytes_are_canonical(app: Flask, make: Any) -> None:
    built = build_document(build_order(make(), classes=["B2"], overall="class-b"))
    bundle = decode(built.body)
    assert encode(bundle) == built.body
    assert list_faults(bundle) == []
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds[:2] == ["Composition", "Patient"]
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(urls) == len(set(urls)) and all(url.startswith("http://localhost:8000/fhir/") for url in urls)


def test_entries_are_the_released_resources_byte_for_byte(app: Flask) -> None:
    built = build_document(build_order(sample.make_clean_adult()))
    for resource in built.resources[:-1]:
        assert resource.body in built.body
    assert built.resources[-1].kind == "Bundle" and built.resources[-1].body == built.body


def test_required_summary_sections_stand_and_the_empty_ones_say_why(app: Flask) -> None:
    bundle = decode(build_document(build_order(sample.make_clean_adult())).body)
    sections = {section["code"]["coding"][0]["code"]: section for section in bundle["entry"][0]["resource"]["section"]}
    assert {"11450-4", "48765-2", "10160-0", "11369-6", "30954-2", "51848-0"} <= sections.keys()
    for section in sections.values():
        assert section["title"] and section["text"]["div"].startswith("<div xmlns=")
        assert bool(section.get("entry")) != bool(section.get("emptyReason"))


def test_only_what_counts_is_in_the_document(app: Flask) -> None:
    case = sample.make_infiltrate()
    bundle = decode(build_document(build_order(case)).body)
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert {one["status"] for one in resources if one["resourceType"] == "Observation"} <= {"final", "corrected"}
    rows = db.session.execute(select(LabResult).where(LabResult.case_id == case.id)).scalars()
    counting = sum(row.counts for row in rows)
    lab = [one for one in resources if one["resourceType"] == "Observation"
           and one["category"][0]["coding"][0]["code"] == "laboratory"]
    assert len(lab) == counting
    assert len([one for one in resources if one["resourceType"] == "Specimen"]) == 4


def test_no_internal_key_and_no_other_number_leaks(app: Flask) -> None:
    case = sample.make_clean_adult()
    nurse = make_user("nurse")
    other = sample.make_us_case(case.applicant, nurse, "ca", authority_case_number="IME-OTHER-1")
    body = build_document(build_order(case)).body.decode()
    keys = {case.id, case.applicant_id, case.site_id, case.applicant.number, other.id, other.number, "IME-OTHER-1"}
    keys |= {row.series_id for row in db.session.execute(select(LabResult)).scalars()}
    keys |= {row.id for row in db.session.execute(select(User)).scalars()}
    keys |= {row.email for row in db.session.execute(select(User)).scalars()}
    assert [key for key in keys if key in body] == []
    assert case.authority_case_number in body


def test_two_cases_of_one_person_share_no_id(app: Flask) -> None:
    first = sample.make_clean_adult()
    nurse = make_user("nurse")
    second = sample.make_us_case(first.applicant, nurse)
    ids = [{(one.kind, one.id) for one in build_document(build_order(case)).resources} for case in (first, second)]
    assert ids[0] & ids[1] == set()


def test_release_makes_every_resource_current_and_searchable(app: Flask) -> None:
    case = sample.make_clean_adult()
    exam, built = sign(build_order(case))
    current = _current(case)
    assert len(current) == len(built.resources) + 3  # the proof, the print, what describes it
    assert {resource["meta"]["versionId"] for resource in current.values()} == {"1"}
    found = db.session.execute(select(ReleasedIndex.id).where(
        ReleasedIndex.kind == "Patient", ReleasedIndex.parameter == "identifier",
        ReleasedIndex.value == case.authority_case_number)).scalars().all()
    assert len(found) == 1
    proof = next(one for (kind, _), one in current.items() if kind == "Provenance")
    assert proof["target"][0]["reference"] == f"Bundle/{exam.id}"
    assert base64.b64decode(proof["signature"][0]["data"]) == b"eyJ..c2ln"


def test_amendment_releases_new_versions_and_ends_what_it_withdraws(app: Flask) -> None:
    case = sample.make_clean_adult()
    signer = make_user("physician")
    exam, _ = sign(build_order(case, signer, classes=["B2", "B3"], overall="class-b"))
    before = _current(case)
    is_hiv = (LabResult.case_id == case.id, LabResult.test == "hiv")
    row = db.session.execute(select(LabResult).where(*is_hiv)).scalar_one()
    row.status = ResultStatus.ENTERED_IN_ERROR
    amended = build_order(case, signer, replaces=exam)
    _, built = sign(amended)
    after = _current(case)
    wrong = [one for one in after.values() if one.get("status") == "entered-in-error"]
    texts = {one["code"]["text"] for one in wrong}
    assert texts == {"HIV antigen and antibody", "HIV serology", "Tuberculosis class"}
    assert {one["clinicalStatus"]["coding"][0]["code"] for (kind, _), one in after.items() if kind == "Condition"} == {
        "inactive"}
    composition = next(one for (kind, _), one in after.items() if kind == "Composition")
    assert composition["status"] == "amended" and composition["meta"]["versionId"] == "2"
    assert composition["relatesTo"][0]["targetIdentifier"]["value"] == f"urn:uuid:{exam.id}"
    assert ("Bundle", exam.id) in after and ("Bundle", amended.bundle_id) in after
    assert before.keys() <= after.keys()
    assert b"entered-in-error" not in built.body


def test_second_amendment_says_nothing_new_of_what_was_withdrawn_before(app: Flask) -> None:
    case = sample.make_clean_adult()
    signer = make_user("physician")
    exam, _ = sign(build_order(case, signer, classes=["B2", "B3"], overall="class-b"))
    exam, _ = sign(build_order(case, signer, replaces=exam))
    sign(build_order(case, signer, replaces=exam))
    gone = [one for one in _current(case).values() if one.get("status") == "entered-in-error"]
    assert [one["meta"]["versionId"] for one in gone] == ["2"]


def test_every_worksheet_line_stands_in_the_document_with_its_outcome(app: Flask) -> None:
    bundle = decode(build_document(build_order(sample.make_clean_adult())).body)
    coded = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Observation"]
    lines = {one["code"]["text"]: one["valueCodeableConcept"]["coding"][0]["code"] for one in coded
             if one["code"]["coding"][0]["code"] == "vaccine-line"}
    assert lines == {"MMR": "given-series-incomplete", "Influenza": "waiver-not-flu-season",
                     "Varicella": "varicella-history", "Polio": "refused", "MenACWY": "waiver-not-available",
                     "Pneumococcal": "waiver-individual"}


def test_document_says_which_doses_count_how_they_were_given_and_the_worksheets_result(app: Flask) -> None:
    order = build_order(sample.make_clean_adult())
    order.conclusion.decision = {"vaccines": ["MMR", "Influenza"]}
    resources = [entry["resource"] for entry in decode(build_document(order).body)["entry"]]
    doses = {one["vaccineCode"]["text"]: one for one in resources
             if one["resourceType"] == "Immunization" and one["status"] == "completed"}
    assert doses["MMR"]["protocolApplied"] == [{"doseNumberPositiveInt": 1}]
    assert [part["coding"][0]["code"] for part in (doses["MMR"]["site"], doses["MMR"]["route"])] == ["RT", "SQ"]
    varicella = doses["Varicella"]
    assert "protocolApplied" not in varicella and "isSubpotent" not in varicella
    assert varicella["note"] == [{"text": "Does not count: Dose 1 not before the age of 12 months."}]
    assert varicella["primarySource"] is False and varicella["reportOrigin"]["text"] == "vaccination card"
    assert "HepA" not in doses
    result = next(one for one in resources if one["resourceType"] == "Observation"
                  and one["code"]["coding"][0]["code"] == "vaccination-result")
    assert result["valueCodeableConcept"]["coding"][0]["code"] == "blanket-waiver"


def test_markup_in_what_people_type_is_escaped(app: Flask) -> None:
    case = sample.make_clean_adult()
    case.applicant.given_names = "<script>alert(1)</script>"
    bundle = decode(build_document(build_order(case)).body)
    assert "<script" not in bundle["entry"][0]["resource"]["text"]["div"]


def test_patient_survives_the_way_out_and_back(app: Flask) -> None:
    from fhir import patient
    from fhir.naming import Naming

    nurse = make_user("nurse")
    person: Applicant = sample.make_person(nurse)
    read = patient.from_fhir(decode(encode(patient.to_fhir(person, Naming()))))
    for name in ("family_name", "given_names", "birth_date", "citizenship", "residence", "language", "phone", "email"):
        assert read[name] == getattr(person, name)
    assert read["sex"] == person.sex.value and read["documents"][0]["number"] == person.documents[0].number


def test_observation_survives_the_way_out_and_back(app: Flask) -> None:
    from fhir import observation
    from fhir.naming import Naming

    for make in (sample.make_clean_adult, sample.make_infiltrate, sample.make_child):
        case = make()
        for row in db.session.execute(select(LabResult).where(LabResult.case_id == case.id)).scalars():
            read = observation.from_fhir(decode(encode(observation.to_fhir(row, Naming()))))
            assert (read["test"], read["value"], read["unit"]) == (row.test, row.value, row.unit)
            parts = {part["name"]: (part["value"], part["unit"]) for part in read["components"]}
            assert parts == {part.name: (part.value, part.unit) for part in row.components}



def test_numbered_findings_stand_beside_the_common_ones(app: Flask) -> None:
    nurse = make_user("nurse")
    case = sample.make_us_case(sample.make_person(nurse), nurse, "uk")
    sample.add_reading(case, ["RETICULAR", "CAVITY"], make_user("radiologist"), numbered=["4.1", "4.7"], result="tb")
    resources = [entry["resource"] for entry in decode(build_document(build_order(case)).body)["entry"]]
    findings = [one for one in resources if one["resourceType"] == "Observation"
                and one["category"][0]["coding"][0]["code"] == "imaging"]
    codes = {tuple(coding["code"] for coding in one["valueCodeableConcept"]["coding"]) for one in findings}
    assert codes == {("RETICULAR", "4.1"), ("CAVITY", "4.7")}
    report = next(one for one in resources if one["resourceType"] == "DiagnosticReport")
    assert [concept["coding"][0]["code"] for concept in report["conclusionCode"]][1:] == ["tb"]


def test_treatments_and_panels_stand_in_the_document(app: Flask) -> None:
    bundle = decode(build_document(build_order(sample.make_infiltrate())).body)
    resources = {f"{one['resourceType']}/{one['id']}": one for one in (entry["resource"] for entry in bundle["entry"])}
    sections = {section["code"]["coding"][0]["code"]: section for section in bundle["entry"][0]["resource"]["section"]}
    treated = [resources[entry["reference"]] for entry in sections["10160-0"]["entry"]]
    assert {(one["resourceType"], one["status"]) for one in treated} == {
        ("MedicationStatement", "active"), ("MedicationStatement", "not-taken")}
    assert "doses planned 180" in sections["10160-0"]["text"]["div"]
    panels = [one for one in resources.values() if one["resourceType"] == "DiagnosticReport"
              and one["code"]["text"] == "Mycobacteriology"]
    assert len(panels) == 3 and all(entry["reference"] in resources for one in panels for entry in one["result"])
