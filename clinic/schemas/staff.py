"""A member of staff as an administrator gives one."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import EXCLUDE, Schema, fields, post_load, validate

from clinic.permissions import ROLES
from clinic.rules.programme import list_programmes
from clinic.schemas.field import DayText, PlainText, at_most
from clinic.services.staff import MemberFacts, SignRight

_NEEDED = {"required": _l("Fill this in.")}


class MemberIn(Schema):
    """What is recorded of a person; `facts` in what it loads is MemberFacts."""

    class Meta:
        unknown = EXCLUDE

    def __init__(self, languages: list[str], **options: Any) -> None:
        super().__init__(**options)
        self.languages = languages

    name = PlainText(required=True, most=120)
    email = fields.String(required=True, error_messages=_NEEDED, validate=[
        validate.Email(error=_l("Write an address like name@example.org.")), at_most(255)])
    site = fields.String(required=True, error_messages={"required": _l("Choose the site.")})
    licence_number = PlainText(load_default=None, most=40)
    language = fields.String(load_default="en")

    @post_load
    def _make(self, data: dict[str, Any], **_named: Any) -> dict[str, Any]:
        language = data.pop("language")
        data["facts"] = MemberFacts(
            data.pop("name"), data.pop("email").lower(), data.pop("site"),
            language if language in self.languages else "en", data.pop("licence_number"))
        return data


class NewMemberIn(MemberIn):
    """A person to be added: with roles, and for a physician what they may sign for; `right` is a SignRight."""

    roles = fields.List(
        fields.String(), required=True,
        validate=validate.And(
            validate.Length(min=1, error=_l("Choose at least one role.")),
            validate.ContainsOnly(list(ROLES), error=_l("Choose roles from the list."))),
        error_messages={"required": _l("Choose at least one role.")})
    programmes = fields.List(fields.String(), load_default=list, validate=validate.ContainsOnly(
        list(list_programmes()), error=_l("Choose programmes from the list.")))
    valid_from = DayText(load_default=None)
    valid_until = DayText(load_default=None)

    @post_load
    def _make_right(self, data: dict[str, Any], **_named: Any) -> dict[str, Any]:
        data["right"] = SignRight(tuple(data.pop("programmes")), data.pop("valid_from"), data.pop("valid_until"))
        return data


class AuthorisationIn(Schema):
    """For which programme a physician may sign, from when to when."""

    class Meta:
        unknown = EXCLUDE

    programme = fields.String(
        required=True, validate=validate.OneOf(list(list_programmes()), error=_l("Choose the programme.")),
        error_messages={"required": _l("Choose the programme.")})
    valid_from = DayText(required=True)
    valid_until = DayText(load_default=None)


class AuthorisationEndIn(Schema):
    """On which day an authorisation holds last."""

    class Meta:
        unknown = EXCLUDE

    authorisation = fields.String(required=True)
    last_day = DayText(required=True)
