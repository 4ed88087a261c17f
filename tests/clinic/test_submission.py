"""What a person may do with a delivery, and what is never allowed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.delivery_reason import WORDS, DeliveryReason, explain_reason
from clinic.errors import NotFound, NotNow
from clinic.models import AuditChange, Delivery, DeliveryAttempt, DeliveryState
from clinic.services.submission import (
    ACTS,
    ALLOWED,
    Act,
    cancel_delivery,
    hold_delivery,
    list_acts,
    release_delivery,
    retry_delivery,
)
from tests.factory import make_site, make_user
from tests.integrations.factory import Hand, make_delivery, make_signed_case

S = DeliveryState


@pytest.fixture
def delivery(app: Flask) -> Delivery:
    return make_delivery(make_signed_case())


def add_attempt(delivery: Delivery, outcome: DeliveryState, **values: Any) -> None:
    delivery.attempts += 1
    db.session.add(DeliveryAttempt(**{
        "delivery_id": delivery.id, "number": delivery.attempts, "started_at": clock.now(), "ended_at": clock.now(),
        "outcome": outcome,
    } | values))  # fmt: skip
    delivery.state = outcome
    db.session.flush()
    db.session.expire(delivery, ["history"])


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("state", list(S))
def test_act_is_possible_from_the_states_of_the_table_and_no_other(delivery: Delivery, act: Act, state: S) -> None:
    delivery.state = state
    db.session.flush()
    assert (act in list_acts(delivery)) is (state in ALLOWED[act])
    if state in ALLOWED[act]:
        ACTS[act](delivery.id, "a good reason", None)
        assert delivery.state is not state or act is Act.RETRY
    else:
        with pytest.raises(NotNow):
            ACTS[act](delivery.id, "a good reason", None)
        assert delivery.state is state


def test_retry_of_a_refused_one_is_due_now_and_leaves_a_trace(delivery: Delivery) -> None:
    admin = make_user("admin")
    add_attempt(delivery, S.REJECTED)
    retry_delivery(delivery.id, "the authority mended its form", admin)
    assert delivery.state is S.QUEUED
    assert delivery.next_attempt_at is not None
    assert delivery.next_attempt_at <= clock.now()
    row = db.session.scalars(select(DeliveryAttempt).where(DeliveryAttempt.number == 0)).one()
    assert (row.detail, row.by_id) == ("the authority mended its form", admin.id)
    audit = db.session.scalars(select(AuditChange).where(AuditChange.subject_id == delivery.id)).one()
    assert (audit.action, audit.actor_id) == ("delivery-retry", admin.id)
    assert audit.detail["from"] == "rejected"


def test_what_may_have_arrived_stays_unknown_through_hold_and_release_and_cannot_be_cancelled(
    delivery: Delivery,
) -> None:
    add_attempt(delivery, S.UNKNOWN)
    with pytest.raises(NotNow, match="may have arrived"):
        cancel_delivery(delivery.id, "not needed")
    hold_delivery(delivery.id, "wait a moment")
    assert list_acts(delivery) == [Act.RELEASE]
    with pytest.raises(NotNow, match="may have arrived"):
        cancel_delivery(delivery.id, "not needed")
    release_delivery(delivery.id, "go on")
    assert delivery.state is S.UNKNOWN


def test_a_refusal_settles_whether_it_arrived(delivery: Delivery) -> None:
    add_attempt(delivery, S.UNKNOWN, started_at=clock.now() - timedelta(minutes=5))
    add_attempt(delivery, S.REJECTED)
    cancel_delivery(delivery.id, "the applicant withdrew")
    assert delivery.state is S.CANCELLED
    assert delivery.next_attempt_at is None


def test_older_version_is_not_sent_after_a_newer_one(app: Flask) -> None:
    hand = Hand()
    case = make_signed_case()
    with clock.stopped_at(hand.now):
        older = make_delivery(case, state=S.REJECTED)
        hand.turn(minutes=1)
        newer = make_delivery(case, version=2)
    with pytest.raises(NotNow, match="newer version"):
        retry_delivery(older.id, "try again")
    newer.state = S.CANCELLED
    db.session.flush()
    assert retry_delivery(older.id, "try again").state is S.QUEUED


def test_another_sites_delivery_looks_like_none(delivery: Delivery) -> None:
    stranger = make_user("admin", site=make_site("MNL", name="Other", time_zone="Asia/Manila"))
    for act in ACTS.values():
        with pytest.raises(NotFound):
            act(delivery.id, "a good reason", stranger)


@pytest.mark.parametrize("reason", list(DeliveryReason))
def test_every_reason_has_words_that_take_their_detail(reason: DeliveryReason) -> None:
    assert reason in WORDS
    explained = explain_reason(f"{reason.value}\n50 % done")
    assert str(explained.happened)
    assert str(explained.next_step)
