"""The draw and the hand-overs: numbered containers, labels once, receipt by scan, rejection that asks again."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from clinic import clock
from clinic.caution import NeedsConfirmation
from clinic.db import db
from clinic.errors import InvalidInput, NotNow
from clinic.models import Case, LabOrderState, RejectionReason, Specimen, SpecimenKind, User
from clinic.models import SpecimenEventKind as K
from clinic.queries.draw import list_due_by_case
from clinic.queries.specimen import Where, count_specimens_at, find_specimen
from clinic.queries.waiting import View
from clinic.queries.worklist import count_waiting
from clinic.schemas.laboratory import NewResult
from clinic.services import draw, handover, lab_order, laboratory
from clinic.services.plausibility import get_today
from clinic.services.specimen import withdraw_specimen
from clinic.tube import list_tubes
from tests.factory import make_applicant, make_case, make_site, make_user


@pytest.fixture
def case(app: Flask) -> Case:
    """A US applicant of twenty: IGRA is not asked everywhere, syphilis and gonorrhoea are."""
    user = make_user("reception")
    return make_case("us", make_applicant(user, birth_date=f"{clock.now().year - 20}-01-05"), user)


@pytest.fixture
def phlebotomist(case: Case) -> User:
    return make_user("phlebotomist", case.site)


@pytest.fixture
def technician(case: Case) -> User:
    return make_user("labtech", case.site)


def _draw_all(case: Case, actor: User) -> dict[str, Specimen]:
    names = [one.tube.name for one in draw.list_due_tubes(case)]
    return {row.tube or "": row for row in draw.draw(case, names, None, "chair 2", actor)}


def test_containers_come_in_the_order_of_the_draw_with_their_tests(case: Case) -> None:
    due = draw.list_due_tubes(case)
    names = [one.tube.name for one in due]
    assert names == [name for name in list_tubes() if name in names]
    assert {"serum", "urine-first"} <= set(names)
    serum = next(one for one in due if one.tube.name == "serum")
    assert [test.name for test in serum.tests] == ["syphilis-nontreponemal"]
    assert {case_id: [one.tube.name for one in found] for case_id, found in list_due_by_case([case.id]).items()} == {
        case.id: names}


def test_draw_numbers_each_container_and_collects_its_orders(case: Case, phlebotomist: User) -> None:
    today = clock.now() - timedelta(days=1)
    assert count_waiting(phlebotomist, View.DRAW, today) == 1
    made = _draw_all(case, phlebotomist)
    serum = made["serum"]
    assert (serum.kind, serum.collected_at is not None) == (SpecimenKind.SERUM, True)
    assert [row.state for row in handover.list_orders_of(serum)] == [LabOrderState.COLLECTED]
    assert [(row.kind, row.place, row.by_id) for row in handover.list_events(serum)] == [
        (K.DRAWN, "chair 2", phlebotomist.id)]
    assert draw.list_due_tubes(case) == [] and list_due_by_case([case.id]) == {case.id: []}
    assert count_waiting(phlebotomist, View.DRAW, today) == 0
    assert count_specimens_at(phlebotomist, Where.DRAWN) == len(made)


def test_only_what_is_due_is_drawn_and_nothing_in_the_future(case: Case, phlebotomist: User) -> None:
    for tubes in ([], ["urine"], ["serum", "nonsense"]):
        with pytest.raises(InvalidInput) as refused:
            draw.draw(case, tubes, None, "", phlebotomist)
        assert "tubes" in refused.value.fields
    noon = clock.now().replace(hour=9, minute=0)
    with clock.stopped_at(noon), pytest.raises(InvalidInput) as refused:
        draw.draw(case, ["serum"], time(12, 30), "", phlebotomist)  # Nairobi is three hours on: 12:00 now
    assert "time" in refused.value.fields
    with clock.stopped_at(noon):
        row = draw.draw(case, ["serum"], time(11, 30), "", phlebotomist)[0]
    assert row.collected_at == noon.replace(hour=8, minute=30, second=0, microsecond=0)


def test_draw_before_midnight_that_is_recorded_after_it_was_yesterday(case: Case, phlebotomist: User) -> None:
    """It was told that the time is still to come, and with an empty field it was drawn on the wrong day."""
    zone = ZoneInfo(case.site.time_zone)
    midnight = datetime.combine(get_today(case) + timedelta(days=1), time(0), zone)
    case.opened_at = midnight - timedelta(minutes=30)
    with clock.stopped_at(midnight + timedelta(minutes=20)):
        with pytest.raises(InvalidInput) as refused:
            draw.draw(case, ["serum"], time(23, 20), "", phlebotomist)  # the case was not even open
        assert "still to come" in refused.value.fields["time"][0]
        (row,) = draw.draw(case, ["serum"], time(23, 50), "", phlebotomist)
    assert row.collected_at == midnight - timedelta(minutes=10)
    assert row.collected_on == midnight.date() - timedelta(days=1)


def test_label_is_printed_again_only_with_a_reason(case: Case, phlebotomist: User) -> None:
    rows = list(_draw_all(case, phlebotomist).values())
    handover.note_print(rows, phlebotomist)
    with pytest.raises(InvalidInput) as refused:
        handover.note_print(rows[:1], phlebotomist, " ")
    assert "reason" in refused.value.fields
    handover.note_print(rows[:1], phlebotomist, "smeared", "zpl")
    assert [(row.kind, row.remark) for row in handover.list_events(rows[0])][1:] == [
        (K.LABELLED, ""), (K.REPRINTED, "smeared")]


def test_sent_received_stored_and_only_then_discarded(case: Case, phlebotomist: User, technician: User) -> None:
    serum = _draw_all(case, phlebotomist)["serum"]
    with pytest.raises(InvalidInput):
        handover.send([serum], " ", phlebotomist)
    handover.send([serum], "courier 4", phlebotomist)
    order = handover.list_orders_of(serum)[0]
    assert order.state is LabOrderState.SENT
    handover.receive(serum, "bench 1", technician)
    assert (order.state, count_specimens_at(technician, Where.RECEIVED)) == (LabOrderState.RECEIVED, 1)
    with pytest.raises(NotNow, match="received already"):
        handover.receive(serum, "bench 1", technician)
    with pytest.raises(NotNow, match="still waits for a result"):
        handover.discard([serum], "bin", technician)
    handover.store([serum], "rack B7", technician)
    lab_order.cancel_order(order, "not needed", technician)
    handover.discard([serum], "bin", technician)
    assert [row.kind for row in handover.list_events(serum)] == [
        K.DRAWN, K.SENT, K.RECEIVED, K.STORED, K.DISCARDED]


def test_received_specimen_is_sent_on_and_may_come_back(case: Case, phlebotomist: User, technician: User) -> None:
    serum = _draw_all(case, phlebotomist)["serum"]
    with pytest.raises(NotNow, match="not in the laboratory"):
        handover.send_on([serum], "reference laboratory", technician)
    handover.receive(serum, "bench 1", technician)
    with pytest.raises(InvalidInput):
        handover.send_on([serum], "", technician)
    handover.send_on([serum], "reference laboratory", technician)
    order = handover.list_orders_of(serum)[0]
    assert (order.state, count_specimens_at(technician, Where.RECEIVED)) == (LabOrderState.SENT, 0)
    assert count_specimens_at(technician, Where.SENT) == 1
    handover.receive(serum, "bench 1", technician)
    assert order.state is LabOrderState.RECEIVED
    assert [(row.kind, row.place) for row in handover.list_events(serum)][1:] == [
        (K.RECEIVED, "bench 1"), (K.SENT, "reference laboratory"), (K.RECEIVED, "bench 1")]


def test_late_specimen_is_taken_only_by_somebody_who_says_so(case: Case, phlebotomist: User, technician: User) -> None:
    urine = _draw_all(case, phlebotomist)["urine-first"]
    late = clock.now() + timedelta(hours=list_tubes()["urine-first"].within, minutes=5)
    with clock.stopped_at(late):
        with pytest.raises(NeedsConfirmation) as asked:
            handover.receive(urine, "", technician)
        assert [one.code for one in asked.value.cautions] == ["late-receipt"]
        handover.receive(urine, "", technician, ["late-receipt"])
    assert handover.list_events(urine)[-1].remark == "came late"


def test_rejected_specimen_is_asked_for_again(case: Case, phlebotomist: User, technician: User) -> None:
    serum = _draw_all(case, phlebotomist)["serum"]
    with pytest.raises(InvalidInput):
        handover.reject(serum, RejectionReason.OTHER, "", "", technician)
    made = handover.reject(serum, RejectionReason.HAEMOLYSED, "", "", technician)
    assert [(row.test, row.state, row.reason) for row in made] == [
        ("syphilis-nontreponemal", LabOrderState.ORDERED, "haemolysed")]
    due = draw.list_due_tubes(case)
    assert [(one.tube.name, one.reasons) for one in due] == [("serum", ["haemolysed"])]
    assert count_waiting(phlebotomist, View.DRAW, clock.now() - timedelta(days=1)) == 1
    with pytest.raises(NotNow, match="was rejected"):
        handover.receive(serum, "", technician)
    again = draw.draw(case, ["serum"], None, "", phlebotomist)[0]
    assert again.number != serum.number and handover.list_orders_of(again)[0].id == made[0].id


def test_tube_with_a_result_is_not_taken_back_and_not_rejected_as_another_persons(
    case: Case, phlebotomist: User, technician: User
) -> None:
    """Its results counted on, of a tube that was nobody's: they answer its orders and do not name it."""
    serum = _draw_all(case, phlebotomist)["serum"]
    result = laboratory.enter_result(
        case, NewResult("syphilis-nontreponemal", "nonreactive", get_today(case)), technician)
    with pytest.raises(NotNow, match=r"has results \(.*nontreponemal.*\)"):
        withdraw_specimen(serum, "drawn from somebody else", phlebotomist)
    with pytest.raises(InvalidInput) as refused:
        handover.reject(serum, RejectionReason.IDENTITY, "", "", technician)
    assert "withdraw those first" in refused.value.fields["why"][0] and serum.rejected_at is None
    laboratory.withdraw_result(result, "drawn from somebody else", technician)
    assert [row.test for row in handover.reject(serum, RejectionReason.IDENTITY, "", "", technician)] == [
        "syphilis-nontreponemal"]


def test_scan_finds_a_specimen_of_the_own_site_alone(case: Case, phlebotomist: User) -> None:
    serum = _draw_all(case, phlebotomist)["serum"]
    db.session.flush()
    scanned = serum.number.replace("-", "").lower()
    assert find_specimen(phlebotomist, scanned) is serum
    assert find_specimen(make_user("labtech", make_site("KSM")), scanned) is None
    assert find_specimen(phlebotomist, scanned[:-1] + "?") is None
