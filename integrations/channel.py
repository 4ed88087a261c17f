"""What every way of submitting takes and gives: the delivery as it leaves, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from clinic.delivery_reason import DeliveryReason
from clinic.line_test import LineReport
from clinic.models import Authority
from clinic.models.delivery import DeliveryState
from clinic.ports import BuiltDocument, ComposeDelivery, DocumentOrder
from integrations.transport.http import Patience


@dataclass(frozen=True)
class DeliveryView:
    """One claimed delivery, read out of the database so that it can be sent outside every unit of work."""

    id: str
    case_id: str
    authority_id: str
    channel: str
    endpoint: str
    content_type: str
    body: bytes
    idempotency_key: str
    sha256: str  # of the signed document's exact bytes, hexadecimal
    jws: str  # detached, over the same bytes


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt.

    `state` is ACCEPTED, REJECTED, UNKNOWN (may have arrived) or QUEUED (cannot have arrived, or was turned
    away for now). `detail` is the status line or fault for the history, `words` the variable part of the
    sentence.
    """

    state: DeliveryState
    reason: DeliveryReason
    detail: str
    words: str = ""
    reply: str | None = None  # the beginning of what came back
    receipt: str | None = None  # the authority's reference
    acknowledged: bool = False  # the authority's own word, not only its machine's
    wait_seconds: float | None = None  # what the authority asked us to wait


class Channel(Protocol):
    """What a module of `integrations/authorities` offers."""

    def render(
        self, authority: Authority, order: DocumentOrder, built: BuiltDocument, jws: str
    ) -> ComposeDelivery:
        """What composes and checks the bytes that will leave, before the signature commits."""

    def send(self, view: DeliveryView, patience: Patience) -> Outcome:
        """Send it once and say what became of it; never raises for a fault on the way."""

    def ask(self, view: DeliveryView, patience: Patience) -> Outcome | None:
        """What the authority holds under the delivery's key; None when it does not know or cannot say."""

    def judge_address(self, address: str) -> str:
        """What is wrong with an address for this channel, as one sentence in English; empty when it can be used."""

    def test_line(self, address: str, patience: Patience) -> LineReport:
        """Try the line without any person's data; never raises for a fault on the way."""
