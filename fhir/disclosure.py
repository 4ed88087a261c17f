"""That an authority saw something is written down before the answer leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clinic.audit import record_read, record_reads
from fhir.access import Access
from fhir.released import Resource


def record_disclosure(
    access: Access, action: str, kind: str, resource_id: str, case_id: str | None,
    detail: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """One audit row: this client saw this resource of this case."""
    record_read(
        "client", access.client_id, action, kind, resource_id, case_id=case_id or None,
        authority_id=access.authority_id, detail=detail,
    )  # fmt: skip


def record_listing(access: Access, action: str, kind: str, subject: str, resources: Iterable[Resource]) -> None:
    """One audit row for each case that a list shows, naming the resources; one without a case when it is empty.

    Names of search parameters and their values are not written: they may be names of people.
    """
    cases: dict[str, list[str]] = {}
    for resource in resources:
        cases.setdefault(resource.case_id, []).append(f"{resource.address}/_history/{resource.version}")
    rows: list[tuple[str | None, dict[str, Any]]] = [
        (case_id or None, {"shown": shown}) for case_id, shown in cases.items()
    ]
    record_reads(
        "client", access.client_id, action, kind, subject, rows or [(None, {"shown": []})],
        authority_id=access.authority_id,
    )  # fmt: skip
