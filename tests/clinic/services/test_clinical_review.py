"""A clinical review for tuberculosis: answered after the finding that asks for it, never by an older form."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.errors import NotNow
from clinic.models import Case, RequirementState
from clinic.schemas.laboratory import NewResult
from clinic.services import form, laboratory
from clinic.services.assessment import list_requirements
from clinic.services.plausibility import get_today
from tests.clinic.services.form_answer import build_answers
from tests.factory import make_applicant, make_case
from tests.us_case import Staff, make_staff

NAME, REVIEW = "medical-exam", "tb-clinical-review"


@pytest.fixture
def staff(app: Flask) -> Staff:
    return make_staff()


@pytest.fixture
def case(staff: Staff) -> Case:
    """A man bound for Canada."""
    return make_case("ca", make_applicant(staff.reception), staff.reception)


def _answers(case: Case) -> dict[str, object]:
    return build_answers(NAME, form.get_subject(case), get_today(case).isoformat())


def _find_positive(case: Case, staff: Staff) -> None:
    today = get_today(case)
    row = laboratory.enter_result(case, NewResult("igra", "positive", today, today), staff.technician)
    laboratory.confirm_result(row, staff.supervisor)


def _state(case: Case) -> RequirementState:
    return next(row.state for row in list_requirements(case) if row.exam == REVIEW)


def test_form_completed_before_the_finding_is_no_review_until_it_is_confirmed(case: Case, staff: Staff) -> None:
    made = form.complete_form(case, NAME, _answers(case), None, staff.physician)
    with pytest.raises(NotNow):
        form.amend_form(case, NAME, _answers(case), made.version, "nothing is new", staff.physician)
    _find_positive(case, staff)
    assert _state(case) is RequirementState.OPEN
    row = form.amend_form(case, NAME, _answers(case), made.version, "reviewed with the positive IGRA", staff.physician)
    assert _state(case) is RequirementState.DONE
    with pytest.raises(NotNow):
        form.amend_form(case, NAME, _answers(case), row.version, "nothing is new", staff.physician)


def test_form_completed_after_the_finding_is_the_review(case: Case, staff: Staff) -> None:
    _find_positive(case, staff)
    assert _state(case) is RequirementState.OPEN
    form.complete_form(case, NAME, _answers(case), None, staff.physician)
    assert _state(case) is RequirementState.DONE
