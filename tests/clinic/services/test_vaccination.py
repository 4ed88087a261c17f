"""The vaccination worksheet: doses that can be traced, outcomes that rest on doses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from marshmallow import ValidationError

from clinic.caution import NeedsConfirmation
from clinic.errors import CaseChanged, InvalidInput, NotNow
from clinic.models import Answer, Case, LineOutcome, RequirementState, User
from clinic.schemas.door import load
from clinic.schemas.vaccination import DoseIn, NewDose, NewOutcome, OutcomeIn, read_dates
from clinic.services import vaccination
from clinic.services.assessment import assess, list_requirements
from clinic.services.plausibility import get_today
from clinic.services.vaccine_review import build_worksheet, worksheet_result
from clinic.vaccine_result import VaccineResult, derive_result
from tests.factory import make_case, make_site, make_user


@pytest.fixture
def case(app: Flask) -> Case:
    """A US immigrant adult."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def nurse(case: Case) -> User:
    """Who vaccinates."""
    return make_user("nurse", case.site)


def _dose(case: Case, line: str = "MMR", cvx: str = "03", **more: Any) -> NewDose:
    given: dict[str, Any] = {"line": line, "cvx": cvx, "given_on": "2001-05-06", "source": "record"} | more
    return load(DoseIn(), given)


def _outcome(line: str, outcome: LineOutcome, remark: str = "", **more: Any) -> NewOutcome:
    return load(OutcomeIn(), {"line": line, "outcome": outcome.value, "remark": remark} | more)


def test_line_without_a_dose_cannot_be_complete(case: Case, nurse: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        vaccination.record_outcome(case, _outcome("MMR", LineOutcome.COMPLETE), nurse)
    assert "written record" in caught.value.fields["outcome"][0]
    vaccination.record_dose(case, _dose(case), nurse)
    row = vaccination.record_outcome(case, _outcome("MMR", LineOutcome.COMPLETE), nurse)
    assert row.outcome is LineOutcome.COMPLETE


def test_dose_given_here_needs_lot_and_expiry(case: Case) -> None:
    with pytest.raises(InvalidInput) as caught:
        _dose(case, source="given-here")
    assert {"lot", "expires_on"} <= set(caught.value.fields)


def test_expired_vial_is_kept_after_a_tick_and_does_not_count(case: Case, nurse: User) -> None:
    today = get_today(case)
    given = {"source": "given-here", "given_on": today.isoformat(), "lot": "A1",
             "expires_on": (today - timedelta(days=1)).isoformat()}
    with pytest.raises(NeedsConfirmation) as caught:
        vaccination.record_dose(case, _dose(case, **given), nurse)
    assert [one.field for one in caught.value.cautions] == ["expires_on"]
    row = vaccination.record_dose(case, _dose(case, **given, confirmed=["not-counted-expired"]), nurse)
    sheet = build_worksheet(case)
    assert sheet.verdicts[row.id].code == "expired" and sheet.reviews["MMR"].proposal.kind == "due"


def test_product_of_another_line_is_refused(case: Case) -> None:
    with pytest.raises(InvalidInput) as caught:
        _dose(case, cvx="21")
    assert "cvx" in caught.value.fields


def test_dose_before_birth_is_refused(case: Case, nurse: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        vaccination.record_dose(case, _dose(case, given_on="1985-01-01"), nurse)
    assert "given_on" in caught.value.fields


def test_same_dose_is_not_recorded_twice(case: Case, nurse: User) -> None:
    vaccination.record_dose(case, _dose(case), nurse)
    with pytest.raises(NotNow):
        vaccination.record_dose(case, _dose(case, cvx="94"), nurse)


def test_given_series_incomplete_needs_a_dose_given_here(case: Case, nurse: User) -> None:
    with pytest.raises(InvalidInput):
        vaccination.record_outcome(case, _outcome("Varicella", LineOutcome.GIVEN_SERIES_INCOMPLETE), nurse)
    today = get_today(case)
    vaccination.record_dose(case, _dose(case, "Varicella", "21", source="given-here", given_on=today.isoformat(),
                                        lot="M7", expires_on=(today + timedelta(days=99)).isoformat()), nurse)
    row = vaccination.record_outcome(case, _outcome("Varicella", LineOutcome.GIVEN_SERIES_INCOMPLETE), nurse)
    assert row.outcome is LineOutcome.GIVEN_SERIES_INCOMPLETE


def test_withdrawn_dose_opens_its_line_again(case: Case, nurse: User) -> None:
    dose = vaccination.record_dose(case, _dose(case), nurse)
    vaccination.record_outcome(case, _outcome("MMR", LineOutcome.COMPLETE), nurse)
    vaccination.withdraw_dose(dose, "record of a sister", nurse)
    assert vaccination.list_lines(case) == {}
    assert vaccination.list_doses(case) == [dose]


@pytest.mark.parametrize(("line", "outcome", "remark", "field"), [
    ("MMR", LineOutcome.VARICELLA_HISTORY, "", "outcome"),
    ("MMR", LineOutcome.WAIVER_NOT_FLU_SEASON, "", "outcome"),
    ("Influenza", LineOutcome.IMMUNE_LAB, "tested", "outcome"),
    ("MMR", LineOutcome.REFUSED, "", "remark"),
    ("MMR", LineOutcome.WAIVER_CONTRAINDICATION, " ", "remark"),
])
def test_outcome_that_a_line_cannot_have_is_refused(line: str, outcome: LineOutcome, remark: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _outcome(line, outcome, remark)
    assert field in caught.value.fields


def test_required_line_waived_for_age_asks_for_a_tick(case: Case, nurse: User) -> None:
    line = assess(case)["vaccines"][0]
    with pytest.raises(NeedsConfirmation):
        vaccination.record_outcome(case, _outcome(line, LineOutcome.WAIVER_AGE, "birth year doubtful"), nurse)
    vaccination.record_outcome(
        case, _outcome(line, LineOutcome.WAIVER_AGE, "birth year doubtful", confirmed=["age"]), nurse)
    assert line in vaccination.list_lines(case)


def test_review_is_done_when_every_required_line_is_settled(case: Case, nurse: User) -> None:
    required = assess(case)["vaccines"]
    assert len(required) > 1
    for line in required:
        states = {row.exam: row.state for row in list_requirements(case)}
        assert states["vaccination-review"] is RequirementState.OPEN
        vaccination.record_outcome(case, _outcome(line, LineOutcome.REFUSED, "on conscience"), nurse)
    assert {row.exam: row.state for row in list_requirements(case)}["vaccination-review"] is RequirementState.DONE


def _give(case: Case, nurse: User, line: str, cvx: str, **more: Any) -> Any:
    today = get_today(case)
    return vaccination.record_dose(case, _dose(case, line, cvx, **({
        "source": "given-here", "given_on": today.isoformat(), "lot": "A1",
        "expires_on": (today + timedelta(days=99)).isoformat()} | more)), nurse)


def test_historic_dose_too_early_is_kept_and_does_not_count(case: Case, nurse: User) -> None:
    born = case.applicant.birth_date
    row = vaccination.record_dose(case, _dose(case, given_on=f"{born[:4]}-{born[5:7]}-28"), nurse)
    sheet = build_worksheet(case)
    assert row.counts and sheet.verdicts[row.id].code == "early"
    assert sheet.reviews["MMR"].counted == 0


def test_outcome_against_the_proposal_needs_its_reason(case: Case, nurse: User) -> None:
    vaccination.record_dose(case, _dose(case, "HepB", "45", given_on="2001-05-06"), nurse)
    with pytest.raises(InvalidInput) as caught:
        vaccination.record_outcome(case, _outcome("HepB", LineOutcome.COMPLETE), nurse)
    assert "Dose 2 is due today" in caught.value.fields["remark"][0]
    row = vaccination.record_outcome(case, _outcome("HepB", LineOutcome.COMPLETE, "record torn, three seen"), nurse)
    assert row.outcome is LineOutcome.COMPLETE and row.proposed is None


def test_proposals_are_accepted_together_and_refused_when_they_changed(case: Case, nurse: User) -> None:
    vaccination.record_dose(case, _dose(case), nurse)
    _give(case, nurse, "Varicella", "21")
    wanted = vaccination.list_proposed(case)
    assert wanted == {"MMR": LineOutcome.COMPLETE, "Varicella": LineOutcome.GIVEN_SERIES_INCOMPLETE}
    with pytest.raises(CaseChanged):
        vaccination.accept_proposals(case, wanted | {"HepB": LineOutcome.COMPLETE}, nurse)
    assert vaccination.list_lines(case) == {}
    rows = vaccination.accept_proposals(case, wanted, nurse)
    assert [row.proposed for row in rows] == [LineOutcome.COMPLETE, LineOutcome.GIVEN_SERIES_INCOMPLETE]


def test_pregnancy_proposes_a_waiver_and_warns_who_gives_a_live_vaccine(app: Flask) -> None:
    case = make_case("us", user=make_user("reception"), circumstances={"pregnant": Answer.YES})
    nurse = make_user("nurse", case.site)
    assert vaccination.list_proposed(case)["MMR"] is LineOutcome.WAIVER_CONTRAINDICATION
    with pytest.raises(NeedsConfirmation) as caught:
        _give(case, nurse, "MMR", "03")
    assert [one.code for one in caught.value.cautions] == ["contraindication-pregnant"]
    row, = vaccination.accept_proposals(case, {"MMR": LineOutcome.WAIVER_CONTRAINDICATION}, nurse)
    assert row.remark == "Pregnancy: no live vaccine."


@pytest.mark.parametrize(("special", "result"), [
    (None, VaccineResult.COMPLETE), (LineOutcome.WAIVER_INTERVAL, VaccineResult.BLANKET_WAIVER),
    (LineOutcome.WAIVER_INDIVIDUAL, VaccineResult.INDIVIDUAL_WAIVER), (LineOutcome.REFUSED, VaccineResult.NOT_MET),
])
def test_result_is_what_weighs_most_of_the_required_lines(special: LineOutcome | None, result: VaccineResult) -> None:
    outcomes = {"MMR": LineOutcome.COMPLETE, "HepB": special or LineOutcome.IMMUNE_LAB}
    assert derive_result(["MMR", "HepB"], outcomes) is result
    assert derive_result([], outcomes) is VaccineResult.NOT_REQUIRED
    assert derive_result(["MMR", "Polio"], {"MMR": LineOutcome.COMPLETE}) is VaccineResult.OPEN


def test_fiancee_owes_no_vaccine_and_may_have_one_recorded(app: Flask) -> None:
    reception = make_user("reception")
    case = make_case("us", user=reception, category="K")
    assert worksheet_result(case) is VaccineResult.NOT_REQUIRED
    row = vaccination.record_dose(case, _dose(case), make_user("nurse", case.site))
    assert build_worksheet(case).verdicts[row.id].counts


def test_giver_of_another_site_is_refused(case: Case, nurse: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        _give(case, nurse, "MMR", "03", given_by_id=make_user("nurse", make_site("MBA")).id)
    assert "given_by_id" in caught.value.fields


@pytest.mark.parametrize(("text", "days"), [
    ("2001-05-06, 6 Jun 2002; 7-Jul-2003", ["2001-05-06", "2002-06-06", "2003-07-07"]),
    ("2001-05-06 2002-06-06\n2003-07-07\n", ["2001-05-06", "2002-06-06", "2003-07-07"]), ("  ", []),
])
def test_pasted_dates_are_read_one_by_one(app: Flask, text: str, days: list[str]) -> None:
    assert [day.isoformat() for day in read_dates(text)] == days


@pytest.mark.parametrize("text", ["2001-05-06, 2002-06", "2001", "04/05/2001", "yesterday"])
def test_pasted_date_that_is_no_full_day_is_refused_by_its_text(app: Flask, text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read_dates(text)
    assert text.split(", ")[-1] in caught.value.messages[0]
