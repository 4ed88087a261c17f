"""The delivery monitor: destinations, ages that alarm, filters, several at once; messages in words and from outside."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.audit import audit_engine, audit_read
from clinic.config import Settings
from clinic.db import db
from clinic.delivery_age import Lateness, read_limits
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.models import (
    AuditChange,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Destination,
    InboundMessage,
    InboundState,
    User,
)
from tests.factory import make_authority, make_laboratory, make_site, make_user
from tests.integrations.factory import make_delivery, make_signed_case
from tests.sign_in import sign_in

S = DeliveryState
HL7 = b"MSH|^~\\&|SANDBOX|UK|CLEARWAY|NBO|20261120||ACK^R01|ACK-7-OF-UK|T|2.5.1\rMSA|AA|NBO1\r"


def make_stuck(**values: Any) -> Delivery:
    return make_delivery(make_signed_case(), **{
        "state": S.DEAD, "attempts": 3, "state_reason": build_reason(DeliveryReason.GIVEN_UP, "HTTP 503"),
    } | values)  # fmt: skip


def make_inbound(state: InboundState = InboundState.ERROR, **values: Any) -> InboundMessage:
    row = InboundMessage(**{
        "received_at": clock.now(), "peer": "127.0.0.1:4711", "sender": "SANDBOX|UK", "control_id": "ACK-7-OF-UK",
        "kind": "ACK^R01", "sha256": hashlib.sha256(HL7).hexdigest(), "raw": HL7, "state": state,
    } | values)  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row


def get(client: Any, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


@pytest.mark.parametrize(("minutes", "level"), [
    (0, Lateness.IN_TIME), (14.9, Lateness.IN_TIME), (15, Lateness.NOTICE), (119, Lateness.NOTICE),
    (120, Lateness.WARNING), (24 * 60 - 1, Lateness.WARNING), (24 * 60, Lateness.ALARM),
])  # fmt: skip
def test_age_alarms_at_fifteen_minutes_two_hours_and_a_day(minutes: float, level: Lateness) -> None:
    now = clock.now()
    assert read_limits(Settings()).judge(now - timedelta(minutes=minutes), now) is level


@pytest.mark.parametrize(("hours", "word"), [(0.5, "Late"), (3, "Very late"), (50, "Far too late")])
def test_age_is_said_on_the_list_in_the_navigation_and_on_the_first_screen(app: Flask, hours: float, word: str) -> None:
    moment = clock.now() - timedelta(hours=hours)
    make_delivery(make_signed_case(), queued_at=moment, attempts=1)
    make_delivery(make_signed_case())
    users = [make_user("admin"), make_user("quality")]
    physician = make_user("physician")
    for user in users:
        client = sign_in(app, user)
        assert f">{word}</span>" in get(client, "/deliveries")
        first = get(client, "/")
        assert "1 signed exam has not arrived at its authority" in first
        assert "Deliveries: 1 stuck or late" in first
    assert "has not arrived" not in get(sign_in(app, physician), "/")


def test_another_sites_lateness_is_not_ours(app: Flask) -> None:
    make_stuck()
    client = sign_in(app, make_user("admin", site=make_site("MNL", name="Other", time_zone="Asia/Manila")))
    assert "stuck or late" not in get(client, "/")


def test_list_is_narrowed_by_destination_and_state(app: Flask) -> None:
    make_authority("ca")
    dead, held = make_stuck(), make_stuck(state=S.HELD)
    other = make_delivery(make_signed_case(programme="ca"), state=S.DEAD)
    numbers = [one.case.number for one in (dead, held, other)]
    client = sign_in(app, make_user("admin"))
    for address, shown in (
        ("", [True, True, True]), ("?to=us", [True, True, False]), ("?state=dead", [True, False, True]),
        ("?to=us&state=held", [False, True, False]), ("?state=nonsense", [True, True, True]),
    ):  # fmt: skip
        page = get(client, f"/deliveries{address}")
        assert [number in page for number in numbers] == shown, address


def test_resting_destination_says_why_since_when_and_is_tried_at_once(app: Flask) -> None:
    now = clock.now()
    delivery = make_delivery(make_signed_case(), attempts=5, next_attempt_at=now + timedelta(hours=1))
    row = Destination(
        authority_id="us", faults=5, last_fault="unreachable", faulty_since=now - timedelta(minutes=30),
        opened_at=now - timedelta(minutes=20), resting_until=now + timedelta(seconds=30),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    delivery_id = delivery.id
    client = sign_in(app, make_user("admin"))
    page = get(client, "/deliveries")
    assert "Left alone after faults" in page
    assert "5 attempts in a row failed, for 20 minutes." in page
    assert "The authority could not be reached." in get(client, "/deliveries/to/us")
    answer = client.post("/deliveries/to/us", data={"act": "try", "reason": "they say it runs"})
    assert answer.status_code == 303
    db.session.expire_all()
    assert db.session.get_one(Destination, "us").resting_until <= clock.now()
    assert db.session.get_one(Delivery, delivery_id).next_attempt_at <= clock.now()
    assert "they say it runs" in get(client, "/deliveries/to/us")


def test_destination_is_stopped_and_released_with_reasons(app: Flask) -> None:
    make_stuck(state=S.QUEUED)
    physician = make_user("physician")
    client = sign_in(app, make_user("admin"))
    assert client.post("/deliveries/to/us", data={"act": "hold", "reason": ""}).status_code == 422
    assert client.post("/deliveries/to/us", data={"act": "hold", "reason": "they move house"}).status_code == 303
    page = get(client, "/deliveries")
    assert "Stopped by a person for less than a minute: they move house" in page
    assert "Deliveries to this authority are stopped." in page
    assert client.post("/deliveries/to/us", data={"act": "hold", "reason": "once more"}).status_code == 409
    assert client.post("/deliveries/to/us", data={"act": "try", "reason": "once more"}).status_code == 409
    assert client.post("/deliveries/to/us", data={"act": "release", "reason": "moved house"}).status_code == 303
    actions = db.session.scalars(select(AuditChange.action).where(AuditChange.subject_kind == "destination")).all()
    assert sorted(actions) == ["destination-hold", "destination-release"]
    assert client.get("/deliveries/to/zz").status_code == 404
    data = {"act": "hold", "reason": "a reason"}
    assert sign_in(app, physician).post("/deliveries/to/us", data=data).status_code == 403


def test_several_are_sent_again_one_after_the_other_after_a_look(app: Flask) -> None:
    ids = sorted(make_stuck().id for _one in range(3))
    arrived = make_stuck(state=S.ACCEPTED).id
    chosen = "&".join(f"chosen={one}" for one in [*ids, arrived])
    client = sign_in(app, make_user("admin"))
    page = get(client, f"/deliveries/selection?{chosen}")
    assert "3 deliveries will be sent again" in page
    assert "These cannot be sent again as they stand" in page
    data = {"chosen": ids, "reason": ""}
    assert client.post("/deliveries/selection", data=data).status_code == 422
    answer = client.post("/deliveries/selection", data={"chosen": [*ids, arrived], "reason": "it runs again"})
    assert answer.status_code == 303
    db.session.expire_all()
    rows = [db.session.get_one(Delivery, one) for one in ids]
    assert {row.state for row in rows} == {S.QUEUED}
    assert [rows[n + 1].next_attempt_at - rows[n].next_attempt_at >= timedelta(seconds=2) for n in (0, 1)] == [True] * 2
    assert db.session.get_one(Delivery, arrived).state is S.ACCEPTED
    assert client.post("/deliveries/selection", data={"reason": "nothing chosen"}).status_code == 422


def test_another_sites_deliveries_are_not_among_the_chosen(app: Flask) -> None:
    delivery_id = make_stuck().id
    client = sign_in(app, make_user("admin", site=make_site("MNL", name="Other", time_zone="Asia/Manila")))
    assert "Nothing was chosen" in get(client, f"/deliveries/selection?chosen={delivery_id}")
    client.post("/deliveries/selection", data={"chosen": [delivery_id], "reason": "it runs again"})
    db.session.expire_all()
    assert db.session.get_one(Delivery, delivery_id).state is S.DEAD


def test_younger_version_says_that_it_waits_for_the_older(app: Flask) -> None:
    case = make_signed_case()
    make_delivery(case, state=S.UNKNOWN, attempts=1)
    make_delivery(case, version=2)
    client = sign_in(app, make_user("admin"))
    assert "The version before it has no answer yet." in get(client, "/deliveries?group=moving")


def test_message_is_read_in_words_by_those_who_may_and_the_look_is_written_down(app: Flask) -> None:
    delivery = make_stuck(body=HL7.replace(b"MSA", b"PID|1||7<b>^^^X^MR\rMSA"), channel="hl7_oru")
    delivery_id, case_id = delivery.id, delivery.case_id
    nurse = make_user("nurse")
    stranger = make_user("admin", site=make_site("MNL", name="Other", time_zone="Asia/Manila"))
    client = sign_in(app, make_user("quality"))
    page = get(client, f"/deliveries/{delivery_id}/message")
    assert "Patient identifier list" in page
    assert "7&lt;b&gt;" in page
    with audit_engine().connect() as connection:
        rows = connection.execute(select(audit_read.c.action).where(audit_read.c.case_id == case_id)).scalars().all()
    assert rows == ["delivery-message"]
    assert client.get(f"/deliveries/{delivery_id}/report.pdf").status_code == 404
    for user, status in ((nurse, 403), (stranger, 404)):
        assert sign_in(app, user).get(f"/deliveries/{delivery_id}/message").status_code == status


def test_failed_message_is_worked_on_again(app: Flask) -> None:
    message_id = make_inbound().id
    client = sign_in(app, make_user("admin"))
    assert "ACK-7-OF-UK" in get(client, "/deliveries/messages")
    page = get(client, f"/deliveries/messages/{message_id}")
    assert "Acknowledgment code" in page
    assert "Work on it again" in page
    assert client.post(f"/deliveries/messages/{message_id}", data={"reason": ""}).status_code == 422
    assert client.post(f"/deliveries/messages/{message_id}", data={"reason": "mended now"}).status_code == 303
    db.session.expire_all()
    assert db.session.get_one(InboundMessage, message_id).state is InboundState.NEW
    assert client.post(f"/deliveries/messages/{message_id}", data={"reason": "once more"}).status_code == 409


def test_message_of_which_nothing_will_come_is_put_aside(app: Flask) -> None:
    """It waited for a person for ever."""
    ours, theirs = make_inbound(InboundState.HELD).id, make_inbound(
        InboundState.HELD, control_id="c.hl7", kind="file", laboratory_id=make_laboratory().id).id
    users = [make_user("admin").id, make_user("labsupervisor").id]
    db.session.commit()
    admin, supervisor = (sign_in(app, db.session.get_one(User, one)) for one in users)
    for client, path in ((admin, f"/deliveries/messages/{ours}"), (supervisor, f"/laboratory/messages/{theirs}")):
        assert "Put it aside" in get(client, path)
        assert client.post(path, data={"act": "aside"}).status_code == 422, "only with a reason"
        assert client.post(path, data={"act": "aside", "reason": "a right one came"}).status_code == 303
        assert client.post(path, data={"act": "aside", "reason": "once more"}).status_code == 409
        page = get(client, path)
        assert "put it aside: a right one came" in page and ">Put it aside<" not in page
    assert "put it aside: a right one came" in get(supervisor, "/laboratory/messages?state=applied")
    db.session.rollback()
    assert {row.state for row in db.session.execute(select(InboundMessage)).scalars()} == {InboundState.APPLIED}
    assert db.session.execute(select(AuditChange).where(AuditChange.action == "message-aside")).scalars().all()


def test_sender_of_a_message_is_named_and_what_it_is_called_stands_beside_it(app: Flask) -> None:
    make_authority("uk", channel="hl7_oru", endpoint="mllps://127.0.0.1:9/SANDBOX/UK", name="Visas and Immigration")
    known, stranger = make_inbound().id, make_inbound(sender="SOMEBODY|X", control_id="ACK-8").id
    client = sign_in(app, make_user("admin"))
    for path in ("/deliveries/messages", f"/deliveries/messages/{known}"):
        page = get(client, path)
        assert "Visas and Immigration" in page and "SANDBOX, UK" in page and "Acknowledgement (ACK^R01)" in page, path
    page = get(client, f"/deliveries/messages/{stranger}")
    assert "SOMEBODY, X" in page and "Visas and Immigration" not in page


def test_message_about_another_sites_delivery_is_not_found(app: Flask) -> None:
    delivery = make_stuck()
    message_id = make_inbound(InboundState.APPLIED, delivery_id=delivery.id).id
    quality = make_user("quality")
    client = sign_in(app, make_user("admin", site=make_site("MNL", name="Other", time_zone="Asia/Manila")))
    assert client.get(f"/deliveries/messages/{message_id}").status_code == 404
    assert "ACK-7-OF-UK" not in get(client, "/deliveries/messages?state=applied")
    own = sign_in(app, quality)
    assert own.get(f"/deliveries/messages/{message_id}").status_code == 200
    assert own.post(f"/deliveries/messages/{message_id}", data={"reason": "a reason"}).status_code == 403


@pytest.mark.parametrize(("role", "is_shown"), [("physician", True), ("admin", False), ("quality", False)])
def test_authority_that_names_a_confidential_test_is_read_by_who_may(app: Flask, role: str, is_shown: bool) -> None:
    delivery = make_stuck(state_reason=build_reason(DeliveryReason.REFUSED, "The HIV result is missing."))
    attempt = DeliveryAttempt(
        delivery_id=delivery.id, number=1, started_at=clock.now(), ended_at=clock.now(), detail="HTTP 422, HIV",
        outcome=S.REJECTED, reply='{"text": "HIV test wanted"}')
    db.session.add(attempt)
    message = make_inbound(raw=HL7.replace(b"NBO1", b"NBO1|HIV test wanted"), delivery_id=delivery.id)
    addresses = ("/deliveries", f"/deliveries/{delivery.id}", f"/deliveries/{delivery.id}/attempts/{attempt.id}",
                 f"/deliveries/messages/{message.id}")
    client = sign_in(app, make_user(role))
    for address in addresses:
        page = get(client, address)
        assert ("HIV" in page) is is_shown, address
        assert ("names a confidential test" in page) is not is_shown, address
