"""A person's act on a delivery, as it comes in from the page."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext
from marshmallow import EXCLUDE, Schema, fields, validate

from clinic.services.submission import Act

WHY = {"required": lazy_gettext("Give the reason in a few words.")}


def _reason() -> fields.String:
    return fields.String(
        required=True, error_messages=WHY, validate=validate.Length(5, 500, error=WHY["required"])
    )


class DeliveryActIn(Schema):
    """Which act, and why."""

    class Meta:
        unknown = EXCLUDE

    act = fields.Enum(
        Act, by_value=True, required=True, error_messages={"required": lazy_gettext("Choose what to do.")}
    )
    reason = _reason()


class ReasonIn(Schema):
    """A reason alone."""

    class Meta:
        unknown = EXCLUDE

    reason = _reason()


class DeliverySelectionIn(Schema):
    """Several deliveries to send again, and why."""

    class Meta:
        unknown = EXCLUDE

    chosen = fields.List(
        fields.String(), required=True,
        validate=validate.Length(1, 50, error=lazy_gettext("Choose between one and fifty deliveries.")),
    )
    reason = _reason()


class DestinationAct(StrEnum):
    """A person's act on a whole destination."""

    TRY = "try"
    HOLD = "hold"
    RELEASE = "release"


class DestinationActIn(Schema):
    """Which act on a destination, and why."""

    class Meta:
        unknown = EXCLUDE

    act = fields.Enum(
        DestinationAct, by_value=True, required=True, error_messages={"required": lazy_gettext("Choose what to do.")}
    )
    reason = _reason()
