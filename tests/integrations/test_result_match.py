"""Whose a reported result is: a family's name, a number given twice and a wrong one give nobody a result."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask

from clinic.caution import NeedsConfirmation
from clinic.db import db, write_unit
from clinic.models import Case, InboundMessage, ReportedResult, ReportedState, ResultStatus, User
from clinic.services import lab_order
from clinic.services.inbound import work_again
from clinic.services.result_intake import assign, list_suggestions
from clinic.services.result_match import AGAINST, Sign
from integrations.inbound.processing import process_waiting
from tests.factory import make_applicant, make_case
from tests.integrations.oru import write_order, write_person, write_value
from tests.integrations.test_result_intake import RPR, Place, list_reported, list_results, place
from tests.sign_in import sign_in

__all__ = ["place"]
S = ReportedState
LATER = "20261120100000+0300"


@dataclass
class Other:
    """Another person with a case, and the order for the same test."""

    case_id: str
    number: str
    person: str
    order: str


def make_other(place: Place, family_name: str = "Wanjiru", given_names: str = "Grace") -> Other:
    with write_unit():
        case = make_case("us", make_applicant(place.supervisor, family_name=family_name, given_names=given_names))
        lab_order.place_orders(case, db.session.get_one(User, place.staff["labtech"]))
        order = next(one.number for one in lab_order.list_orders(case) if one.test == "syphilis-nontreponemal")
        return Other(case.id, case.number, write_person(case), order)


def test_number_of_the_laboratory_that_begins_anew_changes_nobody_else_s_result(place: Place) -> None:
    """The second person's reactive test became a correction of the first one's, who kept nothing of their own."""
    other = make_other(place)
    place.take(place.person(), place.order(), write_value(RPR, "NEG", "CWE"))
    (row,) = place.take(other.person, write_order(other.order, "LAB-1", reported=LATER),
                        write_value(RPR, "POS", "CWE"), control_id="L2")
    assert row.state is S.APPLIED
    assert {(one.case_id, one.value, one.revision) for one in list_results()} == {
        (place.case_id, "nonreactive", 1), (other.case_id, "reactive", 1)}
    (row,) = place.take(other.person, write_order(other.order, "LAB-1", reported="20261120120000+0300"),
                        write_value(RPR, "NEG", "CWE", status="C"), control_id="L3")
    assert row.state is S.WAITING and place.case.number in row.reason, "a correction may be meant for either"


def test_number_that_begins_anew_is_not_late_because_of_somebody_else(place: Place) -> None:
    other = make_other(place)
    place.take(place.person(), place.order(reported=LATER), write_value(RPR, "NEG", "CWE"))
    (row,) = place.take(other.person, write_order(other.order, "LAB-1"), write_value(RPR, "POS", "CWE"),
                        control_id="L2")
    assert (row.state, row.case_id) == (S.APPLIED, other.case_id)


@pytest.mark.parametrize("status", ["D", "W"])
def test_what_is_taken_back_of_one_person_leaves_the_other_s_result(place: Place, status: str) -> None:
    other = make_other(place)
    place.take(place.person(), place.order(), write_value(RPR, "POS", "CWE"))
    (row,) = place.take(other.person, write_order(other.order, "LAB-1", reported=LATER),
                        write_value(RPR, '""', "CWE", status=status), control_id="L2")
    assert row.state is S.WAITING and place.case.number in row.reason
    assert [one.status for one in list_results()] == [ResultStatus.PRELIMINARY]


def test_result_given_to_another_person_under_the_same_number_is_looked_at(place: Place) -> None:
    """Without orders' numbers nobody can tell a number used twice from a result that the wrong person was given."""
    other = make_other(place)
    place.take(place.person(), write_order(), write_value(RPR, "NEG", "CWE"))
    (row,) = place.take(other.person, write_order(reported=LATER), write_value(RPR, "POS", "CWE"), control_id="L2")
    assert (row.state, row.case_id) == (S.WAITING, other.case_id) and place.case.number in row.reason
    assert [(one.case_id, one.value) for one in list_results()] == [(place.case_id, "nonreactive")]


@pytest.mark.parametrize(("values", "sign"), [
    ({"name": "Otieno", "birth": ""}, None),
    ({"name": "", "birth": "1991"}, Sign.BIRTH_PART),
])  # fmt: skip
def test_what_a_family_has_in_common_does_not_say_whose_tube_it_was(
    place: Place, values: dict[str, str], sign: Sign | None
) -> None:
    """Brothers come on one day, and their tubes lie side by side."""
    (row,) = place.take(place.person(number="", sex="", **values), place.order(), write_value(RPR, "POS", "CWE"))
    assert row.state is S.WAITING and list_results() == []
    (suggestion,) = list_suggestions(row)
    assert suggestion.signs == {Sign.ORDER} | ({sign} if sign else set())


def test_given_name_with_our_order_is_enough(place: Place) -> None:
    (row,) = place.take(place.person(number="", name="^Brian", birth="", sex=""), place.order(),
                        write_value(RPR, "NEG", "CWE"))
    assert row.state is S.APPLIED


def test_number_of_somebody_else_speaks_against_a_case(place: Place) -> None:
    """A brother's case number beside our order number: either may be the wrong one."""
    other = make_other(place, "Otieno", "Bryan")
    (row,) = place.take(place.person(number=f"{other.number}^^^CLEARWAY^MR"), place.order(),
                        write_value(RPR, "POS", "CWE"))
    assert row.state is S.WAITING and list_results() == []
    signs = {one.case.id: one.signs for one in list_suggestions(row)}
    assert Sign.OTHER_NUMBER in signs[place.case_id] and Sign.OTHER_ORDER in signs[other.case_id]


def test_wrong_number_does_not_hide_whose_it_is(place: Place) -> None:
    other = make_other(place)
    (row,) = place.take(place.person(number=f"{other.number}^^^CLEARWAY^MR"), write_order(),
                        write_value(RPR, "POS", "CWE"))
    first, second = list_suggestions(row)
    assert (row.state, {first.case.id, second.case.id}) == (S.WAITING, {place.case_id, other.case_id})
    assert {Sign.NAME, Sign.BIRTH_DATE, Sign.OTHER_NUMBER} == next(
        one.signs for one in (first, second) if one.case.id == place.case_id)


def test_order_of_another_case_than_the_one_typed_asks_for_a_tick(place: Place) -> None:
    """A report that names nobody, entered for the case of the wrong number: nothing asked."""
    other = make_other(place)
    place.take("PID|1", place.order(), write_value(RPR, "POS", "CWE"))
    (waiting,) = list_reported()
    with pytest.raises(NeedsConfirmation) as asked, write_unit() as session:
        assign(session.get_one(ReportedResult, waiting.id), session.get_one(Case, other.case_id),
               session.get_one(User, place.staff["labtech"]), "typed")
    (caution,) = asked.value.cautions
    assert place.orders["syphilis-nontreponemal"] in caution.text and other.number in caution.text
    assert list_results() == []


def test_result_that_was_given_to_the_wrong_person_is_taken_back_and_goes_to_the_right_one(
    app: Flask, place: Place
) -> None:
    """It could be withdrawn from the case, and then never be entered for whom it was."""
    other = make_other(place)
    (row,) = place.take(place.person(), place.order(), write_value(RPR, "POS", "CWE"))
    assert (row.state, row.case_id) == (S.APPLIED, place.case_id)
    row_id, message_id = row.id, row.message_id
    client = sign_in(app, db.session.get_one(User, place.staff["labtech"]))
    page = f"/laboratory/inbox/{row_id}"
    assert "It does not belong here" in client.get(page).text
    assert client.post(f"{page}/put-back", data={"back_reason": ""}).status_code == 422
    answer = client.post(f"{page}/put-back", data={"back_reason": "tubes exchanged"}, follow_redirects=True)
    assert "Enter it for a case" in answer.text and "tubes exchanged" in answer.text
    assert [one.status for one in list_results()] == [ResultStatus.ENTERED_IN_ERROR]
    with write_unit() as session:
        work_again(session.get_one(InboundMessage, message_id), "a code was added", place.supervisor)
    process_waiting()
    assert [one.state for one in list_reported()] == [S.WAITING], "read anew, it is not given to the same case"
    (later,) = place.take(place.person(), place.order(reported=LATER), write_value(RPR, "POS", "CWE", status="C"),
                          control_id="L2")
    assert later.state is S.WAITING and "taken off a case" in later.reason
    ticks = [f"other-person:{other.number}", f"other-order:{other.number}"]
    given = client.post(f"{page}/assign", data={"case": "other", "number": other.number, "reason": "asked the bench",
                                                "confirmed": ticks})
    assert given.status_code == 303
    assert [(one.case_id, one.value) for one in list_results() if one.status is ResultStatus.PRELIMINARY] == [
        (other.case_id, "reactive")]


def test_result_that_was_put_aside_can_be_looked_at_again(app: Flask, place: Place) -> None:
    (row,) = place.take("PID|1", place.order(), write_value(RPR, "POS", "CWE"))
    client = sign_in(app, db.session.get_one(User, place.staff["labtech"]))
    page = f"/laboratory/inbox/{row.id}"
    assert client.post(f"{page}/put-back", data={"back_reason": "not hers"}).status_code == 409, "nothing was decided"
    client.post(f"{page}/reject", data={"reject_reason": "nobody of ours"})
    assert "Look at it again" in client.get(page).text
    assert client.post(f"{page}/put-back", data={"back_reason": "she was registered since"}).status_code == 303
    assert [one.state for one in list_reported()] == [S.WAITING]


@pytest.mark.parametrize(("values", "against"), [
    ({"name": "Ottieno^Bryan"}, set()), ({"name": "OTIENO^BRIAN", "birth": "19910106"}, {Sign.OTHER_BIRTH_DATE}),
])  # fmt: skip
def test_person_who_is_written_a_little_otherwise_is_suggested(
    place: Place, values: dict[str, str], against: set[Sign]
) -> None:
    """Without a number of ours one wrong letter left nobody to choose: who looked had to search elsewhere."""
    make_other(place)
    (row,) = place.take(place.person(number="", **values), write_order(), write_value(RPR, "POS", "CWE"))
    assert row.state is S.WAITING
    (suggestion,) = list_suggestions(row)
    assert (suggestion.case.id, suggestion.signs & AGAINST) == (place.case_id, against)
    assert Sign.NAME in suggestion.signs


def test_page_of_an_entered_result_names_whose_case_has_it(app: Flask, place: Place) -> None:
    """It named whom the laboratory speaks of, beside the number of a case: who validates compares two names."""
    other = make_other(place)
    (row,) = place.take(place.person(number=""), write_order(), write_value(RPR, "NEG", "CWE"))
    client = sign_in(app, db.session.get_one(User, place.staff["labtech"]))
    page = f"/laboratory/inbox/{row.id}"
    assert client.post(f"{page}/assign", data={
        "case": "other", "number": other.number, "reason": "asked the bench",
        "confirmed": f"other-person:{other.number}"}).status_code == 303
    text = client.get(page).text
    assert "OTIENO, Brian" in text and "WANJIRU, Grace" in text


def test_case_that_has_such_a_result_already_is_said_where_it_is_chosen(app: Flask, place: Place) -> None:
    """A page of its own told it, and what had been typed was gone."""
    place.take(place.person(), place.order(), write_value(RPR, "NEG", "CWE"))
    (row,) = place.take(place.person(number=""), write_order(filler="LAB-2"), write_value(RPR, "POS", "CWE"),
                        control_id="L2")
    client = sign_in(app, db.session.get_one(User, place.staff["labtech"]))
    answer = client.post(f"/laboratory/inbox/{row.id}/assign", data={"case": place.case_id, "reason": "as on paper"})
    assert answer.status_code == 409 and "Correct the recorded result" in answer.text
    assert "Enter it for a case" in answer.text and "as on paper" in answer.text
