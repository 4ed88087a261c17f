"""Turns touched rows into stored resource versions, in the transaction that touched them.

Rows are collected at every flush and projected once, when the outermost transaction commits, never at a savepoint
(docs/decisions/0001-one-datum.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import event, inspect
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.orm.attributes import set_committed_value

from clinic.many_rows import ReadyRows, make_ready
from clinic.models import Case, CaseState
from clinic.ports import DocumentOrder, ports
from fhir import store
from fhir.document import session_of
from fhir.encoder import Resource, decode
from fhir.form_observation import WRONG
from fhir.source import (
    MODELS,
    ORDER,
    Projected,
    Source,
    build,
    build_signed,
    find_sources,
    list_sources,
    list_sources_of_case,
)
from fhir.table import StoredVersion

_TOUCHED = "fhir_touched_rows"
_MOVED = "fhir_cases_of_another_applicant"  # every resource of them names the applicant


class BulkWriteRefused(RuntimeError):
    """A programmer's error: a statement would change projected rows behind the projection's back."""


def project(session: Session, rows: Sequence[object]) -> None:
    """Append a version of every resource that `rows` make and that now says something new.

    Raises InvalidResource, Misconfigured or InvalidInput; nothing of the transaction is saved then.
    """
    sources = {source for row in rows for source in find_sources(session, row)}
    for case_id in session.info.pop(_MOVED, set()):
        sources |= set(list_sources_of_case(session, case_id))
    made = [one for source in _in_order(sources) for one in build(session, source)]
    gone = {source.key for row in rows if inspect(row).deleted for source in find_sources(session, row)}
    _append_news(session, [*made, *_end_of_gone(session, gone - {one.resource["id"] for one in made})])


def _end_of_gone(session: Session, keys: set[str]) -> Iterator[Projected]:
    """A version in error of each resource whose row was deleted: what was said once stays to be read."""
    for key in sorted(keys):
        for row in store.list_by_id(session, key):
            resource = decode(row.body) | {"status": WRONG}
            if labels := resource.pop("meta").get("security"):
                resource["meta"] = {"security": labels}
            yield Projected(resource, row.site_id, row.case_id)


def _in_order(sources: Iterable[Source]) -> list[Source]:
    return sorted(sources, key=lambda source: (ORDER[source.name], source.key))


def foresee(order: DocumentOrder) -> ReadyRows:
    """The versions that the projection would append once the order's case is signed, ready to be stored with it.

    They are recorded at the moment of the conclusion. Whatever changes what they are made of counts the case's version,
    so who finds the case at the same version may store them without projecting. Raises as `project` does.
    """
    session, case, state = session_of(order), order.case, order.case.state
    set_committed_value(case, "state", CaseState.SIGNED)  # seen by what is built, and no change of the row
    try:
        news = _list_news(session, build_signed(session, case, order.conclusion))
        rows = [store.build_version(one, sha256, version, order.conclusion.decided_at) for one, sha256, version in news]
    finally:
        set_committed_value(case, "state", state)
    return make_ready(StoredVersion, rows)


def _append_news(session: Session, everything: list[Projected]) -> int:
    news = list(_list_news(session, everything))
    for one, sha256, version in news:
        store.append(session, one, sha256, version)
    return len(news)


def _list_news(session: Session, everything: list[Projected]) -> Iterator[tuple[Projected, str, int]]:
    """Each resource that says something new, with its digest and the number of its next version."""
    stored = store.get_digests(session, [_address(one.resource) for one in everything])
    for one in everything:
        version, sha256 = stored.get(_address(one.resource), (0, ""))
        if one.only_if_stored and not version:
            continue
        now = store.content_digest(one.resource)
        if now != sha256:
            yield one, now, version + 1


def _address(resource: Resource) -> store.Address:
    return resource["resourceType"], resource["id"]


@dataclass(frozen=True)
class Difference:
    """A resource of the store that is not what the rows say."""

    kind: str
    id: str
    what: str  # missing, changed, orphan


def list_differences(session: Session) -> Iterator[Difference]:
    """Compare every resource that the rows make with the newest stored version, and the other way round."""
    stored = {(row.kind, row.id): row.sha256 for row in store.list_newest(session)}
    drafts: set[store.Address] = set()
    seen: set[store.Address] = set()
    for source in list_sources(session):
        made = build(session, source)
        if not made:
            drafts |= {(kind, key) for kind, key in stored if key == source.key}
        for one in made:
            address = _address(one.resource)
            seen.add(address)
            if address not in stored:
                if not one.only_if_stored:
                    yield Difference(*address, "missing")
            elif stored[address] != store.content_digest(one.resource):
                yield Difference(*address, "changed")
    for address in sorted(stored.keys() - seen - drafts):
        newest = store.find_newest(session, *address)
        if newest is None or decode(newest.body).get("status") != WRONG:
            yield Difference(*address, "orphan")


def append_missing(session: Session) -> int:
    """Bring the store up to what the rows say; returns how many versions were appended."""
    return sum(_append_news(session, build(session, source)) for source in list_sources(session))


def install_projection() -> None:
    """Project at the end of every transaction from now on; asking twice changes nothing."""
    for name, listener in _LISTENERS.items():
        if not event.contains(Session, name, listener):
            event.listen(Session, name, listener)


def _collect(session: Session, _context: object) -> None:
    touched = session.info.setdefault(_TOUCHED, {})
    changed = (row for row in session.dirty if session.is_modified(row))  # `dirty` has rows set to what they were
    for row in (*session.new, *changed, *session.deleted):
        if isinstance(row, MODELS):
            touched[id(row)] = row  # holding the row keeps its id from being used again
        if isinstance(row, Case) and row not in session.new and inspect(row).attrs.applicant_id.history.has_changes():
            session.info.setdefault(_MOVED, set()).add(row.id)


def _project_touched(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    while touched := session.info.pop(_TOUCHED, None):
        ports.project(session, [row for row in touched.values() if not inspect(row).transient])
        session.flush()



def _forget_all(session: Session) -> None:
    session.info.pop(_TOUCHED, None)
    session.info.pop(_MOVED, None)


def _refuse_bulk_write(state: ORMExecuteState) -> None:
    if (state.is_update or state.is_delete) and state.bind_mapper is not None:
        model = state.bind_mapper.class_
        if getattr(model, "__projected__", False) or model in MODELS:
            raise BulkWriteRefused(f"change {model.__name__} row by row: a bulk statement escapes the projection")


_LISTENERS: dict[str, Callable[..., None]] = {
    "after_flush": _collect,
    "before_commit": _project_touched,
    "after_rollback": _forget_all,
    "do_orm_execute": _refuse_bulk_write,
}
