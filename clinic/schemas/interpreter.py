"""What may come in about the interpreter of a visit."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from marshmallow import RAISE, Schema, fields

from clinic.models import InterpreterMode
from clinic.schemas.field import PlainText
from clinic.schemas.registration import language_tag


class InterpreterIn(Schema):
    """Who interprets today, into which language, and how they are there."""

    class Meta:
        unknown = RAISE

    language = language_tag(required=True)
    name = PlainText(required=True, most=160, error_messages={
        "required": lazy_gettext("Write the interpreter's name, or the number by which the line knows them.")})
    organisation = PlainText(load_default=None, most=120)
    mode: fields.Field[Any] = fields.Enum(InterpreterMode, by_value=True, required=True, error_messages={
        "required": lazy_gettext("Choose how the interpreter is there."),
        "unknown": lazy_gettext("Choose one of the list.")})
    is_relative = fields.Boolean(load_default=False)
