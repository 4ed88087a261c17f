"""What was released to an authority and no longer holds: a further version that says so; nothing is ever deleted."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic.ports import DocumentOrder, FrozenResource
from fhir.code import concept
from fhir.element import to_instant
from fhir.encoder import Resource, decode, encode
from fhir.store import with_meta
from fhir.table import ReleasedVersion
from fhir.validation import validate

_WRONG = "entered-in-error"
_WITH_STATUS = (
    "Observation", "DiagnosticReport", "ImagingStudy", "Immunization", "QuestionnaireResponse", "Specimen",
)


def list_withdrawn(session: Session, order: DocumentOrder, kept: set[tuple[str, str]]) -> list[FrozenResource]:
    """A version for each current resource of this case that the new document does not carry; raises InvalidResource."""
    query = select(ReleasedVersion).where(
        ReleasedVersion.authority_id == order.case.authority_id,
        ReleasedVersion.case_id == order.case.id,
        ReleasedVersion.is_current.is_(True),
        ReleasedVersion.kind.in_((*_WITH_STATUS, "Condition")),
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
        ended["meta"] = {name: value for name, value in before["meta"].items() if name == "security"}
        resource = with_meta(ended, row.version + 1, moment)
        validate(resource)
        found.append(FrozenResource(row.kind, row.id, row.version + 1, encode(resource)))
    return found


def _end(resource: Resource) -> Resource:
    if resource["resourceType"] == "Condition":
        return resource | {"clinicalStatus": concept("clinical-status.inactive")}
    return resource | {"status": _WRONG}
