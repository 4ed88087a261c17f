"""Several workers at once, faults and deaths at random: everything arrives once, in order, never two at a time."""

from __future__ import annotations

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Lock

import pytest
from flask import Flask

from clinic.delivery_reason import DeliveryReason
from clinic.models import DeliveryState
from integrations import dispatcher as dispatcher_module
from integrations.breaker import Breaker
from integrations.channel import DeliveryView, Outcome
from integrations.dispatcher import Dispatcher, run_once
from integrations.retry import RetryPlan
from integrations.transport.http import Patience
from tests.integrations.factory import Hand, close_unit, get_delivery, make_delivery, make_signed_case

CASES, VERSIONS, WORKERS, ROUNDS = 4, 3, 4, 60
WELL = Outcome(DeliveryState.ACCEPTED, DeliveryReason.ACKNOWLEDGED, "well", acknowledged=True)
BUSY = Outcome(DeliveryState.QUEUED, DeliveryReason.BUSY, "later")
LOST = Outcome(DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, "lost")


class Death(BaseException):
    """The worker is gone before it could write anything down."""


class FickleAuthority:
    """A channel that stores each key once and fails in every way there is."""

    def __init__(self, seed: int) -> None:
        self._chance, self._lock = random.Random(seed), Lock()
        self._under_way: set[str] = set()
        self.arrived: dict[str, list[str]] = defaultdict(list)
        self.overlaps: list[str] = []

    def send(self, view: DeliveryView, _patience: Patience) -> Outcome:
        with self._lock:
            if view.case_id in self._under_way:
                self.overlaps.append(view.id)
            self._under_way.add(view.case_id)
            fate = self._chance.random()
            if fate >= 0.45 and view.idempotency_key not in self.arrived[view.case_id]:
                self.arrived[view.case_id].append(view.idempotency_key)
        try:
            if fate < 0.25:
                return BUSY
            if fate < 0.35 or 0.45 <= fate < 0.6:
                return LOST
            if fate < 0.45 or fate < 0.7:
                raise Death
            return WELL
        finally:
            with self._lock:
                self._under_way.discard(view.case_id)

    def ask(self, view: DeliveryView, _patience: Patience) -> Outcome | None:
        with self._lock:
            return WELL if view.idempotency_key in self.arrived[view.case_id] else None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_several_workers_deliver_everything_once_and_in_order(
    app: Flask, hand: Hand, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    authority = FickleAuthority(seed)
    monkeypatch.setattr(dispatcher_module, "_channel", lambda _claim: authority)
    wanted: dict[str, list[str]] = defaultdict(list)
    ids = []
    for _case in range(CASES):
        case = make_signed_case()
        for version in range(1, VERSIONS + 1):
            delivery = make_delivery(case, version=version)
            wanted[case.id].append(delivery.idempotency_key)
            ids.append(delivery.id)
            hand.turn(seconds=1)
    close_unit()
    start = Barrier(WORKERS)

    def work(name: str) -> None:
        with app.app_context():
            start.wait()
            dispatcher = Dispatcher(worker=name, plan=RetryPlan(limits=dict.fromkeys(DeliveryReason, 1000)),
                                    breaker=Breaker(rest=timedelta(seconds=5)))  # fmt: skip
            try:
                run_once(dispatcher)
            except Death:
                return

    with ThreadPoolExecutor(WORKERS) as pool:
        for _round in range(ROUNDS):
            list(pool.map(work, "abcd"))
            hand.turn(minutes=20)
            Dispatcher(worker="sweeper").sweep()
            if all(get_delivery(one).state is DeliveryState.ACCEPTED for one in ids):
                break
            close_unit()
    assert {get_delivery(one).state for one in ids} == {DeliveryState.ACCEPTED}
    assert authority.overlaps == []
    assert authority.arrived == wanted
