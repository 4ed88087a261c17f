"""A time of the day that stands in a form beside other fields."""

from __future__ import annotations

from datetime import time

from marshmallow import Schema

from clinic.schemas.door import load
from clinic.schemas.field import TimeText


def read_time(name: str, typed: str | None) -> time | None:
    """The time typed in the field `name`; None where nothing was. Raises InvalidInput at that field."""
    if not typed:
        return None
    found: time = load(Schema.from_dict({name: TimeText()})(), {name: typed})[name]
    return found
