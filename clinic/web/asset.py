"""Addresses of static files that carry the hash of their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import brotli  # type: ignore[import-untyped]
from flask import Flask, Response, current_app, has_request_context, request, url_for
from flask_compress import Compress

A_YEAR = 31_536_000  # seconds
A_MONTH = 2_592_000
TEXTS = {"text/css", "text/javascript", "application/javascript", "image/svg+xml"}


def static_url(filename: str) -> str:
    """The address of a file under `clinic/static`, with its content hash. Raises FileNotFoundError."""
    known: dict[tuple[str, str], str] = current_app.extensions["asset_addresses"]
    place = request.script_root if has_request_context() else None
    if place is None or current_app.debug:
        return url_for("static", filename=filename, v=_find_hash(filename))
    if (place, filename) not in known:
        known[place, filename] = url_for("static", filename=filename, v=_find_hash(filename))
    return known[place, filename]


def set_static_caching(response: Response) -> None:
    """Let a hashed address be kept for ever; a font (asked for by the style sheet, unhashed) for a month."""
    if "v" in request.args and response.status_code in (200, 304):
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    elif request.path.endswith(".woff2"):
        response.headers["Cache-Control"] = f"public, max-age={A_MONTH}"


def pack_static_text(response: Response) -> Response:
    """Send a static text as small as it gets; read whole, so that compressing does not leave its file open.

    Others are compressed anew for every answer, and quickly; these are the same for a year, so they are worth it once.
    """
    if request.endpoint == "static" and response.mimetype in TEXTS:
        response.direct_passthrough = False
        content = response.get_data()
        response.close()
        if response.status_code == 200 and request.accept_encodings.quality("br") > 0:
            response.set_data(_pack(content))
            response.headers["Content-Encoding"] = "br"
            tag, is_weak = response.get_etag()
            if tag:
                response.set_etag(f"{tag}:br", weak=bool(is_weak))
                response.make_conditional(request)
    return response


@lru_cache(maxsize=64)
def _pack(content: bytes) -> bytes:
    packed: bytes = brotli.compress(content, mode=brotli.MODE_TEXT, quality=11)
    return packed


class _Packing(Compress):
    """The library's, but for who refuses a way of packing (`gzip;q=0`), which it takes for a weak wish."""

    def after_request(self, response: Response | None) -> Response:
        """The answer as the client wants it; packed in no way that it does not take (RFC 9110, 12.5.3)."""
        taken = request.accept_encodings
        if response is not None and not any(taken.quality(way) > 0 for way in self.enabled_algorithms):
            response.vary.add("Accept-Encoding")
            return response
        packed: Response = super().after_request(response)
        return packed


def init_assets(app: Flask) -> None:
    """Set up hashes (computed on first use, under debug on every use) and compression of what is sent."""
    app.extensions["asset_hashes"], app.extensions["asset_addresses"] = {}, {}
    app.jinja_env.globals["static_url"] = static_url
    _Packing(app)
    app.after_request(pack_static_text)  # registered after Compress, so it runs before it


def _find_hash(filename: str) -> str:
    known: dict[str, str] = current_app.extensions["asset_hashes"]
    if filename not in known or current_app.debug:
        content = (Path(current_app.static_folder or "") / filename).read_bytes()
        known[filename] = hashlib.sha256(content).hexdigest()[:12]
    return known[filename]
