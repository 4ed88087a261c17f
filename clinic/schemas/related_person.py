"""What may come in as a guardian or an emergency contact."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, lazy_gettext
from marshmallow import RAISE, Schema, ValidationError, fields, validates_schema

from clinic.identifier import to_key
from clinic.models import DocumentKind, Relation
from clinic.schemas.contact import phone_field
from clinic.schemas.field import PlainText

_CHOOSE = lazy_gettext("Choose one of the list.")


def relation_field(**options: Any) -> fields.Field[Any]:
    """What one person is to another."""
    return fields.Enum(Relation, by_value=True, error_messages={
        "required": lazy_gettext("Choose what the person is to the applicant."), "unknown": _CHOOSE}, **options)


class NewRelatedPerson(Schema):
    """A person in the roles that are ticked; whoever is registered here brings name and document along."""

    class Meta:
        unknown = RAISE

    registered_id = fields.String(load_default=None)
    name = PlainText(load_default=None, most=160)
    organisation = PlainText(load_default=None, most=120)
    relation = relation_field(required=True)
    is_guardian = fields.Boolean(load_default=False)
    is_emergency = fields.Boolean(load_default=False)
    phone = phone_field(load_default=None)
    document_kind = fields.Enum(DocumentKind, by_value=True, load_default=None, error_messages={"unknown": _CHOOSE})
    document_number = PlainText(load_default=None, most=40)

    @validates_schema(skip_on_field_errors=False)
    def _check(self, data: dict[str, Any], **_options: Any) -> None:
        """Everything that is missing is said at once, also beside what is wrong with single fields."""
        wrong: dict[str, list[str]] = {}
        number, relation = data.get("document_number"), data.get("relation")
        if not data["is_guardian"] and not data["is_emergency"]:
            wrong["roles"] = [gettext("Tick guardian, emergency contact, or both.")]
        if not data["registered_id"] and not data.get("name"):
            wrong["name"] = [gettext("Write the person's name.")]
        if data["is_guardian"] and not data["registered_id"] and not number:
            wrong["document_number"] = [gettext("Write the number of the identity document that the guardian showed.")]
        if number and not to_key(number):
            wrong["document_number"] = [gettext("Write the number with Latin letters and figures.")]
        if number and not data.get("document_kind"):
            wrong["document_kind"] = [gettext("Choose which document it is.")]
        if data["is_guardian"] and relation is Relation.CHILD:
            wrong["relation"] = [gettext("A guardian is not the child of the applicant.")]
        if data.get("organisation") and relation not in (None, Relation.LEGAL_GUARDIAN):
            wrong["relation"] = [gettext("Somebody who acts for an agency is a legal guardian: choose that.")]
        if wrong:
            raise ValidationError(wrong)
