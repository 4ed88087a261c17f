"""The application under load, with one route more: Flask's own way to send the same bytes from a file."""

from __future__ import annotations

from flask import Response, send_from_directory

from clinic.config import get_settings
from clinic.permissions import public
from wsgi import app

assert app is not None


@app.get("/bench-file/<name>")
@public
def send_file(name: str) -> Response:
    """A document as Flask serves a static file: no token, no audit row."""
    return send_from_directory(get_settings(app).var_dir / "bench-file", name, mimetype="application/fhir+json")
