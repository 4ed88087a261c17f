"""Under which addresses an authority reaches us: all from the setting BASE_URL, never from the request."""

from __future__ import annotations

from flask import current_app

from clinic.config import get_settings

FHIR_PATH = "/fhir"
TOKEN_PATH = "/oauth/token"  # noqa: S105  an address


def base_url() -> str:
    """The installation's address without a slash at its end."""
    return get_settings(current_app).base_url.rstrip("/")


def fhir_base() -> str:
    """The FHIR service base, without a slash at its end."""
    return base_url() + FHIR_PATH


def token_url() -> str:
    """Where tokens are asked for; the one `aud` that a client assertion may name."""
    return base_url() + TOKEN_PATH
