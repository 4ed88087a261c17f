"""Work that stands still: a silent worker, old deliveries and messages, keys that end; each planted."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from flask import Flask

from clinic import clock
from clinic.audit import record_change, record_read
from clinic.config import Settings
from clinic.db import db
from clinic.doctor import work
from clinic.doctor.finding import Check, Verdict
from clinic.models import DeliveryState, Heartbeat, InboundMessage, InboundState
from clinic.queries.unusual_reading import LEAST
from clinic.services.authority_client import add_client
from tests.factory import make_authority
from tests.fhir_api.machine import make_key, to_public
from tests.integrations.factory import make_delivery, make_signed_case


def list_verdicts(check: Check, settings: Settings) -> list[Verdict]:
    db.session.commit()
    return [one.verdict for one in check(settings)]


@pytest.mark.parametrize(("age", "verdict"), [
    (None, Verdict.WRONG), (timedelta(minutes=3), Verdict.WRONG), (timedelta(seconds=20), Verdict.GOOD)])
def test_silent_worker_is_wrong(
    app: Flask, settings: Settings, age: timedelta | None, verdict: Verdict
) -> None:
    if age is not None:
        db.session.add(Heartbeat(name="worker", beat_at=clock.now() - age))
    assert list_verdicts(work.check_worker, settings) == [verdict]


@pytest.mark.parametrize(("state", "hours", "verdicts"), [
    (DeliveryState.QUEUED, 0, [Verdict.GOOD]), (DeliveryState.UNKNOWN, 3, [Verdict.WARNING]),
    (DeliveryState.QUEUED, 25, [Verdict.WRONG]), (DeliveryState.ACCEPTED, 99, [Verdict.GOOD]),
    (DeliveryState.REJECTED, 99, [Verdict.GOOD, Verdict.WARNING]),
])
def test_age_of_what_is_on_its_way_is_judged(
    app: Flask, settings: Settings, state: DeliveryState, hours: int, verdicts: list[Verdict]
) -> None:
    make_delivery(make_signed_case(), state=state, queued_at=clock.now() - timedelta(hours=hours))
    assert list_verdicts(work.check_deliveries, settings) == verdicts


@pytest.mark.parametrize(("state", "minutes", "verdicts"), [
    (InboundState.NEW, 1, [Verdict.GOOD]), (InboundState.NEW, 11, [Verdict.WRONG]),
    (InboundState.HELD, 11, [Verdict.GOOD, Verdict.WARNING]), (InboundState.APPLIED, 99, [Verdict.GOOD]),
])
def test_messages_that_wait_are_said(
    app: Flask, settings: Settings, state: InboundState, minutes: int, verdicts: list[Verdict]
) -> None:
    db.session.add(InboundMessage(
        received_at=clock.now() - timedelta(minutes=minutes), peer="127.0.0.1:1", sender="A|B", control_id="1",
        kind="ACK", sha256="0" * 64, raw=b"", state=state))
    assert list_verdicts(work.check_inbound, settings) == verdicts


def test_clients_whose_time_ends_are_named_by_id(app: Flask, settings: Settings) -> None:
    make_authority("us")
    jwks = json.dumps({"keys": [to_public(make_key("ES384"))]})
    assert list_verdicts(work.check_authority_clients, settings) == [Verdict.GOOD]
    add_client("us", jwks, "Night pull", client_id="us-1", keys_expire_on=clock.today() + timedelta(days=9))
    add_client("us", jwks, "Day pull", client_id="us-2", expires_on=clock.today())
    with clock.stopped_at(clock.now() + timedelta(days=2)):
        db.session.commit()
        found = list(work.check_authority_clients(settings))
    assert [(one.verdict, one.words) for one in found] == [
        (Verdict.WRONG, "The time of client us-2 ended 2 days ago."),
        (Verdict.WARNING, "The stored keys of client us-1 end in 7 days."),
    ]


def test_audit_that_waits_for_its_seal_is_wrong(app: Flask, settings: Settings) -> None:
    record_change("open", "case", "1")
    assert list_verdicts(work.check_seals, settings) == [Verdict.GOOD]
    with clock.stopped_at(clock.now() + timedelta(minutes=20)):
        found = list(work.check_seals(settings))
    assert [(one.verdict, one.words) for one in found] == [
        (Verdict.WRONG, "The oldest row of the audit has waited 20 minutes for its seal.")]


def test_age_is_said_in_the_unit_that_says_enough() -> None:
    ages = [timedelta(minutes=90), timedelta(hours=30), timedelta(days=5)]
    assert [work.say_age(clock.now() - age) for age in ages] == ["90 minutes", "30 hours", "5 days"]


def test_somebody_who_opens_far_more_cases_than_usual_is_named_by_id(app: Flask, settings: Settings) -> None:
    for number in range(LEAST - 1):
        record_read("user", "u-1", "read", "case", f"c{number}", case_id=f"c{number}")
        record_read("user", "u-1", "read", "case", f"c{number}", case_id=f"c{number}")  # again: the same case
    assert list_verdicts(work.check_reading, settings) == [Verdict.GOOD]
    record_read("user", "u-1", "read", "case", "one-more", case_id="one-more")
    db.session.commit()
    (found,) = work.check_reading(settings)
    assert found.verdict is Verdict.WARNING and "u-1" in found.words and str(LEAST) in found.words
