"""A US case brought to the point where a physician may sign, through the services that staff use."""

from __future__ import annotations

from dataclasses import dataclass

from clinic.models import Case, LineOutcome, User
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult
from clinic.schemas.vaccination import NewOutcome
from clinic.services import form, laboratory, radiology, vaccination
from clinic.services.assessment import assess
from clinic.services.plausibility import get_today
from tests.clinic.services.form_answer import build_answers
from tests.factory import make_case, make_user

NAME = "us-medical-exam"


@dataclass(frozen=True)
class Staff:
    """One person for each role of the thread, all of the case's site."""

    reception: User
    nurse: User
    technician: User
    supervisor: User
    radiologist: User
    physician: User


def make_staff() -> Staff:
    """The six of one site."""
    reception = make_user("reception")
    rest = (make_user(role, reception.site) for role in ("nurse", "labtech", "labsupervisor", "radiologist",
                                                         "physician"))
    return Staff(reception, *rest)


def make_complete_case(staff: Staff, igra: str = "negative", category: str = "IV") -> Case:
    """A US immigrant adult with everything done and confirmed; with a positive IGRA the class is B2."""
    case = make_case("us", user=staff.reception, category=category)
    today = get_today(case)
    answers = build_answers(NAME, form.get_subject(case), today.isoformat())
    form.complete_form(case, NAME, answers, None, staff.physician)
    for test, value in (("igra", igra), ("syphilis-nontreponemal", "nonreactive")):
        row = laboratory.enter_result(case, NewResult(test, value, today, today), staff.technician)
        laboratory.confirm_result(row, staff.supervisor)
    reading = NewReading(today, "pa", ("NORMAL",), confirmed=[radiology.ELSEWHERE])
    radiology.record_reading(case, reading, staff.radiologist)
    for line in assess(case)["vaccines"]:
        vaccination.record_outcome(case, NewOutcome(line, LineOutcome.REFUSED, "waiver requested"), staff.nurse)
    return case
