"""Released exams, row by row, so that these tests look at the HTTP side alone."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from clinic.db import db
from clinic.key import new_id
from clinic.models import Applicant, Case, SignedExam, User
from fhir.encoder import digest, encode
from fhir.index import list_indexed_values
from fhir.naming import ReleasedNaming
from fhir.searchset import format_instant
from fhir.table import ReleasedIndex, ReleasedVersion
from tests.fhir.sample import MOMENT, build_conclusion, make_us_case

SECTION = "http://loinc.org"


@dataclass
class ReleasedExam:
    """What a test needs to know of an exam after its rows are committed."""

    authority_id: str
    case_id: str
    bundle_id: str
    document: bytes
    ids: dict[str, list[str]] = field(default_factory=dict)  # by resource type

    def id_of(self, kind: str) -> str:
        """The first resource of a type."""
        return self.ids[kind][0]


def release_exam(
    person: Applicant, signer: User, programme: str = "us", released_at: datetime = MOMENT, observations: int = 3
) -> ReleasedExam:
    """Sign and release a small exam of `person` for one authority."""
    case = make_us_case(person, signer, programme)
    resources = build_resources(case, signer, observations)
    exam_id = new_id()
    exam = ReleasedExam(case.authority_id, case.id, exam_id, build_bundle(exam_id, resources))
    store_exam(case, signer, exam, released_at)
    for resource in resources:
        exam.ids.setdefault(resource["resourceType"], []).append(resource["id"])
        store_version(case, exam, resource, 1, released_at)
    bundle = {"resourceType": "Bundle", "id": exam_id, "type": "document", "timestamp": format_instant(released_at)}
    store_version(case, exam, bundle, 1, released_at, body=b"")
    return exam


def release_again(case_id: str, exam: ReleasedExam, resource: dict[str, Any], version: int) -> None:
    """Release another version of one resource of an exam."""
    case = db.session.get_one(Case, case_id)
    db.session.execute(
        update(ReleasedVersion).where(ReleasedVersion.id == resource["id"]).values(is_current=False)
    )
    for row in db.session.query(ReleasedIndex).filter_by(id=resource["id"]):
        db.session.delete(row)
    store_version(case, exam, resource, version, MOMENT + timedelta(days=version))


def store_exam(case: Case, signer: User, exam: ReleasedExam, signed_at: datetime) -> None:
    """The signature's rows."""
    conclusion = build_conclusion(case, signer)
    conclusion.id = new_id()
    db.session.add(conclusion)
    db.session.flush()
    db.session.add(SignedExam(
        id=exam.bundle_id, case_id=case.id, authority_id=case.authority_id, conclusion_id=conclusion.id, version=1,
        document=gzip.compress(exam.document, mtime=0), size=len(exam.document), sha256=digest(exam.document),
        jws="none", signed_at=signed_at, signed_by_id=signer.id,
    ))
    db.session.flush()


def store_version(
    case: Case, exam: ReleasedExam, resource: dict[str, Any], version: int, released_at: datetime,
    body: bytes | None = None,
) -> None:
    """One released version with its search values."""
    resource["meta"] = {"versionId": str(version), "lastUpdated": format_instant(released_at)}
    body = encode(resource) if body is None else body
    kind, resource_id = resource["resourceType"], resource["id"]
    db.session.add(ReleasedVersion(
        authority_id=case.authority_id, kind=kind, id=resource_id, version=version, is_current=True, case_id=case.id,
        signed_exam_id=exam.bundle_id, released_at=released_at, body=body, etag=digest(body),
    ))
    for found in list_indexed_values(resource):
        db.session.add(ReleasedIndex(
            authority_id=case.authority_id, kind=kind, id=resource_id, parameter=found.parameter, system=found.system,
            value=found.value, written=found.written, low=found.low, high=found.high,
        ))
    db.session.flush()


def build_resources(case: Case, signer: User, observations: int) -> list[dict[str, Any]]:
    """Composition, Patient, EpisodeOfCare, Observations, Organization, Practitioner and a Provenance."""
    naming = ReleasedNaming(case.authority_id, case.id)
    person = case.applicant
    patient, author = naming.refer("Patient", person.id), naming.refer("Practitioner", signer.id)
    found = [
        {
            "resourceType": "Observation", "id": naming.id_of("Observation", f"{case.id}/{number}"),
            "status": "final" if number % 2 else "corrected",
            "category": [{"coding": [{"system": "urn:category", "code": "laboratory"}]}],
            "code": {"coding": [{"system": SECTION, "code": f"{71773 + number}-6"}]}, "subject": patient,
            "effectiveDateTime": f"2026-11-{10 + number % 15:02}", "performer": [author],
            "valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "260385009"}]},
        }
        for number in range(observations)
    ]  # fmt: skip
    composition = {
        "resourceType": "Composition", "id": naming.id_of("Composition", case.id), "status": "final",
        "type": {"coding": [{"system": SECTION, "code": "60591-5"}]}, "subject": patient,
        "date": format_instant(MOMENT), "author": [author], "title": f"Examination of {person.family_name}",
        "section": [{"title": "Results", "entry": [{"reference": f"Observation/{o['id']}"} for o in found]}],
    }  # fmt: skip
    return [
        composition,
        {
            "resourceType": "Patient", "id": naming.id_of("Patient", person.id),
            "identifier": [{"system": "urn:passport", "value": d.number} for d in person.documents]
            + [{"system": f"urn:case:{case.authority_id}", "value": case.authority_case_number}],
            "name": [{"family": person.family_name, "given": person.given_names.split()}], "gender": "female",
            "birthDate": person.birth_date,
        },
        {
            "resourceType": "EpisodeOfCare", "id": naming.id_of("EpisodeOfCare", case.id), "status": "finished",
            "identifier": [{"system": f"urn:case:{case.authority_id}", "value": case.authority_case_number}],
            "patient": patient, "managingOrganization": naming.refer("Organization", case.site_id),
        },
        *found,
        {
            "resourceType": "Organization", "id": naming.id_of("Organization", case.site_id),
            "name": "Clinic",
        },
        {
            "resourceType": "Practitioner", "id": naming.id_of("Practitioner", signer.id),
            "name": [{"family": "Müller", "given": ["Ana"]}],
        },
        {
            "resourceType": "Provenance", "id": naming.id_of("Provenance", case.id),
            "target": [{"reference": f"Composition/{composition['id']}"}], "recorded": format_instant(MOMENT),
            "agent": [{"who": author}],
        },
    ]  # fmt: skip


def build_bundle(bundle_id: str, resources: list[dict[str, Any]]) -> bytes:
    """A document of these resources, as it would be signed."""
    entries = [{"fullUrl": f"urn:uuid:{new_id()}", "resource": resource} for resource in resources]
    return encode({"resourceType": "Bundle", "id": bundle_id, "type": "document", "entry": entries})
