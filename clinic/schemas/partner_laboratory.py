"""A partner laboratory as an administrator gives it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates

from clinic.models import MapKind
from clinic.ports import ports
from clinic.schemas.field import PlainText
from clinic.schemas.site import list_time_zones
from clinic.services.partner_laboratory import LaboratoryFacts, clean_fingerprint

# Where MSH-18 is empty: UTF-8, or what analysers of the region still write (hl7-dicom.md 1.10).
CHARSETS = {"utf-8": "UTF-8", "iso8859-1": "ISO 8859-1", "cp1252": "Windows 1252", "cp874": "Windows 874 (Thai)",
            "cp1256": "Windows 1256 (Arabic)", "cp1251": "Windows 1251 (Cyrillic)",
            "cp1258": "Windows 1258 (Vietnamese)", "gb18030": "GB 18030", "big5": "Big5"}
_NAME = validate.Regexp(r"^[A-Za-z0-9 ._-]{1,60}$", error=_l("Write letters, digits, points and dashes, as it stands "
                                                            "in the messages."))
_NEEDED = {"required": _l("Fill this in.")}


class LaboratoryIn(Schema):
    """A laboratory; loads to LaboratoryFacts."""

    class Meta:
        unknown = EXCLUDE

    name = PlainText(required=True, most=160)
    application = fields.String(required=True, validate=_NAME, error_messages=_NEEDED)
    facility = fields.String(required=True, validate=_NAME, error_messages=_NEEDED)
    our_facility = fields.String(required=True, validate=_NAME, error_messages=_NEEDED)
    endpoint = fields.String(load_default="", validate=validate.Length(max=300))
    fingerprint = fields.String(load_default="", validate=validate.Length(max=200))
    plain_allowed = fields.Boolean(load_default=False)
    time_zone = fields.String(
        required=True, validate=validate.OneOf(list_time_zones(), error=_l("Choose a time zone from the list.")),
        error_messages={"required": _l("Choose the time zone.")})
    charset = fields.String(load_default="utf-8", validate=validate.OneOf(list(CHARSETS), error=_l(
        "Choose from the list.")))
    folder = fields.String(load_default="", validate=validate.Regexp(
        r"^([a-z0-9][a-z0-9-]{0,39})?$", error=_l("Write small letters, digits and dashes.")))
    active = fields.Boolean(load_default=False)

    @validates("fingerprint")
    def _check_fingerprint(self, text: str, **_named: Any) -> None:
        try:
            clean_fingerprint(text)
        except ValueError:
            raise ValidationError(_(
                "Give the SHA-256 fingerprint of its certificate: 64 digits and letters a to f.")) from None

    @validates("endpoint")
    def _check_endpoint(self, text: str, **_named: Any) -> None:
        problem = ports.judge_laboratory_address(text) if text else ""
        if problem:
            raise ValidationError(_(problem))

    @post_load
    def _make(self, data: dict[str, Any], **_named: Any) -> LaboratoryFacts:

        return LaboratoryFacts(**{**data, "fingerprint": clean_fingerprint(data["fingerprint"])})


class MappingIn(Schema):
    """One line of a laboratory's mapping table."""

    class Meta:
        unknown = EXCLUDE

    kind = fields.String(required=True, validate=validate.OneOf([kind.value for kind in MapKind]))
    code = PlainText(required=True, most=120)
    system = fields.String(load_default="", validate=validate.Length(max=60))
    text = PlainText(load_default=None, most=200)
    test = fields.String(load_default="", validate=validate.Length(max=40))
    ours = fields.String(load_default="", validate=validate.Length(max=60))  # what it may be, the catalogue says
