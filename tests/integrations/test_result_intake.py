"""From a laboratory's message to a result of ours: only what is certain, everything else with its reason."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.caution import NeedsConfirmation
from clinic.db import db, write_unit
from clinic.errors import InvalidInput
from clinic.lab_report import MOST_DOCUMENTS, MOST_VALUES, ReportedPanel, ReportedPerson, ReportedValue, to_plain
from clinic.models import (
    Applicant,
    Case,
    CaseState,
    CounsellingKind,
    InboundMessage,
    InboundState,
    LabDocument,
    Laboratory,
    LabOrder,
    LabResult,
    MapKind,
    ReportedResult,
    ReportedState,
    ResultStatus,
    SpecimenKind,
    Task,
    User,
)
from clinic.queries.reported import count_undecided
from clinic.schemas.laboratory import NewSpecimen
from clinic.services import code_mapping, confidential, draw, lab_order, laboratory, late_meaning
from clinic.services.confidential_report import is_confidential
from clinic.services.inbound import work_again
from clinic.services.result_intake import assign, list_meanings, list_suggestions, reject
from clinic.services.result_match import Sign
from clinic.services.specimen import take_specimen
from integrations.hl7.reader import MOST_PARTS, MOST_SEGMENTS
from integrations.inbound import processing
from integrations.inbound.processing import process_waiting
from integrations.inbound.results import Prepared
from tests.documents import make_plain_pdf
from tests.factory import make_applicant, make_case, make_laboratory, make_user
from tests.integrations.factory import Hand, close_unit
from tests.integrations.oru import take, write_message, write_order, write_person, write_value
from tests.sign_in import sign_in

S = ReportedState
RPR, TITRE, IGRA = "20507-0^RPR^LN", "31147-2^RPR titre^LN", "71773-6^IGRA^LN"


@dataclass
class Place:
    """A laboratory, a case with its orders, and staff; ids, for every step is a unit of its own."""

    laboratory_id: str
    case_id: str
    orders: dict[str, str]  # test -> order number
    staff: dict[str, str]
    hand: Hand

    @property
    def case(self) -> Case:
        return db.session.get_one(Case, self.case_id)

    @property
    def supervisor(self) -> User:
        return db.session.get_one(User, self.staff["labsupervisor"])

    def person(self, **values: str) -> str:
        return write_person(self.case, **values)

    def take(self, *segments: str, control_id: str = "L1", **values: str) -> list[ReportedResult]:
        """Send a message of these segments; what came of it."""
        before = {row.id for row in list_reported()}
        self.hand.turn(seconds=1)
        take(self.laboratory_id, write_message(*segments, control_id=control_id, **values))
        return [row for row in list_reported() if row.id not in before]

    def order(self, test: str = "syphilis-nontreponemal", **values: str) -> str:
        return write_order(self.orders.get(test, ""), **values)


def list_reported() -> list[ReportedResult]:
    db.session.rollback()
    return list(db.session.execute(select(ReportedResult).order_by(ReportedResult.id)).unique().scalars())


def list_results() -> list[LabResult]:
    db.session.rollback()
    return list(db.session.execute(select(LabResult).order_by(LabResult.id)).unique().scalars())


def list_tasks(kind: str) -> list[Task]:
    db.session.rollback()
    return list(db.session.execute(select(Task).where(Task.kind == kind)).unique().scalars())


def find_message() -> InboundMessage:
    db.session.rollback()
    return db.session.execute(select(InboundMessage).order_by(InboundMessage.id.desc()).limit(1)).scalar_one()


@pytest.fixture
def place(app: Flask, hand: Hand) -> Place:
    """A man of 35 whose blood went to the laboratory yesterday."""
    hand.turn(days=-2)
    reception = make_user("reception")
    case = make_case("us", make_applicant(reception, family_name="Otieno", given_names="Brian"), reception)
    technician, supervisor = make_user("labtech"), make_user("labsupervisor")
    orders = {row.test: row.number for row in lab_order.place_orders(case, technician)}
    made = Place(make_laboratory().id, case.id, orders, {"labtech": technician.id, "labsupervisor": supervisor.id},
                 hand)
    hand.turn(days=2)
    close_unit()
    return made


def confirm(place: Place) -> LabResult:
    with write_unit():
        row = list_results_in_unit()[-1]
        laboratory.confirm_result(row, place.supervisor)
        result_id = row.id
    return db.session.get_one(LabResult, result_id)


def list_results_in_unit() -> list[LabResult]:
    return list(db.session.execute(select(LabResult).order_by(LabResult.id)).unique().scalars())


def test_final_result_of_our_order_is_entered_and_waits_for_a_person(place: Place) -> None:
    (row,) = place.take(place.person(), place.order(), write_value(RPR, "NEG^Negative^99LAB", "CWE"),
                        "NTE|1|L|haemolysed slightly")
    assert (row.state, row.reason, row.case_id) == (S.APPLIED, "", place.case_id)
    (result,) = list_results()
    assert (result.test, result.value, result.status, result.id) == (
        "syphilis-nontreponemal", "nonreactive", ResultStatus.PRELIMINARY, row.result_id)
    assert (result.performed_on.isoformat(), str(result.reported_on)) == ("2026-11-19", "2026-11-20")
    assert result.entered_by_id == row.laboratory.user_id and "haemolysed slightly" in result.remark
    assert not result.counts and find_message().state is InboundState.APPLIED
    with write_unit():
        laboratory.confirm_result(list_results_in_unit()[0], place.supervisor)
    assert list_results()[0].counts
    order = db.session.execute(select(LabOrder).where(LabOrder.test == "syphilis-nontreponemal")).unique().scalar_one()
    assert order.state == "resulted"


@pytest.mark.parametrize("code", [
    "20507-0", "20507-0^RPR", "20507-0^RPR^LOINC", "20507-0^RPR^http://loinc.org", "SER7^Serology^99LAB^20507-0^RPR^LN",
])  # fmt: skip
def test_published_code_of_a_test_of_ours_needs_no_line_however_its_system_is_named(place: Place, code: str) -> None:
    """Only LN was understood: a table names no system at all, and many senders put their own code first."""
    (row,) = place.take(place.person(), place.order(), write_value(code, "NEG^Negative^99LAB", "CWE"))
    assert (row.test, row.state) == ("syphilis-nontreponemal", S.APPLIED), row.reason


@pytest.mark.parametrize("code", ["46244-0", "99999-9", "20507-0^RPR^99LAB", "20507-0^RPR^SCT"])
def test_code_of_two_tests_or_of_another_system_still_waits_for_a_line(place: Place, code: str) -> None:
    (row,) = place.take(place.person(), place.order(), write_value(code, "NEG^Negative^99LAB", "CWE"))
    assert (row.test, row.state) == ("", S.WAITING)


def test_unknown_code_is_confidential_by_its_second_words_and_by_what_its_order_asked_for(place: Place) -> None:
    with write_unit():
        place.orders["hiv"] = lab_order.order_test(place.case, "hiv", place.supervisor, "asked for").number
    for number, (test, code) in enumerate((
        ("syphilis-nontreponemal", "SER9^Serology^99LAB^HA^HIV antibody^99X"), ("hiv", "SER9^Serology^99LAB"),
        ("syphilis-nontreponemal", "SER9^Serology^99LAB"),
    )):
        (row,) = place.take(place.person(), place.order(test, filler=f"LAB-{number}"),
                            write_value(code, "POS^Positive^99LAB", "CWE"), control_id=f"L{number}")
        assert (row.test, is_confidential(row)) == ("", number < 2), code


def test_result_of_a_test_to_which_the_applicant_did_not_agree_waits_and_does_not_say_so(place: Place) -> None:
    """Who maps codes reads the inbox, too."""
    with write_unit():
        place.orders["hiv"] = lab_order.order_test(place.case, "hiv", place.supervisor, "asked for").number
        confidential.record_counselling(
            place.case, "hiv", CounsellingKind.BEFORE, False, "does not want to know", place.supervisor)
    (row,) = place.take(place.person(), place.order("hiv"),
                        write_value("56888-1^HIV 1+2^LN", "NEG^Negative^99LAB", "CWE"))
    assert (row.state, row.case_id) == (S.WAITING, place.case_id)
    assert "read first what was said" in row.reason and "agree" not in row.reason.lower()
    assert not list_results()


def test_answer_to_the_second_treponemal_test_is_told_from_the_first_by_its_order(place: Place) -> None:
    """Both have the same codes; it was taken as the first test's next result, and the second was awaited for ever."""
    treponemal = "24312-1^Treponema pallidum Ab^LN"
    with write_unit():
        for test in ("syphilis-treponemal", "syphilis-treponemal-second"):
            place.orders[test] = lab_order.order_test(place.case, test, place.supervisor, "reverse algorithm").number
    place.take(place.person(), place.order("syphilis-treponemal"), write_value(treponemal, "POS", "CWE"))
    (row,) = place.take(place.person(), place.order("syphilis-treponemal-second"),
                        write_value(treponemal, "NEG", "CWE"), control_id="L2")
    assert (row.state, row.test) == (S.APPLIED, "syphilis-treponemal-second")
    assert [(one.test, one.value) for one in list_results()] == [
        ("syphilis-treponemal", "reactive"), ("syphilis-treponemal-second", "nonreactive")]
    place.take(place.person(), place.order("syphilis-treponemal-second"),
               write_value(treponemal, "POS", "CWE", status="C"), control_id="L3")
    assert [(one.test, one.value, one.revision) for one in list_results() if one.superseded_at is None] == [
        ("syphilis-treponemal", "reactive", 1), ("syphilis-treponemal-second", "reactive", 2)]


def test_which_of_two_tests_with_the_same_codes_it_is_a_person_says_and_later_words_follow(place: Place) -> None:
    """Without an order's number it went to the first test, whichever it was of."""
    treponemal = "24312-1^Treponema pallidum Ab^LN"
    with write_unit():
        for test in ("syphilis-treponemal", "syphilis-treponemal-second"):
            place.orders[test] = lab_order.order_test(place.case, test, place.supervisor, "reverse algorithm").number
    place.take(place.person(), place.order("syphilis-treponemal", filler="LAB-1"),
               write_value(treponemal, "POS", "CWE"))
    (row,) = place.take(place.person(), write_order(filler="LAB-2"), write_value(treponemal, "NEG", "CWE"),
                        control_id="L2")
    assert (row.state, row.case_id) == (S.WAITING, place.case_id)
    assert "Syphilis, treponemal · Syphilis, second treponemal test" in row.reason
    with write_unit():
        technician, waiting = db.session.get_one(User, place.staff["labtech"]), db.session.get_one(
            ReportedResult, row.id)
        assert [one.name for one in list_meanings(waiting)] == ["syphilis-treponemal", "syphilis-treponemal-second"]
        with pytest.raises(InvalidInput) as refused:
            assign(waiting, place.case, technician, "they said so")
        assert "test" in refused.value.fields
        assign(waiting, place.case, technician, "they said so", test="syphilis-treponemal-second")
        work_again(find_message_in_unit(), "once more", technician)
    process_waiting()
    assert len(list_reported()) == 2, "worked on again, it adds nothing"
    confirm(place)
    place.take(place.person(), write_order(filler="LAB-2"), write_value(treponemal, "POS", "CWE", status="C"),
               control_id="L3", sent="20261120100000+0300")
    place.take(place.person(), write_order(filler="LAB-1"), write_value(treponemal, "NEG", "CWE", status="C"),
               control_id="L4", sent="20261120100000+0300")
    assert {(one.test, one.value, one.revision) for one in list_results() if one.superseded_at is None} == {
        ("syphilis-treponemal", "nonreactive", 2), ("syphilis-treponemal-second", "reactive", 2)}


def test_result_goes_to_the_test_of_its_codes_while_no_other_with_them_is_asked_for(place: Place) -> None:
    (row,) = place.take(place.person(), write_order(), write_value("24312-1^Tp Ab^LN", "NEG", "CWE"))
    assert (row.state, row.test) == (S.APPLIED, "syphilis-treponemal")


@pytest.mark.parametrize("named", [True, False])
def test_day_that_a_laboratory_leaves_out_is_that_of_our_own_draw(place: Place, named: bool) -> None:
    """It waited for a person, who was offered no field for the day either."""
    with write_unit():
        (tube,) = draw.draw(place.case, ["serum"], None, "", db.session.get_one(User, place.staff["labtech"]))
        number, day = tube.number, tube.collected_on
    (row,) = place.take(place.person(), place.order(day=""), write_value(RPR, "NEG", "CWE"),
                        *([f"SPM|1|{number}&CLEARWAY||119364003^Serum^SCT"] if named else []))
    assert (row.state, row.reason) == (S.APPLIED, "")
    assert [one.performed_on for one in list_results()] == [day]


def test_day_that_nobody_knows_waits_for_a_person(place: Place) -> None:
    (row,) = place.take(place.person(), place.order(day=""), write_value(RPR, "NEG", "CWE"))
    assert row.state is S.WAITING and "The day on which the specimen was taken is missing." in row.reason


def test_same_message_again_adds_nothing(place: Place) -> None:
    segments = place.person(), place.order(), write_value(RPR, "NEG", "CWE")
    place.take(*segments)
    assert place.take(*segments) == []
    (again,) = place.take(*segments, control_id="L2")
    assert (again.state, again.reason) == (S.NOTED, "It says nothing new.")
    assert len(list_results()) == 1


CREATININE = "2160-0^Creatinine^LN", "88.0", "NM", "umol/L"


@pytest.mark.parametrize(("status", "flags", "day", "note", "is_news"), [
    ("F", "", "20261119", "", False), ("F", "N", "20261119", "", False), ("C", "N", "20261119", "drawn fasting", False),
    ("F", "HH", "20261119", "", True), ("F", "N", "20261119", "haemolysed", True), ("F", "N", "20261118", "", False),
    ("C", "N", "20261118", "", True),
])  # fmt: skip
def test_same_value_with_a_new_mark_day_or_remark_is_news(
    place: Place, status: str, flags: str, day: str, note: str, is_news: bool
) -> None:
    """A mark that makes the value critical, and what speaks against the sample, were put away as nothing new."""
    place.take(place.person(), place.order(), write_value(*CREATININE, "N"), "NTE|1|L|drawn fasting")
    (again,) = place.take(
        place.person(), place.order(day=day), write_value(*CREATININE, flags, status),
        *([f"NTE|1|L|{note}"] if note else []), control_id="L2")
    assert again.state is (S.APPLIED if is_news else S.NOTED), again.reason
    newest = list_results()[-1]
    assert (newest.revision, newest.value) == (2 if is_news else 1, "88.0")
    if is_news:
        assert newest.mark == ("critical" if flags == "HH" else "normal")
        assert note in newest.remark and newest.performed_on.strftime("%Y%m%d") == day


def test_several_lines_make_one_result_with_its_parts(place: Place) -> None:
    place.take(place.person(), place.order(), write_value(RPR, "POS", "CWE"), write_value(TITRE, "^1^:^8", "SN"))
    result = list_results()[-1]
    assert (result.value, {part.name: part.value for part in result.components}) == ("reactive", {"titre": "1:8"})


@pytest.mark.parametrize(("line", "value"), [
    (("2160-0^Creatinine^LN", "88.0", "NM", "umol/L", "N"), ("88.0", "umol/L", "normal")),
    (("2160-0^Creatinine^LN", "<^20", "SN", "umol/L", "L"), ("<20", "umol/L", "low")),
    (("2160-0^Creatinine^LN", "<20", "NM", "umol/L", ""), ("<20", "umol/L", None)),
    (("2160-0^Creatinine^LN", "1.10", "ST", "mg/dL", "H~A"), ("1.10", "mg/dL", "high")),
    (("2160-0^Creatinine^LN", "1.10", "NM", "mg/dL", "A"), ("1.10", "mg/dL", "abnormal")),
    (("2160-0^Creatinine^LN", "4.10", "NM", "mg/dL", "AA"), ("4.10", "mg/dL", "critical")),
])  # fmt: skip
def test_numbers_stay_as_written(place: Place, line: tuple[str, ...], value: tuple[str, str, str | None]) -> None:
    place.take(place.person(), place.order(), write_value(*line))
    (result,) = list_results()
    assert (result.value, result.unit, result.mark) == value


@pytest.mark.parametrize(("line", "reason"), [
    (("HBX^Something^99LAB", "NEG", "CWE"), "code HBX means here is not in its mapping table"),
    ((RPR, "FUNNY^Funny^99LAB", "CWE"), "word for this result of Syphilis, nontreponemal"),
    (("2160-0^Creatinine^LN", "88", "NM", "mmol/L"), "unit of Creatinine, serum is none that we take"),
    (("2160-0^Creatinine^LN", "abc", "NM", "umol/L"), "cannot be taken"),
    (("2160-0^Creatinine^LN", "900", "NM", "umol/L"), "very unusual"),
    ((RPR, "NEG", "CWE", "", "", "Q"), "none that we know"),
    ((IGRA, "NEG", "CWE", "", "", "F"), ""),
])  # fmt: skip
def test_what_means_nothing_yet_waits_with_its_reason(place: Place, line: tuple[str, ...], reason: str) -> None:
    (row,) = place.take(place.person(), place.order(), write_value(*line))
    if not reason:
        assert row.state is S.APPLIED
        return
    assert row.state is S.WAITING and reason in row.reason, row.reason
    assert list_results() == [] and count_undecided([find_message().id]) == {find_message().id: 1}


@pytest.mark.parametrize(("values", "signs"), [
    ({"name": "Wanjiru^Grace"}, {Sign.ORDER, Sign.OTHER_NAME}), ({"birth": "19700101"}, {Sign.OTHER_BIRTH_DATE}),
    ({"sex": "M"}, {Sign.OTHER_SEX}),
])  # fmt: skip
def test_order_number_with_another_person_is_doubtful_and_never_applied(
    place: Place, values: dict[str, str], signs: set[Sign]
) -> None:
    (row,) = place.take(place.person(**values), place.order(), write_value(RPR, "NEG", "CWE"))
    assert row.state is S.WAITING and list_results() == []
    (suggestion,) = list_suggestions(row)
    assert suggestion.case.id == place.case_id and signs <= suggestion.signs


@pytest.mark.parametrize(("given", "birth", "state"), [
    ("", "", S.APPLIED), ("Bryan", "", S.WAITING), ("Bryan", "1959-04-01", S.APPLIED), ("Brian", "", S.APPLIED),
])  # fmt: skip
def test_name_that_is_nearly_right_and_exactly_a_twins_waits_for_a_person(
    place: Place, given: str, birth: str, state: ReportedState
) -> None:
    """A tube under the twin's order was entered for the twin: Brian and Bryan are one name written otherwise."""
    if given:
        with write_unit():
            born = {"birth_date": birth} if birth else {}
            user = make_user("reception", place.case.site)
            make_case("us", make_applicant(user, family_name="Otieno", given_names=given, **born), user)
    (row,) = place.take(place.person(name="Otieno^Bryan"), place.order(), write_value(RPR, "NEG", "CWE"))
    assert row.state is state
    if state is S.APPLIED:
        return
    ours, twins = list_suggestions(row)
    assert (ours.case.id, Sign.BETTER_NAMED in ours.signs) == (place.case_id, True)
    assert twins.signs == {Sign.NAME, Sign.BIRTH_DATE, Sign.OTHER_NUMBER, Sign.OTHER_ORDER}
    with write_unit(), pytest.raises(NeedsConfirmation) as asked:
        assign(row, place.case, place.supervisor)
    assert [one.code for one in asked.value.cautions] == [f"other-person:{place.case.number}"]


def test_numbers_read_off_our_bars_are_ours_too(place: Place) -> None:
    """The bars of letters and labels have no dashes: what a laboratory scanned and sent back found nobody."""
    number = place.orders["syphilis-nontreponemal"].replace("-", "")
    (row,) = place.take(place.person(number=""), write_order(number), write_value(RPR, "NEG", "CWE"))
    assert (row.state, row.case_id) == (S.APPLIED, place.case_id)
    with write_unit():
        technician = db.session.get_one(User, place.staff["labtech"])
        (tube, *_rest) = draw.draw(place.case, ["serum"], None, "", technician)
        scanned = tube.number.replace("-", "").lower()
    values = (write_value("2160-0^Creatinine^LN", "88.0", "NM", "umol/L"), f"SPM|1|{scanned}^CLEARWAY")
    (row,) = place.take(place.person(number=""), write_order(filler="LAB-9"), *values, control_id="L2")
    assert (row.state, row.specimen_id, row.case_id) == (S.APPLIED, tube.id, place.case_id), row.reason


def test_order_number_without_a_person_is_not_enough(place: Place) -> None:
    (row,) = place.take("PID|1", place.order(), write_value(RPR, "NEG", "CWE"))
    assert row.state is S.WAITING and list_results() == []


def test_passport_name_and_birth_date_together_are_certain_and_one_of_them_is_not(place: Place) -> None:
    document = place.case.applicant.documents[0]
    number = f"{document.number}^^^&KEN&ISO3166^PPN"
    (row,) = place.take(place.person(number=number), write_order(), write_value(RPR, "NEG", "CWE"))
    assert row.state is S.APPLIED
    (row,) = place.take(place.person(number=number, birth=""), write_order(filler="LAB-2"),
                        write_value(RPR, "NEG", "CWE"), control_id="L2")
    assert row.state is S.WAITING
    (row,) = place.take(place.person(number="AK0000000^^^&UGA&ISO3166^PPN"), write_order(filler="LAB-3"),
                        write_value(RPR, "NEG", "CWE"), control_id="L3")
    assert row.state is S.WAITING and list_suggestions(row)[0].case.id == place.case_id, "a suggestion, by the name"


def test_unmatched_results_change_nobody(place: Place) -> None:
    people = [(one.id, one.version) for one in db.session.execute(select(Applicant)).unique().scalars()]
    (row,) = place.take(place.person(number="X^^^CLEARWAY^MR", name="Nobody^Known", birth="19000101"), write_order(),
                        write_value(RPR, "POS", "CWE"))
    assert (row.state, list_suggestions(row)) == (S.WAITING, [])
    db.session.rollback()
    assert people == [(one.id, one.version) for one in db.session.execute(select(Applicant)).unique().scalars()]


def test_two_people_in_one_message_are_not_mixed(place: Place) -> None:
    with write_unit():
        other = make_case("us", make_applicant(place.supervisor, family_name="Wanjiru", given_names="Grace"))
        lab_order.place_orders(other, db.session.get_one(User, place.staff["labtech"]))
        second = write_person(other)
        number = next(one.number for one in lab_order.list_orders(other) if one.test == "syphilis-nontreponemal")
        other_id = other.id
    rows = place.take(place.person(), place.order(), write_value(RPR, "NEG", "CWE"), second,
                      write_order(number, "LAB-2"), write_value(RPR, "POS", "CWE"))
    assert {(row.case_id, row.state) for row in rows} == {(place.case_id, S.APPLIED), (other_id, S.APPLIED)}
    assert {(result.case_id, result.value) for result in list_results()} == {
        (place.case_id, "nonreactive"), (other_id, "reactive")}
    (row,) = place.take(second, write_order(place.orders["syphilis-nontreponemal"], "LAB-3"),
                        write_value(RPR, "POS", "CWE"), control_id="L2")
    assert row.state is S.WAITING, "the order of one with the name of the other"


def test_correction_is_the_next_revision_and_is_validated_again(place: Place) -> None:
    place.take(place.person(), place.order(), write_value(RPR, "POS", "CWE"))
    confirm(place)
    (row,) = place.take(place.person(), place.order(reported="20261120100000+0300"),
                        write_value(RPR, "NEG", "CWE", status="C"), "NTE|1|L|label exchanged", control_id="L2")
    assert row.state is S.APPLIED
    first, second = list_results()
    assert first.superseded_at is not None and first.series_id == second.series_id
    assert (second.revision, second.value, second.status, second.remark) == (
        2, "nonreactive", ResultStatus.PRELIMINARY, "label exchanged")


def test_separators_in_what_a_laboratory_writes_are_letters_of_it(place: Place) -> None:
    place.take(place.person(), place.order(), write_value(RPR, "POS", "CWE"))
    place.take(place.person(), place.order(reported="20261120100000+0300"),
               write_value(RPR, "NEG", "CWE", status="C"), "NTE|1|L|R&D bench: tubes \\T\\ 10^9\\.br\\exchanged",
               control_id="L2")
    assert list_results()[-1].remark == "R&D bench: tubes & 10^9\nexchanged"


def test_result_of_an_order_that_was_cancelled_waits_and_says_why(place: Place) -> None:
    with write_unit():
        order = next(row for row in lab_order.list_orders(place.case) if row.test == "syphilis-nontreponemal")
        lab_order.cancel_order(order, "another person's tube", place.supervisor)
    (row,) = place.take(place.person(), place.order(), write_value(RPR, "NEG", "CWE"))
    assert row.state is S.WAITING and row.reason == "Its order was cancelled here: another person's tube"
    assert list_results() == []


def test_words_out_of_order_never_put_back_the_clock(place: Place) -> None:
    place.take(place.person(), place.order(reported="20261120100000+0300"), write_value(RPR, "NEG", "CWE"))
    (late,) = place.take(place.person(), place.order(reported="20261120080000+0300"),
                         write_value(RPR, "POS", "CWE"), control_id="L2")
    assert late.state is S.LATE
    (late,) = place.take(place.person(), place.order(reported="20261120110000+0300"),
                         write_value(RPR, "POS", "CWE", status="P"), control_id="L3")
    assert late.state is S.LATE and [result.value for result in list_results()] == ["nonreactive"]


def test_preliminary_word_is_kept_and_promoted_without_being_repeated(place: Place) -> None:
    (row,) = place.take(place.person(), place.order(), write_value(RPR, "NEG", "CWE", status="P"))
    assert row.state is S.PRELIMINARY and list_results() == []
    (row,) = place.take(place.person(), place.order(reported="20261120100000+0300"),
                        write_value(RPR, "", "CWE", status="U"), control_id="L2")
    assert row.state is S.APPLIED, row.reason
    assert [result.value for result in list_results()] == ["nonreactive"]


@pytest.mark.parametrize("status", ["D", "W"])
def test_what_the_laboratory_takes_back_is_withdrawn_here(place: Place, status: str) -> None:
    place.take(place.person(), place.order(), write_value(RPR, "POS", "CWE"))
    confirm(place)
    (row,) = place.take(place.person(), place.order(reported="20261120100000+0300"),
                        write_value(RPR, '""', "CWE", status=status), control_id="L2")
    assert row.state is S.WITHDRAWN
    assert [result.status for result in list_results()] == [ResultStatus.ENTERED_IN_ERROR]
    tasks = list_tasks("follow-up")
    assert [task.role for task in tasks] == (["physician"] if status == "W" else []), "a wrong one was somebody's"


def test_what_is_taken_back_under_a_number_that_we_do_not_know_is_looked_at(place: Place) -> None:
    """It was settled as nothing of ours, while the order's result stood."""
    place.take(place.person(), place.order(), write_value(RPR, "POS", "CWE"))
    (row,) = place.take(place.person(), place.order(filler="LAB-77"), write_value(RPR, '""', "CWE", status="W"),
                        control_id="L2")
    assert (row.state, row.case_id) == (S.WAITING, place.case_id) and "takes back a result of this order" in row.reason
    with write_unit(), pytest.raises(InvalidInput, match="nothing is entered"):
        assign(db.session.get_one(ReportedResult, row.id), place.case, place.supervisor, "as it says")
    (row,) = place.take(place.person(), place.order("igra", filler="LAB-78"),
                        write_value(IGRA, "", "CWE", status="W"), control_id="L3")
    assert row.state is S.WITHDRAWN, "nothing of that order was here"


@pytest.mark.database
def test_what_the_laboratory_takes_back_after_the_signature_asks_for_an_amendment(place: Place) -> None:
    place.take(place.person(), place.order(), write_value(RPR, "POS", "CWE"))
    confirm(place)
    with write_unit():
        place.case.state = CaseState.ACKNOWLEDGED
    (row,) = place.take(place.person(), place.order(reported="20261120100000+0300"),
                        write_value(RPR, '""', "CWE", status="W"), control_id="L2")
    assert row.state is S.WITHDRAWN, row.reason
    assert [result.status for result in list_results()] == [ResultStatus.ENTERED_IN_ERROR]
    (task,) = list_tasks("amendment")
    assert task.role == "physician" and task.closed_at is None and len(list_tasks("follow-up")) == 1
    assert place.case.state is CaseState.ACKNOWLEDGED, "what was signed stays until a physician amends it"


def test_what_cannot_be_done_and_what_is_in_work_make_no_result(place: Place) -> None:
    (row,) = place.take(place.person(), "ORC|RE|||||||||||||||REJ^Specimen rejected^99LAB", place.order(status="X"),
                        write_value(RPR, "", "CWE", status="X"))
    assert row.state is S.NOT_DONE and "Specimen rejected" in row.reason
    (row,) = place.take(place.person(), place.order(filler="LAB-2"), write_value(RPR, "", "CWE", status="I"),
                        control_id="L2")
    assert row.state is S.NOTED and list_results() == []


def test_order_that_was_cancelled_without_a_line_is_told(place: Place) -> None:
    """Laboratories that do not examine a specimen send its order alone (OBR-25 = X): nothing came of it."""
    (row,) = place.take(place.person(), "ORC|RE|||||||||||||||REJ^Specimen rejected^99LAB",
                        place.order(status="X", code="20507-0^RPR^LN"), "NTE|1|L|leaked on its way")
    assert (row.state, row.test, row.case_id) == (S.NOT_DONE, "syphilis-nontreponemal", place.case_id)
    assert "Specimen rejected" in row.reason and count_undecided([find_message().id]) == {find_message().id: 1}
    (row,) = place.take(place.person(), place.order(filler="LAB-2", status="X"), control_id="L2")
    assert (row.state, row.test, row.their_code) == (S.NOT_DONE, "", "X")
    assert place.take(place.person(), place.order(filler="LAB-3", status="F"), control_id="L3") == []


@pytest.mark.parametrize(("order", "line", "state"), [
    ("P", "", S.PRELIMINARY), ("A", "", S.PRELIMINARY), ("S", "", S.NOTED), ("X", "", S.NOT_DONE), ("F", "", S.APPLIED),
    ("", "", S.APPLIED), ("P", "F", S.APPLIED),
])  # fmt: skip
def test_line_without_a_state_of_its_own_has_that_of_its_order(
    place: Place, order: str, line: str, state: ReportedState
) -> None:
    """A preliminary report whose lines leave OBX-11 out counted as final."""
    (row,) = place.take(place.person(), place.order(status=order), write_value(RPR, "NEG", "CWE", status=line))
    assert row.state is state, row.reason


@pytest.fixture
def specimen(place: Place, hand: Hand) -> str:
    """The number of a sputum of two days ago."""
    with write_unit():
        made = take_specimen(place.case, NewSpecimen(SpecimenKind.SPUTUM, clock.today()),
                             db.session.get_one(User, place.staff["labtech"]))
        number = made.number
    hand.turn(days=30)
    return number


def test_culture_and_its_susceptibility_hang_together(place: Place, specimen: str) -> None:
    """Parent and child by OBR-26 and OBR-29; each drug is a line, with the answer in OBX-5 or OBX-8."""
    with write_unit():
        made = db.session.get_one(Laboratory, place.laboratory_id)
        for kind, code, ours, test in ((MapKind.VALUE, "MTBC", "mtb", "sputum-culture"),
                                       (MapKind.METHOD, "*", "liquid", "sputum-culture"),
                                       (MapKind.METHOD, "*", "phenotypic-liquid", "dst")):
            code_mapping.add_line(made, kind, code, ours, place.supervisor, test=test)
    spm = f"SPM|1|{specimen}&CLEARWAY^S-78&LAB01||119334006^Sputum^SCT|||||||||||||20261120"
    segments = [
        place.person(), write_order(filler="LAB-5", day="20261120", reported="20261215080000+0300"),
        write_value("543-9^Culture^LN", "115329001^M. tuberculosis complex^SCT^MTBC^MTB", "CWE", sub_id="1"), spm,
        write_order(filler="LAB-5-1", day="20261120", reported="20261218080000+0300",
                    more="543-9&Culture&LN^1^MTB|||^LAB-5&LAB01"),
        write_value("25218-9^Isoniazid^LN", "R^Resistant^HL70078", "CWE"),
        write_value("25202-3^Rifampicin^LN", "^0.25", "SN", flags="S"), spm,
    ]  # fmt: skip
    culture, susceptibility = place.take(*segments)
    assert culture.state is S.WAITING, "a SNOMED code alone decides nothing about an organism"
    with write_unit():
        code_mapping.add_line(db.session.get_one(Laboratory, place.laboratory_id), MapKind.VALUE, "115329001", "mtb",
                              place.supervisor, test="sputum-culture")
        work_again(find_message_in_unit(), "mapped", place.supervisor)
    process_waiting()
    rows = [row for row in list_reported() if row.state is not S.REPLACED]
    assert [(row.state, row.reason) for row in rows] == [(S.APPLIED, "")] * 2
    by_test = {result.test: result for result in list_results()}
    assert by_test["sputum-culture"].value == "mtb"
    child = by_test["dst"]
    assert {part.name: part.value for part in child.components} == {"isoniazid": "resistant",
                                                                   "rifampicin": "susceptible"}
    assert not susceptibility.parent_inferred


def test_resistance_does_not_wait_for_the_drugs_that_are_still_in_work(place: Place, specimen: str) -> None:
    """One drug that was pending (I) had the laboratory's final "isoniazid: resistant" noted and never shown."""
    with write_unit():
        made = db.session.get_one(Laboratory, place.laboratory_id)
        for kind, code, ours, test in ((MapKind.VALUE, "MTBC", "mtb", "sputum-culture"),
                                       (MapKind.METHOD, "*", "liquid", "sputum-culture"),
                                       (MapKind.METHOD, "*", "phenotypic-liquid", "dst")):
            code_mapping.add_line(made, kind, code, ours, place.supervisor, test=test)
    spm = f"SPM|1|{specimen}&CLEARWAY||119334006^Sputum^SCT|||||||||||||20261120"
    place.take(place.person(), write_order(filler="LAB-5", day="20261120", reported="20261215080000+0300"),
               write_value("543-9^Culture^LN", "MTBC", "CWE", sub_id="1"), spm, control_id="L0")
    order = write_order(filler="LAB-5-1", day="20261120", reported="20261218080000+0300")
    drugs = [write_value("25202-3^Rifampicin^LN", "", "CWE", status="X"),
             write_value("25218-9^Isoniazid^LN", "R^Resistant^HL70078", "CWE")]
    (row,) = place.take(place.person(), order, *drugs, write_value("20461-0^PZA^LN", "", "CWE", status="I"), spm)
    assert (row.reason, row.state, row.status) == ("", S.APPLIED, "F")
    result = list_results()[-1]
    assert (result.value, {part.name: part.value for part in result.components}) == (
        "resistant", {"isoniazid": "resistant"})
    assert "Not final at the laboratory: Rifampicin, Pyrazinamide." in result.remark
    place.hand.turn(days=1)
    (row,) = place.take(place.person(), order.replace("20261218", "20261219"), *drugs,
                        write_value("20461-0^PZA^LN", "S", "CWE"), spm, control_id="L2", sent="20261219090000+0300")
    assert (row.state, row.reason) == (S.APPLIED, "")
    assert {part.name: part.value for part in list_results()[-1].components} == {
        "isoniazid": "resistant", "pyrazinamide": "susceptible"}


@pytest.mark.parametrize(("values", "word"), [
    ((("24110-9^Tp EIA^LN", "NEG"), ("24312-1^TPPA^LN", "POS")), "Syphilis, treponemal"),
    ((("20507-0^RPR^LN", "POS"), ("31147-2^Titre^LN", "1:8"), ("31147-2^Titre^LN", "1:4")), "Titre"),
])  # fmt: skip
def test_two_lines_that_contradict_each_other_wait_for_a_person(
    place: Place, values: tuple[tuple[str, str], ...], word: str
) -> None:
    """The first of two answers under codes of one test was taken, and the second was lost without a word."""
    (row,) = place.take(place.person(), place.order("syphilis-treponemal" if "24" in values[0][0] else
                                                    "syphilis-nontreponemal"),
                        *(write_value(code, value, "CWE") for code, value in values))
    assert row.state is S.WAITING and f"two different things of {word}." in row.reason
    assert not list_results()


def test_correction_that_waits_is_said_beside_the_result_that_stands(app: Flask, place: Place) -> None:
    """The released number stood on the case's page as if nothing had come in."""
    place.take(place.person(), place.order("creatinine"), write_value("2160-0^C^LN", "88", "NM", "umol/L"))
    first = confirm(place)
    page, said = f"/cases/{place.case_id}/laboratory", "The laboratory says something else since"
    client = sign_in(app, db.session.get_one(User, place.staff["labtech"]))
    assert said not in client.get(page).text
    (row,) = place.take(place.person(), place.order("creatinine", reported="20261120090000+0300"),
                        write_value("2160-0^C^LN", "900", "NM", "umol/L", status="C"), control_id="L2")
    assert row.state is S.WAITING and "very unusual" in row.reason
    for address in (page, f"{page}/{first.id}"):
        text = client.get(address).text
        assert said in text and f'href="/laboratory/inbox/{row.id}"' in text, address
    with write_unit():
        reject(db.session.get_one(ReportedResult, row.id), "a slip", place.supervisor)
    assert said not in client.get(page).text


def test_what_lacks_parts_says_which(place: Place) -> None:
    (row,) = place.take(place.person(), place.order("igra"), write_value(IGRA, "NEG^Negative^99LAB", "CWE"),
                        write_value("71776-9^Nil^LN", "0.05", "NM", "[iU]/mL"))
    assert "TB antigen 1, TB antigen 2, Mitogen: Give this value as the laboratory reported it." in row.reason
    assert row.reason.count("Give this value") == 1


def test_all_that_waited_for_a_code_is_taken_by_the_worker_once_it_has_a_line(place: Place) -> None:
    """Each message had to be given back by itself."""
    (row,) = place.take(place.person(), place.order(), write_value("RPX^Their RPR^99LAB", "NEG", "CWE"))
    assert (row.state, row.test) == (S.WAITING, "")
    with write_unit():
        made = db.session.get_one(Laboratory, place.laboratory_id)
        assert late_meaning.list_outdated(made) == []
        place.hand.turn(seconds=1)
        code_mapping.add_line(made, MapKind.TEST, "rpx", "syphilis-nontreponemal", place.supervisor, "99lab")
        assert late_meaning.work_outdated_again(made, place.supervisor) == 1
    place.hand.turn(seconds=1)
    process_waiting()
    (row,) = [one for one in list_reported() if one.state is not S.REPLACED]
    assert (row.state, [one.value for one in list_results()]) == (S.APPLIED, ["nonreactive"])
    assert late_meaning.list_outdated(db.session.get_one(Laboratory, place.laboratory_id)) == []


def find_message_in_unit() -> InboundMessage:
    return db.session.execute(select(InboundMessage).order_by(InboundMessage.id.desc()).limit(1)).scalar_one()


def test_person_assigns_what_waits_and_somebody_else_validates(place: Place) -> None:
    (row,) = place.take(place.person(name="Otieno^B", birth="19700101"), place.order(),
                        write_value(RPR, "POS", "CWE"))
    with write_unit():
        technician = db.session.get_one(User, place.staff["labtech"])
        with pytest.raises(NeedsConfirmation, match="unusual") as asked:
            assign(db.session.get_one(ReportedResult, row.id), place.case, technician, "birth date was mistyped")
        (caution,) = asked.value.cautions
        assert "Otieno, B, 01-Jan-1970" in caution.text and place.case.number in caution.text
        made = assign(db.session.get_one(ReportedResult, row.id), place.case, technician, "birth date was mistyped",
                      confirmed=[caution.code])
        assert made.entered_by_id == technician.id and made.status is ResultStatus.PRELIMINARY
    again = db.session.get_one(ReportedResult, row.id)
    assert (again.state, again.case_id, again.remark) == (S.APPLIED, place.case_id, "birth date was mistyped")
    confirm(place)
    assert list_results()[0].counts


def test_correction_finds_what_a_person_assigned_after_its_code_had_got_a_meaning(place: Place) -> None:
    """It came as a second result beside the first: the row still said that nobody knew what its code means."""
    code = "RPX^Their RPR^99LAB"
    (row,) = place.take(place.person(), place.order(), write_value(code, "POS", "CWE"))
    with write_unit():
        made = db.session.get_one(Laboratory, place.laboratory_id)
        code_mapping.add_line(made, MapKind.TEST, "rpx", "syphilis-nontreponemal", place.supervisor, "99lab")
        technician = db.session.get_one(User, place.staff["labtech"])
        assign(db.session.get_one(ReportedResult, row.id), place.case, technician)
        work_again(find_message_in_unit(), "the code has a line", technician)
    process_waiting()
    assert [one.id for one in list_reported()] == [row.id], "worked on again, it adds nothing"
    place.take(place.person(), place.order(reported="20261120100000+0300"),
               write_value(code, "NEG", "CWE", status="C"), control_id="L2")
    first, second = list_results()
    assert (first.series_id, second.revision, second.value) == (second.series_id, 2, "nonreactive")


def test_what_a_laboratory_marks_critical_is_told_while_it_waits(place: Place) -> None:
    """It stood in the inbox among the others, and no physician heard of it before somebody looked there."""
    for control_id, (line, flags) in enumerate((("900", "HH"), ("901", "H"), ("902", "AA"))):
        place.take(place.person(), place.order(filler=f"F{control_id}"),
                   write_value("2160-0^Creatinine^LN", line, "NM", "umol/L", flags), control_id=f"C{control_id}")
    first, _unmarked, third = list_reported()
    assert {task.subject_id for task in list_tasks("critical-call")} == {first.id, third.id}
    assert all(task.case_id == place.case_id and "Creatinine, serum: the laboratory marks it critical" in task.detail
               for task in list_tasks("critical-call"))
    with write_unit():
        reject(db.session.get_one(ReportedResult, first.id), "haemolysed, they call again", place.supervisor)
        technician = db.session.get_one(User, place.staff["labtech"])
        with pytest.raises(NeedsConfirmation) as asked:
            assign(db.session.get_one(ReportedResult, third.id), place.case, technician)
        assign(db.session.get_one(ReportedResult, third.id), place.case, technician,
               confirmed=[one.code for one in asked.value.cautions])
    tasks = {task.subject_id: task for task in list_tasks("critical-call")}
    assert tasks[first.id].outcome == tasks[third.id].outcome == "decided"
    open_still = [key for key, task in tasks.items() if task.closed_at is None]
    assert open_still == [list_results()[0].id], "the result of ours asks for itself"


@pytest.mark.parametrize(("final", "state"), [("350", "applied"), ("901", "waiting")])
def test_preliminary_critical_value_is_told_until_the_final_one_asks_for_itself(
    place: Place, final: str, state: str
) -> None:
    for control_id, value, status in (("C1", "900", "P"), ("C2", final, "F")):
        place.take(place.person(), place.order(filler="F1"),
                   write_value("2160-0^Creatinine^LN", value, "NM", "umol/L", "HH", status), control_id=control_id)
        if status == "P":
            assert [task.subject_id for task in list_tasks("critical-call")] == [list_reported()[0].id]
    first, last = list_reported()
    assert (first.state, last.state) == ("preliminary", state)
    tasks = {task.subject_id: task for task in list_tasks("critical-call")}
    assert tasks.pop(first.id).outcome == "decided"
    assert [task.closed_at for task in tasks.values()] == [None]


def test_person_rejects_what_belongs_to_nobody(place: Place) -> None:
    (row,) = place.take(place.person(number="", name="No^Body"), write_order(), write_value(RPR, "POS", "CWE"))
    with write_unit():
        reject(db.session.get_one(ReportedResult, row.id), "sent to us by mistake", place.supervisor)
    (row,) = list_reported()
    assert (row.state, row.remark, row.decided_by_id) == (S.REJECTED, "sent to us by mistake",
                                                         place.staff["labsupervisor"])
    assert list_results() == []


def test_printed_report_is_attached_to_its_order_and_a_dangerous_one_is_not_kept(place: Place) -> None:
    pdf = base64.b64encode(make_plain_pdf()).decode()
    line = "OBX|2|ED|RPT-PDF^Report^99LAB||LAB01^application^pdf^Base64^{}||||||F"
    place.take(place.person(), place.order(), write_value(RPR, "NEG", "CWE"), line.format(pdf))
    db.session.rollback()
    (row,) = db.session.execute(select(LabDocument)).unique().scalars()
    order = db.session.get_one(LabOrder, row.order_id)
    assert (row.case_id, order.number, row.title) == (place.case_id, place.orders["syphilis-nontreponemal"], "Report")
    half = len(pdf) // 2
    place.take(place.person(), place.order(filler="L9"), line.format(pdf[:half]), line.format(pdf[half:]),
               control_id="L2")
    db.session.rollback()
    assert len(list(db.session.execute(select(LabDocument)).unique().scalars())) == 1, "the same, in two pieces"
    for number, (content, why) in enumerate((
        (b"MZ not a report", "no PDF that can be opened"), (make_plain_pdf(script=True), "holds programs"),
        (b"%PDF-1.7 broken", "no PDF that can be opened"),
    )):
        place.take(place.person(), place.order(filler=f"X{number}"), line.format(base64.b64encode(content).decode()),
                   control_id=f"X{number}")
        assert find_message().state is InboundState.HELD, content[:10]
        assert find_message().state_reason.startswith("A printed report in it cannot be used. This")
        assert why in find_message().state_reason, "the laboratory is to be told what to send instead"
    assert len(list(db.session.execute(select(LabDocument)).unique().scalars())) == 1


def test_bytes_that_are_not_what_the_header_says_are_held_for_a_person(place: Place) -> None:
    raw = write_message(place.person(name="Müller^Jo"), place.order()).decode().encode("latin-1")
    take(place.laboratory_id, raw)
    assert find_message().state is InboundState.HELD
    assert find_message().raw == raw


def test_message_with_a_nul_is_held_for_a_person(place: Place) -> None:
    """SQLite keeps such a text, PostgreSQL does not: there the whole message ended as an error."""
    assert place.take(place.person(), write_order(), write_value(RPR, "NEG\0")) == []
    assert find_message().state is InboundState.HELD and "NUL" in find_message().state_reason


def test_moment_with_an_offset_that_no_clock_has_is_none_and_the_result_is_taken(place: Place) -> None:
    (row,) = place.take(place.person(), place.order(reported="20261120080000+7300"), write_value(RPR, "NEG", "CWE"),
                        sent="20261120090000+9900")
    assert row.state is S.APPLIED


@pytest.mark.parametrize(("lines", "said"), [
    (["OBX|1|ST|X||1"] * (MOST_VALUES + 1), "more than 1000 values"),
    ([f"OBX|1|ED|PDF{number}^Report^99LAB||^AP^PDF^Base64^JVBERi0=" for number in range(MOST_DOCUMENTS + 1)],
     "50 printed reports"),
    (["NTE|1"] * (2 * MOST_SEGMENTS + 1), "more than 6000 segments"),
    (["OBX|1|ST|X||1" + "|a" * MOST_PARTS], "more than 200000 fields"),
    (["OBX|1|ST|X||1" + "~a" * MOST_PARTS], "more than 200000 fields"),
])
def test_message_of_more_than_anybody_reads_is_held_and_shown_as_it_came(
    app: Flask, place: Place, lines: list[str], said: str
) -> None:
    """200,000 results in one message: while they were taken nobody could save anything, and its page had 220 MB."""
    assert place.take(place.person(), place.order(), *lines) == []
    message = find_message()
    assert message.state is InboundState.HELD and said in message.state_reason
    with write_unit():
        reader = make_user("labsupervisor")
    client = sign_in(app, reader)
    assert len(client.get(f"/laboratory/messages/{message.id}").data) < 2_000_000


def test_row_of_many_values_keeps_its_own_alone() -> None:
    values = tuple(ReportedValue(f"C{number}") for number in range(3))
    assert [one["code"] for one in to_plain(ReportedPerson(), ReportedPanel(values=values), values[1:2])[
        "panel"]["values"]] == ["C1"]


def test_message_that_cannot_be_read_stops_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = processing.prepare_results

    def fall(row: InboundMessage, laboratory: Laboratory) -> Prepared:
        if row.control_id == "BAD":
            raise ValueError("what nobody foresaw")
        return real(row, laboratory)

    with monkeypatch.context() as patched:
        patched.setattr(processing, "prepare_results", fall)
        person, order, value = place.person(), place.order(), write_value(RPR, "NEG", "CWE")
        assert place.take(person, order, value, control_id="BAD") == []
        (good,) = place.take(person, place.order(), write_value(RPR, "NEG", "CWE"), control_id="GOOD")
    assert good.state is S.APPLIED
    message = db.session.execute(select(InboundMessage).where(InboundMessage.control_id == "BAD")).scalar_one()
    assert (message.state, message.state_reason) == (InboundState.ERROR, "ValueError")
