"""The vaccination worksheet: doses that can be traced, outcomes that rest on doses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from clinic.caution import NeedsConfirmation
from clinic.errors import InvalidInput, NotNow
from clinic.models import Case, LineOutcome, RequirementState, User
from clinic.schemas.door import load
from clinic.schemas.vaccination import DoseIn, NewDose, NewOutcome, OutcomeIn
from clinic.services import vaccination
from clinic.services.assessment import assess, list_requirements
from clinic.services.plausibility import get_today
from tests.factory import make_case, make_user


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


def test_expired_vial_is_refused(case: Case) -> None:
    with pytest.raises(InvalidInput) as caught:
        _dose(case, source="given-here", given_on="2026-03-04", lot="A1", expires_on="2026-03-03")
    assert "expired" in caught.value.fields["expires_on"][0]


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
    vaccination.record_dose(case, _dose(case), nurse)
    with pytest.raises(InvalidInput):
        vaccination.record_outcome(case, _outcome("MMR", LineOutcome.GIVEN_SERIES_INCOMPLETE), nurse)
    today = get_today(case)
    vaccination.record_dose(case, _dose(case, source="given-here", given_on=today.isoformat(), lot="M7",
                                        expires_on=(today + timedelta(days=99)).isoformat()), nurse)
    row = vaccination.record_outcome(case, _outcome("MMR", LineOutcome.GIVEN_SERIES_INCOMPLETE), nurse)
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
        vaccination.record_outcome(case, _outcome(line, LineOutcome.WAIVER_AGE), nurse)
    vaccination.record_outcome(case, _outcome(line, LineOutcome.WAIVER_AGE, confirmed=["age"]), nurse)
    assert line in vaccination.list_lines(case)


def test_review_is_done_when_every_required_line_is_settled(case: Case, nurse: User) -> None:
    required = assess(case)["vaccines"]
    assert len(required) > 1
    for line in required:
        states = {row.exam: row.state for row in list_requirements(case)}
        assert states["vaccination-review"] is RequirementState.OPEN
        vaccination.record_outcome(case, _outcome(line, LineOutcome.REFUSED, "on conscience"), nurse)
    assert {row.exam: row.state for row in list_requirements(case)}["vaccination-review"] is RequirementState.DONE
