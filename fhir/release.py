"""Freezes what a signature lets an authority read, inside the signature's own transaction."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.many_rows import ManyRows, ReadyRows, add_rows, compile_insert, make_ready
from clinic.models import SignedExam
from clinic.ports import FrozenResource
from fhir.encoder import Resource, decode
from fhir.index import IndexedValue, list_indexed_values
from fhir.table import ReleasedIndex, ReleasedVersion

# They name people whose cases may belong to another authority, or who are no applicants at all.
NEVER_RELEASED = frozenset({"Group", "RelatedPerson"})
_OF_INDEX = frozenset({"authority_id", "kind", "id", *(field.name for field in fields(IndexedValue))})


def release(session: Session, exam: SignedExam, resources: Sequence[FrozenResource]) -> None:
    """Add one released version for each resource, make it the current one, and index it in place of the older.

    `exam` need not be known to the session. Raises ValueError, a programmer's error, for a kind that never leaves the
    house.
    """
    if not resources:
        return
    if any(resource.kind in NEVER_RELEASED for resource in resources):
        raise ValueError("a family and a guardian stay in the clinic's own record")
    if any(resource.version > 1 for resource in resources):
        _retire(session, exam, resources)
    same = {
        "authority_id": exam.authority_id, "case_id": exam.case_id, "signed_exam_id": exam.id, "is_current": True,
        "released_at": clock.now(),  # of the commit, not of the signature: an authority that polls must not miss it
    }  # fmt: skip
    versions = [{**same, "kind": resource.kind, "id": resource.id, "version": resource.version,
                 "body": _body(exam, resource), "etag": resource.etag} for resource in resources]
    add_rows(session.connection(), make_ready(ReleasedVersion, versions))
    _add_index(session, exam.authority_id, [row for resource in resources for row in resource.found_by])


def list_index_rows(resource: Resource) -> list[Sequence[Any]]:
    """The search index's rows of a resource as the database's driver takes them, all but the authority that leads."""
    address = {"authority_id": None, "kind": resource["resourceType"], "id": resource["id"]}
    to_values = _insert_into_index().list_values
    return [to_values({**address, **vars(value)})[1:] for value in list_indexed_values(resource)]


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
        _add_index(session, row.authority_id, list_index_rows(decode(body)))
        count += 1
    session.flush()
    return count


def _add_index(session: Session, authority_id: str, rows: Iterable[Sequence[Any]]) -> None:
    """Past the session: hundreds of mapped objects would hold the writers' lock for as long as validation."""
    session.flush()
    add_rows(session.connection(), ReadyRows(_insert_into_index(), [(authority_id, *row) for row in rows]))


def _insert_into_index() -> ManyRows:
    return compile_insert(ReleasedIndex, _OF_INDEX)


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
