"""A message of very many results is taken in portions: others save meanwhile, nothing is lost or entered twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import InboundState, ReportedResult, User
from clinic.queries.reported import count_undecided
from clinic.services.result_intake import reject
from integrations.inbound import processing, results
from integrations.inbound.processing import process_waiting
from integrations.inbound.results import Prepared
from integrations.lease import acquire_lease, is_leased
from tests.integrations.oru import take, write_message, write_value
from tests.integrations.test_result_intake import RPR, Place, find_message, list_reported, list_results, place

__all__ = ["place"]

UNKNOWN = 4
pytestmark = pytest.mark.usefixtures("in_portions")


class Died(BaseException):
    """What ends a process in the middle."""


@pytest.fixture
def in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FEW", 2)
    monkeypatch.setattr(results, "PORTION_SECONDS", 0.0)  # one result each


def send_large(place: Place) -> None:
    take(place.laboratory_id, write_message(
        place.person(), place.order(), write_value(RPR, "NEG", "CWE"),
        *(write_value(f"X{number}^unknown^99LAB", "1", "NM") for number in range(UNKNOWN))))


def count_by_state() -> dict[str, int]:
    db.session.rollback()
    return dict(Counter(row.state.value for row in list_reported()))


def die_at(monkeypatch: pytest.MonkeyPatch, portion: int, fault: BaseException) -> None:
    """Raise `fault` instead of taking the portion of that number, from one."""
    real, calls = results.go_on_taking, []

    def go_on(*given: Any) -> None:
        calls.append(1)
        if len(calls) == portion:
            raise fault
        real(*given)

    monkeypatch.setattr(results, "go_on_taking", go_on)


def test_all_of_it_is_taken_and_what_waits_is_counted_as_it_is_now(place: Place) -> None:
    """A message said for ever how many had waited when it came."""
    send_large(place)
    assert count_by_state() == {"applied": 1, "waiting": UNKNOWN}
    message = find_message()
    assert (message.state, message.state_reason) == (InboundState.APPLIED, "")
    assert count_undecided([message.id]) == {message.id: UNKNOWN}
    with write_unit() as session:
        row = session.execute(
            select(ReportedResult).where(ReportedResult.state == "waiting").limit(1)).unique().scalar_one()
        reject(row, "told by telephone", session.get_one(User, place.staff["labtech"]))
    assert count_undecided([find_message().id]) == {find_message().id: UNKNOWN - 1}


def test_others_save_between_two_portions(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def unit() -> Any:
        with write_unit() as session:  # refused at once while another one is open
            session.get_one(User, place.staff["labtech"]).display_name = f"Technician {len(seen)}"
            seen.append(session.execute(select(func.count(ReportedResult.id))).scalar_one())
        return write_unit()

    monkeypatch.setattr(processing, "write_unit", unit)
    send_large(place)
    assert seen == [*range(UNKNOWN + 1), UNKNOWN + 1], "one more each time; the last look finds no message"


def test_what_a_process_left_unfinished_another_ends_and_enters_nothing_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as first:
        die_at(first, 4, Died())
        with pytest.raises(Died):
            send_large(place)
    assert count_by_state() == {"applied": 1, "waiting": 2} and find_message().state is InboundState.NEW
    monkeypatch.setattr(processing, "OWNER", "another process")
    assert process_waiting() == 0, "the first may be at work still"
    place.hand.turn(minutes=2)
    assert process_waiting() == 1
    assert count_by_state() == {"applied": 1, "waiting": UNKNOWN, "replaced": 2}
    assert len(list_results()) == 1 and find_message().state is InboundState.APPLIED


def test_who_stood_still_for_too_long_leaves_the_message_to_whom_has_begun_it_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = processing._is_ours, []

    def is_ours(session: Session, prepared: Prepared | None) -> bool:
        calls.append(1)
        if len(calls) == 3:
            acquire_lease(session, processing.PORTIONS, "another process", clock.now() + timedelta(minutes=2),
                          processing.PORTIONS_LEASE)
            place.hand.turn(minutes=2)
        return real(session, prepared)

    monkeypatch.setattr(processing, "_is_ours", is_ours)
    send_large(place)
    assert count_by_state() == {"applied": 1, "waiting": 1} and find_message().state is InboundState.NEW


def test_fault_in_the_middle_ends_the_message_and_keeps_what_was_taken(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_at(monkeypatch, 3, ZeroDivisionError())
    send_large(place)
    assert (find_message().state, find_message().state_reason) == (InboundState.ERROR, "ZeroDivisionError")
    assert count_by_state() == {"applied": 1, "waiting": 1}
    with write_unit() as session:
        assert not is_leased(session, processing.PORTIONS, "another process", clock.now(), processing.PORTIONS_LEASE)
