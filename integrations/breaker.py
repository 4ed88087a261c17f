"""Leaves a destination alone for a while after several faults in a row, so that a queue does not flood it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from clinic.delivery_reason import DeliveryReason

FAULTS_TO_OPEN = 5  # hl7-dicom.md 6.1
REST = timedelta(seconds=30)  # then one delivery goes ahead; whether it succeeds decides

FAULTS = frozenset({DeliveryReason.UNREACHABLE, DeliveryReason.BUSY, DeliveryReason.NO_ANSWER})


@dataclass
class Breaker:
    """One process's memory of each destination's faults; forgotten at a restart, which is harmless."""

    rest: timedelta = REST
    _faults: dict[str, int] = field(default_factory=dict)
    _resting_until: dict[str, datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def allows(self, authority_id: str, now: datetime) -> bool:
        """Whether the destination may be tried now."""
        with self._lock:
            until = self._resting_until.get(authority_id)
            return until is None or now >= until

    def note(self, authority_id: str, reason: DeliveryReason, now: datetime) -> None:
        """Count a fault, or forget all of them: an answer of any other kind shows that somebody is there."""
        with self._lock:
            if reason not in FAULTS:
                self._faults.pop(authority_id, None)
                self._resting_until.pop(authority_id, None)
                return
            self._faults[authority_id] = self._faults.get(authority_id, 0) + 1
            if self._faults[authority_id] >= FAULTS_TO_OPEN:
                self._resting_until[authority_id] = now + self.rest
