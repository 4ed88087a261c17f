"""Web and worker whose time of day a file moves: `python -m bench.fault.moved_clock` is the worker, `:app` the web.

The file named by `DRILL_HANDS` holds the seconds by which the clock is ahead. Everything of ours, the scheduler and the
signatures of cookies go by it; the machine's own seconds (time.monotonic) go on untouched, as when a clock is set.
"""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval
import itsdangerous.timed

from clinic import clock

HANDS = Path(os.environ["DRILL_HANDS"])


def read_ahead() -> float:
    """By how many seconds the clock is ahead just now."""
    return float(HANDS.read_text() or 0)


class MovedDatetime(datetime):
    """The present as the moved clock tells it."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """The moved present."""
        return super().now(tz) + timedelta(seconds=read_ahead())


clock.datetime = MovedDatetime
for module in (apscheduler.executors.base, apscheduler.schedulers.base, apscheduler.triggers.interval):
    module.datetime = MovedDatetime
itsdangerous.timed.TimestampSigner.get_timestamp = lambda _self: int(time.time() + read_ahead())

if __name__ == "__main__":
    from integrations.worker import run_worker
    from wsgi import create_app

    run_worker(create_app())
else:
    from wsgi import app  # noqa: F401
