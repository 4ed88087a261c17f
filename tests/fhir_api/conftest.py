"""Two authorities that know the same person, each by its own case."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask

from clinic.db import db
from tests.factory import make_user
from tests.fhir.sample import make_person
from tests.fhir_api.exam import ReleasedExam, release_exam
from tests.fhir_api.machine import Machine


@dataclass
class Scene:
    """The US and the UK case of one person, with a signed-in machine of each authority."""

    us: Machine
    uk: Machine
    us_exam: ReleasedExam
    uk_exam: ReleasedExam


@pytest.fixture
def scene(app: Flask) -> Scene:
    """Committed; requests open units of their own."""
    physician = make_user("physician")
    person = make_person(physician)
    us_exam = release_exam(person, physician, "us")
    uk_exam = release_exam(person, physician, "uk", observations=2)
    us, uk = Machine(app, "us"), Machine(app, "uk", "RS384")
    db.session.commit()
    return Scene(us.sign_in(), uk.sign_in(), us_exam, uk_exam)
