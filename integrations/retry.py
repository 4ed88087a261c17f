"""When a delivery is tried again: delays as data, jitter, and when it is given up."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from clinic.delivery_reason import DeliveryReason

# Seconds before the second, third, … attempt; the last one holds from then on.
DELAYS: tuple[float, ...] = (5, 10, 20, 40, 80, 160, 320, 640, 900)
LONGEST_WAIT = 24 * 3600.0  # an authority may ask us to wait (Retry-After), but not for ever

# Attempts since the last person's act before we give up: 300 at fifteen minutes are three days, in which
# somebody has seen it on the delivery page.
LIMITS: dict[DeliveryReason, int] = {
    DeliveryReason.UNREACHABLE: 300,
    DeliveryReason.BUSY: 300,
    DeliveryReason.NO_ANSWER: 300,
    DeliveryReason.INTERRUPTED: 10,  # a fault of ours that returns ten times will return for ever
}

ASK_EVERY = timedelta(minutes=10)  # how often an accepted exam's acknowledgement is asked for
ASK_FOR = timedelta(days=7)  # an authority that has said nothing by then will not


@dataclass(frozen=True)
class RetryPlan:
    """Delays and limits, and the chance in them; a test brings its own."""

    delays: tuple[float, ...] = DELAYS
    limits: dict[DeliveryReason, int] | None = None
    draw: Callable[[], float] = random.random  # 0 <= x < 1

    def is_exhausted(self, reason: DeliveryReason, tries: int) -> bool:
        """Whether `tries` attempts without success are enough to give up."""
        limits = LIMITS if self.limits is None else self.limits
        return tries >= limits.get(reason, 1)

    def next_attempt_at(self, now: datetime, tries: int, wait_seconds: float | None = None) -> datetime:
        """The moment of the next attempt after `tries` failed ones.

        Half of the delay is fixed and half is drawn, so that deliveries do not all come back together; an
        authority's own wish counts when it is longer.
        """
        delay = self.delays[min(max(tries, 1), len(self.delays)) - 1]
        seconds = delay / 2 + self.draw() * delay / 2
        return now + timedelta(seconds=max(seconds, min(wait_seconds or 0.0, LONGEST_WAIT)))
