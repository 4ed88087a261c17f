"""The looks of an authority's own clients, as AuditEvents that it may search: its own, and nobody else's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, tuple_

from clinic.audit import audit_engine, audit_read
from clinic.models.column import Instant
from clinic.queries.authority_access import OF_ITSELF, AuthorityAccess, run, select_accesses
from fhir.address import identifier_system
from fhir.audit_record import REST, Happening, build_event, client_agent, interaction, patient_entity
from fhir.criterion import Criterion, DateValue, ReferenceValue, TokenValue
from fhir.cursor import Position
from fhir.element import Element
from fhir.encoder import encode
from fhir.outcome import NotSupported
from fhir.parameter import AUDIT_KIND
from fhir.released import Released, Resource, compare_spans

# Our word for what a client did: the RESTful interaction (R4 type-restful-interaction) and the action (DICOM).
_INTERACTIONS = {
    "read": ("read", "R"), "vread": ("vread", "R"), "history": ("history-instance", "R"), "document": ("read", "R"),
    "search": ("search-type", "E"), "count": ("search-type", "E"), "everything": ("operation", "E"),
}  # fmt: skip
_row = audit_read.c


class AuditLog:
    """The looks of one authority's clients; the same questions as to what was released to it."""

    def __init__(self, released: Released, authority_id: str) -> None:
        self._released = released
        self._authority_id = authority_id

    def find(self, event_id: str) -> Resource | None:
        """One look by its id."""
        found = self._build(self._own().where(_row.id == event_id))
        return found[0] if found else None

    def count(self, criteria: list[Criterion]) -> int:
        """How many looks meet every criterion."""
        with audit_engine().connect() as connection:
            return int(connection.execute(self._matching(criteria, func.count())).scalar_one())

    def search(
        self, criteria: list[Criterion], limit: int, after: Position | None, is_descending: bool
    ) -> list[Resource]:
        """Looks that meet every criterion, ordered by their moment, from behind `after`."""
        query = self._matching(criteria)
        place = tuple_(_row.happened_at, _row.id)
        if after is not None:
            mark = tuple_(literal(after.released_at, Instant()), literal(after.id))
            query = query.where(place < mark if is_descending else place > mark)
        order = (_row.happened_at, _row.id)
        return self._build(query.order_by(*(c.desc() if is_descending else c for c in order)).limit(limit))

    def _own(self, *columns: Any) -> Select[Any]:
        """Every question begins here, with the authority."""
        return select_accesses(*columns).where(
            _row.authority_id == self._authority_id, _row.subject_kind != OF_ITSELF
        )

    def _matching(self, criteria: list[Criterion], *columns: Any) -> Select[Any]:
        query = self._own(*columns)
        for criterion in criteria:
            if criterion.is_negated or criterion.missing is not None or criterion.chain is not None:
                raise NotSupported(f"{AUDIT_KIND} is searched by plain values alone.")
            query = query.where(or_(*(self._match(criterion.parameter.name, value) for value in criterion.values)))
        return query

    def _match(self, name: str, value: Any) -> ColumnElement[bool]:
        if isinstance(value, DateValue):
            return compare_spans(value, _row.happened_at, _row.happened_at)
        if isinstance(value, TokenValue):
            fits = name == "_id" or value.system in (None, "", identifier_system("client"))
            return (_row.id if name == "_id" else _row.actor_id) == (value.value if fits else None)
        if isinstance(value, ReferenceValue) and name == "patient":
            return _row.case_id.in_(self._list_cases(value))
        if isinstance(value, ReferenceValue):
            return or_(literal(False), *(_shows(form) for form in value.forms))
        raise NotSupported(f"{AUDIT_KIND} has no such search parameter here.")

    def _list_cases(self, value: ReferenceValue) -> list[str]:
        found = (self._released.find("Patient", form.removeprefix("Patient/")) for form in value.forms)
        return [patient.case_id for patient in found if patient is not None]

    def _build(self, query: Select[Any]) -> list[Resource]:
        rows = run(query)
        patients = self._released.list_patients({row.case_id for row in rows if row.case_id})
        return [
            Resource(AUDIT_KIND, row.id, 1, row.case_id or "", "", row.happened_at,
                     encode(_to_event(row, patients.get(row.case_id or ""))))
            for row in rows
        ]  # fmt: skip


def _shows(address: str) -> ColumnElement[bool]:
    kind, _, resource_id = address.partition("/")
    named = and_(_row.subject_kind == kind, _row.subject_id == resource_id)
    return or_(named, _row.detail.contains(f'"{address}/_history/', autoescape=True))


def _to_event(row: AuthorityAccess, patient_id: str | None) -> Element:
    code, action = _INTERACTIONS.get(row.action, ("operation", "E"))
    entities: list[Element] = [{"what": {"reference": address}} for address in row.shown]
    if patient_id is not None:
        entities.insert(0, patient_entity({"reference": f"Patient/{patient_id}"}))
    return build_event(Happening(
        id=row.id, happened_at=row.happened_at, kind=REST, subtypes=(interaction(code),), action=action,
        agent=client_agent(row.client_id), entities=tuple(entities),
    ))
