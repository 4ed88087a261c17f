"""What may come in when a person is registered: names, birth, languages, and the documents they show."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from flask_babel import gettext, lazy_gettext
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from clinic.identifier import to_key
from clinic.models.applicant import DocumentKind, Sex
from clinic.schemas.contact import EMAIL_ERROR, phone_field
from clinic.schemas.field import Country, DayText, PartialDateText, PlainText, at_most

_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
ENUM_MESSAGE = lazy_gettext("Choose one of the list.")


def _is_foreign(sign: str) -> bool:
    """Whether a letter is of another alphabet than the Latin: А (U+0410) looks like A and is found by nobody."""
    return sign.isalpha() and not unicodedata.name(sign, "").startswith(("LATIN ", "MODIFIER "))


def language_tag(**options: Any) -> fields.Field[Any]:
    """A BCP 47 tag."""
    return fields.String(
        validate=validate.Regexp(_LANGUAGE_TAG, error=lazy_gettext("Choose a language from the list.")),
        error_messages={"required": lazy_gettext("Choose the language the applicant is spoken to in.")}, **options,
    )


class _Strict(Schema):
    """A word nobody knows is refused, never dropped."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": lazy_gettext("This is not known here.")}


class NewDocument(_Strict):
    """A passport or other paper, typed or read from its machine readable zone."""

    kind = fields.Enum(DocumentKind, by_value=True, required=True,
                       error_messages={"required": ENUM_MESSAGE, "unknown": ENUM_MESSAGE})
    number = PlainText(required=True, most=40,
                       error_messages={"required": lazy_gettext("Write the document's number.")})
    issuing_country = Country(required=True)
    expires_on = DayText(load_default=None)
    mrz = fields.String(load_default=None, validate=validate.Length(max=120))
    mrz_mismatches = fields.String(load_default=None, validate=validate.Length(max=1000))

    @validates_schema
    def _check_number(self, data: dict[str, Any], **_options: Any) -> None:
        if not to_key(data["number"]) or any(_is_foreign(sign) for sign in data["number"]):
            raise ValidationError(gettext("Write the number with Latin letters and figures."), "number")


class NewApplicant(_Strict):
    """A person as registered."""

    family_name = PlainText(required=True, most=120, error_messages={
        "required": lazy_gettext("Write the family name, or the only name, as in the passport's Latin line.")})
    given_names = PlainText(load_default="", most=160)
    native_family_name = PlainText(load_default=None, most=120)
    native_given_names = PlainText(load_default=None, most=160)
    native_language = language_tag(load_default=None)
    birth_date = PartialDateText(required=True)
    sex = fields.Enum(Sex, by_value=True, required=True, error_messages={
        "required": lazy_gettext("Choose the sex as in the document."), "unknown": ENUM_MESSAGE})
    citizenship = Country(required=True)
    residence = Country(required=True)
    language = language_tag(required=True)
    interpreter_language = language_tag(load_default=None)
    phone = phone_field(load_default=None)
    email = fields.String(load_default=None, validate=[validate.Email(error=EMAIL_ERROR), at_most(255)])
    address = PlainText(load_default=None, most=400)
    document = fields.Nested(NewDocument, load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def _check_names(self, data: dict[str, Any], **_options: Any) -> None:
        for field in ("family_name", "given_names"):
            name = data.get(field) or ""
            if name and not to_key(name):
                raise ValidationError(
                    gettext("Write the name in Latin letters, as in the passport's lines of letters and <; the own "
                            "script has its own fields."), field)
            if any(unicodedata.category(sign) in ("So", "Sm", "Sc") for sign in name):
                raise ValidationError(gettext("There is a sign here that no name holds; compare it with the document."),
                                      field)
            if any(_is_foreign(sign) for sign in name):
                raise ValidationError(
                    gettext("A letter here is of another alphabet, even if it looks Latin: type the name anew with a "
                            "Latin keyboard."), field)
            if any(sign.isdigit() for sign in name):
                raise ValidationError(gettext("A name holds no figures; compare it with the document."), field)
        if (data["native_family_name"] or data["native_given_names"]) and not data["native_language"]:
            raise ValidationError(gettext("Choose the language of the name in own script."), "native_language")

    @post_load
    def _fill(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        data["given_names"] = data["given_names"] or ""
        return data


class ChangedApplicant(NewApplicant):
    """The same person corrected; documents and contacts are added on their own."""

    class Meta:
        exclude = ("document", "phone", "email", "address")
        unknown = EXCLUDE
