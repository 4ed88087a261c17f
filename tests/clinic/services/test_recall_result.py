"""A specimen of which no result comes is asked for: lost on its way, forgotten at a bench, never reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from clinic import clock
from clinic.db import db
from clinic.models import Case, RejectionReason, Specimen, SpecimenKind, User
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.services import draw, handover, lab_order, laboratory
from clinic.services.specimen import take_specimen
from tests.clinic.services.test_recall import find_tasks, sweep
from tests.factory import make_applicant, make_case, make_user
from tests.integrations.factory import Hand

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
pytestmark = pytest.mark.database


@pytest.fixture
def hand(app: Flask) -> Iterator[Hand]:
    """A clock that the test turns."""
    with clock.stopped_at(BEGIN):
        yield Hand(BEGIN)


@pytest.fixture
def case_id(hand: Hand) -> str:
    """A US applicant of twenty whose blood and urine are to be drawn."""
    user = make_user("reception")
    return make_case("us", make_applicant(user, birth_date="2006-01-05"), user).id


def test_tube_that_nobody_received_is_asked_for_once(hand: Hand, case_id: str) -> None:
    """It stood on no list of tasks until the whole case had stood still."""
    case = db.session.get_one(Case, case_id)
    for tube in draw.draw(case, ["serum", "urine-first"], None, "", make_user("phlebotomist", case.site)):
        handover.note_print([tube], make_user("phlebotomist", case.site))
    hand.turn(days=4)
    sweep()
    assert not find_tasks("result-awaited")
    hand.turn(days=1)
    sweep()
    sweep()
    rows = find_tasks("result-awaited")
    assert {row.subject_id for row in rows} == {row.id for row in db.session.query(Specimen)}
    assert {(row.role, row.due_on, row.closed_at) for row in rows} == {
        ("labtech", (BEGIN + timedelta(days=5)).date(), None)}


def test_days_count_from_the_last_step_and_end_with_the_result(hand: Hand, case_id: str) -> None:
    case = db.session.get_one(Case, case_id)
    (serum,) = draw.draw(case, ["serum"], None, "", make_user("phlebotomist", case.site))
    technician, serum_id = make_user("labtech", case.site), serum.id
    hand.turn(days=4)
    handover.receive(serum, "", technician, ["late-receipt"])
    hand.turn(days=4)
    sweep()
    assert not find_tasks("result-awaited")
    hand.turn(days=1)
    sweep()
    (task,) = find_tasks("result-awaited")
    assert task.subject_id == serum_id and task.closed_at is None
    case, technician = db.session.get_one(Case, case_id), db.session.get_one(User, technician.id)
    laboratory.enter_result(case, NewResult("syphilis-nontreponemal", "nonreactive", clock.today()), technician)
    sweep()
    assert [row.outcome for row in find_tasks("result-awaited")] == ["no-longer-awaited"]
    # What is ordered on the same tube later is awaited as well: the task stands again.
    serum = db.session.get_one(Specimen, serum_id)
    lab_order.order_test(db.session.get_one(Case, case_id), "syphilis-treponemal",
                         db.session.get_one(User, technician.id), "asked for", serum)
    hand.turn(days=5)
    sweep()
    assert [row.closed_at for row in find_tasks("result-awaited")] == [None]


def test_rejected_tube_is_no_longer_awaited(hand: Hand, case_id: str) -> None:
    case = db.session.get_one(Case, case_id)
    (serum,) = draw.draw(case, ["serum"], None, "", make_user("phlebotomist", case.site))
    serum_id = serum.id
    hand.turn(days=5)
    sweep()
    case = db.session.get_one(Case, case_id)
    handover.reject(db.session.get_one(Specimen, serum_id), RejectionReason.BROKEN, "", "",
                    make_user("labtech", case.site))
    sweep()
    assert [row.outcome for row in find_tasks("result-awaited")] == ["no-longer-awaited"]


def test_smear_is_asked_for_within_days_and_its_culture_by_its_own_clock(hand: Hand, case_id: str) -> None:
    case = db.session.get_one(Case, case_id)
    technician = make_user("labtech", case.site)
    pot = take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, clock.today(), confirmed=["unwatched"]),
                        technician)
    pot_id = pot.id
    hand.turn(days=3)
    sweep()
    (task,) = find_tasks("smear-awaited")
    assert (task.subject_id, task.role) == (pot_id, "tbteam")
    case, technician = db.session.get_one(Case, case_id), db.session.get_one(User, technician.id)
    for test, value in (("sputum-smear", "negative"), ("sputum-naat", "not-detected")):
        laboratory.enter_result(case, NewResult(test, value, None, specimen_id=pot_id), technician)
    hand.turn(days=20)
    sweep()
    assert [row.outcome for row in find_tasks("smear-awaited")] == ["no-longer-awaited"]
    assert not find_tasks("result-awaited") and not find_tasks("culture-awaited")
