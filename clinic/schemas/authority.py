"""A destination's authority as an administrator gives it."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from marshmallow import EXCLUDE, Schema, fields, validate

from clinic.rules.programme import list_programmes
from clinic.schemas.field import PlainText

_NEEDED = {"required": _l("Fill this in.")}


class AuthorityIn(Schema):
    """How an authority is called, and how and where exams are sent to it."""

    class Meta:
        unknown = EXCLUDE

    name = PlainText(required=True, most=160)
    channel = fields.String(required=True, error_messages={"required": _l("Choose the way of sending.")})
    endpoint = fields.String(required=True, validate=validate.Length(max=300), error_messages=_NEEDED)


class NewAuthorityIn(AuthorityIn):
    """An authority to be registered."""

    short_name = fields.String(
        required=True, error_messages=_NEEDED, validate=validate.Regexp(
            r"^[a-z][a-z0-9-]{1,15}$", error=_l("Write two to sixteen small letters, such as us.")))
    programme = fields.String(
        required=True, validate=validate.OneOf(list(list_programmes()), error=_l("Choose the programme.")),
        error_messages={"required": _l("Choose the programme.")})
