"""An authority's machine client, as an administrator gives it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate

from clinic.errors import InvalidInput
from clinic.schemas.field import DayText
from clinic.services.authority_client import DEFAULT_SCOPES, Keys

SCOPE = r"system/(\*|[A-Z][A-Za-z]+)\.(r|s|rs)( +system/(\*|[A-Z][A-Za-z]+)\.(r|s|rs))*"
_NEEDED = {"required": _l("Fill this in.")}


class KeysIn(Schema):
    """The public keys: a JWK Set, or the address where one is published; exactly one of the two."""

    class Meta:
        unknown = EXCLUDE

    jwks = fields.String(load_default=None, validate=validate.Length(max=64_000))
    jwks_url = fields.String(load_default=None)
    keys_expire_on = DayText(load_default=None)

    @post_load
    def _check(self, data: dict[str, Any], **_named: Any) -> dict[str, Any]:
        keys = Keys(data.pop("jwks"), data.pop("jwks_url"))
        try:
            data["keys"] = keys.check()
        except InvalidInput as error:
            raise ValidationError({"jwks_url" if keys.url else "jwks": [error.message]}) from None
        if keys.url and data["keys_expire_on"]:
            raise ValidationError({
                "keys_expire_on": [_("Published keys have no end here: their owner takes them away.")]})
        return data


class NewClientIn(KeysIn):
    """A client to be registered."""

    authority = fields.String(required=True, error_messages=_NEEDED)
    name = fields.String(required=True, validate=validate.Length(2, 120), error_messages=_NEEDED)
    scopes = fields.String(
        load_default=DEFAULT_SCOPES,
        validate=validate.Regexp(f"^{SCOPE}$", error=_l("Write scopes like system/*.rs or system/Observation.rs.")),
    )
    expires_on = DayText(load_default=None)


class ClientEndIn(Schema):
    """Until when a client is served; nothing: without end."""

    class Meta:
        unknown = EXCLUDE

    expires_on = DayText(load_default=None)
