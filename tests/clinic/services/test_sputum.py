"""Specimens and what the laboratory says of them: numbers, replacements, dates that cannot be."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.caution import NeedsConfirmation
from clinic.db import db
from clinic.errors import InvalidInput, NotNow
from clinic.models import (
    Answer,
    Case,
    LabOrder,
    Purpose,
    RejectionReason,
    Requirement,
    RequirementState,
    Sex,
    Specimen,
    SpecimenKind,
    User,
)
from clinic.schemas.door import load
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import LabResultIn, NewSpecimen, SpecimenIn
from clinic.services import handover, laboratory, specimen
from clinic.services.assessment import list_requirements
from clinic.services.fact import build_results
from clinic.services.plausibility import get_today
from clinic.services.radiology import ELSEWHERE, record_reading
from clinic.services.tb_summary import find_end_cultures
from clinic.xray_finding import XrayResult
from tests.factory import make_applicant, make_case, make_user

ALL = ["late-entry", "same-day", "early-negative", "smear-after-culture", "long-ago-performed_on",
       "long-ago-collected_on"]


def add_reading(case: Case, day: date, radiologist: User) -> None:
    """A film that suggests tuberculosis."""
    record_reading(case, NewReading(taken_on=day, view="pa", findings=("INFILTRATE",), result=XrayResult.TB.value,
                                    confirmed=[ELSEWHERE]), radiologist)


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


def _list_live(pot: Specimen) -> set[str]:
    rows = db.session.execute(select(LabOrder).where(LabOrder.specimen_id == pot.id)).unique().scalars()
    return {row.test for row in rows if row.is_live}


@pytest.mark.database
def test_rejected_specimen_is_none_of_the_three_and_takes_no_result(case: Case, technician: User) -> None:
    lost = _take(case, technician, 4)
    handover.reject(lost, RejectionReason.BROKEN, "", "", technician)
    for words in ({"test": "sputum-smear"}, {"test": "sputum-culture"}):
        with pytest.raises(InvalidInput, match="was rejected: a new one"):
            _enter(case, technician, lost, words["test"], "negative", get_today(case))
    with pytest.raises(NotNow, match="was rejected"):
        specimen.inoculate(lost, get_today(case), ("liquid",), technician)
    again = _take(case, technician, 4, confirmed=[])  # on the same day, without a question
    assert _list_live(again) == {"sputum-smear", "sputum-naat", "sputum-culture"} and not _list_live(lost)
    _take(case, technician, 3, confirmed=[])
    _take(case, technician, 2, confirmed=[])  # the third, no fourth one
    with pytest.raises(NeedsConfirmation) as caught:
        _take(case, technician, 1, confirmed=[])
    assert [caution.code for caution in caught.value.cautions] == ["fourth"]


@pytest.mark.database
def test_sputum_with_a_result_is_not_rejected_but_replaced(case: Case, technician: User) -> None:
    pot = _take(case, technician, 3)
    _enter(case, technician, pot, "sputum-smear", "positive", get_today(case))
    with pytest.raises(NotNow, match="inconclusive instead"):
        handover.reject(pot, RejectionReason.INSUFFICIENT, "", "", technician)
    _enter(case, technician, pot, "sputum-culture", "inconclusive", get_today(case))
    assert _take(case, technician, 1, replaces=pot).replaces_id == pot.id


@pytest.mark.database
def test_end_of_a_treatment_does_not_wait_for_a_specimen_that_was_rejected(case: Case, technician: User) -> None:
    day = get_today(case) - timedelta(days=60)
    supervisor = make_user("labsupervisor", case.site)
    pots = [specimen.take_specimen(case, NewSpecimen(
        SpecimenKind.SPUTUM, day, None, ALL, purpose=Purpose.END_OF_TREATMENT), technician) for _ in range(3)]
    for pot in pots[:2]:
        for test in ("sputum-smear", "sputum-culture"):
            laboratory.confirm_result(_enter(case, technician, pot, test, "negative", get_today(case)), supervisor)
    assert find_end_cultures(case).pending == 1 and not find_end_cultures(case).is_negative
    handover.reject(pots[2], RejectionReason.LATE, "", "", technician)
    assert find_end_cultures(case).pending == 0 and find_end_cultures(case).is_negative


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


def _at(case: Case, days_ago: int, hour: str) -> NewSpecimen:
    return load(SpecimenIn(), {
        "kind": "sputum", "collected_on": (get_today(case) - timedelta(days=days_ago)).isoformat(),
        "collected_time": hour})


def test_less_than_a_day_between_two_specimens_asks_for_a_tick_whatever_the_date(
    case: Case, technician: User
) -> None:
    specimen.take_specimen(case, _at(case, 2, "0800"), technician)
    with pytest.raises(NeedsConfirmation) as caught:
        specimen.take_specimen(case, _at(case, 1, "7:30"), technician)
    assert [caution.code for caution in caught.value.cautions] == ["same-day"]
    assert "23 hours" in caught.value.cautions[0].text
    made = specimen.take_specimen(case, _at(case, 1, "08.00"), technician)
    assert made.collected_at is not None and made.collected_at.hour == 5  # Nairobi is three hours ahead


def test_one_caution_for_an_old_specimen(case: Case, technician: User) -> None:
    day = get_today(case) - timedelta(days=400)
    with pytest.raises(NeedsConfirmation) as caught:
        specimen.take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, day), technician)
    assert [caution.code for caution in caught.value.cautions] == ["long-ago-collected_on"]


@pytest.mark.parametrize(("time", "field"), [("25:00", "collected_time"), ("noon", "collected_time")])
def test_time_that_is_none_is_refused(case: Case, time: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _at(case, 1, time)
    assert field in caught.value.fields


def test_time_that_has_not_come_is_refused(case: Case, technician: User) -> None:
    with clock.stopped_at(clock.now().replace(hour=9)), pytest.raises(InvalidInput) as caught:
        specimen.take_specimen(case, _at(case, 0, "23:59"), technician)
    assert "not come yet" in caught.value.fields["collected_time"][0]


def test_uk_series_begins_within_seven_days_of_the_film_on_consecutive_mornings(app: Flask) -> None:
    reception = make_user("reception")
    uk = make_case("uk", make_applicant(reception, sex=Sex.MALE), reception)
    technician = make_user("labtech", uk.site)
    add_reading(uk, get_today(uk) - timedelta(days=10), make_user("radiologist", uk.site))
    with pytest.raises(NeedsConfirmation) as caught:
        specimen.take_specimen(uk, _at(uk, 2, "13:00"), technician)
    assert [one.code for one in caught.value.cautions] == ["not-morning", "late-series"]
    _take(uk, technician, 4)
    _take(uk, technician, 3)
    with pytest.raises(NeedsConfirmation) as caught:
        _take(uk, technician, 1, confirmed=[])
    assert [one.code for one in caught.value.cautions] == ["not-consecutive"]
    assert specimen.find_series_fault(uk) == "consecutive", "before any result is"


def test_uk_mornings_are_a_day_apart_whatever_the_hour_and_one_left_out_spoils_the_series(app: Flask) -> None:
    """Half past seven and a quarter past seven asked for a tick, 24 hours being the rule of the United States."""
    uk = make_case("uk", make_applicant(make_user("reception"), sex=Sex.MALE))
    technician = make_user("labtech", uk.site)
    today = get_today(uk)
    add_reading(uk, today - timedelta(days=4), make_user("radiologist", uk.site))
    begun = specimen.take_specimen(uk, _at(uk, 2, "07:30"), technician)
    with clock.stopped_at(clock.now() - timedelta(days=1)):
        assert specimen.find_series_fault(uk) is None
    assert specimen.find_series_fault(uk) == "consecutive", "yesterday's morning has passed"
    specimen.take_specimen(uk, _at(uk, 1, "07:15"), technician)
    assert specimen.find_series_fault(uk) is None
    with pytest.raises(NeedsConfirmation) as caught:
        specimen.take_specimen(uk, _at(uk, 1, "07:20"), technician)
    assert [one.code for one in caught.value.cautions] == ["same-day"]
    assert specimen.find_last_begin(uk) == begun.collected_on + timedelta(days=5)


@pytest.mark.database
@pytest.mark.parametrize("programme", ["us", "ca", "au", "nz", "uk"])
def test_only_the_united_states_ask_for_a_naat_of_the_first_specimen(app: Flask, programme: str) -> None:
    """It was ordered for every programme, and its cell said "Pending" for good where no laboratory made one."""
    case = make_case(programme, make_applicant(make_user("reception"), sex=Sex.MALE))
    pot = _take(case, make_user("labtech", case.site), 1)
    assert _list_live(pot) == {"sputum-smear", "sputum-culture", *(["sputum-naat"] if programme == "us" else [])}


def test_australian_specimens_are_of_three_mornings(app: Flask) -> None:
    case = make_case("au", make_applicant(make_user("reception"), sex=Sex.MALE))
    technician = make_user("labtech", case.site)
    with pytest.raises(NeedsConfirmation) as caught:
        specimen.take_specimen(case, _at(case, 2, "13:00"), technician)
    assert [one.code for one in caught.value.cautions] == ["not-morning"]
    specimen.take_specimen(case, _at(case, 2, "07:30"), technician)
    specimen.take_specimen(case, _at(case, 1, "07:15"), technician)  # a day of its own


def test_each_medium_has_its_own_result_and_the_culture_waits_for_both(case: Case, technician: User) -> None:
    pot = _take(case, technician, 62)
    specimen.inoculate(pot, pot.collected_on + timedelta(days=1), ("liquid", "solid"), technician)
    supervisor = make_user("labsupervisor", case.site)
    today = get_today(case)
    laboratory.confirm_result(_grow(case, technician, pot, "negative", "liquid", today), supervisor)
    assert build_results(case)["sputum"][0]["culture"] == "pending"
    laboratory.confirm_result(_grow(case, technician, pot, "contaminated", "solid", today), supervisor)
    assert build_results(case)["sputum"][0]["culture"] == "negative"
    with pytest.raises(NotNow):
        _grow(case, technician, pot, "negative", "solid", today)


def _grow(case: Case, actor: User, pot: Specimen, value: str, medium: str, day: date, **parts: str) -> Any:
    return laboratory.enter_result(case, load(LabResultIn(), {
        "test": "sputum-culture", "value": value, "specimen_id": pot.id, "method": medium,
        "reported_on": day.isoformat(), "confirmed": ALL, "components": parts}), actor)


def test_medium_that_was_not_inoculated_has_no_result(case: Case, technician: User) -> None:
    pot = _take(case, technician, 60)
    specimen.inoculate(pot, pot.collected_on, ("liquid",), technician)
    with pytest.raises(InvalidInput) as caught:
        _grow(case, technician, pot, "negative", "solid", get_today(case))
    assert "not inoculated" in caught.value.fields["method"][0]
    _grow(case, technician, pot, "negative", "liquid", get_today(case))
    with pytest.raises(InvalidInput) as caught:
        specimen.inoculate(pot, pot.collected_on, ("solid",), technician)
    assert "media" in caught.value.fields


@pytest.mark.parametrize(("medium", "day"), [("liquid", 42), ("solid", 56)])
def test_clock_of_a_medium_runs_from_its_inoculation(case: Case, technician: User, medium: str, day: int) -> None:
    pot = _take(case, technician, 70)
    specimen.inoculate(pot, pot.collected_on + timedelta(days=2), ("liquid", "solid"), technician)
    plain = {"test": "sputum-culture", "value": "negative", "specimen_id": pot.id, "method": medium}
    for days, asks in ((day + 1, True), (day + 2, False)):
        new = load(LabResultIn(), plain | {"reported_on": (pot.collected_on + timedelta(days=days)).isoformat()})
        if asks:
            with pytest.raises(NeedsConfirmation):
                laboratory.enter_result(case, new, technician)
        else:
            assert laboratory.enter_result(case, new, technician).method == medium


def test_parts_belong_to_their_results(case: Case, technician: User) -> None:
    pot = _take(case, technician, 60)
    row = _grow(case, technician, pot, "ntm", "liquid", get_today(case), species="M. avium")
    assert [(part.name, part.value) for part in row.components] == [("species", "M. avium")]
    with pytest.raises(InvalidInput) as caught:
        load(LabResultIn(), {"test": "sputum-smear", "value": "negative", "specimen_id": pot.id,
                             "components": {"grade": "2+"}})
    assert "components" in caught.value.fields


def test_susceptibility_names_the_growth_it_was_made_on(case: Case, technician: User) -> None:
    pot = _take(case, technician, 60)
    grown = _grow(case, technician, pot, "mtb", "liquid", get_today(case))
    row = laboratory.enter_result(case, load(LabResultIn(), {
        "test": "dst", "value": "resistant", "method": "phenotypic-liquid", "specimen_id": pot.id,
        "reported_on": get_today(case).isoformat(),
        "components": {"isoniazid": "resistant", "isoniazid.detail": "0.1 mg/L", "rifampicin": "susceptible"}}),
        technician)
    assert row.parent_series_id == grown.series_id


def test_nothing_grew_so_nothing_was_tested(case: Case, technician: User) -> None:
    pot = _take(case, technician, 60)
    for medium in ("liquid", "solid"):
        _grow(case, technician, pot, "negative", medium, get_today(case))
    with pytest.raises(InvalidInput) as caught:
        laboratory.enter_result(case, load(LabResultIn(), {
            "test": "dst", "value": "susceptible", "method": "phenotypic-liquid", "specimen_id": pot.id,
            "reported_on": get_today(case).isoformat(), "components": {"isoniazid": "susceptible"}}), technician)
    assert "nothing to test" in caught.value.fields["value"][0]


def test_specimens_of_the_treatment_are_not_of_the_series(case: Case, technician: User) -> None:
    new = load(SpecimenIn(), {"kind": "sputum", "collected_on": get_today(case).isoformat(), "purpose": "monitoring",
                              "treatment_month": "2"})
    pot = specimen.take_specimen(case, new, technician)
    row = _enter(case, technician, pot, "sputum-smear", "positive", get_today(case))
    laboratory.confirm_result(row, make_user("labsupervisor", case.site))
    assert "sputum" not in build_results(case) and specimen.list_series(case) == []
