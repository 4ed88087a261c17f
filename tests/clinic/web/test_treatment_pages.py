"""The pages of drug susceptibility and treatment."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db, read_unit, write_unit
from clinic.models import Case, LabResult, Specimen, SpecimenKind, Treatment, User
from clinic.schemas.door import load
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.schemas.tuberculosis import TbCaseIn
from clinic.services import laboratory, specimen, tuberculosis
from clinic.services.fact import list_treatment_facts
from clinic.services.plausibility import get_today
from tests.factory import make_case, make_user
from tests.sign_in import sign_in


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case on which nothing has been done."""
    return make_case("us", user=make_user("reception"))


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def _grow(case: Case, technician: User) -> Specimen:
    day = get_today(case) - timedelta(days=40)
    made = specimen.take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, day, confirmed=["late-entry"]), technician)
    row = laboratory.enter_result(
        case, NewResult("sputum-culture", "mtb", None, day + timedelta(days=20), made.id), technician)
    laboratory.confirm_result(row, make_user("nurse", case.site))
    return made


def test_susceptibility_is_entered_drug_by_drug_and_corrected(app: Flask, case: Case) -> None:
    technician = make_user("labtech", case.site)
    grown = _grow(case, technician)
    client = sign_in(app, technician, case.id)
    address = f"/cases/{case.id}/susceptibility"
    assert "tuberculosis found" in _text(client.get(address))
    form = {"specimen_id": grown.id, "reported_on": get_today(case).isoformat(), "dst.isoniazid": "resistant",
            "dst.rifampicin": "susceptible"}
    refused = client.post(address, data=form)
    assert refused.status_code == 422 and 'href="#dst.method"' in _text(refused)
    made = client.post(address, data=form | {"dst.method": "phenotypic-liquid"})
    assert made.status_code == 302
    with read_unit() as session:
        row = session.execute(select(LabResult).where(LabResult.test == "dst")).unique().scalar_one()
        assert (row.value, {part.name: part.value for part in row.components}) == (
            "resistant", {"isoniazid": "resistant", "rifampicin": "susceptible"})
    text = _text(client.get(made.headers["Location"]))
    assert "Isoniazid resistant" in text and "Rifampicin susceptible" in text
    corrected = client.post(f"{made.headers['Location']}/correct", data=form | {
        "dst.method": "phenotypic-liquid", "dst.isoniazid": "susceptible", "reason": "read the wrong line"})
    assert corrected.status_code == 302
    assert "read the wrong line" in _text(client.get(corrected.headers["Location"]))
    assert f"{grown.number} – tested" in _text(client.get(address))


def test_case_says_that_what_the_bacilli_resist_is_not_reported(app: Flask, case: Case) -> None:
    """The continuation phase was offered while nobody knew, and "Not tested yet" stood small beside it."""
    grown = _grow(case, make_user("labtech", case.site))
    doctor, second, day = make_user("tbteam", case.site), make_user("labsupervisor", case.site), get_today(case)
    tuberculosis.open_tb_case(case, load(TbCaseIn(), {
        "diagnosed_on": day.isoformat(), "basis": "culture", "site_of_disease": "pulmonary", "history": "new",
        "confirmed": ["hiv-untested", "not-notified"]}), doctor)
    row = laboratory.enter_result(case, NewResult(
        "dst", "susceptible", None, day, grown.id, method="phenotypic-liquid",
        components={"isoniazid": "susceptible", "rifampicin": "susceptible"}), doctor)
    db.session.commit()
    client, address = sign_in(app, doctor, case.id), f"/cases/{case.id}/tuberculosis"
    row_id, second_id = row.id, second.id
    assert "what the bacilli resist is not reported yet" in _text(client.get(address))
    with write_unit() as session:
        laboratory.confirm_result(session.get_one(LabResult, row_id), session.get_one(User, second_id))
    assert "what the bacilli resist is not reported yet" not in _text(client.get(address))


def test_no_drug_at_all_is_refused_where_it_stands(app: Flask, case: Case) -> None:
    technician = make_user("labtech", case.site)
    grown = _grow(case, technician)
    answer = sign_in(app, technician, case.id).post(f"/cases/{case.id}/susceptibility", data={
        "specimen_id": grown.id, "reported_on": get_today(case).isoformat(), "dst.method": "molecular"})
    assert answer.status_code == 422 and "at least one drug" in _text(answer)


def test_treatment_is_reported_twice_and_both_reports_are_seen(app: Flask, case: Case) -> None:
    client = sign_in(app, make_user("tbteam", case.site), case.id)
    address = f"/cases/{case.id}/treatment/tuberculosis"
    day = get_today(case).isoformat()
    form = {"outcome": "current", "regimen": "hrze-hr-daily", "started_on": day, "is_supervised": "true",
            "doses_planned": "180", "doses_given": "1"}
    assert client.post(address, data=form).status_code == 302
    assert client.post(address, data=form).status_code == 409  # this page had not seen the first report
    assert client.post(address, data=form | {"shown": "1", "doses_given": "2"}).status_code == 302
    text = _text(client.get(address))
    assert "1 of 180 given" in text and "2 of 180 given" in text and "Replaced" in text
    with read_unit() as session:
        assert len(session.execute(select(Treatment)).scalars().all()) == 2


def test_treatment_withdrawn_by_mistake_needs_its_reason(app: Flask, case: Case) -> None:
    client = sign_in(app, make_user("physician", case.site), case.id)
    address = f"/cases/{case.id}/treatment/gonorrhoea"
    day = get_today(case).isoformat()
    client.post(address, data={
        "outcome": "completed", "regimen": "ceftriaxone-500", "started_on": day, "ended_on": day})
    with read_unit() as session:
        made = session.execute(select(Treatment.id)).scalar_one()
    refused = client.post(f"{address}/{made}/withdraw", data={})
    assert refused.status_code == 422 and 'href="#withdraw-reason"' in _text(refused)
    assert client.post(f"{address}/{made}/withdraw", data={"reason": "another person"}).status_code == 302
    db.session.rollback()
    assert "another person" in _text(client.get(address))


def test_reactive_syphilis_leads_to_its_treatment_from_the_sheet(app: Flask, case: Case) -> None:
    technician = make_user("labtech", case.site)
    client = sign_in(app, technician, case.id)
    address = f"/cases/{case.id}/treatment/syphilis"
    assert address not in _text(client.get(f"/cases/{case.id}/laboratory"))
    client.post(f"/cases/{case.id}/laboratory", data={
        "performed_on": get_today(case).isoformat(), "syphilis-nontreponemal.value": "reactive",
        "syphilis-nontreponemal.titre": "1:8", "syphilis-nontreponemal.method": "rpr"})
    assert address in _text(client.get(f"/cases/{case.id}/laboratory"))


def test_positive_igra_leads_to_the_treatment_of_latent_infection_which_decides_no_class(
    app: Flask, case: Case
) -> None:
    staff = [make_user(role, case.site) for role in ("labtech", "physician")]
    client, physician = (sign_in(app, one, case.id) for one in staff)
    sheet, address = f"/cases/{case.id}/laboratory", f"/cases/{case.id}/treatment/latent-tuberculosis"
    day = get_today(case).isoformat()
    client.post(sheet, data={"performed_on": day, "tst.value": "4"})
    assert address not in _text(client.get(sheet))
    client.post(sheet, data={"performed_on": day, "igra.value": "positive"})
    assert address in _text(client.get(sheet))
    assert physician.post(address, data={
        "outcome": "current", "regimen": "rifampicin-4", "started_on": day}).status_code == 302
    assert "Rifampicin daily, 4 months (4R)" in _text(physician.get(address))
    db.session.rollback()
    with read_unit() as session:
        assert list_treatment_facts(session.get_one(Case, case.id)) == {}


def test_unknown_disease_is_not_found_and_reception_may_not_report(app: Flask, case: Case) -> None:
    client = sign_in(app, make_user("reception", case.site), case.id)
    assert client.get(f"/cases/{case.id}/treatment/scabies").status_code == 404
    assert client.get(f"/cases/{case.id}/treatment/syphilis").status_code == 200
    assert client.post(f"/cases/{case.id}/treatment/syphilis", data={}).status_code == 403
