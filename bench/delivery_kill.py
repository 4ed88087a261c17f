"""`python -m bench.delivery_kill`: kills worker, web, listener and sandbox at random while exams are delivered.

Half of the exams go to one sandbox authority over FHIR, half to another over HL7 v2; every case has two versions, so
that order can be judged. In the end nothing may be lost, nothing stored twice, no version overtaken.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from bench.installation import Installation, kill, make_settings, open_database, start
from clinic import clock, migration
from clinic.config import Settings, load_settings
from clinic.db import db, read_unit, write_unit
from clinic.models import Authority, Delivery, DeliveryAttempt, DeliveryState, SignedExam, User
from clinic.signing_key import load_signing_key
from integrations.breaker import Breaker
from integrations.dispatcher import Dispatcher
from integrations.retry import RetryPlan
from integrations.transport.http import Patience
from integrations.worker import Worker, stop_on_signal
from tests.factory import make_user
from tests.integrations.factory import make_delivery, make_signed_case

LEASE = timedelta(seconds=8)  # short, so that the drill need not wait two minutes for every killed worker
PATIENCE = Patience(connect=1.0, answer=2.0)
PAUSE = (0.5, 2.5)  # seconds between two kills
OPEN = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
PROCESSES = ("worker-1", "worker-2", "web", "mllp", "sandbox")


def main() -> int:
    """Run the drill and print its table; exit code 1 when anything was lost, doubled or overtaken."""
    parser = argparse.ArgumentParser(prog="bench.delivery_kill")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--deliveries", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        return _work()
    with tempfile.TemporaryDirectory(prefix="clearway-kill-") as folder, open_database(given.database) as url:
        settings = make_settings(Path(folder), url)
        return _drill(settings, given.deliveries, given.kills, random.Random(given.seed))


def _work() -> int:
    """One worker with a short lease; what the drill kills."""
    from wsgi import create_app

    plan, breaker = RetryPlan(delays=(0.2, 0.5, 1, 2)), Breaker(rest=timedelta(seconds=1))
    dispatcher = Dispatcher(patience=PATIENCE, lease=LEASE, plan=plan, breaker=breaker)
    worker = Worker(create_app(load_settings()), dispatcher)
    stop_on_signal(worker.stop)
    worker.run()
    return 0


def _drill(settings: Settings, deliveries: int, kills: int, rng: random.Random) -> int:
    from wsgi import create_app

    app, installation = create_app(settings), Installation(settings)
    with app.app_context():
        migration.upgrade()
        with write_unit():
            physician_id = make_user("physician").id
    steps = iter(_split(deliveries // 2, kills))
    processes = {name: _start(name, installation) for name in PROCESSES}
    killed: Counter[str] = Counter()
    started = time.monotonic()
    try:
        while _count_open(app) or killed.total() < kills:
            with app.app_context():
                _add_cases(settings, physician_id, *next(steps, (0, 0)))
            time.sleep(rng.uniform(*PAUSE))
            if killed.total() < kills:
                name = rng.choice(PROCESSES)
                kill(processes[name])
                killed[name] += 1
                processes[name] = _start(name, installation)
            if time.monotonic() - started > 3600:
                break
    finally:
        for process in processes.values():
            kill(process)
    return _judge(app, settings, deliveries, killed, time.monotonic() - started)


def _split(cases: int, steps: int) -> list[tuple[int, int]]:
    """First and last number of the cases that each step adds, so that there is work whenever something is killed."""
    marks = [round(cases * step / steps) for step in range(steps + 1)]
    return list(pairwise(marks))


def _add_cases(settings: Settings, physician_id: str, first: int, last: int) -> None:
    """Half to each authority; two versions of every case, the second queued behind the first."""
    addresses = {"us": ("fhir_document", f"http://127.0.0.1:{settings.sandbox_port}/us/fhir"),
                 "uk": ("hl7_oru", f"mllp://127.0.0.1:{settings.sandbox_mllp_port}/SANDBOX/UK")}  # fmt: skip
    with write_unit() as session:
        physician, signer = session.get_one(User, physician_id), load_signing_key(settings)
        for number in range(first, last):
            programme = ("us", "uk")[number % 2]
            case = make_signed_case(physician, programme)
            authority = session.get_one(Authority, programme)
            authority.channel, authority.endpoint = addresses[programme]
            for version in (1, 2):
                delivery = make_delivery(case, None, version)
                exam = session.get_one(SignedExam, delivery.signed_exam_id)
                exam.jws = signer.sign_detached(delivery.body)
                if programme == "uk":
                    number_sent = f"NBO{2 * number + version:012}"
                    delivery.channel, delivery.content_type = "hl7_oru", "application/hl7-v2+er7; charset=utf-8"
                    delivery.body, delivery.idempotency_key = _message(number_sent, case.number), number_sent
    db.session.remove()


def _message(control_id: str, case_number: str) -> bytes:
    return (
        f"MSH|^~\\&|CLEARWAY|NBO|SANDBOX|UK|20261120120000+0000||ORU^R01^ORU_R01|{control_id}|T|2.5.1|||AL|AL\r"
        f"PID|1||{case_number}^^^CLEARWAY^MR||Wanjiru^Grace||19910105|F\r"
        f"OBR|1||{case_number}^CLEARWAY|MHA-EXAM^Migration health assessment^99CW|||20261120\r"
        "OBX|1|ST|DOC-SHA256^SHA-256^99CW||abab||||||F\r"
    ).encode()


def _start(name: str, installation: Installation) -> subprocess.Popen[bytes]:
    if name.startswith("worker"):
        return start([sys.executable, "-m", "bench.delivery_kill", "--work"], installation.environment)
    return start(installation.list_command(name), installation.environment)


def _count_open(app: Flask) -> int:
    with app.app_context(), read_unit() as session:
        query = select(db.func.count()).select_from(Delivery).where(Delivery.state.in_(OPEN))
        return int(session.execute(query).scalar_one())


def _judge(app: Flask, settings: Settings, deliveries: int, killed: Counter[str], seconds: float) -> int:
    with app.app_context(), read_unit() as session:
        rows = session.execute(
            select(Delivery.idempotency_key, Delivery.case_id, Delivery.state).order_by(Delivery.id)).all()
        attempts = session.execute(select(db.func.count()).select_from(DeliveryAttempt)).scalar_one()
    with sqlite3.connect(settings.var_dir / "sandbox.sqlite3") as inbox:
        arrived = dict(inbox.execute("select idempotency_key, rowid from received"))
        repeated = inbox.execute("select count(*) from received where times > 1").fetchone()[0]
        stored = inbox.execute("select count(*) from received").fetchone()[0]
    lost = [row.idempotency_key for row in rows if row.idempotency_key not in arrived]
    places: dict[str, list[int]] = {}
    for row in rows:
        places.setdefault(row.case_id, []).append(arrived.get(row.idempotency_key, -1))
    overtaken = sum(1 for found in places.values() if found != sorted(found))
    pending = sum(1 for row in rows if row.state is not DeliveryState.ACCEPTED)
    doubled = stored - len(arrived)
    print("| database | deliveries | kills (worker, web, listener, sandbox) | seconds | attempts | stored again under "
          "the same number | lost | twice in the inbox | overtaken | not accepted |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    parts = (killed["worker-1"] + killed["worker-2"], killed["web"], killed["mllp"], killed["sandbox"])
    kind = settings.database_url.split("+", 1)[0] or "sqlite"
    print(f"| {kind} | {deliveries} | {killed.total()} ({', '.join(map(str, parts))}) | {seconds:.0f} | {attempts} | "
          f"{repeated} | {len(lost)} | {doubled} | {overtaken} | {pending} |")
    return 1 if lost or doubled or overtaken or pending else 0


if __name__ == "__main__":
    clock.now()
    raise SystemExit(main())
