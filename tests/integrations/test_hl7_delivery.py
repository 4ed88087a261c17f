"""A delivery by HL7 v2, every way it can go, against a sandbox authority reached over the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db, write_unit
from clinic.delivery_reason import DeliveryReason
from clinic.models import Authority, CaseState, Delivery, DeliveryState, InboundMessage, InboundState
from integrations.dispatcher import Dispatcher, run_once
from integrations.hl7.acknowledgement import build_acknowledgement
from integrations.hl7.frame import wrap
from integrations.hl7.reader import read_message
from integrations.inbound.listener import listening as clinic_listening
from integrations.inbound.processing import process_waiting
from integrations.sandbox.app import AUTHORITIES
from integrations.sandbox.behaviour import Behaviour
from integrations.sandbox.behaviour import Patience as SandboxPatience
from integrations.sandbox.mllp import listening, tell_clinic
from integrations.sandbox.store import SandboxStore
from integrations.transport.http import NoAnswer, Patience
from integrations.transport.mllp import converse, parse_peer
from tests.integrations.factory import (
    START,
    Hand,
    close_unit,
    get_case_state,
    get_delivery,
    make_delivery,
    make_signed_case,
)

HASTE = Patience(connect=2.0, answer=0.8)


@dataclass
class Receiver:
    """The United Kingdom's sandbox, and what it holds."""

    store: SandboxStore
    endpoint: str

    def behave(self, behaviour: Behaviour) -> None:
        self.store.set_behaviour("uk", behaviour)

    @property
    def times(self) -> list[int]:
        """How often each message that it holds came."""
        return [receipt.times for receipt in self.store.list_received("uk")]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """A sandbox that waits a tenth of a second where it is told to be silent or slow."""
    store = SandboxStore(tmp_path / "sandbox.sqlite3")
    with listening(store, frozenset(AUTHORITIES), patience=SandboxPatience(0.1, 0.02)) as port:
        yield Receiver(store, f"mllp://127.0.0.1:{port}/SANDBOX/UK")


@pytest.fixture
def queued(app: Flask, hand: Hand, receiver: Receiver) -> tuple[str, str]:
    """A signed case and its delivery to that sandbox."""
    case = make_signed_case(programme="uk")
    authority = db.session.get_one(Authority, "uk")
    authority.channel, authority.endpoint = "hl7_oru", receiver.endpoint
    delivery = make_delivery(case, receiver.endpoint)
    delivery.channel, delivery.content_type = "hl7_oru", "application/hl7-v2+er7; charset=utf-8"
    delivery.body, delivery.idempotency_key = compose(delivery.id[-12:]).encode(), f"NBO{delivery.id[-12:]}"
    ids = case.id, delivery.id
    close_unit()
    return ids


def compose(number: str) -> str:
    return (
        f"MSH|^~\\&|CLEARWAY|NBO|SANDBOX|UK|20261120120000+0300||ORU^R01^ORU_R01|NBO{number}|T|2.5.1|||AL|AL\r"
        "PID|1||NBO-C-1^^^CLEARWAY^MR||Wanjiru^Grace||19910105|F\r"
        f"OBR|1||NBO-C-{number}^CLEARWAY|MHA-EXAM^Migration health assessment^99CW|||20261120\r"
        "OBX|1|ST|DOC-SHA256^SHA-256^99CW||abab||||||F\r"
    )


def turn(hand: Hand, delivery_id: str) -> DeliveryState:
    """Let the time pass that the plan gives, then one attempt."""
    delivery = get_delivery(delivery_id)
    if delivery.next_attempt_at is not None:
        hand.turn(seconds=max(0.0, (delivery.next_attempt_at - hand.now).total_seconds()))
    close_unit()
    run_once(Dispatcher(worker="test", patience=HASTE))
    return get_delivery(delivery_id).state


def reason_of(delivery_id: str) -> str:
    return get_delivery(delivery_id).state_reason.partition("\n")[0]


def test_accepted_and_taken_acknowledges_delivery_and_case(
    queued: tuple[str, str], receiver: Receiver, hand: Hand
) -> None:
    case_id, delivery_id = queued
    assert turn(hand, delivery_id) is DeliveryState.ACCEPTED
    assert get_case_state(case_id) is CaseState.ACKNOWLEDGED
    assert receiver.times == [1]
    assert get_delivery(delivery_id).receipt == receiver.store.list_received("uk")[0].receipt


@pytest.mark.parametrize(("behaviour", "state", "reason", "times"), [
    (Behaviour.REFUSE, DeliveryState.REJECTED, DeliveryReason.REFUSED, []),
    (Behaviour.DOWN, DeliveryState.QUEUED, DeliveryReason.BUSY, []),
    (Behaviour.SILENT, DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, [1]),
    (Behaviour.DROP, DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, [1]),
    (Behaviour.GARBAGE, DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, [1]),
    (Behaviour.OTHER, DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, [1]),
    (Behaviour.SLOW, DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED, [1]),
    (Behaviour.ACCEPT_LATER, DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED, [1]),
    (Behaviour.DUPLICATE, DeliveryState.REJECTED, DeliveryReason.DUPLICATE, [1]),
])  # fmt: skip
def test_each_switch_has_its_outcome(
    queued: tuple[str, str], receiver: Receiver, hand: Hand, behaviour: Behaviour, state: DeliveryState,
    reason: DeliveryReason, times: list[int],
) -> None:  # fmt: skip
    receiver.behave(behaviour)
    assert turn(hand, queued[1]) is state
    assert (reason_of(queued[1]), receiver.times) == (reason.value, times)


@pytest.mark.parametrize("behaviour", [Behaviour.SILENT, Behaviour.DROP, Behaviour.GARBAGE, Behaviour.OTHER])
def test_what_may_have_arrived_is_sent_again_with_its_number_and_stored_once(
    queued: tuple[str, str], receiver: Receiver, hand: Hand, behaviour: Behaviour
) -> None:
    receiver.behave(behaviour)
    turn(hand, queued[1])
    receiver.behave(Behaviour.ACCEPT)
    assert turn(hand, queued[1]) is DeliveryState.ACCEPTED
    assert receiver.times == [2] and get_case_state(queued[0]) is CaseState.ACKNOWLEDGED


def test_duplicate_after_a_lost_reply_means_that_it_arrived(
    queued: tuple[str, str], receiver: Receiver, hand: Hand
) -> None:
    receiver.behave(Behaviour.DROP)
    assert turn(hand, queued[1]) is DeliveryState.UNKNOWN
    receiver.behave(Behaviour.DUPLICATE)
    assert turn(hand, queued[1]) is DeliveryState.ACCEPTED
    assert get_case_state(queued[0]) is CaseState.SUBMITTED


def test_own_word_given_later_comes_to_our_listener(
    app: Flask, queued: tuple[str, str], receiver: Receiver, hand: Hand
) -> None:
    receiver.behave(Behaviour.ACCEPT_LATER)
    turn(hand, queued[1])
    assert get_case_state(queued[0]) is CaseState.SUBMITTED
    kept = receiver.store.list_received("uk")[0]
    body = receiver.store.find_body("uk", kept.idempotency_key) or b""
    close_unit()
    with clinic_listening(app) as port:
        assert tell_clinic(body, kept.receipt, port)
        assert tell_clinic(body, kept.receipt, port)
    assert process_waiting() == 1  # said twice, kept once
    delivery = get_delivery(queued[1])
    assert delivery.receipt == kept.receipt and get_case_state(queued[0]) is CaseState.ACKNOWLEDGED
    assert {attempt.number for attempt in delivery.history} == {1, 2}


@pytest.mark.parametrize("state", [DeliveryState.UNKNOWN, DeliveryState.QUEUED, DeliveryState.SENDING])
def test_own_word_proves_arrival_whatever_the_line_said(
    app: Flask, queued: tuple[str, str], hand: Hand, state: DeliveryState
) -> None:
    with write_unit() as session:
        session.get_one(Delivery, queued[1]).state = state
    assert say(app, queued[1], "AA") == InboundState.APPLIED
    assert get_delivery(queued[1]).state is DeliveryState.ACCEPTED
    assert get_case_state(queued[0]) is CaseState.ACKNOWLEDGED


def test_refusal_that_comes_later_ends_what_was_accepted(
    app: Flask, queued: tuple[str, str], receiver: Receiver, hand: Hand
) -> None:
    receiver.behave(Behaviour.ACCEPT_LATER)
    turn(hand, queued[1])
    assert say(app, queued[1], "AE", ("101", "Required field missing")) == InboundState.APPLIED
    assert get_delivery(queued[1]).state is DeliveryState.REJECTED
    assert get_case_state(queued[0]) is CaseState.SUBMITTED


@pytest.mark.parametrize("change", [("NBO", "XXX"), ("|SANDBOX|UK|", "|SANDBOX|US|")])
def test_word_about_what_this_sender_was_never_sent_is_held(
    app: Flask, queued: tuple[str, str], hand: Hand, change: tuple[str, str]
) -> None:
    with write_unit() as session:
        session.add(Authority(id="us", programme="us", name="Other", channel="hl7_oru",
                              endpoint="mllp://127.0.0.1:1/SANDBOX/US"))  # fmt: skip
    assert say(app, queued[1], "AA", change=change) == InboundState.HELD
    assert get_delivery(queued[1]).state is DeliveryState.QUEUED


def say(app: Flask, delivery_id: str, code: str, error: tuple[str, str] | None = None,
        change: tuple[str, str] = ("", "")) -> InboundState:  # fmt: skip
    """Let the authority speak to our listener about a delivery; gives what became of its message."""
    text = get_delivery(delivery_id).body.decode()
    close_unit()
    text = text.replace(*change) if change[0] else text
    spoken = build_acknowledgement(read_message(text), code, "W1", datetime.fromisoformat("2026-11-20T10:00:00+00:00"),
                                   error, wants_answer=True)  # fmt: skip
    with clinic_listening(app) as port, converse(parse_peer(f"mllp://127.0.0.1:{port}/A/B"), spoken.encode(),
                                                 HASTE) as replies:  # fmt: skip
        assert b"MSA|CA|W1" in replies.next(5)
    process_waiting()
    row = db.session.execute(select(InboundMessage)).scalar_one()
    state = row.state
    close_unit()
    return state


def talk(port: int, *messages: bytes) -> list[bytes]:
    """Send frames over one connection; the replies that came within half a second."""
    found: list[bytes] = []
    with converse(parse_peer(f"mllp://127.0.0.1:{port}/A/B"), messages[0], HASTE) as replies:
        for message in messages[1:]:
            replies.say(message)
        try:
            while True:
                found.append(replies.next(0.5))
        except NoAnswer:
            return found


ACK = "MSH|^~\\&|SANDBOX|UK|CLEARWAY|NBO|20261120||ACK^R01^ACK|A7|T|2.5.1|||AL|NE\rMSA|AA|NBO1\r"


def test_same_message_again_gets_the_very_same_answer_and_is_kept_once(
    app: Flask, queued: tuple[str, str], hand: Hand
) -> None:
    with clinic_listening(app) as port:
        first, again = talk(port, ACK.encode()), talk(port, ACK.encode(), ACK.encode())
    assert len(first) == 1 and again == first * 2
    row = db.session.execute(select(InboundMessage)).scalar_one()
    assert (row.times, row.raw, row.sender, row.control_id) == (3, ACK.encode(), "SANDBOX|UK", "A7")


def test_number_that_comes_again_with_other_content_is_another_message(
    app: Flask, queued: tuple[str, str], hand: Hand
) -> None:
    with clinic_listening(app) as port:
        talk(port, ACK.encode(), ACK.replace("AA|NBO1", "AE|NBO1").encode())
    assert len(list(db.session.execute(select(InboundMessage)).scalars())) == 2


@pytest.mark.parametrize(("before", "after", "code"), [
    ("|CLEARWAY|", "|SOMEBODY|", b"CR"), ("|SANDBOX|UK|", "|STRANGER|UK|", b"CR"), ("ACK^R01^ACK", "ZZZ^Z01", b"CR"),
    ("|2.5.1|", "|3.0|", b"CR"), ("|A7|", "||", b"CR"), ("|AL|NE", "|", b"AR"),
])  # fmt: skip
def test_what_is_not_for_us_is_refused_with_a_reason_and_not_kept(
    app: Flask, queued: tuple[str, str], before: str, after: str, code: bytes
) -> None:
    text = ACK.replace(before, after)
    text = text if code == b"CR" else text.replace("|CLEARWAY|", "|SOMEBODY|")
    with clinic_listening(app) as port:
        (reply,) = talk(port, text.encode())
    assert b"MSA|" + code in reply and b"ERR|" in reply
    assert db.session.execute(select(InboundMessage)).scalar_one_or_none() is None


@pytest.mark.parametrize("frame", [b"", b"garbage", b"\xff\xfe\x00", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_has_no_header_ends_the_connection_without_an_answer(
    app: Flask, queued: tuple[str, str], frame: bytes
) -> None:
    with clinic_listening(app) as port:
        assert talk(port, frame) == []
        assert len(talk(port, ACK.encode())) == 1  # the listener is none the worse for it


def test_acknowledgement_in_original_mode_is_kept_without_an_answer(
    app: Flask, queued: tuple[str, str], hand: Hand
) -> None:
    with clinic_listening(app) as port:
        assert talk(port, ACK.replace("|AL|NE", "").encode()) == []
    assert db.session.execute(select(InboundMessage)).scalar_one().control_id == "A7"


def test_nothing_is_acknowledged_when_it_could_not_be_stored(
    app: Flask, queued: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    with clinic_listening(app) as port:
        with monkeypatch.context() as broken:
            broken.setattr("integrations.inbound.listener.store", fail)
            broken.setattr("clinic.lone_insert.LoneInsert.run", fail)
            assert talk(port, ACK.encode()) == []
        assert len(talk(port, ACK.encode())) == 1


def test_frames_in_pieces_and_several_at_once_are_each_answered(
    app: Flask, queued: tuple[str, str], hand: Hand
) -> None:
    import socket

    frames = b"".join(wrap(ACK.replace("A7", f"B{number}").encode()) for number in range(20))
    with clinic_listening(app) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        for start in range(0, len(frames), 7):
            connection.sendall(frames[start : start + 7])
        received = b""
        while received.count(b"\x1c\x0d") < 20:
            received += connection.recv(65536)
    assert [f"MSA|CA|B{number}".encode() in received for number in range(20)] == [True] * 20
    assert len(list(db.session.execute(select(InboundMessage)).scalars())) == 20
    assert hand.now == START
