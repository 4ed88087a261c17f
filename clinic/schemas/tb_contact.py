"""What may come in about a contact of somebody with tuberculosis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext, lazy_gettext
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validates_schema

from clinic.models import ContactSetting, Relation, SourceType
from clinic.schemas.field import DayText, PlainText

_CHOOSE = lazy_gettext("Choose one of the list.")
_ERRORS = {"required": _CHOOSE, "unknown": _CHOOSE}


@dataclass(frozen=True)
class NewContact:
    """One contact: how, where and when the air was shared, and what is known of the source."""

    relation: Relation
    setting: ContactSetting
    first_exposed_on: date | None = None
    last_exposed_on: date | None = None  # none: goes on
    source_type: SourceType = SourceType.UNKNOWN
    source_name: str = ""
    source_number: str = ""


class ContactIn(Schema):
    """Loads to NewContact; that the source is named is asked where it is no case of the site."""

    class Meta:
        unknown = EXCLUDE

    relation = fields.Enum(Relation, by_value=True, required=True, error_messages=_ERRORS)
    setting = fields.Enum(ContactSetting, by_value=True, required=True, error_messages=_ERRORS)
    first_exposed_on = DayText(load_default=None, allow_none=True, may_be_future=False)
    last_exposed_on = DayText(load_default=None, allow_none=True, may_be_future=False)
    goes_on = fields.Boolean(load_default=False)
    source_type = fields.Enum(SourceType, by_value=True, load_default=SourceType.UNKNOWN, error_messages=_ERRORS)
    source_name = PlainText(load_default="", most=160)
    source_number = PlainText(load_default="", most=60)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _check(self, data: dict[str, Any], typed: dict[str, Any], **_options: Any) -> None:
        first, last = data.get("first_exposed_on"), data.get("last_exposed_on")
        if last is None and not data.get("goes_on") and not typed.get("last_exposed_on"):
            raise ValidationError({"last_exposed_on": [gettext("Give the last day, or tick that it goes on.")]})
        if last is not None and data.get("goes_on"):
            raise ValidationError({"last_exposed_on": [gettext("Either it ended on a day, or it goes on.")]})
        if first is not None and last is not None and last < first:
            raise ValidationError({"last_exposed_on": [gettext("The last day cannot be before the first.")]})

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> NewContact:
        """The contact."""
        return NewContact(
            relation=data["relation"], setting=data["setting"], first_exposed_on=data["first_exposed_on"],
            last_exposed_on=data["last_exposed_on"], source_type=data["source_type"],
            source_name=data["source_name"] or "", source_number=data["source_number"] or "")


class EndIn(Schema):
    """The last day of an exposure."""

    class Meta:
        unknown = EXCLUDE

    last_on = DayText(required=True, may_be_future=False, error_messages={"required": lazy_gettext("Give the day.")})
