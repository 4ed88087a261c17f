"""Panels of the laboratory as reports: what they hold, how their status moves, and that their history stays."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db
from clinic.laboratory_test import list_tests
from clinic.models import Case, ResultStatus
from fhir import laboratory_report
from fhir.encoder import Resource, decode
from fhir.projection import list_differences
from fhir.table import StoredVersion
from tests.factory import make_user
from tests.fhir import sample


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case of an adult."""
    nurse = make_user("nurse")
    return sample.make_us_case(sample.make_person(nurse), nurse)


def _history(label: str) -> list[Resource]:
    """Every stored version of the report with that label, the oldest first."""
    rows = db.session.execute(
        select(StoredVersion).where(StoredVersion.kind == "DiagnosticReport").order_by(StoredVersion.version)
    ).scalars()
    return [body for row in rows if (body := decode(row.body))["code"].get("text") == label]


def test_panel_is_preliminary_partial_final_and_corrected_in_turn(case: Case) -> None:
    nurse, lab = make_user("nurse", case.site), make_user("labtech", case.site)
    first = sample.add_result(case, "syphilis-nontreponemal", "reactive", nurse, lab, status=ResultStatus.PRELIMINARY,
                              confirmed_at=None, confirmed_by_id=None, parts={"titre": ("1:8", None)}, method="rpr")
    db.session.commit()
    sample.add_result(case, "syphilis-treponemal", "reactive", nurse, lab)
    db.session.commit()
    first.status, first.confirmed_at, first.confirmed_by_id = ResultStatus.FINAL, sample.MOMENT, lab.id
    db.session.commit()
    sample.correct_result(first, "nonreactive", nurse, lab)
    db.session.commit()
    history = _history("Syphilis serology")
    assert [one["status"] for one in history] == ["preliminary", "partial", "final", "corrected"]
    assert [len(one["result"]) for one in history] == [1, 2, 2, 2]
    assert {one["id"] for one in history} == {history[0]["id"]}
    assert list(list_differences(db.session())) == []


def test_everything_withdrawn_ends_the_report_in_error(case: Case) -> None:
    nurse, lab = make_user("nurse", case.site), make_user("labtech", case.site)
    row = sample.add_result(case, "hiv", "negative", nurse, lab)
    db.session.commit()
    row.status = ResultStatus.ENTERED_IN_ERROR
    db.session.commit()
    history = _history("HIV serology")
    assert [one["status"] for one in history] == ["final", "entered-in-error"]
    assert history[0]["meta"]["security"][0]["code"] == "HIV"


def test_sputum_has_one_report_for_each_specimen(case: Case) -> None:
    nurse, lab = make_user("nurse", case.site), make_user("labtech", case.site)
    for day in (21, 22):
        specimen = sample.add_specimen(case, nurse, day=day)
        for test in ("sputum-smear", "sputum-culture"):
            sample.add_result(case, test, "negative", nurse, lab, specimen_id=specimen.id)
    db.session.commit()
    reports = _history("Mycobacteriology")
    assert len({one["id"] for one in reports}) == 2
    assert all(len(one["specimen"]) == 1 and len(one["result"]) == 2 for one in reports)


def test_every_panel_of_the_catalogue_has_its_name() -> None:
    assert {test.panel for test in list_tests().values() if test.panel} == laboratory_report._LABELS.keys()
