"""Somebody sets the clock of web and worker: a year forward and back, an hour back (bench/fault/moved_clock.py).

The authority is not there while the clock is wrong, so that waiting times are written by it; it runs on true time.
"""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from bench.fault.check import Check
from bench.fault.clinic_day import ClinicDay
from bench.installation import Installation, look_inside, make_settings, open_database, wait_until
from clinic import clock, migration
from clinic.config import get_settings
from clinic.db import db, set_mode, write_unit
from clinic.models import Authority, Delivery, DeliveryState, Heartbeat, SignedExam, User
from clinic.queries.heartbeat import WORKER
from clinic.signing_key import load_signing_key
from tests.integrations.factory import make_delivery, make_signed_case

YEAR = 365 * 86400
WITHIN = 240.0  # seconds in which everything must go on
DELIVERIES = 6


def run(database: str) -> list[Check]:
    """Set the clock, set it back, see that everything leaves once and nobody waits a year."""
    from wsgi import create_app

    with tempfile.TemporaryDirectory(prefix="clearway-clock-") as folder, open_database(database) as url:
        settings, hands = make_settings(Path(folder) / "var", url), Path(folder) / "hands"
        _set(hands, "+0")
        app = create_app(settings)
        with look_inside(app):
            migration.upgrade()
        ours, theirs = Installation(settings, {"DRILL_HANDS": str(hands)}), Installation(settings)
        day = ClinicDay(app, ours)
        cookie = day.reception.cookie
        try:
            ours.start("web", "worker")
            ours.wait_ready()
            checks = [Check("a case can be looked at before", day.look()[0], "")]
            checks += _go_forward(app, day, hands, settings.sandbox_port)
            checks += _come_back(app, day, ours, theirs, hands, cookie)
            checks.append(_go_back_an_hour(app, hands, settings.sandbox_port))
            alive = {name: ours.is_alive(name) for name in ours.processes}
            checks.append(Check("no process was started again", all(alive.values()), str(alive)))
        finally:
            ours.end()
            theirs.end()
        checks.append(_judge_inbox(settings.var_dir / "sandbox.sqlite3"))
    return checks


def _go_forward(app: Flask, day: ClinicDay, hands: Path, port: int) -> list[Check]:
    _queue(app, port)
    _set(hands, f"+{YEAR}")
    took = wait_until(lambda: _find_beat_ahead(app) > timedelta(days=300), "the worker beats a year ahead", WITHIN)
    wait_until(lambda: _count_ahead(app) > 0, "a waiting time a year ahead is written", WITHIN)
    kept, words = day.look()
    return [Check("a year forward: the worker goes on", True, f"after {took:.0f} s"),
            Check("a year forward: who was signed in signs in again", not kept, words)]


def _come_back(app: Flask, day: ClinicDay, ours: Installation, theirs: Installation, hands: Path,
               cookie: str) -> list[Check]:
    waiting = _count_ahead(app)
    theirs.start("sandbox")
    _set(hands, "+0")
    took = wait_until(lambda: _count_open(app) == 0, "everything left", WITHIN)
    ready = wait_until(lambda: ours.visit(None, "/readyz").status == 200, "ready again", WITHIN)
    day.reception.cookie = cookie
    words = f"{waiting} waits a year ahead ended, all left after {took:.0f} s"
    return [Check("set back: nothing waits a year", True, words),
            Check("set back: ready again", True, f"after {ready:.0f} s"),
            Check("set back: people go on working", day.look()[0], "the sign-in of before the jump holds")]


def _go_back_an_hour(app: Flask, hands: Path, port: int) -> Check:
    _set(hands, "-3600")
    _queue(app, port, timedelta(hours=-1))
    took = wait_until(lambda: _count_open(app) == 0, "everything left", WITHIN)
    return Check("an hour back: the worker goes on at once", took < WITHIN, f"{DELIVERIES} sent after {took:.0f} s")


def _set(hands: Path, seconds: str) -> None:
    """Move the clock in one step: nobody reads a file that is half written."""
    beside = hands.with_suffix(".new")
    beside.write_text(seconds)
    beside.replace(hands)


def _queue(app: Flask, port: int, shift: timedelta = timedelta()) -> None:
    with look_inside(app), clock.stopped_at(clock.now() + shift):
        set_mode("write")
        signer = load_signing_key(get_settings(app))
        physician = db.session.execute(select(User).where(User.email.like("physician%"))).unique().scalars().first()
        for _number in range(DELIVERIES):
            delivery = make_delivery(make_signed_case(physician, "us"), f"http://127.0.0.1:{port}/us/fhir")
            exam = db.session.get_one(SignedExam, delivery.signed_exam_id)
            exam.jws = signer.sign_detached(delivery.body)
        db.session.commit()
        with write_unit() as session:
            session.get_one(Authority, "us").endpoint = f"http://127.0.0.1:{port}/us/fhir"


def _find_beat_ahead(app: Flask) -> timedelta:
    with look_inside(app):
        heart = db.session.get(Heartbeat, WORKER)
        return heart.beat_at - clock.now() if heart else timedelta()


def _count_ahead(app: Flask) -> int:
    return _count(app, Delivery.next_attempt_at > clock.now() + timedelta(days=300))


def _count_open(app: Flask) -> int:
    return _count(app, Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)))


def _count(app: Flask, condition: object) -> int:
    with look_inside(app):
        query = select(func.count()).select_from(Delivery).where(condition)  # type: ignore[arg-type]
        return int(db.session.execute(query).scalar_one())


def _judge_inbox(place: Path) -> Check:
    with sqlite3.connect(place) as inbox:
        stored, keys = inbox.execute("select count(*), count(distinct idempotency_key) from received").fetchone()
    return Check("nothing is stored twice", stored == keys == 2 * DELIVERIES, f"{stored} stored, {keys} numbers")
