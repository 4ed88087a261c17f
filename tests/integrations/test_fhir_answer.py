"""What an authority's answer means."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from clinic.delivery_reason import DeliveryReason
from clinic.models import DeliveryState
from integrations.fhir_answer import classify_answer, read_wait
from integrations.transport.http import Answer
from tests.integrations.factory import Hand


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Answer(status, headers, raw)


def outcome(code: str, text: str) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": text}]}


@pytest.mark.parametrize(
    ("given", "state", "reason"),
    [
        (answer(200), DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED),
        (answer(202), DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED),
        (answer(201, {"receipt": "R-1"}), DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED),
        (answer(201, {"receipt": "R-1", "acknowledged": False}), DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED),
        (
            answer(200, {"resourceType": "Task", "id": "t", "status": "received"}),
            DeliveryState.ACCEPTED,
            DeliveryReason.ACKNOWLEDGED,
        ),
        (
            answer(200, {"resourceType": "Task", "id": "t", "status": "requested"}),
            DeliveryState.ACCEPTED,
            DeliveryReason.ACCEPTED,
        ),
        (
            answer(200, {"resourceType": "Task", "id": "t", "status": "rejected"}),
            DeliveryState.REJECTED,
            DeliveryReason.REFUSED,
        ),
        (answer(409, {"receipt": "R-1"}), DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED),
        (answer(409, outcome("duplicate", "known")), DeliveryState.ACCEPTED, DeliveryReason.ACCEPTED),
        (answer(409, outcome("business-rule", "another exam")), DeliveryState.REJECTED, DeliveryReason.REFUSED),
        (answer(409), DeliveryState.QUEUED, DeliveryReason.BUSY),
        (answer(408), DeliveryState.QUEUED, DeliveryReason.BUSY),
        (answer(425), DeliveryState.QUEUED, DeliveryReason.BUSY),
        (answer(429), DeliveryState.QUEUED, DeliveryReason.BUSY),
        (answer(500), DeliveryState.QUEUED, DeliveryReason.BUSY),
        (answer(503), DeliveryState.QUEUED, DeliveryReason.BUSY),
        (answer(400, outcome("invalid", "no")), DeliveryState.REJECTED, DeliveryReason.REFUSED),
        (answer(422, outcome("invalid", "no")), DeliveryState.REJECTED, DeliveryReason.REFUSED),
        (answer(401), DeliveryState.REJECTED, DeliveryReason.MISCONFIGURED),
        (answer(404), DeliveryState.REJECTED, DeliveryReason.MISCONFIGURED),
        (answer(302, location="/elsewhere"), DeliveryState.REJECTED, DeliveryReason.MISCONFIGURED),
    ],
)
def test_answer_means(given: Answer, state: DeliveryState, reason: DeliveryReason) -> None:
    found = classify_answer(given)
    assert (found.state, found.reason) == (state, reason)


def test_refusal_keeps_the_authoritys_words() -> None:
    found = classify_answer(answer(422, outcome("invalid", "Item 502 is missing.")))
    assert found.words == "Item 502 is missing."
    assert found.detail == "HTTP 422"
    assert "OperationOutcome" in (found.reply or "")


def test_location_alone_is_a_reference_but_not_the_authoritys_word() -> None:
    found = classify_answer(answer(201, None, location="https://authority.example/fhir/Bundle/77/"))
    assert (found.receipt, found.acknowledged) == ("77", False)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[1,2]", b"<html>", b"null", b"[" * 20_000])
def test_nonsense_is_never_taken_for_an_acceptance_nor_changes_a_refusal(body: bytes) -> None:
    assert classify_answer(answer(200, body)).state is DeliveryState.UNKNOWN
    assert classify_answer(answer(422, body)).state is DeliveryState.REJECTED
    assert classify_answer(answer(503, body)).state is DeliveryState.QUEUED


def test_answer_that_names_another_exam_is_not_believed() -> None:
    named = answer(200, {"receipt": "R1", "idempotencyKey": "other"})
    assert classify_answer(named, "ours").state is DeliveryState.UNKNOWN
    assert classify_answer(named, "other").state is DeliveryState.ACCEPTED


def test_retry_after_in_seconds_and_as_a_date(hand: Hand) -> None:
    assert read_wait(Answer(503, {"retry-after": "120"}, b"")) == 120
    moment = format_datetime(hand.now + timedelta(minutes=3), usegmt=True)
    assert read_wait(Answer(503, {"retry-after": moment}, b"")) == 180
    assert read_wait(Answer(503, {"retry-after": "soon"}, b"")) is None
    assert read_wait(Answer(503, {}, b"")) is None
