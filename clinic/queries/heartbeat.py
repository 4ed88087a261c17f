"""Whether the background process is alive: without it nothing is sent, worked on or sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import Heartbeat

WORKER = "worker"  # the row that every worker beats
PATIENCE = timedelta(minutes=2)  # it beats every few seconds; two machines' clocks may differ by as much
AWAY = "The background process is not running: nothing is sent to authorities. Start it (flask --app wsgi worker)."
SILENT = ("The background process has given no sign of life for more than two minutes: nothing is sent to "
          "authorities, and what comes in waits. Start it (flask --app wsgi worker); if it is there and "
          "hangs, end that process first.")
AHEAD = ("The background process wrote a time in the future: a clock was set. Check the time of all machines (NTP); "
         "nothing else needs to be done.")


@dataclass(frozen=True)
class Heart:
    """When the background process was last seen; `sentence` says what an operator should do, empty when all is well."""

    last_beat_at: datetime | None
    is_beating: bool
    sentence: str = ""


def find_worker_heart() -> Heart:
    """The state of the background process by the database's own row."""
    beat = db.session.execute(select(Heartbeat.beat_at).where(Heartbeat.name == WORKER)).scalar_one_or_none()
    if beat is None:
        return Heart(None, False, AWAY)
    age = clock.now() - beat
    if age < -PATIENCE:
        return Heart(beat, False, AHEAD)
    return Heart(beat, True) if age < PATIENCE else Heart(beat, False, SILENT)
