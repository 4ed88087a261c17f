"""Where the next page of a search begins: an opaque mark that only we can make, for one client's one query."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from fhir.access import derive_key
from fhir.outcome import BadSearch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Position:
    """The last resource of the page before."""

    released_at: datetime
    id: str


def write_cursor(position: Position, owner: str) -> str:
    """The mark; `owner` is whatever must be the same when it is used (authority and query)."""
    microseconds = (position.released_at - _EPOCH) // _MICROSECOND
    text = _serializer().dumps([microseconds, position.id, _digest(owner)])
    return str(text)


def read_cursor(text: str, owner: str) -> Position:
    """The position behind a mark; raises BadSearch when it was not made by us for this owner."""
    try:
        microseconds, resource_id, digest = _serializer().loads(text)
    except (BadSignature, ValueError, TypeError):
        raise BadSearch("This page mark is not one of ours; begin the search again.") from None
    if digest != _digest(owner):
        raise BadSearch("This page mark belongs to another search; begin again.")
    return Position(_EPOCH + microseconds * _MICROSECOND, resource_id)


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(derive_key(str(current_app.config["SECRET_KEY"]), "fhir page mark"))


def _digest(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:16]
