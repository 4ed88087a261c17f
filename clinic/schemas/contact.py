"""What may come in as a contact: a telephone number, an e-mail address, where somebody stays."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext, lazy_gettext
from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from clinic.models.contact import ContactKind
from clinic.schemas.field import PlainText

PHONE = re.compile(r"[+0-9][0-9 ()./\-]{4,38}")
FEWEST_FIGURES = 5  # shorter numbers are emergency and service lines, nobody's own
MOST_FIGURES = 15  # ITU-T E.164 section 6: an international number has at most 15
PHONE_ERROR = lazy_gettext("Write the phone number with figures, for example +254 700 000000.")
EMAIL_ERROR = lazy_gettext("Write an address like name@example.org.")


def check_phone(text: str) -> None:
    """Raise ValidationError unless `text` can be dialled."""
    figures = sum(sign.isdigit() for sign in text)
    if not PHONE.fullmatch(text) or not FEWEST_FIGURES <= figures <= MOST_FIGURES:
        raise ValidationError(str(PHONE_ERROR))


def phone_field(**options: Any) -> PlainText:
    """A telephone number."""
    return PlainText(most=40, validate=lambda text: check_phone(text) if text else None, **options)


class NewContact(Schema):
    """One contact; `value` is checked by its kind."""

    class Meta:
        unknown = RAISE

    kind = fields.Enum(ContactKind, by_value=True, required=True)
    value = PlainText(required=True, most=400, error_messages={"required": lazy_gettext("Write how to reach them.")})
    note = PlainText(load_default=None, most=80)

    @validates_schema(skip_on_field_errors=True)
    def _check_value(self, data: dict[str, Any], **_options: Any) -> None:
        try:
            if data["kind"] is ContactKind.PHONE:
                check_phone(data["value"])
            if data["kind"] is ContactKind.EMAIL:
                validate.Email(error=str(EMAIL_ERROR))(data["value"])
        except ValidationError as error:
            raise ValidationError(error.messages, "value") from None
        if data["kind"] is ContactKind.ADDRESS and not any(sign.isalpha() for sign in data["value"]):
            raise ValidationError(gettext("Write street or camp, and the place."), "value")
