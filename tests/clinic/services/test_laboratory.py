"""Laboratory results: two persons, corrections that keep what they replace, impossible and unusual input."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.caution import NeedsConfirmation
from clinic.db import db
from clinic.errors import AlreadyDone, CaseChanged, InvalidInput, NotAllowed, NotFound, NotNow
from clinic.models import AuditChange, Case, CaseState, LabResult, ResultStatus, User
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, NewResult
from clinic.services import laboratory
from clinic.services.fact import build_results
from clinic.services.plausibility import get_today
from tests.factory import make_case, make_user

POSITIVE_PARTS = {"nil": "0.05", "tb1": "0,40", "tb2": "0.10", "mitogen": "9.5"}


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case of an adult on which nothing has been done."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def technician(case: Case) -> User:
    """The first person."""
    return make_user("labtech", case.site)


@pytest.fixture
def supervisor(case: Case) -> User:
    """The second person."""
    return make_user("labsupervisor", case.site)


def _new(case: Case, test: str = "syphilis-nontreponemal", value: str = "nonreactive", **more: Any) -> NewResult:
    given: dict[str, Any] = {"test": test, "value": value, "performed_on": get_today(case).isoformat()} | more
    return load(LabResultIn(), {name: each for name, each in given.items() if each is not None})


def test_entered_result_does_not_count_until_another_confirms(case: Case, technician: User, supervisor: User) -> None:
    row = laboratory.enter_result(case, _new(case), technician)
    assert row.status is ResultStatus.PRELIMINARY
    assert "syphilis" not in build_results(case)
    laboratory.confirm_result(row, supervisor)
    assert row.status is ResultStatus.FINAL
    assert build_results(case)["syphilis"] == {"nontreponemal": "nonreactive"}


def test_person_who_entered_cannot_confirm_or_send_back(case: Case, supervisor: User) -> None:
    row = laboratory.enter_result(case, _new(case), supervisor)
    with pytest.raises(NotAllowed, match="another person"):
        laboratory.confirm_result(row, supervisor)
    with pytest.raises(NotAllowed, match="correct it"):
        laboratory.refuse_result(row, "not readable", supervisor)
    assert row.status is ResultStatus.PRELIMINARY


def test_confirming_twice_is_refused(case: Case, technician: User, supervisor: User) -> None:
    row = laboratory.enter_result(case, _new(case), technician)
    laboratory.confirm_result(row, supervisor)
    with pytest.raises(AlreadyDone):
        laboratory.confirm_result(row, make_user("nurse", case.site))


def test_refused_result_stays_with_its_reason_and_may_be_entered_anew(
    case: Case, technician: User, supervisor: User
) -> None:
    row = laboratory.enter_result(case, _new(case), technician)
    laboratory.refuse_result(row, "report of another person", supervisor)
    assert (row.status, row.remark) == (ResultStatus.ENTERED_IN_ERROR, "report of another person")
    again = laboratory.enter_result(case, _new(case, value="reactive"), technician)
    assert (again.series_id, again.revision) == (row.series_id, 2)  # the next version: both stay to be seen
    assert {each.id for each in laboratory.list_results(case)} == {row.id, again.id}


def test_same_test_of_the_same_day_is_not_entered_twice(case: Case, technician: User) -> None:
    laboratory.enter_result(case, _new(case), technician)
    with pytest.raises(NotNow, match="recorded already"):
        laboratory.enter_result(case, _new(case, value="reactive"), technician)


def test_correction_keeps_the_old_version_and_needs_a_second_person_again(
    case: Case, technician: User, supervisor: User
) -> None:
    row = laboratory.enter_result(case, _new(case), technician)
    laboratory.confirm_result(row, supervisor)
    made = laboratory.correct_result(row, _new(case, value="reactive"), "typed from the wrong line", technician)
    assert (row.value, row.superseded_at is not None) == ("nonreactive", True)
    assert (made.series_id, made.revision, made.status) == (row.series_id, 2, ResultStatus.PRELIMINARY)
    assert "syphilis" not in build_results(case)
    laboratory.confirm_result(made, supervisor)
    assert made.status is ResultStatus.CORRECTED
    assert build_results(case)["syphilis"] == {"nontreponemal": "reactive"}


def test_replaced_result_can_neither_be_confirmed_nor_corrected(
    case: Case, technician: User, supervisor: User
) -> None:
    row = laboratory.enter_result(case, _new(case), technician)
    laboratory.correct_result(row, _new(case, value="reactive"), "wrong line", technician)
    with pytest.raises(CaseChanged):
        laboratory.confirm_result(row, supervisor)
    with pytest.raises(CaseChanged):
        laboratory.correct_result(row, _new(case), "once more", technician)


def test_withdrawn_result_no_longer_counts(case: Case, technician: User, supervisor: User) -> None:
    row = laboratory.enter_result(case, _new(case), technician)
    laboratory.confirm_result(row, supervisor)
    laboratory.withdraw_result(row, "blood of another person", technician)
    assert row.status is ResultStatus.ENTERED_IN_ERROR
    assert build_results(case) == {}


@pytest.mark.parametrize(("day", "sentence"), [("2099-01-01", "has not come"), ("1990-12-31", "before the applicant")])
def test_impossible_date_is_refused(case: Case, technician: User, day: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        laboratory.enter_result(case, _new(case, performed_on=day), technician)
    assert sentence in caught.value.fields["performed_on"][0]


def test_report_older_than_the_blood_is_refused(case: Case, technician: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        laboratory.enter_result(case, _new(case, reported_on="2020-01-01"), technician)
    assert "older than the specimen" in caught.value.fields["reported_on"][0]


def test_old_date_asks_for_a_tick(case: Case, technician: User) -> None:
    with pytest.raises(NeedsConfirmation) as caught:
        laboratory.enter_result(case, _new(case, performed_on="2024-01-01"), technician)
    codes = [caution.code for caution in caught.value.cautions]
    db.session.expire_all()
    row = laboratory.enter_result(case, _new(case, performed_on="2024-01-01", confirmed=codes), technician)
    assert row.performed_on == date(2024, 1, 1)


def test_igra_values_that_disagree_ask_for_a_tick_and_leave_the_laboratory_right(
    case: Case, technician: User, supervisor: User
) -> None:
    new = _new(case, "igra", "negative", kind="qft-plus", components=POSITIVE_PARTS)
    with pytest.raises(NeedsConfirmation) as caught:
        laboratory.enter_result(case, new, technician)
    assert [caution.code for caution in caught.value.cautions] == ["igra-positive"]
    ticked = _new(case, "igra", "negative", kind="qft-plus", components=POSITIVE_PARTS, confirmed=["igra-positive"])
    row = laboratory.enter_result(case, ticked, technician)
    assert {part.name: part.value for part in row.components} == POSITIVE_PARTS | {"tb1": "0.40"}
    laboratory.confirm_result(row, supervisor)
    assert build_results(case)["igra"][0]["result"] == "negative"
    change = db.session.execute(
        select(AuditChange).where(AuditChange.action == "enter-result", AuditChange.subject_id == row.id)).scalar_one()
    assert change.detail["confirmed"] == ["igra-positive"]


def test_igra_values_that_agree_need_no_tick(case: Case, technician: User) -> None:
    row = laboratory.enter_result(
        case, _new(case, "igra", "positive", kind="qft-plus", components=POSITIVE_PARTS), technician)
    assert laboratory.list_result_cautions(case, row, None) == []


@pytest.mark.parametrize(("given", "field"), [
    ({"test": "hiv", "value": "reactive"}, "value"),
    ({"test": "creatinine-egfr", "value": "7O"}, "value"),
    ({"test": "creatinine-egfr", "value": "500"}, "value"),
    ({"test": "creatinine-egfr", "value": "70.1234567"}, "value"),
    ({"test": "igra", "value": "positive", "kind": "qft-plus", "components": {"nil": "0.1"}}, "components"),
    ({"test": "igra", "value": "positive", "components": {"nil": "0.1"}}, "kind"),
    ({"test": "sputum-smear", "value": "negative"}, "specimen_id"),
    ({"test": "blood-group", "value": "A"}, "test"),
])
def test_value_that_the_test_cannot_have_is_refused(case: Case, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(LabResultIn(), {"performed_on": "2026-01-05"} | given)
    assert field in caught.value.fields


def test_result_is_found_on_its_own_case_only(case: Case, technician: User) -> None:
    row = laboratory.enter_result(case, _new(case), technician)
    other = make_case("us", user=make_user("reception", case.site))
    with pytest.raises(NotFound):
        laboratory.get_result(other, row.id)


def test_first_result_takes_the_case_in_progress_and_counts_its_version(case: Case, technician: User) -> None:
    before = case.version
    laboratory.enter_result(case, _new(case), technician)
    assert case.state is CaseState.IN_PROGRESS
    assert case.version > before


def test_closed_case_takes_no_result(case: Case, technician: User) -> None:
    from clinic import workflow

    workflow.move(case, CaseState.WITHDRAWN, "does not come back")
    with pytest.raises(NotNow):
        laboratory.enter_result(case, _new(case), technician)
    assert db.session.execute(select(LabResult)).first() is None


@pytest.mark.database
@pytest.mark.parametrize(("test", "unit", "value", "kept"), [
    ("creatinine", "umol/L", "81.25", "81.25"), ("creatinine", "umol/L", "<81,250", "<81.250"),
    ("platelets", "10*9/L", "245.5", "245.5"), ("creatinine-egfr", "mL/min/{1.73_m2}", "59.96", "59.96"),
])
def test_number_keeps_every_decimal_of_its_report(
    case: Case, technician: User, supervisor: User, test: str, unit: str, value: str, kept: str
) -> None:
    row = laboratory.enter_result(case, _new(case, test, value, unit=unit), technician)
    laboratory.confirm_result(row, supervisor)
    row_id = row.id
    db.session.expire_all()
    assert db.session.get_one(LabResult, row_id).value == kept


@pytest.mark.parametrize(("value", "sentence"), [("<5", "with a ruler"), ("7.5", "whole number")])
def test_skin_test_is_a_whole_number_of_millimetres(case: Case, value: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _new(case, "tst", value, unit="mm")
    assert sentence in caught.value.fields["value"][0]


def test_skin_test_that_was_entered_as_less_than_can_be_confirmed(
    case: Case, technician: User, supervisor: User
) -> None:
    """As the screen took it once; the rules read what is surely so."""
    row = laboratory.enter_result(case, _new(case, "tst", "5", unit="mm"), technician)
    row.value = "<5"
    laboratory.confirm_result(row, supervisor)
    assert build_results(case)["tst"]["mm"] == 4
