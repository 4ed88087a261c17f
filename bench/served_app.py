"""The application under load, with what it is compared to: a static file, an empty answer, the view by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Response, send_from_directory

from clinic.config import get_settings
from clinic.permissions import public
from fhir.fast_path import FastPath
from wsgi import app as made

assert made is not None
app = made
VIEW_ALONE = "HTTP_X_BENCH_VIEW"


@app.get("/bench-file/<name>")
@public
def send_file(name: str) -> Response:
    """A document as Flask serves a static file: no token, no audit row."""
    return send_from_directory(get_settings(app).var_dir / "bench-file", name, mimetype="application/fhir+json")


@app.get("/bench-empty")
@public
def answer_nothing() -> str:
    """The least this application can answer."""
    return ""


class _Choice:
    """Leaves the fast path out when the request says so."""

    def __init__(self, fast: FastPath) -> None:
        self._fast = fast

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return (self._fast.inner if VIEW_ALONE in environ else self._fast)(environ, start_response)


assert isinstance(app.wsgi_app, FastPath)
app.wsgi_app = _Choice(app.wsgi_app)  # type: ignore[method-assign]
