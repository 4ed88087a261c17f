"""`flask --app wsgi demo journey`: one case from registration to the authority's acknowledgement, and its own pull.

Uses a running `make run`; without one it works on a clinic, a sandbox and a database of its own on free ports.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random, randrange
from typing import Any
from urllib.parse import urlencode

import click
import jwt
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import select
from werkzeug.serving import make_server

from clinic import clock, migration
from clinic.config import Settings, get_settings
from clinic.db import read_unit, write_unit
from clinic.demo import walk
from clinic.demo.command import demo
from clinic.demo.seed import build_authority_number, seed_demo, to_applicant
from clinic.models import Delivery, DeliveryState, SignedExam, User
from integrations.dispatcher import Dispatcher, run_once
from integrations.sandbox.app import AUTHORITIES
from integrations.sandbox.mllp import listening
from integrations.sandbox.server import serving
from integrations.sandbox.store import SandboxStore

PROGRAMMES = tuple(walk.CATEGORIES)
PATIENCE_SECONDS = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FINISHED = (DeliveryState.ACCEPTED, DeliveryState.REJECTED, DeliveryState.DEAD)

Say = Callable[[str], None]


@demo.command("journey")
@click.option("--programme", type=click.Choice(PROGRAMMES), default="us", show_default=True)
@with_appcontext
def journey(programme: str) -> None:
    """Take one invented applicant through the whole thread and print the acknowledged delivery."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    settings = get_settings(app)
    if _is_running(settings):
        click.echo(f"Using the clinic at {settings.base_url}.")
        _travel(settings, settings.base_url, programme, click.echo, deliver=False)
        return
    click.echo("No running clinic found: using one of its own on free ports.")
    with (
        tempfile.TemporaryDirectory(prefix="clearway-journey-") as folder,
        _own_clinic(app, Path(folder)) as own,
        own.app_context(),
    ):
        _travel(get_settings(own), get_settings(own).base_url, programme, click.echo, deliver=True)


def _travel(settings: Settings, base_url: str, programme: str, say: Say, deliver: bool) -> None:
    """The thread, station by station; raises ClickException when the authority does not acknowledge."""
    with write_unit() as session:
        staff = {user.email.split("@")[0]: user for user in session.execute(select(User)).unique().scalars()}
        person = walk.find_adult(
            randrange(10_000), 0, clock.today(staff["reception"].site.time_zone), programme)
        number = build_authority_number(Random(), programme)
        case = walk.open_unremarkable_case(to_applicant(person), number, staff["reception"], programme)
        case_id, physician_id = case.id, staff["physician"].id
        say(f"Registered and opened case {case.number} (authority's number {number}).")
        walk.work_through(case, staff)
        say(f"Examined: {', '.join(row.exam for row in walk.list_requirements(case))}. State: {case.state.value}.")
    exam_id = walk.sign_unremarkable(case_id, physician_id)
    say(f"Signed: exam {exam_id}.")
    delivery = _await_delivery(exam_id, deliver)
    if delivery["state"] is not DeliveryState.ACCEPTED or delivery["acknowledged_at"] is None:
        raise click.ClickException(
            f"The delivery is {delivery['state'].value}: {delivery['reason']} See the delivery page.")
    say(f"Delivered and acknowledged at {delivery['acknowledged_at']:%H:%M:%S} UTC, receipt {delivery['receipt']}, "
        f"attempts {delivery['attempts']}.")
    pulled = _pull_document(settings, base_url, programme, exam_id)
    with read_unit() as session:
        exam = session.get_one(SignedExam, exam_id)
        if hashlib.sha256(pulled).hexdigest() != exam.sha256:
            raise click.ClickException("What the authority pulled is not what was signed.")
    say(f"The authority's own client pulled the document: {len(pulled)} bytes, the digest is the signed one.")


def _await_delivery(exam_id: str, deliver: bool) -> dict[str, Any]:
    """Wait until the delivery is decided; `deliver`: nobody else works on the outbox, so do it here."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    dispatcher = Dispatcher() if deliver else None
    while True:
        if dispatcher:
            run_once(dispatcher)
        with read_unit() as session:
            row = session.execute(select(Delivery).where(Delivery.signed_exam_id == exam_id)).scalar_one()
            found = {"state": row.state, "reason": row.state_reason, "acknowledged_at": row.acknowledged_at,
                     "receipt": row.receipt, "attempts": row.attempts}
        if (row.state in FINISHED and (found["acknowledged_at"] or row.state is not DeliveryState.ACCEPTED)) or (
                time.monotonic() > deadline):
            return found
        time.sleep(0.2)


def _pull_document(settings: Settings, base_url: str, programme: str, exam_id: str) -> bytes:
    """The document by the authority's own client: SMART Backend Services token, then the Bundle."""
    key = json.loads((settings.var_dir / "demo" / "authorities" / f"{programme}.jwk.json").read_text())
    smart = json.loads(_fetch(f"{base_url}/fhir/.well-known/smart-configuration"))
    claims = {"iss": key["client_id"], "sub": key["client_id"], "aud": smart["token_endpoint"],
              "exp": int(clock.now().timestamp()) + 240, "jti": str(uuid.uuid4())}
    assertion = jwt.encode(claims, jwt.PyJWK(key, algorithm="ES384").key, algorithm="ES384",
                           headers={"kid": key["kid"]})
    answer = json.loads(_fetch(smart["token_endpoint"], {
        "grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion}))
    return _fetch(f"{base_url}/fhir/Bundle/{exam_id}", token=answer["access_token"])


def _fetch(url: str, form: dict[str, str] | None = None, token: str | None = None) -> bytes:
    request = urllib.request.Request(url, data=urlencode(form).encode() if form else None)  # noqa: S310 our own server
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


def _is_running(settings: Settings) -> bool:
    """Whether the clinic of these settings answers, with its worker, and has the demo's staff."""
    try:
        with urllib.request.urlopen(f"{settings.base_url}/readyz", timeout=2):  # noqa: S310
            pass
        with read_unit() as session:
            return session.execute(select(User.id).where(User.email == "physician@demo.example")).first() is not None
    except Exception:  # not reachable, not ready, or no database: then we bring our own
        return False


@contextmanager
def _own_clinic(app: Flask, folder: Path) -> Iterator[Flask]:
    """A clinic with database, web server and sandbox authority of its own, gone at the end."""
    store = SandboxStore(folder / "sandbox.sqlite3")
    with serving(store.path) as sandbox, listening(store, frozenset(AUTHORITIES)) as mllp_port:
        settings = replace(get_settings(app), var_dir=folder, database_url="", secret_key=uuid.uuid4().hex,
                           signing_key="", sandbox_port=int(sandbox.rsplit(":", 1)[1]), sandbox_mllp_port=mllp_port,
                           demo=True)
        from wsgi import create_app  # the composition root: the one place that connects the packages

        server = make_server("127.0.0.1", 0, app=lambda *_: [], threaded=True)
        settings = replace(settings, base_url=f"http://127.0.0.1:{server.server_port}")
        own = create_app(settings)
        server.app = own
        with own.app_context():
            migration.upgrade()
            with write_unit() as session:
                seed_demo(session, 0, 1)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield own
        finally:
            server.shutdown()
            thread.join()


COMMANDS: list[click.Command] = []  # `journey` has joined the group `demo` of clinic/demo/command.py
