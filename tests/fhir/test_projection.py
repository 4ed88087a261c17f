"""Touched rows become stored versions in their own transaction."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from clinic.db import db
from clinic.models import Case, CaseState, Consent, LabResult, LineOutcome, ResultStatus, Site
from fhir.encoder import decode
from fhir.projection import BulkWriteRefused, append_missing, list_differences
from fhir.store import find_newest, list_history
from fhir.table import StoredVersion
from tests.factory import make_case, make_user
from tests.fhir import sample
from tests.sign_in import give_consent


def _newest(kind: str, key: str) -> dict:
    stored = find_newest(db.session, kind, key)
    assert stored is not None
    return decode(stored.body)


def test_committed_case_has_every_resource_of_its_rows(app: Flask) -> None:
    case = sample.make_clean_adult()
    db.session.commit()
    kinds = {row.kind for row in db.session.execute(select(StoredVersion)).scalars()}
    assert kinds == {
        "Patient", "EpisodeOfCare", "Encounter", "Observation", "DiagnosticReport", "ImagingStudy", "Immunization",
        "Organization", "Practitioner", "Consent", "ServiceRequest",
    }
    assert _newest("EpisodeOfCare", case.id)["meta"]["versionId"] == "1"


def test_igra_components_keep_their_digits(app: Flask) -> None:
    case = sample.make_clean_adult()
    db.session.commit()
    is_igra = (LabResult.case_id == case.id, LabResult.test == "igra")
    igra = db.session.execute(select(LabResult).where(*is_igra)).scalar_one()
    stored = find_newest(db.session, "Observation", igra.series_id)
    assert stored is not None and b'"value":0.10,' in stored.body
    parts = {part["code"]["text"]: part["valueQuantity"] for part in decode(stored.body)["component"]}
    assert parts["tb1"]["value"] == Decimal("0.10") and str(parts["tb1"]["value"]) == "0.10"
    assert parts["tb2"]["comparator"] == "<" and parts["mitogen"]["comparator"] == ">"


def test_unchanged_commit_appends_nothing(app: Flask) -> None:
    case = sample.make_clean_adult()
    db.session.commit()
    before = db.session.query(StoredVersion).count()
    case.progress = "waits-for-signature"
    db.session.commit()
    assert db.session.query(StoredVersion).count() == before


def test_country_of_a_site_renames_the_licences_of_its_staff(app: Flask) -> None:
    physician = make_user("physician")
    physician.licence_number = "KMPDC-1"
    db.session.commit()
    physician.site.country = "TZA"
    db.session.commit()
    assert list(list_differences(db.session())) == []
    assert _newest("Practitioner", physician.id)["identifier"][0]["system"].endswith("licence/TZA")


def test_authority_of_another_name_changes_no_consent_that_was_signed(app: Flask) -> None:
    case = make_case()
    was = case.authority.name
    give_consent(case)
    db.session.commit()
    case.authority.name = "Department of Arrivals"
    db.session.commit()
    assert list(list_differences(db.session())) == []
    row = db.session.query(Consent).one()
    assert _newest("Consent", row.id)["provision"]["actor"][0]["reference"]["display"] == was


def test_changed_state_appends_one_version(app: Flask) -> None:
    case = sample.make_clean_adult()
    db.session.commit()
    case.state = CaseState.ON_HOLD
    db.session.commit()
    history = list_history(db.session, "EpisodeOfCare", case.id)
    assert [row.version for row in history] == [2, 1]
    assert decode(history[0].body)["status"] == "onhold"


def test_confirmed_then_corrected_result_is_one_resource_with_three_versions(app: Flask) -> None:
    case = sample.make_clean_adult()
    tech, supervisor = make_user("labtech"), make_user("labsupervisor")
    result = sample.add_result(case, "hbsag", "positive", tech, supervisor, status=ResultStatus.PRELIMINARY)
    db.session.commit()
    result.status = ResultStatus.FINAL
    db.session.commit()
    sample.correct_result(result, "negative", tech, supervisor)
    db.session.commit()
    statuses = [decode(row.body)["status"] for row in list_history(db.session, "Observation", result.series_id)]
    assert statuses == ["corrected", "final", "preliminary"]


def test_finding_taken_away_by_a_correction_is_entered_in_error(app: Flask) -> None:
    sample.make_infiltrate()
    db.session.commit()
    found = {}
    for row in db.session.execute(select(StoredVersion).where(StoredVersion.kind == "Observation")).scalars():
        resource = decode(row.body)
        if resource["code"]["text"] == "Chest X-ray finding":
            found[resource["valueCodeableConcept"]["coding"][0]["code"]] = resource["status"]
    assert found == {"INFILTRATE": "corrected", "CALC_LN": "corrected", "NODULE_ILLDEF": "entered-in-error"}


def test_line_that_becomes_complete_ends_its_not_done_immunization(app: Flask) -> None:
    case = sample.make_clean_adult()
    line = sample.add_line(case, "HepA", LineOutcome.REFUSED, make_user("nurse"))
    complete = sample.add_line(case, "Hib", LineOutcome.COMPLETE, make_user("nurse"))
    db.session.commit()
    line.outcome = LineOutcome.COMPLETE
    db.session.commit()
    assert _newest("Immunization", line.id)["status"] == "entered-in-error"
    assert find_newest(db.session, "Immunization", complete.id) is None


def test_line_taken_off_the_worksheet_is_entered_in_error_and_no_orphan(app: Flask) -> None:
    case = sample.make_clean_adult()
    line = sample.add_line(case, "HepA", LineOutcome.REFUSED, make_user("nurse"))
    db.session.commit()
    key = line.id
    db.session.delete(line)
    db.session.commit()
    assert [decode(row.body)["status"] for row in list_history(db.session, "Observation", key)] == [
        "entered-in-error", "final"]
    assert _newest("Immunization", key)["status"] == "entered-in-error"
    assert list(list_differences(db.session)) == []


def test_draft_of_a_vaccine_dose_makes_no_resource(app: Flask) -> None:
    case = sample.make_clean_adult()
    dose = sample.add_dose(case, "Polio", "10", make_user("nurse"), status=ResultStatus.PRELIMINARY)
    db.session.commit()
    assert find_newest(db.session, "Immunization", dose.series_id) is None


def test_row_rolled_back_with_its_savepoint_makes_no_resource(app: Flask) -> None:
    case = sample.make_clean_adult()
    savepoint = db.session.begin_nested()
    dropped = sample.add_dose(case, "Polio", "10", make_user("nurse"))
    series = dropped.series_id
    savepoint.rollback()
    with db.session.begin_nested():
        kept = sample.add_dose(case, "Polio", "10", make_user("nurse"))
        assert db.session.query(StoredVersion).count() == 0
    assert db.session.query(StoredVersion).count() == 0
    db.session.commit()
    assert find_newest(db.session, "Immunization", series) is None
    assert find_newest(db.session, "Immunization", kept.series_id) is not None


def test_rolled_back_transaction_leaves_nothing_to_project(app: Flask) -> None:
    sample.make_clean_adult()
    db.session.rollback()
    db.session.add(Site(code="XYZ", name="Other", city="Kampala", country="UGA", time_zone="Africa/Kampala"))
    db.session.commit()
    assert [row.kind for row in db.session.execute(select(StoredVersion)).scalars()] == ["Organization"]


@pytest.mark.parametrize("statement", [update(Case).values(progress="x"), delete(LabResult)])
def test_bulk_write_on_a_projected_table_is_refused(app: Flask, statement) -> None:
    with pytest.raises(BulkWriteRefused):
        db.session.execute(statement)


def test_store_equals_rows_after_every_kind_of_change(app: Flask) -> None:
    for make in (sample.make_clean_adult, sample.make_infiltrate, sample.make_child):
        case = make()
        db.session.add(sample.build_conclusion(case, make_user("physician"), classes=["B2"], overall="class-b"))
        db.session.commit()
    assert list(list_differences(db.session)) == []
    assert append_missing(db.session) == 0


def test_store_that_was_tampered_with_is_told_and_rebuilt(app: Flask) -> None:
    case = sample.make_clean_adult()
    db.session.commit()
    row = find_newest(db.session, "Encounter", case.id)
    assert row is not None
    row.sha256 = "0" * 64
    gone = find_newest(db.session, "EpisodeOfCare", case.id)
    db.session.delete(gone)
    db.session.commit()
    assert sorted((found.what, found.kind) for found in list_differences(db.session)) == [
        ("changed", "Encounter"), ("missing", "EpisodeOfCare"),
    ]
    assert append_missing(db.session) == 2
    db.session.commit()
    assert list(list_differences(db.session)) == []


def test_rebuild_command_checks_and_mends(app: Flask) -> None:
    case = sample.make_clean_adult()
    db.session.commit()
    db.session.delete(find_newest(db.session, "Encounter", case.id))
    db.session.commit()
    runner = app.test_cli_runner()
    assert runner.invoke(args=["rebuild-fhir", "--check"]).exit_code == 1
    assert runner.invoke(args=["rebuild-fhir"]).exit_code == 0
    assert runner.invoke(args=["rebuild-fhir", "--check"]).exit_code == 0


def test_amended_conclusion_amends_its_slots_and_ends_its_condition(app: Flask) -> None:
    case = sample.make_clean_adult()
    signer = make_user("physician")
    db.session.add(sample.build_conclusion(case, signer, classes=["B2", "B3"], overall="class-b"))
    db.session.commit()
    later = sample.build_conclusion(case, signer, classes=["NONE"])
    later.decided_at = sample.MOMENT + timedelta(days=1)
    db.session.add(later)
    db.session.commit()
    newest = [decode(row.body) for row in db.session.execute(
        select(StoredVersion).where(StoredVersion.case_id == case.id, StoredVersion.version == 2)).scalars()]
    classes = {one["valueCodeableConcept"]["coding"][0]["code"]: one["status"] for one in newest
               if one["resourceType"] == "Observation"}
    assert classes == {"NONE": "amended", "B3": "entered-in-error", "no-apparent-defect": "amended"}
    conditions = [one for one in newest if one["resourceType"] == "Condition"]
    assert {one["clinicalStatus"]["coding"][0]["code"] for one in conditions} == {"inactive"}
