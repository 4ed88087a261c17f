"""Notices that somebody set the clock: the time of day no longer passes as fast as the machine's own seconds."""

from __future__ import annotations

import time

from clinic import clock

TOLERANCE_SECONDS = 5.0  # NTP slews more slowly; a busy machine may look later than it meant to, but at both clocks


class ClockWatch:
    """Compares the clock that people read with one that nobody can set."""

    def __init__(self) -> None:
        self._apart = self._measure()

    def find_leap(self) -> float:
        """Seconds by which the clock was set since the last look, negative when set back; 0 when it was not."""
        apart = self._measure()
        leap, self._apart = apart - self._apart, apart
        return leap if abs(leap) > TOLERANCE_SECONDS else 0.0

    def _measure(self) -> float:
        return clock.now().timestamp() - time.clock_gettime(time.CLOCK_BOOTTIME)  # goes on while a machine sleeps
