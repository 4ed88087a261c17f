"""Forms of acts that give somebody power: what the schema makes of them, once who acts has proved who they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema

from clinic.errors import InvalidInput
from clinic.schemas.door import load
from clinic.web.reauthentication import check_again


def load_proven(schema: Schema | None, typed: dict[str, Any], prefix: str = "",
                check: Callable[[Any], None] | None = None) -> Any:
    """What `schema` makes of `typed` (nothing for None), once the signed-in person has proved who they are.

    `check` looks at what the schema made and raises for what else is wrong, so that it costs nobody a code.
    Raises InvalidInput. Rows read before are stale afterwards: the proof is a unit of work of its own.
    """
    plain = load(schema, typed) if schema is not None else {}
    if check is not None:
        check(plain)
    problems = check_again(typed, prefix=prefix)
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems)
    return plain
