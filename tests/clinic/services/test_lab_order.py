"""Orders: made from the requirements, one referral a case, followed by results, asked for again with a reason."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic import clock
from clinic.db import db
from clinic.errors import InvalidInput, NotNow
from clinic.identifier import has_valid_check, list_order_numbers
from clinic.models import Case, LabOrder, LabOrderState, LabReferral, RequirementState, SpecimenKind, User
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, NewSpecimen
from clinic.services import lab_order, laboratory
from clinic.services.order_reason import OrderReason, find_reason, list_reasons
from clinic.services.plausibility import get_today
from clinic.services.requirement import list_requirements
from clinic.services.specimen import take_specimen, withdraw_specimen
from tests.factory import make_applicant, make_case, make_user

S = LabOrderState


@pytest.fixture
def case(app: Flask) -> Case:
    """A US applicant of twenty: syphilis and gonorrhoea are asked for."""
    user = make_user("reception")
    return make_case("us", make_applicant(user, birth_date=f"{clock.now().year - 20}-01-05"), user)


@pytest.fixture
def technician(case: Case) -> User:
    return make_user("labtech", case.site)


@pytest.fixture
def supervisor(case: Case) -> User:
    return make_user("labsupervisor", case.site)


def _enter(case: Case, test: str, value: str, actor: User) -> object:
    return laboratory.enter_result(case, load(LabResultIn(), {
        "test": test, "value": value, "performed_on": get_today(case).isoformat()}), actor)


def test_orders_follow_the_open_requirements_in_one_referral(case: Case, technician: User) -> None:
    made = lab_order.place_orders(case, technician)
    asked = {row.exam for row in list_requirements(case) if row.state is RequirementState.OPEN}
    assert {"syphilis", "gonorrhoea"} <= asked
    assert {"syphilis-nontreponemal", "gonorrhoea-naat"} <= {row.test for row in made}
    assert "syphilis-treponemal" not in {row.test for row in made}, "asked only after a reactive first test"
    assert len({row.referral_id for row in made}) == 1 == db.session.query(LabReferral).count()
    assert all(has_valid_check(row.number) and list_order_numbers(row.number) == [row.number] for row in made)
    assert lab_order.place_orders(case, technician) == [], "once"


def test_result_takes_its_order_along_and_back(case: Case, technician: User, supervisor: User) -> None:
    order = next(row for row in lab_order.place_orders(case, technician) if row.test == "syphilis-nontreponemal")
    row = _enter(case, "syphilis-nontreponemal", "reactive", technician)
    assert (row.order_id, order.state) == (order.id, S.ORDERED)  # type: ignore[attr-defined]
    laboratory.confirm_result(row, supervisor)  # type: ignore[arg-type]
    assert order.state is S.RESULTED
    follower = lab_order.find_live_order(case, "syphilis-treponemal")
    assert follower is not None and follower.reason == "after Syphilis, nontreponemal"
    with pytest.raises(NotNow, match="has a result"):
        lab_order.cancel_order(order, "doubled", technician)
    laboratory.withdraw_result(row, "wrong person", technician)  # type: ignore[arg-type]
    assert order.state is S.ORDERED


def test_result_without_an_order_is_recorded_as_before(case: Case, technician: User, supervisor: User) -> None:
    row = _enter(case, "syphilis-nontreponemal", "reactive", technician)
    laboratory.confirm_result(row, supervisor)  # type: ignore[arg-type]
    assert row.order_id is None and row.counts  # type: ignore[attr-defined]
    assert db.session.query(LabOrder).count() == 0
    assert "syphilis-nontreponemal" not in {order.test for order in lab_order.place_orders(case, technician)}


def test_correction_stays_with_the_order_of_its_series(case: Case, technician: User, supervisor: User) -> None:
    lab_order.place_orders(case, technician)
    row = _enter(case, "gonorrhoea-naat", "detected", technician)
    laboratory.confirm_result(row, supervisor)  # type: ignore[arg-type]
    made = laboratory.correct_result(row, load(LabResultIn(), {  # type: ignore[arg-type]
        "test": "gonorrhoea-naat", "value": "not-detected", "performed_on": get_today(case).isoformat()}),
        "read off the wrong line", technician)
    assert made.order_id == row.order_id is not None  # type: ignore[attr-defined]


def test_order_is_asked_again_with_the_reason(case: Case, technician: User) -> None:
    order = lab_order.place_orders(case, technician)[0]
    again = lab_order.reorder(order, "haemolysed", technician)
    assert (order.state, order.cancelled_reason) == (S.CANCELLED, "haemolysed")
    assert (again.replaces_id, again.test, again.state, again.reason) == (order.id, order.test, S.ORDERED, "haemolysed")
    assert again.requirement_id == order.requirement_id and again.number != order.number


def test_what_is_asked_again_keeps_why_it_was_asked_for(case: Case, technician: User) -> None:
    """The reason of a rejection took the place of the physician's."""
    first = lab_order.order_test(case, "alt", technician, "yellow eyes")
    second = lab_order.reorder(lab_order.reorder(first, "haemolysed", technician), "too little", technician)
    reasons = list_reasons(lab_order.list_orders(case))
    assert reasons[first.id] == OrderReason("yellow eyes") and reasons[first.id].say() == "yellow eyes"
    assert reasons[second.id] == find_reason(second) == OrderReason("yellow eyes", "too little")
    assert reasons[second.id].say() == "yellow eyes; again: too little"


def test_what_was_asked_again_is_cancelled_too_when_nobody_asks_for_it(case: Case, technician: User) -> None:
    """Why a tube was rejected was taken for somebody's own reason to want the test."""
    order = next(row for row in lab_order.place_orders(case, technician) if row.test == "gonorrhoea-naat")
    again = lab_order.reorder(order, "haemolysed", technician)
    next(row for row in list_requirements(case) if row.exam == "gonorrhoea").state = RequirementState.WITHDRAWN
    db.session.flush()
    lab_order.place_orders(case, technician)
    assert again.state is S.CANCELLED


def test_test_is_not_ordered_twice_at_a_time(case: Case, technician: User) -> None:
    lab_order.order_test(case, "alt", technician, "hepatitis")
    with pytest.raises(InvalidInput) as refused:
        lab_order.order_test(case, "alt", technician)
    assert "test" in refused.value.fields
    with pytest.raises(InvalidInput):
        lab_order.order_test(case, "tst", technician)


def test_what_nobody_asks_for_any_more_is_cancelled(case: Case, technician: User) -> None:
    order = next(row for row in lab_order.place_orders(case, technician) if row.test == "gonorrhoea-naat")
    requirement = next(row for row in list_requirements(case) if row.exam == "gonorrhoea")
    requirement.state = RequirementState.WITHDRAWN
    db.session.flush()
    lab_order.place_orders(case, technician)
    assert order.state is S.CANCELLED


def test_sputum_is_ordered_when_it_is_taken_and_cancelled_with_it(case: Case, technician: User) -> None:
    first = take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, get_today(case)), technician)
    orders = [row for row in lab_order.list_orders(case) if row.specimen_id == first.id]
    assert [row.test for row in orders] == ["sputum-smear", "sputum-naat", "sputum-culture"]
    assert all(row.state is S.COLLECTED for row in orders)
    second = take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, get_today(case), confirmed=["same-day"]), technician)
    tests = [row.test for row in lab_order.list_orders(case) if row.specimen_id == second.id]
    assert tests == ["sputum-smear", "sputum-culture"], "a NAAT is made of the first"
    withdraw_specimen(first, "wrong pot", technician)
    assert {row.state for row in orders} == {S.CANCELLED}
