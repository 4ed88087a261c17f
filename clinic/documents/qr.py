"""The square code on paper by which anybody may ask whether a document is still valid."""

from __future__ import annotations

from flask import current_app

from clinic.config import get_settings

DOTS = 8  # of each module: 360 to an inch as it is printed


def build_verify_address(token: str) -> str:
    """The public address that answers valid, replaced or revoked."""
    return f"{get_settings(current_app).base_url.rstrip('/')}/verify/{token}"


def draw_qr(text: str) -> str:
    """The code as a PNG data address, error level M (screens.md section 5), with its quiet zone.

    Not as SVG: its path of hundreds of strokes is drawn anew on every page, a fourteenth of the time of printing.
    """
    import segno  # only what prints needs it

    return str(segno.make_qr(text, error="m").png_data_uri(scale=DOTS, border=4))
