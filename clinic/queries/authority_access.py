"""What authorities' clients looked at, out of the audit of reads: for the clinic by case, for an authority its own."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select

from clinic.audit import audit_engine, audit_read
from clinic.db import db
from clinic.models import Case, User

PAGE_SIZE = 50
LOOKED_AT_MOST = 1000  # rows of one page's search for the site's own; the next page goes on behind them
OF_ITSELF = "AuditEvent"  # looks at this very list; they are not listed to the authority, or its pages would never end
_columns = audit_read.c


@dataclass(frozen=True)
class AuthorityAccess:
    """One look of one client at one case; without a case it showed nothing of anybody."""

    id: str
    happened_at: datetime
    client_id: str
    authority_id: str
    action: str  # read, vread, search, history, document, everything, count
    subject_kind: str
    subject_id: str
    case_id: str | None
    detail: dict[str, Any]

    @property
    def shown(self) -> list[str]:
        """The addresses `Type/id/_history/version` of what it saw."""
        if "shown" in self.detail:
            return list(self.detail["shown"])
        if not self.subject_id:
            return []
        return [f"{self.subject_kind}/{self.subject_id}/_history/{self.detail.get('version', 1)}"]

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """How many resources of each type it saw."""
        return sorted(Counter(address.split("/")[0] for address in self.shown).items())

    @property
    def is_unchanged(self) -> bool:
        """Whether the client had the same version already, and was told just that."""
        return bool(self.detail.get("unchanged"))


def select_accesses(*columns: Any) -> Select[Any]:
    """A select over looks of authorities' clients."""
    return select(*(columns or audit_read.columns)).where(_columns.actor_kind == "client")


def run(query: Select[Any]) -> list[AuthorityAccess]:
    """The rows of a select of all columns, on the audit's own connection."""
    with audit_engine().connect() as connection:
        return [_to_access(row) for row in connection.execute(query)]


def list_case_accesses(case: Case, after: str | None = None, limit: int = PAGE_SIZE) -> list[AuthorityAccess]:
    """One page of the looks at a case, the newest first; `after` is the last id of the page before."""
    return run(_newest_first(_columns.case_id == case.id, after, limit))


def summarise_case(case: Case) -> tuple[int, datetime | None]:
    """How often authorities looked at a case, and when last."""
    query = select_accesses(func.count(), func.max(_columns.happened_at)).where(_columns.case_id == case.id)
    with audit_engine().connect() as connection:
        count, last = connection.execute(query).one()
    return count, last


def list_site_accesses(user: User, after: str | None = None) -> tuple[list[tuple[AuthorityAccess, Case]], str | None]:
    """One page of the looks at the cases of the user's site, the newest first, and where the next page begins.

    Rows of reads lie in a database of their own: cases are looked up beside them, so a page may hold fewer than
    PAGE_SIZE although more follow.
    """
    found: list[tuple[AuthorityAccess, Case]] = []
    for _ in range(LOOKED_AT_MOST // PAGE_SIZE):
        rows = run(_newest_first(_columns.case_id.is_not(None), after, PAGE_SIZE))
        cases = _list_cases(user, {row.case_id for row in rows})
        for row in rows:
            after = row.id
            if row.case_id in cases:
                found.append((row, cases[row.case_id]))
                if len(found) == PAGE_SIZE:
                    return found, after
        if len(rows) < PAGE_SIZE:
            return found, None
    return found, after


def _newest_first(condition: ColumnElement[bool], after: str | None, limit: int) -> Select[Any]:
    query = select_accesses().where(condition).order_by(_columns.id.desc()).limit(limit)
    return query.where(_columns.id < after) if after else query


def _list_cases(user: User, ids: set[str | None]) -> dict[str | None, Case]:
    query = select(Case).where(Case.site_id == user.site_id, Case.id.in_(ids))
    return {case.id: case for case in db.session.execute(query).unique().scalars()}


def _to_access(row: Row[Any]) -> AuthorityAccess:
    return AuthorityAccess(
        row.id, row.happened_at, row.actor_id or "", row.authority_id or "", row.action, row.subject_kind,
        row.subject_id, row.case_id, json.loads(row.detail),
    )
