"""The demo shows a sputum series that waits and a treatment under way, made by the services."""

from __future__ import annotations

from flask import Flask

from clinic import clock
from clinic.demo import tuberculosis, walk
from clinic.demo.seed import to_applicant
from clinic.models import Case
from clinic.services import tb_summary, tb_treatment
from clinic.services.assessment import assess
from clinic.services.fact import build_results
from tests.factory import make_authority, make_user


def _staff() -> walk.Staff:
    roles = ("reception", "radiologist", "labtech", "labsupervisor", "tbteam", "nurse")
    return {role: make_user(role) for role in roles}


def _open(staff: walk.Staff, number: int) -> Case:


    make_authority("us")
    person = walk.find_adult(1, number, clock.today(staff["reception"].site.time_zone))
    return walk.open_unremarkable_case(to_applicant(person), f"NRB000000{number:04}", staff["reception"])


def test_series_waits_for_its_cultures(app: Flask) -> None:
    staff = _staff()
    case = _open(staff, 100)
    tuberculosis.show_series(case, staff)
    assert [each["culture"] for each in assess_facts(case)] == ["pending"] * 3


def assess_facts(case: Case) -> list[dict[str, str]]:


    found: list[dict[str, str]] = build_results(case)["sputum"]
    return found


def test_treatment_is_in_its_second_month_with_days_to_decide_about(app: Flask) -> None:
    staff = _staff()
    case = _open(staff, 200)
    tuberculosis.show_treatment(case, staff)
    tb = tb_summary.find_tb_case(case)
    assert tb is not None and assess(case)["classes"] == ["A"]
    assert [(one.gap.days, one.decided) for one in tb_treatment.list_interruptions(tb)] == [(4, None)]
    total = tb_summary.count_all(case.id)
    assert (total.given, total.missed, total.held, total.planned) == (39, 1, 1, 56)


