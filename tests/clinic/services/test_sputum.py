"""Specimens and what the laboratory says of them: numbers, replacements, dates that cannot be."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from clinic.caution import NeedsConfirmation
from clinic.errors import InvalidInput, NotNow
from clinic.models import Answer, Case, Requirement, RequirementState, Specimen, SpecimenKind, User
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, NewSpecimen
from clinic.services import laboratory, specimen
from clinic.services.assessment import list_requirements
from clinic.services.fact import build_results
from clinic.services.plausibility import get_today
from tests.factory import make_case, make_user

ALL = ["late-entry", "same-day", "early-negative", "smear-after-culture", "long-ago-performed_on",
       "long-ago-collected_on"]


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case on which nothing has been done."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def technician(case: Case) -> User:
    """The first person."""
    return make_user("labtech", case.site)


def _take(case: Case, actor: User, days_ago: int, replaces: Specimen | None = None,
          confirmed: list[str] | None = None) -> Specimen:
    day = get_today(case) - timedelta(days=days_ago)
    new = NewSpecimen(SpecimenKind.SPUTUM, day, replaces.id if replaces else None,
                      ALL if confirmed is None else confirmed)
    return specimen.take_specimen(case, new, actor)


def _enter(case: Case, actor: User, pot: Specimen, test: str, value: str, reported: date | None,
           confirmed: list[str] | None = None) -> Any:
    plain = {"test": test, "value": value, "specimen_id": pot.id, "confirmed": ALL if confirmed is None else confirmed}
    if reported:
        plain["reported_on"] = reported.isoformat()
    return laboratory.enter_result(case, load(LabResultIn(), plain), actor)


def test_specimens_get_the_numbers_of_their_site(case: Case, technician: User) -> None:
    numbers = [_take(case, technician, days).number for days in (3, 2, 1)]
    assert numbers == ["NBO-S-000001-U", "NBO-S-000002-S", "NBO-S-000003-Q"]


def test_second_specimen_of_a_day_asks_for_a_tick(case: Case, technician: User) -> None:
    _take(case, technician, 1)
    with pytest.raises(NeedsConfirmation) as caught:
        _take(case, technician, 1, confirmed=[])
    assert [caution.code for caution in caught.value.cautions] == ["same-day"]


def test_specimen_of_tomorrow_is_refused(case: Case, technician: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        _take(case, technician, -1)
    assert "collected_on" in caught.value.fields


def test_series_stays_open_until_its_cultures_are_confirmed(app: Flask) -> None:
    reception = make_user("reception")
    case = make_case("us", user=reception, circumstances={"tb_symptoms": Answer.YES})
    technician, supervisor = make_user("labtech", case.site), make_user("labsupervisor", case.site)
    pots = [_take(case, technician, days) for days in (62, 61, 60)]
    for pot in pots:
        laboratory.confirm_result(_enter(case, technician, pot, "sputum-smear", "negative", None), supervisor)
    assert _find_series(case).state is RequirementState.OPEN
    for pot in pots:
        grown = _enter(case, technician, pot, "sputum-culture", "negative", get_today(case))
        assert _find_series(case).state is RequirementState.OPEN
        laboratory.confirm_result(grown, supervisor)
    assert _find_series(case).state is RequirementState.DONE


def _find_series(case: Case) -> Requirement:
    return next(row for row in list_requirements(case) if row.exam == "sputum-series")


def test_confirmed_results_become_the_facts_of_the_specimen(case: Case, technician: User) -> None:
    pot = _take(case, technician, 60)
    today = get_today(case)
    supervisor = make_user("labsupervisor", case.site)
    for test, value in (("sputum-smear", "negative"), ("sputum-naat", "not-detected"), ("sputum-culture", "negative")):
        laboratory.confirm_result(_enter(case, technician, pot, test, value, today), supervisor)
    assert build_results(case)["sputum"] == [{
        "collected": pot.collected_on.isoformat(), "smear": "negative", "naat": "not-detected", "culture": "negative",
        "culture_reported": today.isoformat(),
    }]


def test_report_before_collection_is_refused(case: Case, technician: User) -> None:
    pot = _take(case, technician, 3)
    with pytest.raises(InvalidInput) as caught:
        _enter(case, technician, pot, "sputum-smear", "negative", pot.collected_on - timedelta(days=1))
    assert "older than the specimen" in caught.value.fields["reported_on"][0]


def test_culture_without_its_report_date_is_refused(case: Case, technician: User) -> None:
    pot = _take(case, technician, 60)
    with pytest.raises(InvalidInput) as caught:
        _enter(case, technician, pot, "sputum-culture", "negative", None)
    assert "validity counts from it" in caught.value.fields["reported_on"][0]


@pytest.mark.parametrize(("days", "asks"), [(41, True), (42, False)])
def test_negative_culture_before_day_42_asks_for_a_tick(
    case: Case, technician: User, days: int, asks: bool
) -> None:
    pot = _take(case, technician, 60)
    reported = pot.collected_on + timedelta(days=days)
    if not asks:
        assert _enter(case, technician, pot, "sputum-culture", "negative", reported, []).value == "negative"
        return
    with pytest.raises(NeedsConfirmation) as caught:
        _enter(case, technician, pot, "sputum-culture", "negative", reported, [])
    assert [caution.code for caution in caught.value.cautions] == ["early-negative"]


def test_contaminated_specimen_is_replaced_once(case: Case, technician: User) -> None:
    pot = _take(case, technician, 60)
    _enter(case, technician, pot, "sputum-culture", "contaminated", get_today(case))
    replacement = _take(case, technician, 0, replaces=pot)
    assert replacement.replaces_id == pot.id
    assert not specimen.needs_replacement(pot, specimen.list_specimens(case))
    with pytest.raises(InvalidInput):
        _take(case, technician, 0, replaces=pot)


def test_usable_specimen_is_not_replaced(case: Case, technician: User) -> None:
    pot = _take(case, technician, 2)
    with pytest.raises(InvalidInput) as caught:
        _take(case, technician, 0, replaces=pot)
    assert "replaces_id" in caught.value.fields


def test_specimen_with_results_is_not_withdrawn_before_them(case: Case, technician: User) -> None:
    pot = _take(case, technician, 3)
    row = _enter(case, technician, pot, "sputum-smear", "negative", get_today(case))
    with pytest.raises(NotNow):
        specimen.withdraw_specimen(pot, "pot of another person", technician)
    laboratory.withdraw_result(row, "pot of another person", technician)
    specimen.withdraw_specimen(pot, "pot of another person", technician)
    assert pot.withdrawn_at is not None
    with pytest.raises(InvalidInput, match="withdrawn"):
        _enter(case, technician, pot, "sputum-smear", "negative", get_today(case))
