"""The clinic's own record of resources: reading versions, and appending one when the rows say something new."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from clinic import clock
from fhir.element import to_instant
from fhir.encoder import Resource, encode
from fhir.source import Projected
from fhir.table import StoredVersion
from fhir.validation import validate

Address = tuple[str, str]  # resource type and id


def find_newest(session: Session, kind: str, resource_id: str) -> StoredVersion | None:
    """The newest version of a resource."""
    return next(iter(list_history(session, kind, resource_id)), None)


def list_history(session: Session, kind: str, resource_id: str) -> list[StoredVersion]:
    """Every version of a resource, newest first."""
    query = select(StoredVersion).where(StoredVersion.kind == kind, StoredVersion.id == resource_id)
    return list(session.execute(query.order_by(StoredVersion.version.desc())).scalars())


def list_by_id(session: Session, resource_id: str) -> list[StoredVersion]:
    """The newest version of every resource of that id, of whatever type."""
    query = select(StoredVersion).where(StoredVersion.id == resource_id).order_by(StoredVersion.version)
    return list({row.kind: row for row in session.execute(query).scalars()}.values())


def list_newest(session: Session) -> Iterable[StoredVersion]:
    """The newest version of every resource, streamed."""
    return session.execute(_newest().execution_options(yield_per=500)).scalars()


def get_digests(session: Session, addresses: Iterable[Address]) -> dict[Address, tuple[int, str]]:
    """Newest version and digest of those of `addresses` that are stored."""
    wanted = set(addresses)
    ids = sorted({key for _kind, key in wanted})
    found: dict[Address, tuple[int, str]] = {}
    for start in range(0, len(ids), 200):  # databases limit the number of values in one statement
        # By id alone, every version's digest: asked for pairs, or for the newest of each, SQLite reads the whole table.
        rows = session.execute(select(
            StoredVersion.kind, StoredVersion.id, StoredVersion.version, StoredVersion.sha256
        ).where(StoredVersion.id.in_(ids[start : start + 200])).order_by(StoredVersion.version))
        found |= {(row.kind, row.id): (row.version, row.sha256) for row in rows if (row.kind, row.id) in wanted}
    return found


def content_digest(resource: Resource) -> str:
    """SHA-256 of what the rows say: the resource as built, before a version's own meta is put in."""
    return hashlib.sha256(encode(resource)).hexdigest()


def append(session: Session, projected: Projected, sha256: str, version: int) -> StoredVersion:
    """Validate a resource and add it as `version`; raises InvalidResource."""
    stored = StoredVersion(**build_version(projected, sha256, version, clock.now()))
    session.add(stored)
    return stored


def build_version(projected: Projected, sha256: str, version: int, moment: datetime) -> dict[str, Any]:
    """The row of a resource's version that is recorded at `moment`, by column; raises InvalidResource."""
    resource = with_meta(projected.resource, version, to_instant(moment))
    validate(resource)
    return {
        "kind": resource["resourceType"], "id": resource["id"], "version": version, "case_id": projected.case_id,
        "site_id": projected.site_id, "recorded_at": moment, "body": encode(resource), "sha256": sha256,
    }  # fmt: skip


def with_meta(resource: Resource, version: int, last_updated: str) -> Resource:
    """`resource` with its version's number and instant in `meta`, which stands third, after type and id."""
    meta = {"versionId": str(version), "lastUpdated": last_updated, **resource.get("meta", {})}
    rest = {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
    return {"resourceType": resource["resourceType"], "id": resource["id"], "meta": meta, **rest}


def _newest():  # type: ignore[no-untyped-def]
    """Select of the newest version of each resource."""
    newest = (
        select(StoredVersion.kind, StoredVersion.id, func.max(StoredVersion.version).label("version"))
        .group_by(StoredVersion.kind, StoredVersion.id)
        .subquery()
    )
    same = and_(
        StoredVersion.kind == newest.c.kind,
        StoredVersion.id == newest.c.id,
        StoredVersion.version == newest.c.version,
    )
    return select(StoredVersion).join(newest, same)
