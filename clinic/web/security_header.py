"""The headers every answer carries: what a page may load, who may frame it, what may be kept."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request

from clinic.web.asset import set_static_caching

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
# What is no page of ours runs nothing and loads nothing, also where a browser would show it as one.
RAW_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
PAGE = "text/html"
ASSET = "asset"  # a file under clinic/static: part of a page, shown where the page says
SHOWN = (PAGE, "text/plain", "image/jpeg")
# Whatever else leaves is saved under a name of ours, never shown (OWASP ASVS 12.5.2, 14.4.2).
FILE_NAMES = {"application/json": "answer.json", "application/fhir+json": "answer.json",
              "application/pdf": "document.pdf", "application/jose": "signature.jws"}
PERMISSIONS_POLICY = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"


def csp_nonce() -> str:
    """The number used once that marks this answer's own inline scripts."""
    notes = vars(g._get_current_object())
    nonce: str = notes.get("csp_nonce") or notes.setdefault("csp_nonce", draw_nonce())
    return nonce


def draw_nonce() -> str:
    """Another number used once."""
    return secrets.token_urlsafe(18)


def list_security_headers(nonce: str, is_secure: bool, kind: str = PAGE) -> list[tuple[str, str]]:
    """The headers of an answer of one media type or `ASSET`, but for Cache-Control: only a page may run anything.

    The nonce is a page's; nobody else has one. What concerns documents alone is left out of an asset: a first visit
    brings in ten of them.
    """
    policy = [("Content-Security-Policy", CONTENT_SECURITY_POLICY.format(nonce=nonce))] if kind == PAGE else [
        ("Content-Security-Policy", RAW_POLICY), ("Cross-Origin-Resource-Policy", "same-origin")]
    if kind not in (*SHOWN, ASSET):
        policy.append(("Content-Disposition", f'attachment; filename="{FILE_NAMES.get(kind, "answer.bin")}"'))
    headers = [*policy, ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin")]
    if kind != ASSET:
        headers += [("Permissions-Policy", PERMISSIONS_POLICY), ("Cross-Origin-Opener-Policy", "same-origin")]
    return [*headers, ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")] if is_secure else headers


def set_security_headers(response: Response) -> Response:
    """Add the headers; a view may set its own Cache-Control, otherwise a page is never stored."""
    headers = response.headers
    if request.endpoint == "static" and response.status_code in (200, 206, 304):
        kind = ASSET
    else:
        kind = PAGE if response.status_code == 304 else response.mimetype or ""  # 304: no body to be of any kind
    present = {name.lower() for name in headers.keys()}  # noqa: SIM118 a header may stand there twice
    for name, value in list_security_headers(csp_nonce() if kind == PAGE else "", request.is_secure, kind):
        if name.lower() not in present:
            headers.add(name, value)
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
