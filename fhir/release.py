"""Freezes what a signature lets an authority read, inside the signature's own transaction."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.many_rows import insert_rows
from clinic.models import SignedExam
from clinic.ports import FrozenResource
from fhir.encoder import decode, digest
from fhir.index import list_indexed_values
from fhir.table import ReleasedIndex, ReleasedVersion

# They name people whose cases may belong to another authority, or who are no applicants at all.
NEVER_RELEASED = frozenset({"Group", "RelatedPerson"})
_VERSIONS, _INDEX = (cast(Table, model.__table__) for model in (ReleasedVersion, ReleasedIndex))


def release(session: Session, exam: SignedExam, resources: Sequence[FrozenResource]) -> None:
    """Add one released version for each resource, make it the current one, and index it in place of the older.

    Raises ValueError, a programmer's error, for a kind that never leaves the house.
    """
    if any(resource.kind in NEVER_RELEASED for resource in resources):
        raise ValueError("a family and a guardian stay in the clinic's own record")
    if any(resource.version > 1 for resource in resources):
        _retire(session, exam, resources)
    released_at = clock.now()  # of the commit, not of the signature: an authority that polls must not miss it
    versions = [{
        "authority_id": exam.authority_id, "kind": resource.kind, "id": resource.id, "version": resource.version,
        "is_current": True, "case_id": exam.case_id, "signed_exam_id": exam.id, "released_at": released_at,
        "body": _body(exam, resource), "etag": digest(resource.body),
    } for resource in resources]  # fmt: skip
    insert_rows(session.connection(), _VERSIONS, versions)
    _add_index(session, [{"authority_id": exam.authority_id, "kind": resource.kind, "id": resource.id, **found}
                         for resource in resources for found in resource.found_by])


def reindex(session: Session) -> int:
    """Write the search values of every current released resource anew and say of how many.

    For a version of ours that knows more search parameters than the one which released them.
    """
    query = select(ReleasedVersion).where(ReleasedVersion.is_current.is_(True)).execution_options(yield_per=200)
    count = 0
    for row in session.execute(query).scalars():
        if row.kind == "Binary":
            continue  # nothing in it is searched for
        body = row.body or gzip.decompress(session.get_one(SignedExam, row.signed_exam_id).document)
        _clear_index(session, row)
        _add_index(session, [{"authority_id": row.authority_id, "kind": row.kind, "id": row.id, **vars(value)}
                             for value in list_indexed_values(decode(body))])
        count += 1
    session.flush()
    return count


def _add_index(session: Session, rows: list[dict[str, Any]]) -> None:
    """Past the session: hundreds of mapped objects would hold the writers' lock for as long as validation."""
    insert_rows(session.connection(), _INDEX, rows)


def _clear_index(session: Session, row: ReleasedVersion) -> None:
    indexed = select(ReleasedIndex).where(
        ReleasedIndex.authority_id == row.authority_id, ReleasedIndex.kind == row.kind, ReleasedIndex.id == row.id,
    )
    for value in session.execute(indexed).scalars():
        session.delete(value)


def _body(exam: SignedExam, resource: FrozenResource) -> bytes:
    """What lies with the signed exam, document and print, the reader takes from there: not a second time here."""
    is_document = resource.kind == "Bundle" and resource.id == exam.id
    return b"" if is_document or resource.kind == "Binary" else resource.body


def _retire(session: Session, exam: SignedExam, resources: Sequence[FrozenResource]) -> None:
    """Older versions of these resources stay readable as history, but are neither current nor found."""
    addresses = {(resource.kind, resource.id) for resource in resources}
    current = select(ReleasedVersion).where(
        ReleasedVersion.authority_id == exam.authority_id,
        ReleasedVersion.case_id == exam.case_id,
        ReleasedVersion.is_current.is_(True),
    )
    for row in session.execute(current).scalars():
        if (row.kind, row.id) not in addresses:
            continue
        row.is_current = False
        _clear_index(session, row)
    session.flush()
