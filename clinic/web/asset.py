"""Addresses of static files that carry the hash of their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for
from flask_compress import Compress

A_YEAR = 31_536_000  # seconds
A_MONTH = 2_592_000
TEXTS = {"text/css", "text/javascript", "application/javascript", "image/svg+xml"}


def static_url(filename: str) -> str:
    """The address of a file under `clinic/static`, with its content hash. Raises FileNotFoundError."""
    return url_for("static", filename=filename, v=_find_hash(filename))


def set_static_caching(response: Response) -> None:
    """Let a hashed address be kept for ever; a font (asked for by the style sheet, unhashed) for a month."""
    if "v" in request.args and response.status_code in (200, 304):
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    elif request.path.endswith(".woff2"):
        response.headers["Cache-Control"] = f"public, max-age={A_MONTH}"


def hold_text_in_memory(response: Response) -> Response:
    """Read a static text whole, so that compressing it does not leave its file open."""
    if request.endpoint == "static" and response.mimetype in TEXTS:
        response.direct_passthrough = False
        response.get_data()
        response.close()
    return response


def init_assets(app: Flask) -> None:
    """Set up hashes (computed on first use, under debug on every use) and compression of what is sent."""
    app.extensions["asset_hashes"] = {}
    app.jinja_env.globals["static_url"] = static_url
    Compress(app)
    app.after_request(hold_text_in_memory)  # registered after Compress, so it runs before it


def _find_hash(filename: str) -> str:
    known: dict[str, str] = current_app.extensions["asset_hashes"]
    if filename not in known or current_app.debug:
        content = (Path(current_app.static_folder or "") / filename).read_bytes()
        known[filename] = hashlib.sha256(content).hexdigest()[:12]
    return known[filename]
