"""The square code on paper by which anybody may ask whether a document is still valid."""

from __future__ import annotations

from flask import current_app

from clinic.config import get_settings


def build_verify_address(token: str) -> str:
    """The public address that answers valid, replaced or revoked."""
    return f"{get_settings(current_app).base_url.rstrip('/')}/verify/{token}"


def draw_qr(text: str) -> str:
    """The code as an SVG data address, error level M (screens.md section 5), with its quiet zone."""
    import segno  # only what prints needs it

    return str(segno.make_qr(text, error="m").svg_data_uri(border=4, xmldecl=False, svgns=True, omitsize=True))
