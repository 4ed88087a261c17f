"""What comes in when somebody opens a case in an emergency."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, lazy_gettext
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from clinic.models import EmergencyReason
from clinic.schemas.field import DayText, PlainText

_CHOOSE = lazy_gettext("Choose why it cannot wait.")
_WORDS = lazy_gettext("Say in a sentence what happened; at least 15 letters.")
SHORTEST = 15  # letters: a reviewer must understand it weeks later


class EmergencyIn(Schema):
    """Which case, why, and that it is meant."""

    class Meta:
        unknown = EXCLUDE

    number = PlainText(required=True, most=80, error_messages={
        "required": lazy_gettext("Write the case number, or the passport number.")})
    birth_date = DayText(load_default=None, allow_none=True, may_be_future=False)
    reason = fields.Enum(EmergencyReason, by_value=True, required=True, error_messages={
        "required": _CHOOSE, "unknown": _CHOOSE})
    words = fields.String(required=True, error_messages={"required": _WORDS},
                          validate=validate.Length(SHORTEST, 1000, error=_WORDS))
    understood = fields.String(load_default="")

    @validates_schema(skip_on_field_errors=False)
    def _check(self, data: dict[str, Any], **_options: Any) -> None:
        if data.get("understood") != "yes":
            raise ValidationError({"understood": [gettext("Tick that you know what follows from this.")]})
