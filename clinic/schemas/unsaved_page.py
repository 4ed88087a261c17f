"""What a page says was typed on it when it is covered (clinic/static/unsaved.js)."""

from __future__ import annotations

import json
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

KINDS = ("text", "tick", "choice", "posted")
LONGEST_TEXT = 100_000  # characters of one field


class UnsavedFieldIn(Schema):
    """One field: where it stands, and what was typed, ticked or chosen in it."""

    class Meta:
        """Anything else is of no use."""

        unknown = EXCLUDE

    form = fields.String(required=True, validate=validate.Length(max=500))
    name = fields.String(required=True, validate=validate.Length(max=300))
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    value = fields.String(required=True, validate=validate.Length(max=LONGEST_TEXT))
    on = fields.Boolean(load_default=True)  # of a box or a choice
    label = fields.String(load_default="", validate=validate.Length(max=300))


class UnsavedPageIn(Schema):
    """`address` and the address `before` it, and `fields` as JSON."""

    class Meta:
        """The page's mark is read before."""

        unknown = EXCLUDE

    address = fields.String(required=True, validate=validate.Length(max=2000))
    before = fields.String(load_default="", validate=validate.Length(max=2000))
    fields_ = fields.List(fields.Nested(UnsavedFieldIn), data_key="fields", attribute="fields", required=True)

    @pre_load
    def parse(self, data: dict[str, Any], **_named: Any) -> dict[str, Any]:
        """Read the JSON. Raises ValidationError when it is none."""
        try:
            return data | {"fields": json.loads(data.get("fields") or "[]")}
        except (ValueError, RecursionError):
            raise ValidationError("No JSON.", "fields") from None
