"""The tuberculosis case at the screen: who may do what, one form at a time, the calendar of doses."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.models import (
    Applicant,
    Case,
    CaseState,
    LabComponent,
    LabResult,
    ResultStatus,
    Task,
    TbCase,
    TbDose,
    TbOutcome,
    TbPhase,
    Treatment,
    User,
)
from clinic.rules.age import add_months
from clinic.services import tb_summary
from clinic.services.assessment import assess
from clinic.services.plausibility import get_today
from clinic.services.tb_summary import EndCultures
from clinic.web.clinical_format import format_date
from tests.factory import make_case, make_user
from tests.fhir.story import make_staff, sign_clean
from tests.sign_in import sign_in

DRUGS = {"drugs.isoniazid": "300", "drugs.rifampicin": "600", "drugs.pyrazinamide": "1500", "drugs.ethambutol": "1000"}

HR = {name: dose for name, dose in DRUGS.items() if name in ("drugs.isoniazid", "drugs.rifampicin")}


@pytest.fixture
def case(app: Flask) -> Case:
    """A case on which nothing has been done."""
    made = make_case("us", user=make_user("reception"))
    db.session.commit()
    return made


def _client(app: Flask, role: str, case: Case) -> tuple[FlaskClient, str, date]:
    user = make_user(role, case.site)
    case_id, today = case.id, get_today(case)
    db.session.commit()
    return sign_in(app, user), f"/cases/{case_id}/tuberculosis", today


def _meet(client: FlaskClient, base: str) -> None:
    """Confirm who takes the dose."""
    assert client.post(f"{base.removesuffix('/tuberculosis')}/identity/treatment",
                       data={"seen": "known"}).status_code == 302


def _diagnosis(today: date) -> dict[str, object]:
    return {"diagnosed_on": today.isoformat(), "basis": "clinical", "site_of_disease": "pulmonary", "history": "new",
            "hiv_untested": "declined", "notified_on": today.isoformat(), "notified_to": "County TB office",
            "confirmed": ["clinical-only"]}


def _begin(client: FlaskClient, base: str, today: date) -> None:
    assert client.post(f"{base}/diagnosis", data=_diagnosis(today)).status_code == 302
    answer = client.post(f"{base}/phase", data={
        "name": "intensive", "regimen": "hrze-hr-daily", "weight_kg": "60", "days_per_week": "7",
        "started_on": (today - timedelta(days=9)).isoformat(), **DRUGS})
    assert answer.status_code == 302, answer.get_data(as_text=True)[-3000:]


def test_reason_for_no_hiv_test_does_not_stand_for_the_test(app: Flask, case: Case) -> None:
    """The reason was taken, and the exam could never be signed: nothing said why."""
    client, base, today = _client(app, "tbteam", case)
    assert client.post(f"{base}/diagnosis", data=_diagnosis(today)).status_code == 302
    assert "still ask for the HIV test" in client.get(base).get_data(as_text=True)


def test_dose_of_today_is_in_the_list_until_it_is_written(app: Flask, case: Case) -> None:
    """Who gives the doses had no list of whose is due: they searched for each person."""
    team = make_user("tbteam", case.site)
    client, base, today = _client(app, "nurse", case)
    doctor = sign_in(app, team)
    assert "Doses of today" not in client.get("/").get_data(as_text=True)
    _begin(doctor, base, today)
    page = client.get("/?view=treat").get_data(as_text=True)
    assert "Doses of today" in page and f'href="{base}"' in page and ">Treatment<" in page
    assert f'href="{base}"' in doctor.get("/?view=treat").get_data(as_text=True)
    _meet(client, base)
    assert client.post(f"{base}/today", data={"place": "clinic"}).status_code == 302
    assert f'href="{base}"' not in client.get("/?view=treat").get_data(as_text=True)


@pytest.mark.parametrize("programme", ["ca", "au", "nz", "uk"])
def test_no_other_programme_is_told_of_a_class(
    app: Flask, programme: str, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page said "Class A by your judgement alone", and "its new class", to all the others."""
    case = make_case(programme, user=make_user("reception"))
    client, base, today = _client(app, "physician", case)
    asked = client.post(f"{base}/diagnosis", data=_diagnosis(today) | {"confirmed": []})
    page = unescape(asked.get_data(as_text=True))
    assert asked.status_code == 422 and "not cleared, by your judgement alone" in page and "Class A" not in page
    _begin(client, base, today)
    ends = EndCultures(3, 3, 0, False, today)
    monkeypatch.setattr(tb_summary, "find_end_cultures", lambda _case: ends)
    case_id = base.split("/")[2]
    for state in (CaseState.IN_PROGRESS, CaseState.SIGNED):
        with write_unit():
            db.session.execute(select(TbCase).where(TbCase.case_id == case_id)).scalar_one().outcome = TbOutcome.CURED
            db.session.get_one(Case, case_id).state = state
        said = unescape(client.get(base).get_data(as_text=True)).partition("What comes next")[2].partition("Doses")[0]
        assert "The treatment is over" in said and "class" not in re.sub(r"<[^>]*>", "", said)


def test_diagnosis_phase_and_todays_dose(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "tbteam", case)
    assert "Record the diagnosis" in client.get(base).get_data(as_text=True)
    asked = client.post(f"{base}/diagnosis", data=_diagnosis(today) | {"confirmed": []})
    assert asked.status_code == 422 and "by your judgement alone" in asked.get_data(as_text=True)
    _begin(client, base, today)
    _meet(client, base)
    assert client.post(f"{base}/today", data={"place": "clinic"}).status_code == 302
    text = client.get(base).get_data(as_text=True)
    assert "1 of 56 given" in text and "9 days without a dose" in text and "Extend the phase" in text
    again = client.post(f"{base}/today", data={"place": "clinic"})
    assert again.status_code == 409


def test_diagnosis_that_was_wrong_is_ended_on_its_page_before_any_treatment(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "tbteam", case)
    assert client.post(f"{base}/diagnosis", data=_diagnosis(today)).status_code == 302
    assert "Not tuberculosis after all" in client.get(base).get_data(as_text=True)
    ended = client.post(f"{base}/outcome", data={
        "end.outcome": "not-tb", "end.outcome_on": today.isoformat(), "end.remark": "the film was another person's"})
    assert ended.status_code == 302, ended.get_data(as_text=True)[-2000:]
    page = client.get(base).get_data(as_text=True)
    assert "Begin the treatment" not in page and "Take the outcome back" in page


def test_observed_dose_asks_who_took_it_on_each_day(app: Flask, case: Case) -> None:
    """The button and the calendar alike; what others watched, and earlier days, ask for nobody."""
    client, base, today = _client(app, "tbteam", case)
    with read_unit() as session:
        me = session.execute(select(User).where(User.roles.any(name="tbteam"))).unique().scalar_one().id
    _begin(client, base, today)
    page = client.get(base).get_data(as_text=True)
    assert f"/cases/{base.split('/')[2]}/identity/treatment?" in page and "Given today: I watched it" not in page
    refused = client.post(f"{base}/today", data={"place": "clinic"})
    assert refused.status_code == 409 and "Nobody confirmed who is in front of you" in refused.get_data(as_text=True)
    before = today - timedelta(days=1)
    both = {f"was-{before}": "-", f"day-{before}": "g", f"was-{today}": "-", f"day-{today}": "g", "place": "clinic",
            "observer_id": me, "month": f"{today:%Y-%m}"}
    refused = client.post(f"{base}/doses", data=both)
    assert refused.status_code == 422 and "Confirm first who is in front of you" in refused.get_data(as_text=True)
    with read_unit() as session:
        assert session.execute(select(TbDose)).first() is None
    assert client.post(f"{base}/doses", data=both | {f"day-{today}": ""}).status_code == 302, "yesterday's, from notes"
    _meet(client, base)
    assert "Given today: I watched it" in client.get(base).get_data(as_text=True)
    both |= {f"was-{before}": "G"}
    assert client.post(f"{base}/doses", data=both).status_code == 302


def test_signed_exam_goes_on_with_its_doses_and_says_how_it_is_amended(app: Flask) -> None:
    staff = make_staff()
    signed = sign_clean(staff, "us")
    case_id, applicant_id, today = signed.id, signed.applicant_id, get_today(signed)
    base = f"/cases/{case_id}/tuberculosis"
    client, physician, nurse = (sign_in(app, staff[role]) for role in ("tbteam", "physician", "nurse"))
    _begin(client, base, today)
    _meet(nurse, base)
    assert nurse.post(f"{base}/today", data={"place": "clinic"}).status_code == 302
    page = client.get(base).get_data(as_text=True)
    assert "Ask the physician to amend it" in page and f"/cases/{case_id}/amendment" in page
    page = physician.get(base).get_data(as_text=True)
    assert "Open the signed exam to amend it" in page and "What was signed stands until then." in page
    exam = re.search(r'href="/exams/([^"]+)"', page)
    assert exam
    with read_unit() as session:
        assert session.execute(select(Treatment)).first() is None, "what was signed stays as it is"
    assert physician.post(f"/exams/{exam[1]}/amend", data={"reason": "treated since"}).status_code == 302
    with read_unit() as session:
        row = session.execute(select(Treatment)).unique().scalar_one()
        assert (row.case_id, row.doses_given, row.is_supervised) == (case_id, 1, True)
        assert assess(session.get_one(Case, case_id))["classes"] == ["A"]
    assert "Open the signed exam to amend it" not in physician.get(base).get_data(as_text=True)
    with write_unit() as session:
        reception = session.get_one(User, staff["reception"].id)
        other = make_case("us", session.get_one(Applicant, applicant_id), reception).id
    page = client.get(f"/cases/{other}/tuberculosis").get_data(as_text=True)
    assert "of this person stands on case" in page and f'href="{base}"' in page


def test_refusal_says_what_comes_next_also_after_the_signature(app: Flask, case: Case) -> None:
    """A signed exam asked for its amendment, and the day of the next one stayed "Not recorded"."""
    client, base, today = _client(app, "tbteam", case)
    case_id, day = case.id, today - timedelta(days=20)
    assert client.post(f"{base}/diagnosis", data=_diagnosis(day)).status_code == 302
    refusal = {"refusal.refused_on": day.isoformat(), "refusal.refusal_reason": "wants treatment at home"}
    assert client.post(f"{base}/refusal", data=refusal).status_code == 302
    page = client.get(base).get_data(as_text=True)
    assert "signed as not cleared" in page and "write down its last dose below" in page
    with write_unit() as session:
        session.get_one(Case, case_id).state = CaseState.SIGNED
    page = client.get(base).get_data(as_text=True)
    assert "write down its last dose below" in page and "to amend it" not in page
    assert client.post(f"{base}/refusal", data=refusal | {
        "refusal.elsewhere": "Chest clinic", "refusal.elsewhere_began_on": day.isoformat(),
        "refusal.elsewhere_ended_on": day.isoformat()}).status_code == 302
    page = client.get(base).get_data(as_text=True)
    assert f"taken again from {add_months(day, 12):%d-%b-%Y}" in page and "a whole new examination" in page


def test_page_says_what_comes_next_and_misses_no_dose_after_the_last(app: Flask, case: Case) -> None:
    watcher = make_user("nurse", case.site)
    client, base, today = _client(app, "tbteam", case)
    nurse = sign_in(app, watcher)
    assert client.post(f"{base}/diagnosis", data=_diagnosis(today - timedelta(days=20))).status_code == 302
    days = [today - timedelta(days=n) for n in range(18, 14, -1)]
    for name, (first, last), drugs in (("intensive", days[:2], DRUGS), ("continuation", days[2:], HR)):
        assert client.post(f"{base}/phase", data={
            "name": name, "regimen": "hrze-hr-daily", "weight_kg": "60", "days_per_week": "7", "planned_doses": "2",
            "started_on": first.isoformat(), **drugs}).status_code == 302
        for day in (first, last):
            assert client.post(f"{base}/doses", data={
                f"was-{day}": "-", f"day-{day}": "g", "month": f"{day:%Y-%m}", "place": "home"}).status_code == 302
        page = client.get(base).get_data(as_text=True)
        assert "What comes next" in page
        is_first = name == "intensive"
        assert ("Begin the continuation phase" in page) is is_first
        assert ("2 specimens are to be taken" in page) is not is_first
        assert ("days without a dose" in page) is is_first, "doses go on after the first phase"
        assert ("Begin the continuation phase" in nurse.get(base).get_data(as_text=True)) is False
    assert "Give today" not in page


def test_damaged_forms_of_doses_are_refused_in_words(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "tbteam", case)
    _begin(client, base, today)
    _meet(client, base)
    given = {f"was-{today}": "-", f"day-{today}": "g", "month": f"{today:%Y-%m}"}
    assert client.post(f"{base}/today", data={"place": "moon"}).status_code == 422
    assert client.post(f"{base}/doses", data=given | {"place": "moon"}).status_code == 422
    answer = client.post(f"{base}/doses", data=given | {"was-yesterday": "-"})
    assert answer.status_code in (400, 409) and "came back damaged" in answer.get_data(as_text=True)
    with read_unit() as session:
        assert session.execute(select(TbDose)).first() is None


def test_usual_doses_are_suggested_for_the_weight(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "physician", case)
    client.post(f"{base}/diagnosis", data=_diagnosis(today))
    text = client.post(f"{base}/phase", data={
        "name": "intensive", "regimen": "hrze-hr-daily", "weight_kg": "50", "suggest": "1"}).get_data(as_text=True)
    assert 'name="drugs.isoniazid" type="text" spellcheck="false" value="250"' in text and "200 to 300 mg" in text
    assert "Fixed-dose tablets a day: 3" in text
    with read_unit() as session:
        assert session.execute(select(TbPhase)).first() is None


def test_doses_of_medicines_that_another_choice_does_not_name_stay_and_are_asked_about(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "tbteam", case)
    _begin(client, base, today)
    form = {"name": "continuation", "regimen": "hrze-hr-daily", "weight_kg": "60", "days_per_week": "7",
            "started_on": today.isoformat(), **DRUGS}
    for more in ({"suggest": "1"}, {"weight_kg": "", **DRUGS}, {"confirmed": "intensive-short"}):
        answer = client.post(f"{base}/phase", data=form | more)
        text = answer.get_data(as_text=True)
        assert answer.status_code == (200 if "suggest" in more else 422)
        assert "This choice does not name them" in text
        assert 'name="drugs.ethambutol" type="text" spellcheck="false" value="1000"' in text
        assert 'name="drugs.pyrazinamide" type="text" spellcheck="false" value="1500"' in text
    assert "Ethambutol is not part of this phase of the regimen." in text
    kept = form | {"drugs.pyrazinamide": "", "confirmed": ["intensive-short", "beside-ethambutol"]}
    assert client.post(f"{base}/phase", data=kept).status_code == 302
    with read_unit() as session:
        drugs = session.execute(select(TbPhase.drugs).order_by(TbPhase.started_on.desc())).scalars().first()
    assert drugs is not None and sorted(drugs) == ["ethambutol", "isoniazid", "rifampicin"]


def test_calendar_takes_letters_and_refuses_what_somebody_else_changed(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "tbteam", case)
    _begin(client, base, today)
    first, second = today - timedelta(days=1), today
    month = second.strftime("%Y-%m")
    days = {f"was-{first}": "-", f"was-{second}": "-", f"day-{first}": "g", f"day-{second}": "M", "month": month,
            "place": "home"}
    refused = client.post(f"{base}/doses", data=days)
    assert refused.status_code == 422 and "Say why it was missed" in refused.get_data(as_text=True)
    assert client.post(f"{base}/doses", data=days | {"reason": "vomited"}).status_code == 302
    with read_unit() as session:
        found = {dose.day: (dose.state, dose.reason, dose.place) for dose in session.execute(select(TbDose)).scalars()}
    assert found == {first: ("given", "", "home"), second: ("missed", "vomited", None)}
    stale = client.post(f"{base}/doses", data=days | {"reason": "vomited"})
    assert stale.status_code == 422 and "meanwhile" in stale.get_data(as_text=True)
    assert "Type G / M / H" in client.post(f"{base}/doses", data={
        f"was-{second}": "M", f"day-{second}": "x", "month": month}).get_data(as_text=True)
    page = client.get(f"{base}/doses?month={month}").get_data(as_text=True)
    assert "vomited" in page and f'id="day-{second}"' in page


def test_months_side_effects_interruption_and_outcome(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "tbteam", case)
    _begin(client, base, today)
    day = today.isoformat()
    wrong = client.post(f"{base}/months", data={"month.month": "0", "month.checked_on": day, "month.weight_kg": "x"})
    assert wrong.status_code == 422 and 'id="month.weight_kg-error"' in wrong.get_data(as_text=True)
    assert client.post(f"{base}/months", data={
        "month.month": "0", "month.checked_on": day, "month.weight_kg": "60,5"}).status_code == 302
    assert client.post(f"{base}/side-effects", data={
        "effect.kind": "rash", "effect.grade": "1", "effect.began_on": day, "effect.action": "none"}).status_code == 302
    gap = (today - timedelta(days=9)).isoformat()
    assert client.post(f"{base}/interruptions/{gap}", data={
        f"gap-{gap}.decision": "extend", f"gap-{gap}.extra_doses": "9",
        f"gap-{gap}.reason": "came a week late"}).status_code == 302
    text = client.get(base).get_data(as_text=True)
    assert "60.5 kg" in text and "Rash, itching" in text and "came a week late" in text and "of 65 given" in text
    assert client.post(f"{base}/outcome", data={"end.outcome": "lost", "end.outcome_on": day}).status_code == 422
    assert client.post(f"{base}/outcome", data={
        "end.outcome": "lost", "end.outcome_on": day, "end.remark": "moved away"}).status_code == 302
    assert client.post(f"{base}/outcome/reopen", data={"reason": ""}).status_code == 422
    assert client.post(f"{base}/outcome/reopen", data={"reason": "came back"}).status_code == 302


def test_side_effect_goes_on_with_what_is_known_of_it(app: Flask, case: Case) -> None:
    """Its beginning had to be typed again, and was today's where nobody minded."""
    client, base, today = _client(app, "tbteam", case)
    _begin(client, base, today)
    began = today - timedelta(days=3)
    form = {"effect.kind": "rash", "effect.grade": "3", "effect.began_on": began.isoformat(),
            "effect.action": "all-stopped", "effect.remark": "whole body"}
    assert client.post(f"{base}/side-effects", data=form).status_code == 302
    text = client.get(base).get_data(as_text=True)
    assert "All medicines stopped" in text and "dose is held back until" in text
    way = re.search(r'href="([^"]+effect=[^"#]+)#effect"', text)
    assert way
    filled = client.get(way[1]).get_data(as_text=True)
    assert "How it goes on: Rash, itching" in filled and f'value="{format_date(began)}"' in filled
    effect_id = way[1].partition("effect=")[2]
    ended = client.post(f"{base}/side-effects", data=form | {
        "effect.ended_on": today.isoformat(), "replaces_id": effect_id})
    assert ended.status_code == 302
    text = client.get(base).get_data(as_text=True)
    assert "dose is held back until" not in text and "How it goes on" not in text
    assert client.get(way[1]).status_code == 404, "another entry has taken its place"


def test_stopped_medicines_stand_as_held_back_and_in_what_was_given(app: Flask, case: Case) -> None:
    """The page asked for the dose, the calendar took it, and the phases showed what was prescribed alone."""
    client, base, today = _client(app, "tbteam", case)
    _begin(client, base, today)
    _meet(client, base)
    first = today - timedelta(days=7)
    assert client.post(f"{base}/doses", data={
        f"was-{first}": "-", f"day-{first}": "G", "month": f"{first:%Y-%m}"}).status_code == 302
    assert client.post(f"{base}/side-effects", data={
        "effect.kind": "hepatitis", "effect.grade": "3", "effect.began_on": first.isoformat(),
        "effect.action": "all-stopped"}).status_code == 302
    text = client.get(base).get_data(as_text=True)
    assert "Today: Held back" in text and "I watched it" not in text and "1 held back" in text
    begun, last = format_date(today - timedelta(days=9)), format_date(first)
    assert f"From {last}, last on {last}" in text and f"prescribed from {begun}" in text
    assert f"All medicines stopped: Liver injury (since {format_date(today)})" in text
    refused = client.post(f"{base}/today", data={"place": "clinic"})
    assert refused.status_code == 422 and "Before one is given" in refused.get_data(as_text=True)
    page = client.get(f"{base}/doses").get_data(as_text=True)
    assert f'<output class="doses__mark" id="day-{today}">H</output>' in page
    assert "All medicines stopped: Liver injury" in page and "confirm who is in front of you" not in page
    refused = client.post(f"{base}/doses", data={
        f"was-{today}": "-", f"day-{today}": "G", "month": f"{today:%Y-%m}"})
    assert refused.status_code == 422 and "Before one is given" in refused.get_data(as_text=True)
    assert client.post(f"{base}/outcome", data={
        "end.outcome": "died", "end.outcome_on": today.isoformat(), "end.remark": "liver failure"}).status_code == 302
    for path in (base, f"{base}/doses"):
        assert "held back until a physician" not in client.get(path).get_data(as_text=True), "nobody decides any more"
    with read_unit() as session:
        asked = session.execute(select(Task.outcome).where(Task.kind == "medicines-stopped")).scalars().all()
    assert asked == ["decided-on"]


def test_phase_that_was_recorded_by_mistake_is_not_called_begun_anew(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "tbteam", case)
    _begin(client, base, today)
    with read_unit() as session:
        phase = session.execute(select(TbPhase.id)).scalar_one()
    assert client.post(f"{base}/phase/{phase}/void", data={"reason": "another person's"}).status_code == 302
    text = client.get(base).get_data(as_text=True)
    assert "Taken back" in text and "Begun anew" not in text and "No dose given" in text


def test_medicines_are_changed_from_those_of_now_for_the_doses_that_are_left(app: Flask, case: Case) -> None:
    users = [make_user(role, case.site) for role in ("nurse", "tbteam")]
    base, today = f"/cases/{case.id}/tuberculosis", get_today(case)
    db.session.commit()
    nurse, client = (sign_in(app, user) for user in users)
    _begin(client, base, today)
    way = re.search(r'href="([^"]+)">Change the medicines', client.get(base).get_data(as_text=True))
    assert way
    form = client.get(unescape(way[1])).get_data(as_text=True)
    assert 'name="drugs.pyrazinamide"' in form and 'value="56"' in form
    text = nurse.get(base).get_data(as_text=True)
    assert "Change the medicines" not in text and "A physician or the tuberculosis team decides." in text


def test_medicine_that_the_bacilli_resist_is_named_above_the_doses(app: Flask, case: Case) -> None:
    """The page said “multidrug-resistant”, and neither what resists nor that it is given."""
    client, base, today = _client(app, "tbteam", case)
    _begin(client, base, today)
    with write_unit() as session:
        who = session.execute(select(User.id).limit(1)).scalar_one()
        for method, answer in (("molecular", "resistant"), ("phenotypic-liquid", "susceptible")):
            row = LabResult(case_id=base.split("/")[2], performed_on=today, test="dst", value="resistant",
                            method=method, status=ResultStatus.FINAL, entered_at=clock.now(), entered_by_id=who)
            row.components = [LabComponent(name="rifampicin", value=answer),
                              LabComponent(name="pas", value="resistant")]
            session.add(row)
    page = client.get(base).get_data(as_text=True)
    assert "The bacilli resist para-aminosalicylic acid, rifampicin." in page
    assert "Tests differ on rifampicin" in page and "The treatment gives rifampicin all the same." in page
    assert page.index("all the same") < page.index("0 of 56 given")
    begun = client.post(f"{base}/phase", data={
        "name": "intensive", "regimen": "other", "detail": "agreed", "weight_kg": "60", "days_per_week": "7",
        "planned_doses": "56", "started_on": today.isoformat(), "drugs.isoniazid": "300"})
    assert begun.status_code == 302, begun.get_data(as_text=True)[:6000]
    assert "all the same" not in client.get(base).get_data(as_text=True)


def test_refusal_and_its_withdrawal(app: Flask, case: Case) -> None:
    client, base, today = _client(app, "tbteam", case)
    client.post(f"{base}/diagnosis", data=_diagnosis(today))
    assert client.post(f"{base}/refusal", data={"refusal.refused_on": today.isoformat()}).status_code == 422
    assert client.post(f"{base}/refusal", data={
        "refusal.refused_on": today.isoformat(), "refusal.refusal_reason": "at home"}).status_code == 302
    assert "Treatment refused" in client.get(base).get_data(as_text=True)
    assert client.post(f"{base}/refusal/withdraw", data={"reason": "stays here"}).status_code == 302


@pytest.mark.parametrize(("role", "path", "status"), [
    ("nurse", "/diagnosis", 403), ("nurse", "/outcome", 403), ("labtech", "/doses", 403), ("labtech", "/months", 403),
    ("nurse", "/months", 404), ("physician", "/outcome", 404),
])
def test_who_may_do_what(app: Flask, case: Case, role: str, path: str, status: int) -> None:
    client, base, _today = _client(app, role, case)
    assert client.post(f"{base}{path}", data={}).status_code == status


def test_other_site_sees_nothing(app: Flask, case: Case) -> None:
    from tests.factory import make_site

    case_id = case.id
    client = sign_in(app, make_user("tbteam", make_site("KSM")))
    assert client.get(f"/cases/{case_id}/tuberculosis").status_code == 404
    with read_unit() as session:
        assert session.execute(select(TbCase)).first() is None
