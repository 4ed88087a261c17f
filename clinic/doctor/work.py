"""The work that goes on by itself: the worker lives, exams leave, messages that came in are worked on, keys last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select

from clinic import clock
from clinic.config import Settings
from clinic.db import db
from clinic.doctor.finding import Finding, good, needs_database, warning, wrong
from clinic.models import Delivery, Heartbeat, InboundMessage, InboundState
from clinic.queries.gauge import FOR_A_PERSON, LEFT, ON_THEIR_WAY
from clinic.queries.heartbeat import PATIENCE
from clinic.queries.inbound import is_in
from clinic.queries.unusual_reading import list_unusual
from clinic.seal.sealing import find_tail_age
from clinic.services.authority_client import list_ending

INBOUND_PATIENCE = timedelta(minutes=10)  # the worker looks every second
READING_DAYS = 14  # that a person's usual day is taken from
SEAL_PATIENCE = timedelta(minutes=15)  # it seals every few minutes at the latest


@needs_database
def check_worker(settings: Settings) -> Iterator[Finding]:
    """The background process beats its heart."""
    beat = db.session.execute(select(Heartbeat.beat_at).where(Heartbeat.name == "worker")).scalar_one_or_none()
    if beat is None:
        yield wrong("worker", "The worker has never run: nothing is sent.", "Start it: flask --app wsgi worker")
    elif clock.now() - beat > PATIENCE:
        yield wrong("worker", f"The worker has been silent for {say_age(beat)}: nothing is sent.",
                    "Start it: flask --app wsgi worker; its log says why it ended. If it is there and hangs, "
                    "end that process first.")
    else:
        yield good("worker", "The worker is alive.")


@needs_database
def check_deliveries(settings: Settings) -> Iterator[Finding]:
    """The age of the oldest exam on its way, against the limits of the settings, and what waits for a person."""
    oldest = db.session.execute(
        select(func.min(Delivery.queued_at)).where(Delivery.state.in_(ON_THEIR_WAY))).scalar_one_or_none()
    minutes = 0.0 if oldest is None else (clock.now() - oldest).total_seconds() / 60
    todo = "See Deliveries: each destination says why it waits."
    if oldest is not None and minutes >= settings.delivery_alarm_minutes:
        yield wrong("deliveries", f"An exam has been on its way for {say_age(oldest)}.", todo)
    elif oldest is not None and minutes >= settings.delivery_warning_minutes:
        yield warning("deliveries", f"An exam has been on its way for {say_age(oldest)}.", todo)
    else:
        yield good("deliveries", "No exam has been on its way for long.")
    stuck = db.session.execute(
        select(func.count()).select_from(Delivery).where(Delivery.state.in_(FOR_A_PERSON))).scalar_one()
    if stuck:
        yield warning("deliveries", f"{stuck} deliveries wait for a person (refused, given up or held).", todo)


@needs_database
def check_inbound(settings: Settings) -> Iterator[Finding]:
    """Messages that came in are worked on, and those that fit nothing are looked at."""
    oldest = db.session.execute(
        select(func.min(InboundMessage.received_at)).where(is_in(InboundState.NEW))
    ).scalar_one_or_none()
    if oldest is not None and clock.now() - oldest > INBOUND_PATIENCE:
        yield wrong("inbound", f"A message that came in has waited for {say_age(oldest)}.", "See to the worker.")
    else:
        yield good("inbound", "No message that came in waits for the worker.")
    left = db.session.execute(select(func.count()).select_from(InboundMessage).where(
        is_in(*LEFT))).scalar_one()
    if left:
        yield warning("inbound", f"{left} messages that came in wait for a person.",
                      "See Deliveries, Messages that came in.")


@needs_database
def check_authority_clients(settings: Settings) -> Iterator[Finding]:
    """The machines by which authorities read, and their keys, last."""
    ending = list_ending()
    for client, what, days in ending:
        subject = "The time" if what == "client" else "The stored keys"
        if days < 0:
            yield wrong("authority-clients", f"{subject} of client {client.id} ended {-days} days ago.",
                        "Give it new keys or a later end, or revoke it (Administration, Authorities' clients).")
        else:
            yield warning("authority-clients", f"{subject} of client {client.id} end in {days} days.",
                          "Ask the authority for its new keys.")
    if not ending:
        yield good("authority-clients", "No authority's client or key ends soon.")


@needs_database
def check_seals(settings: Settings) -> Iterator[Finding]:
    """The audit is sealed by the worker; what is not yet could be changed unnoticed."""
    age = find_tail_age()
    if age > SEAL_PATIENCE:
        minutes = int(age.total_seconds() // 60)
        yield wrong("audit", f"The oldest row of the audit has waited {minutes} minutes for its seal.",
                    "See to the worker; then flask --app wsgi verify-audit.")
    else:
        yield good("audit", "The audit is sealed up to the last minutes.")


def say_age(since: datetime) -> str:
    """How long ago, in the largest unit that says enough."""
    minutes = int((clock.now() - since).total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"


@needs_database
def check_reading(settings: Settings) -> Iterator[Finding]:
    """Nobody opened far more people's cases than they use to, yesterday or today (UTC)."""
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    begins = [midnight - timedelta(days=back) for back in range(READING_DAYS)]
    found = [one for one in list_unusual([(begin.date(), begin, begin + timedelta(days=1)) for begin in begins])
             if one.day >= begins[1].date()]
    for one in found:
        yield warning("reading", f"Member of staff {one.person_id} opened {one.cases} cases on {one.day.isoformat()}.",
                      "See Audit, Unusually many; where the sign-in is in wrong hands, end it (Administration, Users).")
    if not found:
        yield good("reading", "Nobody opened unusually many cases.")


CHECKS = (check_worker, check_deliveries, check_inbound, check_authority_clients, check_seals, check_reading)
