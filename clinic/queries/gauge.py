"""The figures that a monitor asks for: how old the oldest thing that waits is, and how many wait for a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from clinic import clock
from clinic.db import db
from clinic.migration import RevisionAge, compare_revisions
from clinic.models import Delivery, DeliveryState, InboundMessage, InboundState
from clinic.queries.heartbeat import find_worker_heart
from clinic.queries.inbound import is_in
from clinic.seal.sealing import find_tail_age

ON_THEIR_WAY = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN)
FOR_A_PERSON = (DeliveryState.REJECTED, DeliveryState.DEAD, DeliveryState.HELD)
LEFT = (InboundState.HELD, InboundState.ERROR)


@dataclass(frozen=True)
class Gauge:
    """One figure of the installation; `value` None: there is nothing to measure yet, so it is left out."""

    name: str
    meaning: str
    value: float | None
    labels: tuple[tuple[str, str], ...] = ()


def list_gauges() -> Iterator[Gauge]:
    """Ages in seconds and counts, of the whole installation; nothing of any person. Reads the database."""
    now = clock.now()
    yield Gauge("clearway_migrations_current", "1 when the tables are those of this program or newer",
                float(compare_revisions() is not RevisionAge.OLDER))
    heart = find_worker_heart()
    yield Gauge("clearway_worker_up", "1 when the background process beats its heart", float(heart.is_beating))
    yield Gauge("clearway_worker_heartbeat_age_seconds", "Since the background process was last seen",
                None if heart.last_beat_at is None else (now - heart.last_beat_at).total_seconds())
    oldest = db.session.execute(
        select(func.min(Delivery.queued_at)).where(Delivery.state.in_(ON_THEIR_WAY))).scalar_one_or_none()
    yield Gauge("clearway_delivery_oldest_age_seconds", "Age of the oldest signed exam on its way; 0: none is",
                0.0 if oldest is None else (now - oldest).total_seconds())
    waiting: dict[DeliveryState, int] = dict(db.session.execute(
        select(Delivery.state, func.count()).where(Delivery.state.in_(ON_THEIR_WAY + FOR_A_PERSON))
        .group_by(Delivery.state)).all())
    for state in ON_THEIR_WAY + FOR_A_PERSON:
        yield Gauge("clearway_deliveries", "Signed exams that are not at their authority yet, by state",
                    float(waiting.get(state, 0)), (("state", state.value),))
    oldest = db.session.execute(select(func.min(InboundMessage.received_at)).where(
        is_in(InboundState.NEW))).scalar_one_or_none()
    yield Gauge("clearway_inbound_oldest_age_seconds", "Age of the oldest message that waits to be worked on; 0: none",
                0.0 if oldest is None else (now - oldest).total_seconds())
    left: dict[InboundState, int] = dict(db.session.execute(
        select(InboundMessage.state, func.count()).where(is_in(*LEFT))
        .group_by(InboundMessage.state)).all())
    for kept in LEFT:
        yield Gauge("clearway_inbound_left", "Messages that came in and wait for a person, by state",
                    float(left.get(kept, 0)), (("state", kept.value),))
    yield Gauge("clearway_audit_unsealed_age_seconds", "How long the oldest row of the audit has waited for its seal",
                find_tail_age().total_seconds())


def to_prometheus(gauges: list[Gauge]) -> str:
    """The text format 0.0.4 of Prometheus; the gauges of one name stand together."""
    lines: list[str] = []
    told: set[str] = set()
    for gauge in gauges:
        if gauge.value is None:
            continue
        if gauge.name not in told:
            told.add(gauge.name)
            lines += [f"# HELP {gauge.name} {gauge.meaning}", f"# TYPE {gauge.name} gauge"]
        labels = ",".join(f'{key}="{word}"' for key, word in gauge.labels)
        lines.append(f"{gauge.name}{{{labels}}} {gauge.value:.10g}" if labels else f"{gauge.name} {gauge.value:.10g}")
    return "\n".join(lines) + "\n"
