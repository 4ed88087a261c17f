"""What was released to an authority and no longer holds: a further version that says so; nothing is ever deleted."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.models import SignedExam
from clinic.ports import DocumentOrder, FrozenResource
from fhir.code import concept
from fhir.element import to_instant
from fhir.encoder import Resource, decode
from fhir.frozen import freeze
from fhir.release import release
from fhir.store import with_meta
from fhir.table import ReleasedVersion
from fhir.validation import validate

_WRONG = "entered-in-error"
_WITH_STATUS = (
    "Observation", "DiagnosticReport", "ImagingStudy", "Immunization", "MedicationStatement", "QuestionnaireResponse",
    "Specimen",
)


def list_withdrawn(session: Session, order: DocumentOrder, kept: set[tuple[str, str]]) -> list[FrozenResource]:
    """A version for each current resource of this case that the new document does not carry; raises InvalidResource."""
    query = select(ReleasedVersion).where(
        ReleasedVersion.authority_id == order.case.authority_id,
        ReleasedVersion.case_id == order.case.id,
        ReleasedVersion.is_current.is_(True),
        ReleasedVersion.kind.in_((*_WITH_STATUS, "Condition", "Flag", "ServiceRequest")),
    )
    moment = to_instant(order.signed_at)
    found = []
    for row in session.execute(query.order_by(ReleasedVersion.kind, ReleasedVersion.id)).scalars():
        if (row.kind, row.id) in kept:
            continue
        before = decode(row.body)
        ended = _end(before)
        if ended == before:
            continue  # said so already by an earlier amendment
        found.append(_freeze(row, before, ended, moment))
    return found


def revoke(session: Session, exam: SignedExam) -> None:
    """Release, of what opens a revoked exam, a version that says so; the document and its bytes stay as signed."""
    query = select(ReleasedVersion).where(
        ReleasedVersion.authority_id == exam.authority_id, ReleasedVersion.signed_exam_id == exam.id,
        ReleasedVersion.is_current.is_(True), ReleasedVersion.kind.in_(("Composition", "DocumentReference")),
    )
    ended = []
    for row in session.execute(query.order_by(ReleasedVersion.kind)).scalars():
        before = decode(row.body)
        ended.append(_freeze(row, before, before | {"status": _WRONG}, to_instant(clock.now())))
    release(session, exam, ended)


def _freeze(row: ReleasedVersion, before: Resource, after: Resource, moment: str) -> FrozenResource:
    """The version behind `row`, with the same security labels."""
    after["meta"] = {name: value for name, value in before["meta"].items() if name == "security"}
    resource = with_meta(after, row.version + 1, moment)
    validate(resource)
    return freeze(resource, row.version + 1)


def _end(resource: Resource) -> Resource:
    if resource["resourceType"] == "Condition":
        return resource | {"clinicalStatus": concept("clinical-status.inactive")}
    if resource["resourceType"] == "ServiceRequest":
        return resource | {"status": "revoked"}
    if resource["resourceType"] == "Flag":
        return resource | {"status": "inactive"}  # it was true; the hold has ended since
    return resource | {"status": _WRONG}
