"""Submits the signed exam as an HL7 v2.5.1 ORU^R01 over MLLP, in enhanced acknowledgement mode.

The body is frozen with the signature and keeps its MSH-10 through every attempt: that number is how the receiver
stores it once, for HL7 v2 has no way of asking what arrived. CA says that the authority's machine has it, AA that the
authority took it; each speaks of us only when its MSA-2 is our MSH-10.
"""

from __future__ import annotations

from flask import current_app

from clinic.config import get_settings
from clinic.delivery_reason import DeliveryReason
from clinic.errors import Misconfigured
from clinic.line_test import LineReport, LineResult
from clinic.models import Authority
from clinic.models.delivery import DeliveryState
from clinic.ports import BuiltDocument, ComposeDelivery, DocumentOrder, PrintedExam, RenderedDelivery
from clinic.sentence import N_
from integrations.channel import DeliveryView, Outcome
from integrations.hl7 import lint
from integrations.hl7.acknowledgement import Acknowledgement, Unreadable, read_acknowledgement
from integrations.hl7.exam import Envelope, compose_exam
from integrations.hl7.reader import read_message
from integrations.transport.http import NoAnswer, NotSent, Patience
from integrations.transport.mllp import Credential, Peer, Replies, converse, parse_peer, probe

NAME = "hl7_oru"
CONTENT_TYPE = "application/hl7-v2+er7; charset=utf-8"
OWN_WORD_SECONDS = 5.0  # after CA: how long the authority's own word is awaited on the same connection
REPLY_KEPT = 4000  # characters of a reply that the history keeps


def render(authority: Authority, order: DocumentOrder, built: BuiltDocument, jws: str) -> ComposeDelivery:
    """What composes and lints the message once the report is printed and numbered.

    Raises Misconfigured when the authority's address is no MLLP one.
    """
    peer = _get_peer(authority)
    site, signed_at, version = order.case.site, order.signed_at, order.version
    facility, country, namespace = site.code, site.country, authority.id.upper()
    is_production = not get_settings(current_app).demo

    def compose(printed: PrintedExam) -> RenderedDelivery:
        text = compose_exam(built.body, Envelope(
            control_id=printed.control_id, facility=facility, country=country,
            receiver=(peer.application, peer.facility), authority=namespace, composed_at=signed_at,
            is_production=is_production, version=version, sha256=printed.sha256, jws=jws, pdf=printed.pdf,
        ))  # fmt: skip
        lint.check(text)
        return RenderedDelivery(NAME, CONTENT_TYPE, text.encode(), printed.control_id)

    return compose


def send(view: DeliveryView, patience: Patience) -> Outcome:
    """Send the bytes once and say what became of it."""
    try:
        peer = parse_peer(view.endpoint)
    except ValueError as fault:
        return Outcome(DeliveryState.REJECTED, DeliveryReason.MISCONFIGURED, str(fault), words=str(fault))
    try:
        with converse(peer, view.body, patience, _credential()) as replies:
            first = _read(replies, view, patience.answer)
            if not isinstance(first, Acknowledgement):
                return first
            if first.is_application_level or not first.is_positive or _wants_no_more(view.body):
                return classify(first)
            return _await_own_word(replies, view, first, patience)
    except NotSent as fault:
        return Outcome(DeliveryState.QUEUED, DeliveryReason.UNREACHABLE, str(fault), words=str(fault))
    except NoAnswer as fault:
        return Outcome(DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, str(fault), words=str(fault))


def judge_address(address: str) -> str:
    """What is wrong with an address for this channel, in one sentence; empty when it can be used."""
    try:
        parse_peer(address)
    except ValueError:
        return N_("Write an address like mllps://host:2575/APPLICATION/FACILITY, with the names it calls itself.")
    return ""


def test_line(address: str, patience: Patience) -> LineReport:
    """Connect, with the handshake of an encrypted line, and hang up: HL7 v2 has no message about nobody."""
    try:
        probe(parse_peer(address), patience, _credential())
    except ValueError as fault:
        return LineReport(LineResult.UNUSABLE, str(fault))
    except NotSent as fault:
        return LineReport(LineResult.UNREACHABLE, str(fault))
    return LineReport(LineResult.CONNECTS)


def ask(view: DeliveryView, patience: Patience) -> Outcome | None:
    """None: HL7 v2 has no such question. Sending the same MSH-10 again is the safe way to find out."""
    return None


def classify(acknowledgement: Acknowledgement) -> Outcome:
    """What an acknowledgement of our message means for its delivery."""
    code, words = acknowledgement.code, acknowledgement.words
    detail = " ".join(filter(None, (f"MSA-1 {code}", words)))
    reply = acknowledgement.text[:REPLY_KEPT]
    if acknowledgement.is_positive:
        if acknowledgement.is_application_level:
            receipt = acknowledgement.own_id or None
            return Outcome(DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED, detail, words, reply, receipt, True)
        return Outcome(DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED, detail, words, reply)
    if acknowledgement.is_duplicate:
        return Outcome(DeliveryState.REJECTED, DeliveryReason.DUPLICATE, detail, words or code, reply)
    if acknowledgement.is_transient:
        return Outcome(DeliveryState.QUEUED, DeliveryReason.BUSY, detail, words or code, reply)
    return Outcome(DeliveryState.REJECTED, DeliveryReason.REFUSED, detail, words or code, reply)


def _wants_no_more(body: bytes) -> bool:
    """Whether the message says that nothing shall follow the receipt (MSH-16 NE): waiting holds up the next one."""
    return read_message(body.split(b"\r", 1)[0].decode()).header.get(16) == "NE"


def _await_own_word(replies: Replies, view: DeliveryView, first: Acknowledgement, patience: Patience) -> Outcome:
    """After CA the authority's own word may follow at once, or come later to our listener."""
    try:
        second = _read(replies, view, min(patience.answer, OWN_WORD_SECONDS))
    except NoAnswer:
        return classify(first)
    if isinstance(second, Acknowledgement) and second.is_application_level:
        return classify(second)
    return classify(first)


def _read(replies: Replies, view: DeliveryView, seconds: float) -> Acknowledgement | Outcome:
    """The next reply; an Outcome when it is none, or speaks of another message: then we know nothing."""
    frame = replies.next(seconds)
    kept = frame[:REPLY_KEPT].decode("utf-8", "replace")
    try:
        found = read_acknowledgement(frame)
    except Unreadable as fault:
        return Outcome(DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, str(fault), reply=kept)
    if found.control_id != view.idempotency_key:
        detail = "the reply speaks of another message: its MSA-2 is not our MSH-10"
        return Outcome(DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, detail, reply=kept)
    return found


def _get_peer(authority: Authority) -> Peer:
    try:
        return parse_peer(authority.endpoint)
    except ValueError as fault:
        raise Misconfigured(
            f"The address of {authority.name} cannot be used. Ask the clinic administrator to correct it.",
            authority=authority.id, fault=str(fault),
        ) from fault


def _credential() -> Credential:
    settings = get_settings(current_app)
    return Credential(settings.mllp_authorities, settings.mllp_certificate)
