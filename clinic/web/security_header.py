"""The headers every answer carries: what a page may load, who may frame it, what may be kept."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request

from clinic.web.asset import set_static_caching

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
PERMISSIONS_POLICY = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"


def csp_nonce() -> str:
    """The number used once that marks this answer's own inline scripts."""
    if "csp_nonce" not in g:
        g.csp_nonce = draw_nonce()
    return str(g.csp_nonce)


def draw_nonce() -> str:
    """Another number used once."""
    return secrets.token_urlsafe(18)


def list_security_headers(nonce: str, is_secure: bool) -> list[tuple[str, str]]:
    """The headers of an answer that is not a static file, but for Cache-Control."""
    headers = [
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY.format(nonce=nonce)),
        ("Permissions-Policy", PERMISSIONS_POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ]
    return [*headers, ("Strict-Transport-Security", "max-age=31536000")] if is_secure else headers


def set_security_headers(response: Response) -> Response:
    """Add the headers; a view may set its own Cache-Control, otherwise a page is never stored."""
    headers = response.headers
    for name, value in list_security_headers(csp_nonce(), request.is_secure):
        headers.setdefault(name, value)
    if request.endpoint == "static":
        set_static_caching(response)
    else:
        headers.setdefault("Cache-Control", "no-store")
    return response


def init_security_headers(app: Flask) -> None:
    """Give every request a nonce (the sign-in pages read `g.csp_nonce` too) and every answer its headers."""

    @app.before_request
    def _draw_nonce() -> None:
        csp_nonce()

    app.after_request(set_security_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce
