"""A site as an administrator gives it."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from flask_babel import lazy_gettext as _l
from marshmallow import EXCLUDE, Schema, fields, post_load, pre_load, validate

from clinic.rules.programme import list_programmes
from clinic.schemas.field import Country, PlainText
from clinic.services.site import SiteFacts


@cache
def list_time_zones() -> tuple[str, ...]:
    """The IANA names of places, and UTC; without the abbreviations and the names kept for old software."""
    regions = ("Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/",
               "Indian/", "Pacific/")
    return tuple(sorted(name for name in available_timezones() if name == "UTC" or name.startswith(regions)))


class SiteIn(Schema):
    """A clinic of the organisation; loads to SiteFacts."""

    class Meta:
        unknown = EXCLUDE

    code = fields.String(
        required=True, validate=validate.Regexp(r"^[A-Z]{2,8}$", error=_l("Write two to eight letters, such as NBO.")),
        error_messages={"required": _l("Fill this in.")})
    name = PlainText(required=True, most=120)
    city = PlainText(required=True, most=80)
    country = Country(required=True)
    time_zone = fields.String(
        required=True,
        validate=validate.OneOf(list_time_zones(), error=_l("Choose a time zone from the list.")),
        error_messages={"required": _l("Choose the time zone.")})
    programmes = fields.List(fields.String(), load_default=list, validate=validate.ContainsOnly(
        list(list_programmes()), error=_l("Choose programmes from the list.")))

    @pre_load
    def _prepare(self, data: dict[str, Any], **_named: Any) -> dict[str, Any]:
        return {**data, "code": str(data["code"]).strip().upper()} if data.get("code") else data

    @post_load
    def _make(self, data: dict[str, Any], **_named: Any) -> SiteFacts:
        return SiteFacts(**{**data, "programmes": frozenset(data["programmes"])})
