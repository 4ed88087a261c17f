"""A backup is made while exams leave, the machine is lost, the backup is restored elsewhere: nothing leaves twice."""

from __future__ import annotations

import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from bench.fault.check import Check
from bench.fault.clinic_day import ClinicDay
from bench.installation import Installation, kill, look_inside, make_settings, open_database, wait_until
from clinic import migration
from clinic.config import get_settings
from clinic.counter import next_number
from clinic.db import db, set_mode, write_unit
from clinic.models import Authority, Counter, Delivery, DeliveryState, SignedExam, Site, User
from clinic.signing_key import load_signing_key
from tests.integrations.factory import make_delivery, make_signed_case

DELIVERIES = 60
PASSPHRASE = {"CLEARWAY_BACKUP_PASSPHRASE": "four words that nobody says"}


def run(database: str) -> list[Check]:
    """Back up under load, lose everything, restore, deliver what is left."""
    from wsgi import create_app

    with tempfile.TemporaryDirectory(prefix="clearway-backup-") as folder, open_database(database) as url, \
            open_database(database) as new_url:
        settings = make_settings(Path(folder) / "lost", url)
        app = create_app(settings)
        with look_inside(app):
            migration.upgrade()
        lost, authority = Installation(settings), Installation(replace(settings, var_dir=Path(folder) / "authority"))
        day = ClinicDay(app, lost)
        checks: list[Check] = []
        new_settings = replace(settings, var_dir=Path(folder) / "new", database_url=new_url)
        new = Installation(new_settings)
        try:
            authority.start("sandbox")
            lost.start("web", "worker", "mllp")
            lost.wait_ready()
            day.take_photo()
            _queue(app, settings.sandbox_port)
            inbox = authority.settings.var_dir / "sandbox.sqlite3"
            wait_until(lambda: _count_inbox(inbox)[0] > 5, "some exams left")
            kill(lost.processes.pop("worker"))  # so that the backup knows some as unsent, one as being sent
            said = lost.run("backup", str(Path(folder) / "copy"), **PASSPHRASE)
            checks.append(Check("backup while everything runs", "sealed" in said, said.splitlines()[0]))
            lost.start("worker")
            wait_until(lambda: _count_open(app) == 0, "all exams left after the backup")
            given = _give_numbers(app)
            for process in lost.processes.values():
                kill(process)
            said = new.run("restore", str(Path(folder) / "copy"), **PASSPHRASE)
            checks.append(Check("restore into an empty installation, all verified", "are what the rows say" in said,
                                said.splitlines()[1]))
            other = create_app(new_settings)
            unsent = _count_open(other)
            checks.append(_judge_numbers(other, given))
            new.start("web", "worker", "mllp")
            new.wait_ready()
            took = wait_until(lambda: _count_open(other) == 0, "what the backup knew as unsent is settled")
            checks.append(Check("what may have been sent is asked about and settled", True,
                                f"{unsent} of {DELIVERIES} after {took:.0f} s"))
            kept, words = ClinicDay.look(_as_of(day, new))
            checks.append(Check("everybody signs in again", not kept, words))
            again = _refuse(new, Path(folder) / "copy")
            checks.append(Check("a second restore over it is refused", "not empty" in again, again))
        finally:
            for one in (lost, new, authority):
                one.end()
        stored, keys = _count_inbox(inbox)
        checks.append(Check("nothing lost, nothing stored twice by the authority", stored == keys == DELIVERIES,
                            f"{stored} stored, {keys} numbers of {DELIVERIES}"))
    return checks


def _as_of(day: ClinicDay, installation: Installation) -> ClinicDay:
    day.installation = installation
    return day


def _refuse(installation: Installation, copy: Path) -> str:
    try:
        return installation.run("restore", str(copy), **PASSPHRASE)
    except RuntimeError as refused:
        return str(refused).strip().splitlines()[-1]


def _queue(app: Flask, port: int) -> None:
    signer = load_signing_key(get_settings(app))
    with look_inside(app):
        set_mode("write")
        physician = db.session.execute(select(User).where(User.email.like("physician%"))).unique().scalars().first()
        for _number in range(DELIVERIES):
            delivery = make_delivery(make_signed_case(physician, "us"), None)
            exam = db.session.get_one(SignedExam, delivery.signed_exam_id)
            exam.jws = signer.sign_detached(delivery.body)
        db.session.get_one(Authority, "us").endpoint = f"http://127.0.0.1:{port}/us/fhir"
        db.session.commit()


def _give_numbers(app: Flask) -> dict[str, int]:
    """Some more numbers that the backup knows nothing of."""
    with look_inside(app), write_unit() as session:
        site = session.execute(select(Site)).scalars().one()
        for _number in range(50):
            next_number(site.id, "message")
        return {row.kind: row.value for row in session.execute(select(Counter)).scalars()}


def _judge_numbers(app: Flask, given: dict[str, int]) -> Check:
    with look_inside(app):
        now = {row.kind: row.value for row in db.session.execute(select(Counter)).scalars()}
    low = [kind for kind, value in given.items() if now.get(kind, 0) <= value]
    return Check("no number is given twice", not low,
                 ", ".join(f"{kind} {value} → {now.get(kind, 0)}" for kind, value in given.items()))


def _count_open(app: Flask) -> int:
    with look_inside(app):
        return int(db.session.execute(select(func.count()).select_from(Delivery).where(Delivery.state.in_(
            (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)))).scalar_one())


def _count_inbox(place: Path) -> tuple[int, int]:
    if not place.exists():
        return 0, 0
    with sqlite3.connect(place, timeout=30) as inbox:
        found: tuple[int, int] = inbox.execute(
            "select count(*), count(distinct idempotency_key) from received").fetchone()
    return found
