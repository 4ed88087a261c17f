"""Again and again after some seconds, without making up for what a set clock or a sleeping machine skipped."""

from __future__ import annotations

from datetime import datetime

from apscheduler.triggers.interval import IntervalTrigger


class SkippingInterval(IntervalTrigger):
    """An interval that goes on from now once several turns were missed.

    The library lists every missed turn before it drops them: after a clock was set forward a year, thirty million for
    each job that runs every second, which took the worker minutes and gigabytes (drill `set_clock`).
    """

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The next turn after `previous_fire_time`, or an interval from `now` when that has passed already."""
        if previous_fire_time is not None and now - previous_fire_time > self.interval:
            return now + self.interval
        found: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        return found
