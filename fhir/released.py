"""What an authority may read: the only module that asks the released tables on behalf of one.

Every query begins in `_versions`, `_values` or `_exams`, which ask for the authority, and is run by `Released`,
which alone says which one it is; there is no other way in.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CursorResult,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from clinic.audit import audit_read
from clinic.models import AuthorityClient, SignedExam
from clinic.models.column import Instant
from fhir.binary import build_binary
from fhir.criterion import Criterion, DateValue, ReferenceValue, TextValue, TokenValue, Value
from fhir.cursor import Position
from fhir.index import STRING_LENGTH
from fhir.parameter import ParameterKind, list_references
from fhir.search import Include
from fhir.table import ReleasedIndex, ReleasedVersion

_version: Any = ReleasedVersion.__table__.c
_value: Any = ReleasedIndex.__table__.c
_exam: Any = SignedExam.__table__.c
_Condition = ColumnElement[bool]
DOCUMENT_KIND = "Bundle"  # its bytes lie with the signature, once
PRINT_KIND = "Binary"  # and so do those of the printed packet


@dataclass(frozen=True)
class Resource:
    """One released version of a resource, as exact bytes."""

    kind: str
    id: str
    version: int
    case_id: str
    signed_exam_id: str
    released_at: datetime
    body: bytes

    @property
    def address(self) -> str:
        """`Type/id`."""
        return f"{self.kind}/{self.id}"


@dataclass(frozen=True)
class Document:
    """A signed document Bundle: `packed` is the gzip of its exact bytes."""

    id: str
    case_id: str
    version: int
    signed_at: datetime
    packed: bytes
    sha256: str


def _versions(*columns: Any) -> Select[Any]:
    return select(*columns).where(_version.authority_id == bindparam("authority"))


def _values(column: Any, kind: str, parameters: Iterable[str], is_date: bool = False) -> Select[Any]:
    return select(column).where(
        _value.authority_id == bindparam("authority"), _value.kind == kind, _value.parameter.in_(tuple(parameters)),
        _value.value.is_(None) if is_date else _value.value.is_not(None),  # as the partial indexes say it
    )


def _exams(*columns: Any) -> Select[Any]:
    return select(*columns).where(_exam.authority_id == bindparam("authority"))


_RESOURCE = tuple(_version[name] for name in Resource.__dataclass_fields__)
_DOCUMENT = (_exam.id, _exam.case_id, _exam.version, _exam.signed_at, _exam.document, _exam.sha256)
# Built once: these two carry most of what authorities ask.
_ONE_VERSION = _versions(*_RESOURCE).where(_version.kind == bindparam("kind"), _version.id == bindparam("id"))
_CURRENT_VERSION = _ONE_VERSION.where(_version.is_current)
_ONE_DOCUMENT = _exams(*_DOCUMENT).where(_exam.id == bindparam("id"))
_client: Any = AuthorityClient.__table__.c


def build_look_up(with_body: bool) -> Select[Any]:
    """Case, digest, moment, packed bytes (or null) of document `bundle`, if `client` of `authority` is served `today`.

    The client's part says in SQL what `fhir.access.check_token` and `is_served` say.
    """
    return _exams(_exam.case_id, _exam.sha256, _exam.signed_at, _exam.document if with_body else null()).where(
        _exam.id == bindparam("bundle"),
        exists().where(
            _client.id == bindparam("client"), _client.authority_id == bindparam("authority"), _client.active,
            or_(_client.expires_on.is_(None), _client.expires_on >= bindparam("today")),
        ),
    )


def build_hand_out(with_body: bool) -> Select[Any]:
    """Moment and packed bytes (or null) of a document as above, and in the same statement the row of its disclosure."""
    found = build_look_up(with_body).with_only_columns(
        _exam.case_id, _exam.sha256, _exam.signed_at, (_exam.document if with_body else null()).label("packed")
    ).cte("found")
    unchanged = "false" if with_body else "true"
    detail = literal_column("""'{"sha256":"'""").concat(found.c.sha256).concat(
        literal_column(f"""'","unchanged":{unchanged}}}'"""))
    given: dict[str, Any] = {"case_id": found.c.case_id, "detail": detail}
    values = [given.get(column.name, bindparam(column.name, type_=column.type)) for column in audit_read.c]
    written = audit_read.insert().from_select([column.name for column in audit_read.c], select(*values)).cte("written")
    return select(found.c.signed_at, found.c.packed).add_cte(written)


class Released:
    """The released resources of one authority."""

    def __init__(self, session: Session, authority_id: str) -> None:
        self._session = session
        self._authority_id = authority_id

    def _run(self, query: Select[Any], **values: Any) -> CursorResult[Any]:
        """Run a query for this authority."""
        return self._session.connection().execute(query, values | {"authority": self._authority_id})

    def find(self, kind: str, resource_id: str, version: int | None = None) -> Resource | None:
        """The current version of a resource, or the one asked for."""
        query = _CURRENT_VERSION if version is None else _ONE_VERSION.where(_version.version == version)
        row = self._run(query, kind=kind, id=resource_id).one_or_none()
        return self._fill([row])[0] if row is not None else None

    def get_print(self, resource: Resource) -> bytes:
        """The exact bytes of the printed packet that a Binary stands for."""
        pdf: bytes = self._run(_exams(_exam.pdf).where(_exam.id == resource.signed_exam_id)).scalar_one()
        return pdf

    def find_document(self, bundle_id: str) -> Document | None:
        """A signed document by its Bundle's id."""
        row = self._run(_ONE_DOCUMENT, id=bundle_id).one_or_none()
        return Document(*tuple(row)) if row is not None else None

    def list_history(self, kind: str, resource_id: str, since: datetime | None = None) -> list[Resource]:
        """Every version of a resource, the newest first; those released at or after `since`."""
        query = _ONE_VERSION.order_by(_version.version.desc())
        if since is not None:
            query = query.where(_version.released_at >= since)
        return self._fill(self._run(query, kind=kind, id=resource_id).all())

    def list_case(self, case_id: str) -> list[Resource]:
        """Every current resource of a case, in the order of their types and ids."""
        query = _versions(*_RESOURCE).where(_version.case_id == case_id, _version.is_current)
        return self._fill(self._run(query.order_by(_version.kind, _version.id)).all())

    def list_patients(self, case_ids: Iterable[str]) -> dict[str, str]:
        """The id of the Patient by its case."""
        query = _versions(_version.case_id, _version.id).where(_version.kind == "Patient", _version.is_current)
        return {row.case_id: row.id for row in self._run(query.where(_version.case_id.in_(list(case_ids))))}

    def count(self, kind: str, criteria: Sequence[Criterion]) -> int:
        """How many current resources meet every criterion."""
        query = self._matching(kind, criteria, func.count())
        return int(self._run(query).scalar_one())

    def search(
        self, kind: str, criteria: Sequence[Criterion], limit: int, after: Position | None = None,
        is_descending: bool = False,
    ) -> list[Resource]:  # fmt: skip
        """Current resources that meet every criterion, ordered by release and id, from behind `after`."""
        query = self._matching(kind, criteria, *_RESOURCE)
        place = tuple_(_version.released_at, _version.id)
        if after is not None:
            mark = tuple_(literal(after.released_at, Instant()), literal(after.id))
            query = query.where(place < mark if is_descending else place > mark)
        order = (_version.released_at, _version.id)
        query = query.order_by(*((column.desc() for column in order) if is_descending else order))
        return self._fill(self._run(query.limit(limit)).all())

    def list_references(self, resources: Iterable[Resource], include: Include | None = None) -> list[str]:
        """The `Type/id` that resources refer to: by the parameters of `include`, or by any that is indexed."""
        found: dict[str, None] = {}
        pairs = ((r.kind, r.id) for r in resources if include is None or r.kind == include.kind)
        for kind, ids in _group(pairs).items():
            names = include.parameters if include else [p.name for p in list_references(kind)]
            query = _values(_value.value, kind, names).where(_value.id.in_(ids)).distinct()
            found.update(dict.fromkeys(self._run(query.order_by(_value.value)).scalars()))
        target = include.target if include else None
        return [address for address in found if not target or address.startswith(f"{target}/")]

    def list_referring(self, resources: Iterable[Resource], include: Include) -> list[str]:
        """The `Type/id` of resources of `include.kind` that refer to one of `resources`."""
        addresses = [r.address for r in resources if not include.target or r.kind == include.target]
        if not addresses:
            return []
        query = _values(_value.id, include.kind, include.parameters).where(_value.value.in_(addresses))
        ids = self._run(query.distinct().order_by(_value.id)).scalars()
        return [f"{include.kind}/{resource_id}" for resource_id in ids]

    def list_current(self, addresses: Iterable[str]) -> list[Resource]:
        """The current versions of resources named `Type/id`; those that this authority may not read are left out."""
        found: list[Resource] = []
        pairs = (address.split("/") for address in addresses if address.count("/") == 1)
        for kind, ids in _group((kind, resource_id) for kind, resource_id in pairs).items():
            query = _versions(*_RESOURCE).where(_version.kind == kind, _version.is_current)
            found += self._fill(self._run(query.where(_version.id.in_(ids)).order_by(_version.id)).all())
        return found

    def _fill(self, rows: Sequence[Row[Any]]) -> list[Resource]:
        """Rows as resources; documents' and prints' bytes need not lie here a second time: the signed exam has them."""
        resources = self._fill_prints([Resource(*tuple(row)) for row in rows])
        ids = [resource.id for resource in resources if resource.kind == DOCUMENT_KIND and not resource.body]
        if not ids:
            return resources
        exams = _exams(_exam.id, _exam.document).where(_exam.id.in_(ids))
        packed: dict[str, bytes] = {row.id: row.document for row in self._run(exams)}
        return [
            replace(r, body=gzip.decompress(packed[r.id])) if r.kind == DOCUMENT_KIND and r.id in packed else r
            for r in resources
        ]

    def _fill_prints(self, resources: list[Resource]) -> list[Resource]:
        ids = [resource.signed_exam_id for resource in resources if resource.kind == PRINT_KIND and not resource.body]
        if not ids:
            return resources
        exams = self._run(_exams(_exam.id, _exam.signed_at, _exam.pdf).where(_exam.id.in_(ids)))
        printed = {row.id: row for row in exams}
        return [
            replace(r, body=build_binary(r.id, printed[r.signed_exam_id].signed_at, printed[r.signed_exam_id].pdf))
            if r.kind == PRINT_KIND and not r.body else r
            for r in resources
        ]

    def _matching(self, kind: str, criteria: Sequence[Criterion], *columns: Any) -> Select[Any]:
        query = _versions(*columns).where(_version.kind == kind, _version.is_current)
        for criterion in criteria:
            query = query.where(self._condition(kind, criterion))
        return query

    def _condition(self, kind: str, criterion: Criterion) -> _Condition:
        if criterion.parameter.name == "_id":
            return _version.id.in_([v.value for v in criterion.values if isinstance(v, TokenValue)])
        if criterion.parameter.name == "_lastUpdated":
            moment = _version.released_at
            return or_(*(compare_spans(v, moment, moment) for v in criterion.values if isinstance(v, DateValue)))
        ids = self._ids(kind, criterion)
        refused = criterion.is_negated or criterion.missing is True
        return _version.id.not_in(ids) if refused else _version.id.in_(ids)

    def _ids(self, kind: str, criterion: Criterion) -> Select[Any]:
        query = _values(_value.id, kind, [criterion.parameter.name], criterion.parameter.kind is ParameterKind.DATE)
        if criterion.chain is not None:
            return query.where(or_(*(self._chained(target, criterion.chain) for target in criterion.targets)))
        if criterion.missing is not None:
            return query
        return query.where(or_(*(_match(criterion, value) for value in criterion.values)))

    def _chained(self, target: str, inner: Criterion) -> _Condition:
        ids = self._ids(target, inner).subquery()
        if inner.is_negated or inner.missing is True:
            everything = _versions(_version.id).where(_version.kind == target, _version.is_current)
            ids = everything.where(_version.id.not_in(select(ids.c.id))).subquery()
        return _value.value.in_(select(literal(f"{target}/").concat(ids.c.id)))


def _match(criterion: Criterion, value: Value) -> _Condition:
    if isinstance(value, TokenValue):
        conditions = [_value.value == value.value] if value.value is not None else []
        if value.system is not None:
            conditions.append(_value.system == value.system if value.system else _value.system.is_(None))
        return and_(*conditions)
    if isinstance(value, TextValue):
        if criterion.is_exact:
            return and_(_value.value == value.text, _value.written == value.written[:STRING_LENGTH])
        column = _value.value
        how = column.contains if criterion.is_inside else column.startswith
        return how(value.text, autoescape=True)
    if isinstance(value, ReferenceValue):
        return _value.value.in_(value.forms)
    return compare_spans(value, _value.low, _value.high)


def compare_spans(asked: DateValue, low: Any, high: Any) -> _Condition:
    """Whether the span from `low` to `high` is what was asked for.

    R4 search 3.1.1.4.7: spans are compared, an open end (null) reaches for ever.
    """
    inside = and_(low >= asked.low, high <= asked.high)
    above = or_(high > asked.high, and_(high.is_(None), low.is_not(None)))
    below = or_(low < asked.low, and_(low.is_(None), high.is_not(None)))
    match asked.prefix:
        case "ne":
            return not_(func.coalesce(inside, False))
        case "gt":
            return above
        case "lt":
            return below
        case "ge":
            return or_(above, inside)
        case "le":
            return or_(below, inside)
        case "sa":
            return low > asked.high
        case "eb":
            return high < asked.low
        case "ap":
            return and_(or_(low <= asked.high, low.is_(None)), or_(high >= asked.low, high.is_(None)))
    return inside


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for kind, resource_id in pairs:
        groups.setdefault(kind, []).append(resource_id)
    return groups
