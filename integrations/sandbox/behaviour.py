"""How a sandbox authority can be told to behave, so that every way of failing can be seen."""

from __future__ import annotations

from enum import StrEnum
from threading import Condition


class Behaviour(StrEnum):
    """What a sandbox authority does with a request."""

    ACCEPT = "accept"
    ACCEPT_LATER = "accept-later"
    REFUSE = "refuse"
    DOWN = "down"
    SILENT = "silent"
    DROP = "drop"
    SLOW = "slow"
    GARBAGE = "garbage"
    OTHER = "other"
    DUPLICATE = "duplicate"


LABELS: dict[Behaviour, str] = {
    Behaviour.ACCEPT: "Accept and acknowledge at once",
    Behaviour.ACCEPT_LATER: "Accept, acknowledge when a person does",
    Behaviour.REFUSE: "Refuse every exam",
    Behaviour.DOWN: "Be down",
    Behaviour.SILENT: "Store it, then never answer (time-out)",
    Behaviour.DROP: "Store it, then hang up without an answer",
    Behaviour.SLOW: "Answer slowly",
    Behaviour.GARBAGE: "Store it, then answer with garbage",
    Behaviour.OTHER: "Store it, then acknowledge another message",
    Behaviour.DUPLICATE: "Store it, then say that it had it already",
}


class Patience:
    """Lets a request hang for a while, but not longer than somebody wants it to: a switch ends every wait."""

    def __init__(self, silent_seconds: float = 60.0, slow_seconds: float = 4.0) -> None:
        self.silent_seconds = silent_seconds
        self.slow_seconds = slow_seconds
        self._changed = Condition()
        self._count = 0

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as a switch is thrown."""
        with self._changed:
            before = self._count
            self._changed.wait_for(lambda: self._count != before, timeout=seconds)

    def end_waits(self) -> None:
        """Let every request that hangs go on."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()
