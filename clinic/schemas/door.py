"""The one door: a plain dict passes its schema here before a service sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema, ValidationError

from clinic.errors import InvalidInput


def load(schema: Schema, plain: Mapping[str, Any]) -> Any:
    """What `schema` makes of `plain`. Raises InvalidInput whose `fields` are the schema's messages."""
    try:
        return schema.load(plain)
    except ValidationError as error:
        messages: Any = error.messages
        raise InvalidInput(_("Please correct what is marked."), fields=messages) from None
