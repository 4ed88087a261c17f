"""The delivery pages: who sees what, why it is stuck, and the buttons."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic import clock
from clinic.db import db
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.models import Delivery, DeliveryAttempt, DeliveryState
from tests.factory import make_site, make_user
from tests.integrations.factory import make_delivery, make_signed_case
from tests.sign_in import sign_in


def make_refused() -> Delivery:
    """A delivery that the authority refused, with its answer in the history."""
    delivery = make_delivery(
        make_signed_case(), state=DeliveryState.REJECTED, attempts=1,
        state_reason=build_reason(DeliveryReason.REFUSED, "Item 502 is <missing>."),
    )  # fmt: skip
    db.session.add(DeliveryAttempt(
        delivery_id=delivery.id, number=1, started_at=clock.now(), ended_at=clock.now(), detail="HTTP 422",
        outcome=DeliveryState.REJECTED, reply='{"resourceType": "OperationOutcome"}',
    ))  # fmt: skip
    db.session.flush()
    return delivery


def test_stuck_delivery_says_why_and_what_to_do(app: Flask) -> None:
    delivery = make_refused()
    number, delivery_id = delivery.case.number, delivery.id
    client = sign_in(app, make_user("admin"))
    page = client.get("/deliveries").get_data(as_text=True)
    assert number in page
    assert "The authority refused it: Item 502 is &lt;missing&gt;." in page
    assert "send it again" in page
    detail = client.get(f"/deliveries/{delivery_id}").get_data(as_text=True)
    assert "HTTP 422" in detail
    assert "OperationOutcome" in detail
    assert "Send again now" in detail
    assert 'style="' not in detail


@pytest.mark.parametrize(("group", "shown"), [("stuck", True), ("moving", False), ("arrived", False), ("zzz", True)])
def test_each_group_shows_its_own(app: Flask, group: str, shown: bool) -> None:
    number = make_refused().case.number
    client = sign_in(app, make_user("admin"))
    assert (number in client.get(f"/deliveries?group={group}").get_data(as_text=True)) is shown


def test_sending_again_needs_a_reason(app: Flask) -> None:
    delivery_id = make_refused().id
    client = sign_in(app, make_user("admin"))
    answer = client.post(f"/deliveries/{delivery_id}", data={"act": "retry", "reason": ""})
    assert answer.status_code == 422
    assert "Give the reason in a few words." in answer.get_data(as_text=True)
    answer = client.post(f"/deliveries/{delivery_id}", data={"act": "retry", "reason": "the form was mended"})
    assert answer.status_code == 303
    page = client.get(answer.location).get_data(as_text=True)
    assert "the form was mended" in page
    assert "Waits to be sent" in page
    assert client.post(f"/deliveries/{delivery_id}", data={"act": "eat", "reason": "hungry now"}).status_code == 422


def test_act_that_the_state_does_not_allow_changes_nothing(app: Flask) -> None:
    delivery_id = make_refused().id
    client = sign_in(app, make_user("admin"))
    answer = client.post(f"/deliveries/{delivery_id}", data={"act": "release", "reason": "let it go"})
    assert answer.status_code == 409
    db.session.rollback()
    assert db.session.get_one(Delivery, delivery_id).state is DeliveryState.REJECTED


def test_physician_sees_but_does_not_act_and_reception_sees_nothing(app: Flask) -> None:
    delivery_id = make_refused().id
    physician, reception = make_user("physician"), make_user("reception")
    client = sign_in(app, physician)
    assert "Send again now" not in client.get(f"/deliveries/{delivery_id}").get_data(as_text=True)
    data = {"act": "retry", "reason": "a good reason"}
    assert client.post(f"/deliveries/{delivery_id}", data=data).status_code == 403
    client = sign_in(app, reception)
    assert client.get("/deliveries").status_code == 403
    assert client.get(f"/deliveries/{delivery_id}").status_code == 403


def test_another_sites_delivery_is_not_found(app: Flask) -> None:
    delivery = make_refused()
    number, delivery_id = delivery.case.number, delivery.id
    client = sign_in(app, make_user("admin", site=make_site("MNL", name="Other", time_zone="Asia/Manila")))
    assert number not in client.get("/deliveries").get_data(as_text=True)
    assert client.get(f"/deliveries/{delivery_id}").status_code == 404
    data = {"act": "retry", "reason": "a good reason"}
    assert client.post(f"/deliveries/{delivery_id}", data=data).status_code == 404


def test_long_lists_are_read_page_by_page(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinic.web.delivery.PAGE_SIZE", 2)
    case = make_signed_case()
    ids = sorted(make_delivery(case, version=v, state=DeliveryState.DEAD, attempts=1).id for v in (1, 2, 3))
    client = sign_in(app, make_user("admin"))
    page = client.get("/deliveries").get_data(as_text=True)
    assert [delivery_id in page for delivery_id in ids] == [True, True, False]
    page = client.get(f"/deliveries?group=stuck&after={ids[1]}").get_data(as_text=True)
    assert [delivery_id in page for delivery_id in ids] == [False, False, True]
