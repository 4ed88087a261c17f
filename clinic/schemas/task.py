"""What may come in about a dated task: how it ended, until when it is put off, who does it, a new one by hand."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, lazy_gettext
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from clinic.permissions import ROLES
from clinic.schemas.field import DayText, PlainText, at_most
from clinic.schemas.reason import SHORTEST
from clinic.task_kind import BY_HAND

_DAY = lazy_gettext("Give the day.")


class _TaskSchema(Schema):
    class Meta:
        unknown = EXCLUDE


class TaskOutcomeIn(_TaskSchema):
    """How it ended; which outcomes a kind has, and which need words, is the service's to check."""

    outcome = fields.String(load_default="")
    remark = fields.String(load_default="", validate=at_most(1000))


class _WithReason(_TaskSchema):
    reason = fields.String(load_default="", validate=at_most(1000))

    @validates_schema(skip_on_field_errors=False)
    def _check_reason(self, data: dict[str, Any], **_options: Any) -> None:
        if len(str(data.get("reason", "")).strip()) < SHORTEST:
            raise ValidationError({"reason": [gettext("Give the reason in a few words.")]})


class PostponeIn(_WithReason):
    """Until when, and why."""

    until = DayText(required=True, error_messages={"required": _DAY})


class GiveIn(_WithReason):
    """To whom: `role:nurse`, or `user:` and the id of a person."""

    to = fields.String(load_default="")


class NewTaskIn(_TaskSchema):
    """A task that a person opens on a case."""

    kind = fields.String(load_default="")
    due_on = DayText(required=True, error_messages={"required": _DAY})
    role = fields.String(load_default="")
    detail = PlainText(required=True, most=300, error_messages={"required": lazy_gettext("Say what is to be done.")})

    @validates_schema(skip_on_field_errors=False)
    def _check(self, data: dict[str, Any], **_options: Any) -> None:
        faults = {}
        if data.get("kind") not in BY_HAND:
            faults["kind"] = [gettext("Choose what it is.")]
        if data.get("role") not in ROLES:
            faults["role"] = [gettext("Choose whose task it is.")]
        if faults:
            raise ValidationError(faults)
