"""Submits the signed exam as a FHIR document Bundle over HTTP, with its signature in a header beside it.

The body is the Bundle's exact signed bytes (FHIR R4, 3.3 "Documents"); `Idempotency-Key` carries the signed
exam's id, the same for every attempt, so that an authority stores it once
(draft-ietf-httpapi-idempotency-key-header); `If-None-Exist` says the same to a server that knows FHIR only.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from flask import current_app

from clinic.config import get_settings
from clinic.delivery_reason import DeliveryReason
from clinic.errors import Misconfigured
from clinic.line_test import LineReport, LineResult
from clinic.machine_address import split_address
from clinic.models import Authority
from clinic.models.delivery import DeliveryState
from clinic.ports import BuiltDocument, ComposeDelivery, DocumentOrder, RenderedDelivery
from clinic.sentence import N_
from integrations.channel import DeliveryView, Outcome
from integrations.fhir_answer import classify_answer, parse_object, read_acknowledgement
from integrations.transport.http import NoAnswer, NotSent, Patience, exchange

NAME = "fhir_document"
CONTENT_TYPE = "application/fhir+json"
SIGNATURE_HEADER = "X-JWS-Signature"  # detached JWS (RFC 7515 appendix F, RFC 7797) over the body's bytes
DIGEST_HEADER = "X-Content-SHA256"


def render(authority: Authority, order: DocumentOrder, built: BuiltDocument, jws: str) -> ComposeDelivery:
    """The Bundle as it was signed: this channel adds nothing to the body.

    Raises Misconfigured when the authority has no address that the Bundle could be sent to.
    """
    if _read_address(authority.endpoint) is None:
        raise Misconfigured(
            f"The address of {authority.name} cannot be used. Ask the clinic administrator to correct it.",
            authority=authority.id,
        )
    rendered = RenderedDelivery(NAME, CONTENT_TYPE, built.body, built.bundle_id)
    return lambda printed: rendered


def send(view: DeliveryView, patience: Patience) -> Outcome:
    """POST the bytes once and say what became of it."""
    headers = {
        "Content-Type": view.content_type,
        "Accept": CONTENT_TYPE + ", application/json",
        "Idempotency-Key": view.idempotency_key,
        DIGEST_HEADER: view.sha256,
        SIGNATURE_HEADER: view.jws,
    } | build_condition(view.body)
    try:
        answer = exchange("POST", view.endpoint, headers, view.body, patience)
    except NotSent as fault:
        return Outcome(DeliveryState.QUEUED, DeliveryReason.UNREACHABLE, str(fault), words=str(fault))
    except NoAnswer as fault:
        return Outcome(DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, str(fault), words=str(fault))
    return classify_answer(answer, view.idempotency_key)


def build_condition(body: bytes) -> dict[str, str]:
    """The header by which any FHIR server stores a document once (R4, 3.1.0.8.1 "Conditional create").

    A document's identifier is never given twice; nothing for a body that names none.
    """
    identifier = parse_object(body).get("identifier")
    if not isinstance(identifier, dict):
        return {}
    system, value = identifier.get("system"), identifier.get("value")
    return {"If-None-Exist": urlencode({"identifier": f"{system}|{value}"})} if system and value else {}


def judge_address(address: str) -> str:
    """What is wrong with an address for this channel, in one sentence; empty when it can be used."""
    parts = _read_address(address)
    if parts is None:
        return N_("Write an address like https://authority.example/fhir.")
    if parts.scheme == "http" and not get_settings(current_app).demo:
        return N_("Exams leave encrypted only: the address must begin with https://.")
    if parts.username or parts.password or parts.fragment:
        return N_("Leave out a user, a password and a # from the address.")
    return ""


def test_line(address: str, patience: Patience) -> LineReport:
    """Ask the server for its capability statement (FHIR R4, 3.1.0.10), which is public and about nobody."""
    url = urlunsplit(urlsplit(address)._replace(query="", fragment="")).rstrip("/") + "/metadata"
    try:
        answer = exchange("GET", url, {"Accept": CONTENT_TYPE + ", application/json"}, None, patience)
    except NotSent as fault:
        return LineReport(LineResult.UNREACHABLE, str(fault))
    except NoAnswer as fault:
        return LineReport(LineResult.NO_ANSWER, str(fault))
    detail = f"HTTP {answer.status}"
    is_capability = answer.status == 200 and parse_object(answer.body).get("resourceType") == "CapabilityStatement"
    return LineReport(LineResult.ANSWERS if is_capability else LineResult.ANSWERS_OTHERWISE, detail)


def ask(view: DeliveryView, patience: Patience) -> Outcome | None:
    """Ask what the authority holds under the delivery's key (GET on the same address).

    None when it answers that it holds nothing, does not offer the question, or does not answer at all: the
    caller then sends the same bytes with the same key, which is safe either way.
    """
    joint = "&" if urlsplit(view.endpoint).query else "?"
    url = view.endpoint + joint + urlencode({"idempotency-key": view.idempotency_key})
    try:
        answer = exchange("GET", url, {"Accept": CONTENT_TYPE + ", application/json"}, None, patience)
    except (NotSent, NoAnswer):
        return None
    if answer.status != 200 or read_acknowledgement(answer) is None:
        return None
    return classify_answer(answer, view.idempotency_key)


def _read_address(address: str) -> SplitResult | None:
    """Its parts; None when no server can be asked there."""
    try:
        parts = split_address(address)
    except ValueError:
        return None
    return parts if parts.scheme in {"http", "https"} else None
