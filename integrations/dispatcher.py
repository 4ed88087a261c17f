"""Sends what waits in the outbox: claims in one unit of work, sends outside of any, records in another."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import cast

from clinic import clock
from clinic.db import read_unit, write_unit
from clinic.delivery_reason import DeliveryReason
from clinic.errors import Misconfigured
from clinic.models import DeliveryState
from integrations.breaker import Breaker
from integrations.channel import Channel, Outcome
from integrations.claim import LEASE, Claim, claim_next, claim_unacknowledged, list_due_destinations
from integrations.fault import describe_fault
from integrations.registry import load
from integrations.retry import RetryPlan
from integrations.settlement import record_acknowledgement, record_outcome, sweep_expired
from integrations.transport.http import Patience
from integrations.wrong_clock import pull_back

log = logging.getLogger(__name__)

TURN_LIMIT = 50  # deliveries for one destination before others get the worker again


def name_process() -> str:
    """A name for this process that no other running one has, at most 40 characters."""
    return f"{socket.gethostname()[:28]}-{os.getpid()}"


@dataclass
class Dispatcher:
    """One worker's hands; needs an application context, and may be used from several threads at once."""

    worker: str = field(default_factory=name_process)
    patience: Patience = field(default_factory=Patience)
    plan: RetryPlan = field(default_factory=RetryPlan)
    breaker: Breaker = field(default_factory=Breaker)
    lease: timedelta = LEASE
    stopping: Event = field(default_factory=Event)  # once set, what is on its way is finished and nothing begun

    def list_due(self) -> list[str]:
        """The authorities that have something due now and are neither stopped nor left alone after faults."""
        with read_unit() as session:
            return list_due_destinations(session, clock.now())

    def drain(self, authority_id: str, limit: int = TURN_LIMIT) -> int:
        """Send what is due for one authority, one after the other; returns how many were attempted."""
        sent = 0
        for step in (self.deliver_next, self.ask_next):
            while sent < limit and not self.stopping.is_set() and step(authority_id):
                sent += 1
        return sent

    def deliver_next(self, authority_id: str) -> DeliveryState | None:
        """Attempt the next due delivery; returns what became of the attempt, None when nothing was due."""
        with write_unit() as session:
            claim = claim_next(session, authority_id, self.worker, clock.now(), self.lease)
        if claim is None:
            return None
        outcome = self._send(claim)
        now = clock.now()
        with write_unit() as session:
            record_outcome(session, claim, outcome, self.plan, now)
            self.breaker.note(session, authority_id, outcome.reason, now)
        log.info(
            "delivery %s attempt %d: %s (%s)",
            claim.view.id,
            claim.attempt.number,
            outcome.state.value,
            outcome.reason.value,
        )
        return outcome.state

    def ask_next(self, authority_id: str) -> bool:
        """Ask for the next outstanding acknowledgement; False when none is due."""
        with write_unit() as session:
            claim = claim_unacknowledged(session, authority_id, self.worker, clock.now(), self.lease)
        if claim is None:
            return False
        outcome = _channel(claim).ask(claim.view, self.patience)
        with write_unit() as session:
            record_acknowledgement(session, claim, outcome, clock.now())
        return True

    def sweep(self) -> int:
        """Take deliveries back whose worker died while sending; returns how many."""
        now = clock.now()
        with write_unit() as session:
            pull_back(session, now)
            return sweep_expired(session, self.plan, now, self.lease)

    def _send(self, claim: Claim) -> Outcome:
        try:
            channel = _channel(claim)
            if claim.attempt.uncertain:
                known = channel.ask(claim.view, self.patience)
                if known is not None and known.state in (DeliveryState.ACCEPTED, DeliveryState.REJECTED):
                    return known
            return channel.send(claim.view, self.patience)
        except Misconfigured as error:
            return Outcome(
                DeliveryState.REJECTED, DeliveryReason.MISCONFIGURED, error.message, words=error.message
            )
        except Exception as error:
            # A fault of ours: the bytes may be on their way, so the authority is asked about them.
            log.error("delivery %s: sending failed: %s", claim.view.id, describe_fault(error))
            return Outcome(DeliveryState.UNKNOWN, DeliveryReason.INTERRUPTED, type(error).__name__)


def _channel(claim: Claim) -> Channel:
    return cast(Channel, load("authorities", claim.view.channel))


def run_once(dispatcher: Dispatcher) -> int:
    """Attempt everything that is due, one destination after the other; returns how many were attempted."""
    return sum(dispatcher.drain(authority_id) for authority_id in dispatcher.list_due())
