"""Delays, jitter and the end of trying."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinic.delivery_reason import DeliveryReason
from integrations.retry import DELAYS, LIMITS, RetryPlan
from tests.integrations.factory import START


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("tries", [1, 2, len(DELAYS), len(DELAYS) + 50])
def test_delay_lies_between_half_of_the_table_and_the_table(tries: int, draw: float) -> None:
    table = DELAYS[min(tries, len(DELAYS)) - 1]
    seconds = (RetryPlan(draw=lambda: draw).next_attempt_at(START, tries) - START).total_seconds()
    assert table / 2 <= seconds <= table


def test_authoritys_wish_counts_when_it_is_longer_but_not_for_ever() -> None:
    plan = RetryPlan(draw=lambda: 1.0)
    assert plan.next_attempt_at(START, 1, 60) == START + timedelta(seconds=60)
    assert plan.next_attempt_at(START, 1, 1) == START + timedelta(seconds=DELAYS[0])
    assert plan.next_attempt_at(START, 1, 1e9) == START + timedelta(days=1)


def test_refusal_is_never_tried_again_by_itself() -> None:
    assert RetryPlan().is_exhausted(DeliveryReason.REFUSED, 1)
    assert not RetryPlan().is_exhausted(DeliveryReason.UNREACHABLE, LIMITS[DeliveryReason.UNREACHABLE] - 1)
    assert RetryPlan().is_exhausted(DeliveryReason.UNREACHABLE, LIMITS[DeliveryReason.UNREACHABLE])
