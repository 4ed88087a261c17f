"""Pages are made one after the other, and nobody waits for long."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask

from clinic import turn as module
from clinic.audit import record_read
from clinic.errors import NotFound
from clinic.permissions import Permission, public, requires
from clinic.turn import Turn
from tests.factory import make_user
from tests.integrations.factory import close_unit
from tests.sign_in import sign_in


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 60.0)


def test_next_one_begins_when_the_first_lets_go(patient: None) -> None:
    turn, began = Turn(), Event()

    def follow() -> None:
        turn.take()
        began.set()
        turn.let_go()

    turn.take()
    thread = Thread(target=follow)
    thread.start()
    assert not began.wait(0.1)
    turn.let_go()
    turn.let_go()  # has none any more: takes nobody else's
    assert began.wait(30)
    thread.join()


def test_who_waited_long_enough_begins_and_takes_no_turn_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    turn = Turn()
    turn.take()
    thread = Thread(target=lambda: (turn.take(), turn.let_go()))
    thread.start()
    thread.join()
    assert not turn._lock.acquire(blocking=False), "the first one's turn was let go by another"


def test_page_is_made_in_its_turn_until_it_waits_for_the_disk(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = Turn()
    monkeypatch.setattr(app, "turn", turn)
    seen: list[tuple[str, bool]] = []

    def look(name: str) -> str:
        seen.append((name, turn._lock.locked()))
        return ""

    @requires(Permission.SEE_CASES)
    def page() -> str:
        look("page")
        record_read("user", "u", "read", "case", "c")
        return look("after its row")

    @requires(Permission.SEE_CASES)
    def broken() -> str:
        look("broken")
        raise NotFound("There is no such page.")

    # In the place of views that are there: the application is every test's.
    for endpoint, view in (("worklist.cases", page), ("task.index", broken),
                           ("health.live", public(lambda: look("anybody")))):
        assert endpoint in app.view_functions
        monkeypatch.setitem(app.view_functions, endpoint, view)
    client: Any = sign_in(app, make_user("reception"))
    close_unit()
    for path in ("/cases", "/tasks", "/healthz"):
        client.get(path)
        assert not turn._lock.locked()
    assert seen == [("page", True), ("after its row", False), ("broken", True), ("anybody", False)]
