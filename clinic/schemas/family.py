"""What may come in for a family: the group, a member's relation, cases opened together."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, lazy_gettext
from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from clinic.models import FamilyKind
from clinic.schemas.case import CaseFacts, check_category
from clinic.schemas.field import PlainText
from clinic.schemas.related_person import relation_field


class FamilyIn(Schema):
    """The group itself."""

    class Meta:
        unknown = RAISE

    kind = fields.Enum(FamilyKind, by_value=True, required=True, error_messages={
        "required": lazy_gettext("Choose family or travel group."), "unknown": lazy_gettext("Choose one of the list.")})
    name = PlainText(required=True, most=120, error_messages={
        "required": lazy_gettext("Write what the group is called, for example the family name.")})
    authority_number = PlainText(load_default=None, most=60)


class MemberIn(Schema):
    """Somebody who joins: who it is, and what they are to the principal applicant."""

    class Meta:
        unknown = RAISE

    applicant_id = fields.String(required=True, error_messages={"required": lazy_gettext("Choose the person.")})
    relation = relation_field(required=True)


class FamilyCases(CaseFacts):
    """Cases of one programme and category for several members, each with its own number of the authority."""

    programme = fields.String(required=True)
    members = fields.List(fields.String(), required=True, validate=validate.Length(
        min=1, error=lazy_gettext("Tick whose case is to be opened.")))
    numbers = fields.Dict(keys=fields.String(), values=PlainText(most=60), load_default=dict)

    @validates_schema(skip_on_field_errors=True)
    def _check_programme(self, data: dict[str, Any], **_options: Any) -> None:
        check_category(data["programme"], data)
        given = [number for member, number in data["numbers"].items() if number and member in data["members"]]
        if len(set(given)) < len(given):
            raise ValidationError(gettext("Two members have the same number; each case has its own."), "numbers")
