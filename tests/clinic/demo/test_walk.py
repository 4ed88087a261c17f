"""The walk through the clinic: whoever is drawn, the exam is asked for and comes to its review."""

from __future__ import annotations

from random import Random

import pytest
from flask import Flask

from clinic import clock
from clinic.demo import walk
from clinic.demo.seed import build_authority_number, to_applicant
from clinic.models import CaseState
from clinic.services.assessment import list_requirements
from tests.factory import make_authority
from tests.fhir import story


@pytest.mark.parametrize("programme", walk.CATEGORIES)
def test_whoever_is_drawn_is_examined_and_can_be_signed(app: Flask, programme: str) -> None:
    staff = story.make_staff()
    make_authority(programme)
    today = clock.today(staff["reception"].site.time_zone)
    for seed in range(40):
        person = walk.find_adult(seed, 0, today, programme)
        case = walk.open_unremarkable_case(
            to_applicant(person), build_authority_number(Random(seed), programme), staff["reception"], programme)
        walk.work_through(case, staff)
        assert list_requirements(case) and case.state is CaseState.IN_REVIEW, (seed, person.residence)
