"""The sandbox authorities' own small web application: where exams arrive, and a page to look and to throw switches."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, redirect, render_template, request, url_for

from clinic import clock
from clinic.key import new_id
from integrations.sandbox.behaviour import LABELS, Behaviour, Patience
from integrations.sandbox.intake import Refused, describe_bundle, get_bundle_id, read_bundle
from integrations.sandbox.laboratory import STRAYS, Stray, send, write_stray
from integrations.sandbox.mllp import find_report, tell_clinic
from integrations.sandbox.signature import SignatureState, Verifier
from integrations.sandbox.store import Receipt, SandboxStore

AUTHORITIES = {
    "us": "United States (sandbox)",
    "ca": "Canada (sandbox)",
    "au": "Australia (sandbox)",
    "nz": "New Zealand (sandbox)",
    "uk": "United Kingdom (sandbox)",
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
KEY_LIMIT = 200
TOLD = {"taken": "Sent, and the clinic acknowledged it: look under Results in.",
        "refused": "The clinic did not take it. Is its HL7 listener running?"}

blueprint = Blueprint("sandbox", __name__)


def create_sandbox(
    path: Path, patience: Patience | None = None, verifier: Verifier | None = None, clinic_port: int = 2575
) -> Flask:
    """The application over the SQLite file `path`; without a verifier no signature is checked.

    `clinic_port` is where the clinic listens for the authority's later word on an HL7 message.
    """
    app = Flask("integrations.sandbox", root_path=str(Path(__file__).parent))
    app.config["MAX_CONTENT_LENGTH"] = 32 * 1024 * 1024
    app.extensions["sandbox_store"] = SandboxStore(path)
    app.extensions["sandbox_patience"] = patience or Patience()
    app.extensions["sandbox_verifier"] = verifier
    app.extensions["sandbox_clinic_port"] = clinic_port
    app.register_blueprint(blueprint)
    app.after_request(_harden)
    return app


@blueprint.get("/")
def index() -> str:
    """Every sandbox authority and how it behaves."""
    rows = [
        (key, name, LABELS[_store().get_behaviour(key)], len(_store().list_received(key)))
        for key, name in AUTHORITIES.items()
    ]
    return render_template("index.html", rows=rows, strays=STRAYS, told=TOLD.get(request.args.get("told", "")))


@blueprint.post("/laboratory/send")
def send_stray() -> Any:
    """Have the sandbox laboratory send the clinic something that no order asked for: a form's `kind`."""
    wanted = _wanted("kind")
    if wanted not in set(Stray):
        return _outcome(422, "value", f"Choose one of: {', '.join(Stray)}.")
    taken = send(write_stray(Stray(wanted)), current_app.extensions["sandbox_clinic_port"])
    return redirect(url_for("sandbox.index", told="taken" if taken else "refused", _anchor="laboratory"), 303)


@blueprint.get("/<authority>/")
def inbox(authority: str) -> str:
    """What one authority has received, and its switches."""
    name = _get_name(authority)
    return render_template(
        "inbox.html", authority=authority, name=name, received=_store().list_received(authority),
        behaviours=LABELS, current=_store().get_behaviour(authority),
    )  # fmt: skip


@blueprint.get("/<authority>/inbox.json")
def inbox_json(authority: str) -> Response:
    """The same for programs."""
    _get_name(authority)
    received = [
        {
            "idempotencyKey": r.idempotency_key, "receivedAt": r.received_at, "bundleId": r.bundle_id,
            "sha256": r.sha256, "jws": r.jws, "signature": r.signature,
            "size": r.size, "summary": r.summary, "receipt": r.receipt,
            "acknowledgedAt": r.acknowledged_at, "times": r.times,
        }
        for r in _store().list_received(authority)
    ]  # fmt: skip
    return jsonify({"authority": authority, "behaviour": _store().get_behaviour(authority), "received": received})


@blueprint.get("/<authority>/received/<key>")
def document(authority: str, key: str) -> Response:
    """The exact bytes received under a key."""
    _get_name(authority)
    body = _store().find_body(authority, key)
    if body is None:
        abort(404)
    is_message = body.startswith(b"MSH")
    return Response(body.replace(b"\r", b"\n") if is_message else body,
                    content_type="text/plain; charset=utf-8" if is_message else "application/fhir+json")


@blueprint.get("/<authority>/received/<key>/report.pdf")
def report(authority: str, key: str) -> Response:
    """The printed report that an HL7 message carried."""
    _get_name(authority)
    found = find_report(_store().find_body(authority, key) or b"")
    if found is None:
        abort(404)
    return Response(found, content_type="application/pdf")


@blueprint.post("/<authority>/fhir")
def receive(authority: str) -> Response:
    """Take an exam, once for each key, unless a switch says otherwise."""
    _get_name(authority)
    behaviour = _store().get_behaviour(authority)
    if behaviour is Behaviour.DOWN:
        return _outcome(503, "transient", "The sandbox authority was told to be down.")
    if behaviour is Behaviour.REFUSE:
        return _outcome(422, "business-rule", "The sandbox authority was told to refuse every exam.")
    if behaviour is Behaviour.SLOW:
        _patience().wait(_patience().slow_seconds)
    key = request.headers.get("Idempotency-Key", "")[:KEY_LIMIT]
    if not key:
        return _outcome(400, "required", "Send an Idempotency-Key, so that nothing is stored twice.")
    body = request.get_data()
    try:
        receipt, known = _take(authority, key, body, behaviour)
    except Refused as refusal:
        return _outcome(422, refusal.code, str(refusal))
    if behaviour is Behaviour.SILENT:
        _patience().wait(_patience().silent_seconds)
        return _outcome(504, "timeout", "The sandbox authority was told not to answer.")
    if behaviour is Behaviour.DROP:
        _hang_up()
    if behaviour is Behaviour.GARBAGE:
        return Response("<html><body>It works!</body></html>", content_type="text/html")
    if behaviour is Behaviour.OTHER:
        return _acknowledge(authority, replace(receipt, idempotency_key="somebody-else", receipt="ANOTHER"), 200)
    if behaviour is Behaviour.DUPLICATE:
        return _outcome(409, "duplicate", "This key was received before.")
    return _acknowledge(authority, receipt, 200 if known else _created(receipt))


@blueprint.get("/<authority>/fhir")
def ask(authority: str) -> Response:
    """What is held under `?idempotency-key=`; 404 when nothing is."""
    _get_name(authority)
    if _store().get_behaviour(authority) is Behaviour.DOWN:
        return _outcome(503, "transient", "The sandbox authority was told to be down.")
    found = _store().find(authority, request.args.get("idempotency-key", "")[:KEY_LIMIT])
    if found is None:
        return _outcome(404, "not-found", "Nothing was received under this key.")
    return _acknowledge(authority, found, 200)


@blueprint.post("/<authority>/switch")
def switch(authority: str) -> Any:
    """Change how the authority behaves: a form, or JSON {"behaviour": "down"}."""
    _get_name(authority)
    wanted = _wanted("behaviour")
    if wanted not in set(Behaviour):
        return _outcome(422, "value", f"Choose one of: {', '.join(Behaviour)}.")
    _store().set_behaviour(authority, Behaviour(wanted))
    _patience().end_waits()
    return _back(authority)


@blueprint.post("/<authority>/acknowledge")
def acknowledge(authority: str) -> Any:
    """Give the authority's own word for one exam, or for all that wait."""
    _get_name(authority)
    key = _wanted("key")
    for receipt in _store().list_received(authority):
        if key in ("", receipt.idempotency_key):
            _store().acknowledge(authority, receipt.idempotency_key, clock.now().isoformat())
            body = _store().find_body(authority, receipt.idempotency_key) or b""
            if body.startswith(b"MSH"):
                tell_clinic(body, receipt.receipt, current_app.extensions["sandbox_clinic_port"])
    return _back(authority)


@blueprint.post("/<authority>/reset")
def reset(authority: str) -> Any:
    """Empty the inbox and accept again."""
    _get_name(authority)
    _store().reset(authority)
    _patience().end_waits()
    return _back(authority)


@blueprint.before_request
def refuse_foreign_forms() -> None:
    """Nobody is signed in here, so a page of another site must not throw our switches."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        abort(403)


def _take(authority: str, key: str, body: bytes, behaviour: Behaviour) -> tuple[Receipt, bool]:
    bundle = read_bundle(body, request.headers.get("X-Content-SHA256"))
    jws = request.headers.get("X-JWS-Signature", "")
    verifier: Verifier | None = current_app.extensions["sandbox_verifier"]
    signature = verifier.check(jws, body) if verifier else SignatureState.NOT_CHECKED
    if signature is SignatureState.INVALID:
        raise Refused("security", "The signature does not fit the bytes that arrived.")
    now = clock.now().isoformat()
    receipt = Receipt(
        idempotency_key=key, received_at=now, bundle_id=get_bundle_id(bundle),
        sha256=hashlib.sha256(body).hexdigest(), jws=jws, signature=signature, size=len(body),
        summary=describe_bundle(bundle), receipt=f"{authority.upper()}-{new_id()[-12:].upper()}",
        acknowledged_at=None if behaviour is Behaviour.ACCEPT_LATER else now, times=1,
    )  # fmt: skip
    kept, known = _store().add(authority, receipt, body)
    if known and kept.sha256 != receipt.sha256:
        raise Refused("conflict", "This key was used before, with other bytes.")
    return kept, known


def _created(receipt: Receipt) -> int:
    return 201 if receipt.acknowledged_at else 202


def _acknowledge(authority: str, receipt: Receipt, status: int) -> Response:
    """The answer that names what is held: a receipt once it is acknowledged, before that only an address."""
    body = {"received": receipt.received_at, "idempotencyKey": receipt.idempotency_key}
    if receipt.acknowledged_at:
        body["receipt"] = receipt.receipt
    response = jsonify(body)
    response.status_code = status
    response.headers["Location"] = url_for("sandbox.document", authority=authority, key=receipt.idempotency_key)
    return response


def _hang_up() -> None:
    """Close the connection without an answer, as a machine that falls over does."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)


def _outcome(status: int, code: str, text: str) -> Response:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    response = jsonify({"resourceType": "OperationOutcome", "issue": [issue]})
    response.status_code = status
    response.content_type = "application/fhir+json"
    return response


def _wanted(name: str) -> str:
    body = request.get_json(silent=True) if request.is_json else None
    return str(body.get(name, "")) if isinstance(body, dict) else request.form.get(name, "")


def _back(authority: str) -> Any:
    return inbox_json(authority) if request.is_json else redirect(url_for("sandbox.inbox", authority=authority), 303)


def _get_name(authority: str) -> str:
    if authority not in AUTHORITIES:
        abort(404)
    return AUTHORITIES[authority]


def _store() -> SandboxStore:
    store: SandboxStore = current_app.extensions["sandbox_store"]
    return store


def _patience() -> Patience:
    patience: Patience = current_app.extensions["sandbox_patience"]
    return patience


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
