"""A reason somebody must give: sending back, correcting, withdrawing, reopening."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, post_load, pre_load

SHORTEST = 5  # letters; "x" is no reason
LONGEST = 1000


class ReasonIn(Schema):
    """`reason` in words; loads to the text."""

    reason = fields.String(load_default="")

    @pre_load
    def strip(self, data: dict[str, Any], **_named: Any) -> dict[str, Any]:
        """Blanks are no reason."""
        return {"reason": str(data.get("reason") or "").strip()}

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> str:
        """The text. Raises ValidationError when it is too short to be a reason."""
        reason: str = data["reason"]
        if not SHORTEST <= len(reason) <= LONGEST:
            raise ValidationError(_("Give the reason in a few words."), "reason")
        return reason
