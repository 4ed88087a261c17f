"""A person's act on a delivery, as it comes in from the page."""

from __future__ import annotations

from flask_babel import lazy_gettext
from marshmallow import EXCLUDE, Schema, fields, validate

from clinic.services.submission import Act


class DeliveryActIn(Schema):
    """Which act, and why."""

    class Meta:
        unknown = EXCLUDE

    act = fields.Enum(
        Act, by_value=True, required=True, error_messages={"required": lazy_gettext("Choose what to do.")}
    )
    reason = fields.String(
        required=True,
        validate=validate.Length(5, 500, error=lazy_gettext("Give the reason in a few words.")),
        error_messages={"required": lazy_gettext("Give the reason in a few words.")},
    )
