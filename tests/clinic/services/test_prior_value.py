"""Earlier values beside a new one, over cases of the same person and never of another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from clinic.demo.second_person import check_result
from clinic.models import Case, LabResult, Purpose, Specimen, SpecimenKind, User
from clinic.queries.prior_value import describe_change, list_prior_of, list_prior_values
from clinic.queries.result_grid import list_grid
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, NewSpecimen
from clinic.services import laboratory
from clinic.services.plausibility import get_today
from clinic.services.specimen import take_specimen
from tests.factory import make_case, make_site, make_user


@pytest.fixture
def case(app: Flask) -> Case:
    """A New Zealand case, which has the most tests."""
    return make_case("nz", user=make_user("reception"))


def record(case: Case, test: str, value: str, days_ago: int = 0, confirm: bool = True, **more: Any) -> LabResult:
    """A result through the door and the service, confirmed by another person unless told otherwise."""
    day = (get_today(case) - timedelta(days=days_ago)).isoformat()
    new = load(LabResultIn(), {"test": test, "value": value, "performed_on": day} | more)
    row = laboratory.enter_result(case, new, _staff("labtech", case))
    if confirm:
        check_result(row, _staff("labsupervisor", case))
    return row


def _staff(role: str, case: Case) -> User:
    return make_user(role, case.site)


def test_values_of_earlier_cases_come_newest_first_with_the_change_in_words(case: Case) -> None:
    earlier = make_case("us", applicant=case.applicant, user=make_user("reception", case.site))
    record(earlier, "creatinine-egfr", "80", 30)
    record(case, "creatinine-egfr", "60", 1)
    found = list_prior_values(case)["creatinine-egfr"]
    assert [(one.row.value, one.case_number, one.is_same_case) for one in found] == [
        ("60", case.number, True), ("80", earlier.number, False)]
    assert found[0].change == "lower by 20 (25 %)"
    assert found[1].change == ""


def test_unconfirmed_and_other_persons_and_other_sites_values_are_left_out(case: Case) -> None:
    record(case, "creatinine-egfr", "60", 1, confirm=False)
    record(make_case("nz", user=make_user("reception", case.site)), "creatinine-egfr", "70")
    record(make_case("nz", user=make_user("reception", make_site("KLA"))), "creatinine-egfr", "75")
    assert list_prior_values(case) == {}


def test_prior_of_a_result_leaves_out_itself_its_revisions_and_what_came_later(case: Case) -> None:
    record(case, "haemoglobin", "12.0", 20, unit="g/dL")
    middle = record(case, "haemoglobin", "120", 10, unit="g/L")
    record(case, "haemoglobin", "13.0", 1, unit="g/dL")
    assert [(one.row.value, one.change) for one in list_prior_of(middle)] == [
        ("12.0", "another unit: not compared")]


@pytest.mark.parametrize(("before", "now", "words"), [
    ({"value": "nonreactive"}, {"value": "reactive"}, "was nonreactive, now reactive"),
    ({"value": "nonreactive"}, {"value": "nonreactive"}, "unchanged"),
    ({"value": "reactive", "components": {"titre": "1:2"}}, {"value": "reactive", "components": {"titre": "1:16"}},
     "titre risen 8-fold, 1:2 to 1:16"),
    ({"value": "reactive", "components": {"titre": "1:32"}}, {"value": "reactive", "components": {"titre": "1:8"}},
     "titre fallen 4-fold, 1:32 to 1:8"),
    ({"value": "reactive", "components": {"titre": "1:2"}}, {"value": "reactive", "components": {"titre": "1:4"}},
     "titre 1:2 to 1:4"),
])
def test_change_of_a_syphilis_test_names_value_and_titre(
    case: Case, before: dict[str, Any], now: dict[str, Any], words: str
) -> None:
    older = record(case, "syphilis-nontreponemal", days_ago=9, **before)
    newer = record(case, "syphilis-nontreponemal", **now)
    assert describe_change(newer, older) == words


def test_comparator_is_told_and_not_computed_with(case: Case) -> None:
    older, newer = record(case, "creatinine-egfr", ">90", 9), record(case, "creatinine-egfr", "85")
    assert describe_change(newer, older) == "was >90, now 85"


SURE = ["late-entry", "same-day", "early-negative", "long-ago-performed_on", "long-ago-collected_on",
        "monitoring-without-treatment"]


def _take(case: Case, days_ago: int, **more: Any) -> Specimen:
    new = NewSpecimen(SpecimenKind.SPUTUM, get_today(case) - timedelta(days=days_ago), confirmed=SURE, **more)
    return take_specimen(case, new, _staff("labtech", case))


def test_specimens_of_one_series_are_not_earlier_values_of_one_another(case: Case) -> None:
    """Sputum 1 stood beside sputum 2 as what was before, and as "unchanged"."""
    before = make_case("us", applicant=case.applicant, user=make_user("reception", case.site))
    old = _take(before, 200)
    series = [_take(case, days) for days in (30, 29)]
    month = _take(case, 3, purpose=Purpose.MONITORING, treatment_month=1)
    rows = {pot.id: record(pot_case, "sputum-smear", "negative", specimen_id=pot.id, confirmed=SURE)
            for pot_case, pot in ((before, old), (case, series[0]), (case, series[1]), (case, month))}
    assert [one.row.specimen_id for one in list_prior_of(rows[series[1].id])] == [old.id]
    assert [one.row.specimen_id for one in list_prior_of(rows[month.id])] == [series[1].id, series[0].id, old.id]


def test_culture_is_compared_with_that_on_the_same_medium(case: Case) -> None:
    first, later = _take(case, 90), _take(case, 60, purpose=Purpose.MONITORING, treatment_month=1)
    rows = [record(case, "sputum-culture", "negative", specimen_id=pot.id, method=medium, confirmed=SURE,
                   reported_on=get_today(case).isoformat())
            for pot, medium in ((first, "liquid"), (first, "solid"), (later, "solid"))]
    assert [one.row.id for one in list_prior_of(rows[2])] == [rows[1].id]


@pytest.mark.database
def test_grid_shows_what_was_before_the_specimen_and_not_what_lies_beside_it(case: Case) -> None:
    before = make_case("us", applicant=case.applicant, user=make_user("reception", case.site))
    old, first, second = _take(before, 200), _take(case, 30), _take(case, 29)
    for pot_case, pot in ((before, old), (case, second)):
        record(pot_case, "sputum-smear", "negative", specimen_id=pot.id, confirmed=SURE)
    rows, _more = list_grid(_staff("labtech", case), "sputum-smear")
    assert [(row.specimen.id, row.prior and row.prior.specimen_id) for row in rows] == [(first.id, old.id)]
