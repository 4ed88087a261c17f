"""Registers of tuberculosis: what stands in them, of which site, by whom, and that taking them out is written down."""

from __future__ import annotations

import codecs
import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.audit import audit_engine, audit_read
from clinic.db import db
from clinic.models import Answer, Case, CaseState, Requirement, Sex, Specimen, User
from clinic.queries.tb_indicator import ROWS, count_indicators
from clinic.queries.tb_register import Period, count_outcomes, list_register
from clinic.schemas.door import load
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import LabResultIn, SpecimenIn
from clinic.schemas.tuberculosis import OutcomeIn, PhaseIn, TbCaseIn
from clinic.services import laboratory, specimen, tb_treatment, tuberculosis
from clinic.services.plausibility import get_today
from clinic.services.radiology import ELSEWHERE, record_reading
from clinic.web import tb_register
from clinic.web.clinical_format import person_name
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.sign_in import sign_in

ANY = ["hiv-untested", "clinical-only", "not-notified", "late-entry", "same-day", "few-doses", "not-observed",
       "end-cultures", "early-negative"]
DRUGS = {"isoniazid": "300", "rifampicin": "600", "pyrazinamide": "1500", "ethambutol": "1000"}


@pytest.fixture
def case(app: Flask) -> Case:
    """A case with symptoms, three specimens of which one is proven, and a treatment that was lost."""
    made = make_case("us", user=make_user("reception"), circumstances={"tb_symptoms": Answer.YES})
    doctor, second, today = make_user("tbteam", made.site), make_user("labsupervisor", made.site), get_today(made)
    for days in (3, 2, 1):
        pot = specimen.take_specimen(made, load(SpecimenIn(), {
            "kind": "sputum", "collected_on": (today - timedelta(days=days)).isoformat()}), doctor)
    for test, value, parts in (("sputum-smear", "positive", {"grade": "2+"}),
                               ("sputum-naat", "detected", {"rifampicin": "susceptible"})):
        row = laboratory.enter_result(made, load(LabResultIn(), {
            "test": test, "value": value, "specimen_id": pot.id, "reported_on": today.isoformat(),
            "components": parts}), doctor)
        laboratory.confirm_result(row, second)
    tb = tuberculosis.open_tb_case(made, load(TbCaseIn(), {
        "diagnosed_on": today.isoformat(), "basis": "naat", "site_of_disease": "pulmonary", "history": "new",
        "confirmed": ANY}), doctor)
    tb_treatment.start_phase(tb, load(PhaseIn(), {
        "name": "intensive", "regimen": "hrze-hr-daily", "weight_kg": "60", "days_per_week": "7",
        "started_on": today.isoformat(), "drugs": DRUGS, "confirmed": ANY}), doctor)
    tuberculosis.end_treatment(tb, load(OutcomeIn(), {
        "outcome": "lost", "outcome_on": today.isoformat(), "remark": "moved", "confirmed": ANY}), doctor)
    db.session.flush()
    return made


def _period(case: Case) -> Period:
    return Period(get_today(case) - timedelta(days=10), get_today(case))


def test_laboratory_register_has_every_specimen_with_its_results(case: Case) -> None:
    rows = list_register(make_user("labsupervisor", case.site), "laboratory", _period(case))
    assert [row.smear for row in rows] == [None, None, "positive"]
    assert (rows[2].grade, rows[2].naat, rows[2].rifampicin) == ("2+", "detected", "susceptible")
    assert len(list_register(make_user("labsupervisor", case.site), "laboratory", _period(case), rows[0].key)) == 2


def test_laboratory_register_names_what_any_test_calls_resistant(app: Flask, case: Case) -> None:
    """The newest test decided: susceptible on solid medium hid what a molecular test had found."""
    doctor, second = make_user("labtech", case.site), make_user("labsupervisor", case.site)
    pot = db.session.execute(select(Specimen).where(Specimen.case_id == case.id).order_by(
        Specimen.collected_on.desc())).scalars().first()
    assert pot is not None
    for method, value, drugs in (("molecular", "resistant", {"rifampicin": "resistant", "isoniazid": "resistant"}),
                                 ("phenotypic-solid", "susceptible", {"rifampicin": "susceptible"})):
        row = laboratory.enter_result(case, load(LabResultIn(), {
            "test": "dst", "value": value, "specimen_id": pot.id, "reported_on": get_today(case).isoformat(),
            "method": method, "components": drugs, "confirmed": [*ANY, "no-growth"]}), doctor)
        laboratory.confirm_result(row, second)
    db.session.commit()
    client = sign_in(app, second)
    assert "resistant (isoniazid, rifampicin)" in client.get("/tuberculosis?register=laboratory").text
    answer = client.get("/tuberculosis/export.csv?register=laboratory")
    assert answer.data.startswith(codecs.BOM_UTF8), "a spreadsheet reads names as they are"
    lines = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [line["dst"] for line in lines] == ["", "", "resistant (isoniazid, rifampicin)"]


def test_presumptive_and_treatment_register(case: Case) -> None:
    user = make_user("tbteam", case.site)
    (asked,) = list_register(user, "presumptive", _period(case))
    assert (asked.taken, asked.smear_positive, asked.naat_positive, asked.culture_positive) == (3, True, True, False)
    assert asked.tb_number == "NBO-TB00001"
    (treated,) = list_register(user, "treatment", _period(case))
    assert (treated.number, treated.outcome, treated.regimen) == ("NBO-TB00001", "lost", "hrze-hr-daily")
    assert treated.began_on == get_today(case)
    assert [(bool(row.found), row.outcome, row.cases) for row in count_outcomes(user, _period(case))] == [
        (True, "lost", 1)]


def test_presumptive_register_counts_a_request_on_the_day_of_the_site(app: Flask, case: Case) -> None:
    """In Nairobi half past one in the night is still the day before in UTC, here even the month before."""
    (row,) = db.session.execute(select(Requirement).where(
        Requirement.case_id == case.id, Requirement.exam == "sputum-series")).unique().scalars()
    row.added_at = datetime(2026, 8, 31, 22, 30, tzinfo=UTC)
    user = make_user("tbteam", case.site)
    db.session.commit()
    first, last = date(2026, 9, 1), date(2026, 9, 30)
    assert len(list_register(user, "presumptive", Period(first, last))) == 1
    assert not list_register(user, "presumptive", Period(date(2026, 8, 1), date(2026, 8, 31)))
    answer = sign_in(app, user).get("/tuberculosis/export.csv?register=presumptive&from=01-Aug-2026&to=30-Sep-2026")
    (line,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert line["day"] == "2026-09-01"


def test_presumptive_register_tells_negative_from_not_yet_reported(case: Case) -> None:
    doctor, second, today = make_user("labtech", case.site), make_user("labsupervisor", case.site), get_today(case)
    other = make_case("us", make_applicant(doctor), doctor, circumstances={"tb_symptoms": Answer.YES})
    for days in (2, 1):
        pot = specimen.take_specimen(other, load(SpecimenIn(), {
            "kind": "sputum", "collected_on": (today - timedelta(days=days)).isoformat()}), doctor)
        laboratory.confirm_result(laboratory.enter_result(other, load(LabResultIn(), {
            "test": "sputum-smear", "value": "negative", "specimen_id": pot.id, "reported_on": today.isoformat()}),
            doctor), second)
    lines = [tb_register._presumptive_line(row) for row in list_register(second, "presumptive", _period(case))]
    assert [(line["smear"], line["naat"]) for line in lines] == [
        ("positive", "detected or trace"), ("negative (2)", "")]


def test_file_has_all_rows_or_says_that_the_period_is_too_long(
    app: Flask, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended after so many rows and said nothing."""
    db.session.commit()
    client = sign_in(app, make_user("tbteam", case.site))
    monkeypatch.setattr(tb_register, "MOST", 2)
    refused = client.get("/tuberculosis/export.csv?register=laboratory")
    assert refused.status_code == 422 and "Choose a shorter period." in refused.text
    assert client.get("/tuberculosis/export.csv?register=treatment").status_code == 200
    assert client.get("/tuberculosis/export.csv?register=treatment&from=x").status_code == 422


def test_registers_are_of_the_own_site_and_period(case: Case) -> None:
    elsewhere, here = make_user("tbteam", make_site("KSM")), make_user("tbteam", case.site)
    long_ago = Period(date(2020, 1, 1), date(2020, 12, 31))
    for name in ("laboratory", "presumptive", "treatment"):
        assert list_register(elsewhere, name, _period(case)) == []
        assert list_register(here, name, long_ago) == []


def test_pages_and_file_are_written_down(app: Flask, case: Case) -> None:
    case_id, user, number = case.id, make_user("quality", case.site), case.number
    name_in_lists = person_name(case.applicant)
    assert name_in_lists != f"{case.applicant.family_name}, {case.applicant.given_names}", "in capitals"
    db.session.commit()
    client = sign_in(app, user)
    for name, words in (("treatment", "Lost to follow-up"), ("presumptive", "NBO-TB00001"),
                        ("laboratory", "positive (2+)")):
        text = client.get(f"/tuberculosis?register={name}").get_data(as_text=True)
        assert words in text and number in text and name_in_lists in text, name
    answer = client.get("/tuberculosis/export.csv?register=treatment")
    (line,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert answer.content_type.startswith("text/csv") and line["case"] == number and line["basis"] == "NAAT"
    assert line["outcome"] == "Lost to follow-up" and date.fromisoformat(line["outcome_on"]), "one each"
    assert line["diagnosed_on"] and "notification_number" in line
    with audit_engine().connect() as connection:
        reads = list(connection.execute(select(audit_read).where(audit_read.c.action == "export-tb-register")))
    assert len(reads) == 1 and case_id in reads[0].detail
    assert client.get("/tuberculosis?from=tomorrow").status_code == 422
    assert client.get("/tuberculosis?register=nothing").status_code == 404
    assert client.get("/tuberculosis/export.csv?register=treatment&from=nonsense").status_code == 422


@pytest.mark.parametrize(("role", "status"), [("nurse", 403), ("reception", 403), ("labtech", 403), ("tbteam", 200)])
def test_registers_are_not_for_everybody(app: Flask, role: str, status: int) -> None:
    client = sign_in(app, make_user(role))
    for path in ("", "/indicators", "/indicators.csv"):
        assert client.get(f"/tuberculosis{path}").status_code == status


def _examined(user: User, born: str, day: date, **words: Answer) -> Case:
    person = make_applicant(user, birth_date=born, sex=Sex.MALE)
    made = make_case("us", person, user, circumstances=dict(words))
    made.exam_date = day
    db.session.flush()
    return made


def test_monthly_counts_of_cdc(app: Flask) -> None:
    user = make_user("reception")
    radiologist, team = make_user("radiologist", user.site), make_user("tbteam", user.site)
    march, april = date(2026, 3, 31), date(2026, 4, 1)
    both = _examined(user, "1990-05-01", march, tb_symptoms=Answer.YES, hiv_known=Answer.YES)
    _examined(user, "2011-04-01", march)  # 14 until the next day
    _examined(user, "2011-04-01", april)  # 15 today
    small = _examined(user, "2024-04", april, tb_symptoms=Answer.YES)  # in the middle of the month: not yet two
    positive = _examined(user, "1980", march, hiv_known=Answer.YES)
    _examined(user, "1980", march, hiv_known=Answer.YES, tb_symptoms=Answer.YES)  # no film yet: neither 2b nor 2c
    for normal in (small, positive):
        record_reading(normal, NewReading(taken_on=march, view="pa", findings=("NORMAL",), confirmed=[
            ELSEWHERE, "long-ago-taken_on", "lateral"]), radiologist)
    record_reading(both, NewReading(taken_on=march, view="pa", findings=("CAVITY",), confirmed=[
        ELSEWHERE, "long-ago-taken_on"]), radiologist)
    _examined(user, "1990-01-01", date(2026, 5, 1))
    make_case("ca", user=user).exam_date = march
    db.session.flush()
    assert count_indicators(team, date(2026, 3, 1), date(2026, 4, 30)) == {
        "2026-03": _counts({"1a": 4, "1b": 3, "1c": 1, "2a": 1, "2c": 1, "2d": 2}),
        "2026-04": _counts({"1a": 2, "1b": 1, "1d": 1, "2b": 1, "2d": 1}),
    }
    assert count_indicators(make_user("tbteam", make_site("KSM")), date(2026, 3, 1), april) == {}
    whole = count_indicators(team, date(2026, 1, 1), date(2026, 6, 30))
    assert list(whole) == ["2026-03", "2026-04", "2026-05", "2026-06"], "a month without anybody is a column of noughts"
    assert set(whole["2026-06"].values()) == {0}


@pytest.mark.database
def test_monthly_counts_say_who_is_in_none_of_them(app: Flask) -> None:
    """Cases without a day of examination were left out in silence."""
    team = make_user("tbteam")
    _examined(team, "1990-05-01", get_today(make_case("us", user=team)))
    ended = make_case("us", user=team)
    ended.state = CaseState.WITHDRAWN
    make_case("ca", user=team)
    earlier = make_case("us", user=team)
    earlier.opened_at -= timedelta(days=800)
    db.session.flush()
    client = sign_in(app, team)
    words = "Not counted: 1 case opened in this period has no day of examination yet."
    assert words in client.get("/tuberculosis/indicators").text
    lines = list(csv.reader(io.StringIO(client.get("/tuberculosis/indicators.csv").data.decode("utf-8-sig"))))
    assert [line[0] for line in lines] == ["row", *ROWS, ""], "CDC's own rows stay as they are"
    assert lines[-1][1] == words and len(lines[-1]) == len(lines[0]) == 3
    assert "Not counted" not in client.get("/tuberculosis/indicators?from=2020-01-01&to=2020-02-01").text


def _counts(given: dict[str, int]) -> dict[str, int]:
    return dict.fromkeys(ROWS, 0) | given


def test_who_may_be_infectious_is_marked_in_the_registers(app: Flask, case: Case) -> None:
    client = sign_in(app, make_user("tbteam", case.site))
    page = client.get("/tuberculosis?register=treatment").text
    assert case.number in page
    assert page.count("hold-sign") == page.count(case.number) > 0
