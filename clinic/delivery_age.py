"""How long a signed exam has been on its way, and from which age on somebody is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from clinic.config import Settings


class Lateness(IntEnum):
    """How late a delivery is; each level is shown in words of its own."""

    IN_TIME = 0
    NOTICE = 1
    WARNING = 2
    ALARM = 3


@dataclass(frozen=True)
class DeliveryLimits:
    """The ages from which on a delivery counts as late, rising."""

    notice: timedelta
    warning: timedelta
    alarm: timedelta

    def judge(self, queued_at: datetime, now: datetime) -> Lateness:
        """How late a delivery that has waited since `queued_at` is."""
        passed = now - queued_at
        levels = ((self.alarm, Lateness.ALARM), (self.warning, Lateness.WARNING), (self.notice, Lateness.NOTICE))
        return next((level for limit, level in levels if passed >= limit), Lateness.IN_TIME)


def read_limits(settings: Settings) -> DeliveryLimits:
    """The limits of an installation."""
    return DeliveryLimits(
        timedelta(minutes=settings.delivery_notice_minutes), timedelta(minutes=settings.delivery_warning_minutes),
        timedelta(minutes=settings.delivery_alarm_minutes),
    )
