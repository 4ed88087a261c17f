"""The pages of the stations: what each role sees and may do, refusals in place, other sites unseen."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.models import (
    Answer,
    Case,
    FormResponse,
    FormStatus,
    LabResult,
    ResultStatus,
    Sex,
    Specimen,
    User,
    VaccineDose,
    XrayReading,
)
from clinic.schemas.imaging import NewReading
from clinic.services.plausibility import get_today
from clinic.services.radiology import ELSEWHERE, record_reading
from clinic.xray_finding import XrayResult
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.sign_in import sign_in

PAGES = ("forms/us-medical-exam", "laboratory", "xray", "sputum", "vaccination")


@pytest.fixture
def base(app: Flask) -> str:
    """Address of a US case on which nothing has been done."""
    case = make_case("us", user=make_user("reception"))
    return f"/cases/{case.id}"


@pytest.fixture
def today(base: str) -> str:
    """Today at the case's site."""
    case = db.session.get(Case, base.rsplit("/", 1)[1])
    assert case is not None
    return get_today(case).isoformat()


def _client(app: Flask, role: str, base: str | None = None) -> FlaskClient:
    return sign_in(app, make_user(role), base and base.rsplit("/", 1)[1])


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["nurse", "labtech", "radiologist", "physician", "quality"])
def test_page_opens_for_everybody_of_the_site(app: Flask, base: str, page: str, role: str) -> None:
    assert _client(app, role, base).get(f"{base}/{page}").status_code == 200


@pytest.mark.parametrize("page", [*PAGES, "sign"])
def test_case_of_another_site_is_not_found(app: Flask, base: str, page: str) -> None:
    other = make_user("physician", make_site("AMM", country="JOR"))
    assert sign_in(app, other).get(f"{base}/{page}").status_code == 404


@pytest.mark.parametrize(("path", "role"), [
    ("laboratory", "nurse"), ("xray", "physician"), ("sputum/specimens", "radiologist"),
    ("sputum/results", "phlebotomist"), ("vaccination/doses", "labtech"), ("forms/us-medical-exam", "labtech"),
    ("sign", "nurse"),
])
def test_role_without_the_permission_may_not_post(app: Flask, base: str, path: str, role: str) -> None:
    assert _client(app, role).post(f"{base}/{path}", data={}).status_code == 403


def test_sheet_saves_all_rows_and_another_person_confirms(app: Flask, base: str, today: str) -> None:
    technician, supervisor = make_user("labtech"), make_user("labsupervisor")
    form = {"performed_on": today, "igra.value": "negative", "igra.kind": "qft-plus", "igra.qft-plus-nil": "0,05",
            "igra.qft-plus-tb1": "0.10", "igra.qft-plus-tb2": "0.06", "igra.qft-plus-mitogen": "9",
            "syphilis-nontreponemal.value": "nonreactive"}
    client = sign_in(app, technician)
    assert client.post(f"{base}/laboratory", data=form).status_code == 302
    with read_unit() as session:
        rows = {row.test: row.id for row in session.execute(select(LabResult)).scalars()}
    assert set(rows) == {"igra", "syphilis-nontreponemal"}
    own = client.get(f"{base}/laboratory/{rows['igra']}")
    assert "another person must confirm" in _text(own)
    assert client.post(f"{base}/laboratory/{rows['igra']}/confirm").status_code == 403
    other = sign_in(app, supervisor)
    assert "QuantiFERON" not in _text(other.get("/laboratory")) and "IGRA" in _text(other.get("/laboratory"))
    answer = other.post(f"{base}/laboratory/{rows['igra']}/confirm", data={"from": "list"})
    assert answer.headers["Location"] == "/laboratory"
    with read_unit() as session:
        assert session.get(LabResult, rows["igra"]).status is ResultStatus.FINAL  # type: ignore[union-attr]


def test_wrong_row_saves_nothing_and_is_marked_where_it_stands(app: Flask, base: str, today: str) -> None:
    form = {"performed_on": today, "syphilis-nontreponemal.value": "nonreactive", "igra.value": "negative",
            "igra.kind": "qft-plus", "igra.qft-plus-nil": "much"}
    answer = _client(app, "labtech", base).post(f"{base}/laboratory", data=form)
    text = _text(answer)
    assert answer.status_code == 422
    assert 'href="#igra.qft-plus-nil"' in text and 'value="much"' in text
    with read_unit() as session:
        assert session.execute(select(LabResult)).first() is None


def test_igra_that_disagrees_is_saved_after_the_tick(app: Flask, base: str, today: str) -> None:
    form = {"performed_on": today, "igra.value": "negative", "igra.kind": "qft-plus", "igra.qft-plus-nil": "0.05",
            "igra.qft-plus-tb1": "4", "igra.qft-plus-tb2": "0.06", "igra.qft-plus-mitogen": "9"}
    client = _client(app, "labtech", base)
    answer = client.post(f"{base}/laboratory", data=form)
    assert answer.status_code == 422 and 'value="igra-positive"' in _text(answer)
    assert client.post(f"{base}/laboratory", data={**form, "confirmed": "igra-positive"}).status_code == 302


def test_result_is_sent_back_only_with_a_reason(app: Flask, base: str, today: str) -> None:
    people = make_user("labtech"), make_user("labsupervisor")
    client, other = (sign_in(app, person, base.rsplit("/", 1)[1]) for person in people)
    client.post(f"{base}/laboratory", data={"performed_on": today, "syphilis-nontreponemal.value": "reactive"})
    with read_unit() as session:
        result_id = session.execute(select(LabResult.id)).scalar_one()
    refused = other.post(f"{base}/laboratory/{result_id}/refuse", data={"reason": " "})
    assert refused.status_code == 422 and 'href="#refuse-reason"' in _text(refused)
    assert other.post(f"{base}/laboratory/{result_id}/refuse", data={"reason": "other person"}).status_code == 302
    assert "Sent back" in _text(other.get(f"{base}/laboratory"))


def test_correction_page_shows_both_versions(app: Flask, base: str, today: str) -> None:
    client = _client(app, "labtech", base)
    client.post(f"{base}/laboratory", data={"performed_on": today, "syphilis-nontreponemal.value": "reactive"})
    with read_unit() as session:
        result_id = session.execute(select(LabResult.id)).scalar_one()
    assert "Save the correction" in _text(client.get(f"{base}/laboratory/{result_id}?correct=1"))
    answer = client.post(f"{base}/laboratory/{result_id}/correct", data={
        "performed_on": today, "syphilis-nontreponemal.value": "nonreactive", "reason": "wrong line"})
    assert answer.status_code == 302
    text = _text(client.get(answer.headers["Location"]))
    assert "All versions" in text and "Replaced" in text and "wrong line" in text


def test_reading_is_recorded_and_corrected(app: Flask, base: str, today: str) -> None:
    client = _client(app, "radiologist", base)
    wrong = client.post(f"{base}/xray", data={"taken_on": today, "view": "pa", "findings": ["NORMAL", "CAVITY"]})
    assert wrong.status_code == 422 and "excludes every other" in _text(wrong)
    seen = {"taken_on": today, "view": "pa", "findings": "CAVITY"}
    asked = client.post(f"{base}/xray", data=seen)
    assert asked.status_code == 422 and "read it elsewhere" in _text(asked)
    assert client.post(f"{base}/xray", data=seen | {"confirmed": "film-elsewhere"}).status_code == 302
    with read_unit() as session:
        reading_id = session.execute(select(XrayReading.id)).scalar_one()
    assert "checked" in _text(client.get(f"{base}/xray?correct={reading_id}"))
    answer = client.post(f"{base}/xray/{reading_id}/correct", data={
        "taken_on": today, "view": "pa", "findings": "NORMAL", "reason": "seen again", "confirmed": "film-elsewhere"})
    assert answer.status_code == 302
    text = _text(client.get(f"{base}/xray"))
    assert "Normal findings" in text and "Cavitary lesion" in text and "Replaced" in text


def test_sputum_is_taken_and_entered_cell_by_cell(app: Flask, base: str, today: str) -> None:
    client = _client(app, "tbteam", base)
    for _ in range(3):
        assert client.post(f"{base}/sputum/specimens", data={
            "kind": "sputum", "collected_on": today, "confirmed": "same-day"}).status_code == 302
    with read_unit() as session:
        pots = list(session.execute(select(Specimen.id).order_by(Specimen.number)).scalars())
    form = {f"{pots[1]}.sputum-smear.value": "positive", f"{pots[2]}.sputum-smear.value": "negative"}
    assert client.post(f"{base}/sputum/results", data=form).status_code == 302
    with read_unit() as session:
        found = {row.specimen_id: row.value for row in session.execute(select(LabResult)).scalars()}
    assert found == {pots[1]: "positive", pots[2]: "negative"}
    early = client.post(f"{base}/sputum/results", data={
        f"{pots[0]}.sputum-smear.value": "negative", f"{pots[0]}.sputum-smear.reported_on": "2020-01-01"})
    assert early.status_code == 422 and "older than the specimen" in _text(early)


def test_uk_mornings_stand_on_the_page_and_a_forfeited_series_says_what_to_do(app: Flask) -> None:
    """"2 specimens are still to be taken" stood beside a series that gives no certificate."""
    uk = make_case("uk", make_applicant(make_user("reception"), sex=Sex.MALE), category="FIANCE",
                   circumstances={"listed_presence": Answer.YES})
    today, case_id, reader_id = get_today(uk), uk.id, make_user("radiologist", uk.site).id
    film, base = today - timedelta(days=8), f"/cases/{uk.id}"
    client = sign_in(app, make_user("tbteam", uk.site), uk.id)
    assert "The first specimen is due" not in _text(client.get(f"{base}/sputum")), "nothing asks for sputum"
    with write_unit() as session:
        record_reading(session.get_one(Case, case_id), NewReading(
            taken_on=film, view="pa", findings=("INFILTRATE",), result=XrayResult.TB.value, confirmed=[ELSEWHERE]),
            session.get_one(User, reader_id))
    assert "take a new film first" in _text(client.get(f"{base}/sputum"))
    with clock.stopped_at(clock.now() - timedelta(days=3)):
        assert "first specimen is due by the morning of" in _text(client.get(f"{base}/sputum"))
    for ago, said in ((3, "take a new film first"), (2, "take a new film first"), (1, "on the morning of")):
        day = today - timedelta(days=ago)
        client.post(f"{base}/sputum/specimens", data={"kind": "sputum", "collected_on": day.isoformat()})
        assert (said in _text(client.get(f"{base}/sputum"))) is (ago > 1)


def test_specimen_that_nobody_watched_is_asked_about_and_says_so(app: Flask, base: str, today: str) -> None:
    client = _client(app, "tbteam", base)
    form = {"kind": "sputum", "collected_on": today, "observed_by_id": ""}
    asked = client.post(f"{base}/sputum/specimens", data=form)
    assert asked.status_code == 422 and "taken under supervision" in _text(asked)
    assert client.post(f"{base}/sputum/specimens", data=form | {"confirmed": "unwatched"}).status_code == 302
    assert "nobody watched" in _text(client.get(f"{base}/sputum"))


def test_species_is_written_beside_whichever_culture_is_open_and_never_lost(
    app: Flask, base: str, today: str
) -> None:
    """Its box stood with the solid medium alone, and what was typed without such a culture was dropped."""
    client = _client(app, "tbteam", base)
    assert client.post(f"{base}/sputum/specimens", data={"kind": "sputum", "collected_on": today}).status_code == 302
    with read_unit() as session:
        pot = session.execute(select(Specimen.id)).scalar_one()
    assert client.post(f"{base}/sputum/inoculation", data={
        "pots": pot, "media": "liquid", "inoculated_on": today}).status_code == 302
    assert f'name="{pot}.species"' in _text(client.get(f"{base}/sputum")), "the liquid medium alone"
    form = {f"{pot}.species": "M. kansasii", "reported_on": today}
    for more in ({}, {f"{pot}.sputum-smear.value": "negative"}):
        refused = client.post(f"{base}/sputum/results", data=form | more)
        text = _text(refused)
        assert refused.status_code == 422 and "A species belongs to" in text and "M. kansasii" in text
    assert client.post(f"{base}/sputum/results", data=form | {
        f"{pot}.sputum-culture-liquid.value": "ntm"}).status_code == 302
    assert "M. kansasii" in _text(client.get(f"{base}/sputum"))


def test_unusual_cultures_are_named_by_their_specimen_and_a_clock_that_ran_out_says_since_when(
    app: Flask, base: str, today: str
) -> None:
    client = _client(app, "tbteam", base)
    for _ in range(2):
        assert client.post(f"{base}/sputum/specimens", data={
            "kind": "sputum", "collected_on": today, "confirmed": "same-day"}).status_code == 302
    with read_unit() as session:
        pots = session.execute(select(Specimen.id, Specimen.number).order_by(Specimen.number)).all()
    form = {f"{pot}.sputum-culture-{medium}.value": "negative"
            for pot, _number in pots for medium in ("liquid", "solid")}
    asked = client.post(f"{base}/sputum/results", data=form | {"reported_on": today})
    page = _text(asked)
    assert asked.status_code == 422 and page.count('name="confirmed"') == 1
    for _pot, number in pots:
        assert f"{number}: A final negative culture before day 42" in page
        assert f"{number}: A final negative culture before day 56" in page
    with write_unit() as session:
        for row in session.execute(select(Specimen)).scalars():
            row.collected_on -= timedelta(days=49)
    page = _text(client.get(f"{base}/sputum"))
    assert "day 49, due since day 42" in page and "day 49 of 56" in page
    assert "Pending, day" not in page, "in its choice the words were cut on a narrow screen"


def test_dose_and_outcome_are_recorded(app: Flask, base: str, today: str) -> None:
    client = _client(app, "nurse", base)
    wrong = client.post(f"{base}/vaccination/doses", data={
        "product": "MMR|03", "source": "given-here", "given_on": today})
    assert wrong.status_code == 422 and 'href="#lot"' in _text(wrong)
    dose = {"product": "MMR|03", "given_on": "2001-05-06", "source": "record"}
    assert client.post(f"{base}/vaccination/doses", data=dose).status_code == 302
    answer = client.post(f"{base}/vaccination/outcomes", data={
        "outcome.MMR": "complete", "outcome.Varicella": "complete"})
    assert answer.status_code == 422 and 'href="#outcome.Varicella"' in _text(answer)
    answer = client.post(f"{base}/vaccination/outcomes", data={
        "outcome.MMR": "complete", "outcome.Varicella": "varicella-history"})
    assert answer.status_code == 302
    with read_unit() as session:
        assert session.execute(select(VaccineDose.cvx)).scalars().all() == ["03"]


@pytest.mark.parametrize("sex", list(Sex))
@pytest.mark.parametrize("role", ["nurse", "physician"])
@pytest.mark.parametrize(("programme", "name"), [
    ("us", "us-medical-exam"), ("ca", "medical-exam"), ("uk", "uk-tb-interview")])
def test_what_a_saved_draft_computes_has_its_place_on_the_page(
    app: Flask, role: str, sex: Sex, programme: str, name: str
) -> None:
    clerk = make_user("reception")
    case = make_case(programme, make_applicant(clerk, sex=sex), clerk)
    client, url = _client(app, role, f"/cases/{case.id}"), f"/cases/{case.id}/forms/{name}"
    places = set(re.findall(r'<output [^>]*id="([^"]+)"', _text(client.get(url))))
    answer = client.post(f"{url}/draft", data={"version": ""})
    assert answer.status_code == 200
    assert set(re.findall(r'<output id="([^"]+)"', _text(answer))) == places


def test_form_is_drafted_by_the_nurse_and_completed_by_the_physician(app: Flask, base: str, today: str) -> None:
    people = make_user("nurse"), make_user("physician")
    nurse, physician = (sign_in(app, person, base.rsplit("/", 1)[1]) for person in people)
    url = f"{base}/forms/us-medical-exam"
    assert "The physician answers this part" in _text(nurse.get(url))
    answer = nurse.post(f"{url}/draft", data={"general.heart": "false", "version": ""})
    assert answer.status_code == 200 and 'name="version"' in _text(answer)
    stale = nurse.post(f"{url}/draft", data={"general.heart": "true", "version": ""})
    assert stale.status_code == 422 and "Somebody else saved" in _text(stale)
    version = _version(nurse, url)
    rest = nurse.post(url, data={"general.heart": "true", "general.heart.detail": "angina", "version": version,
                                 "action": "rest:general"})
    assert rest.headers["Location"].endswith("rest=general#rest-general")
    shown = re.findall(r'name="shown" value="([^"]+)"', nurse.get(rest.headers["Location"]).get_data(as_text=True))
    assert "general.hypertension" in shown and "general.heart" not in shown
    nurse.post(url, data={"general.heart": "true", "general.heart.detail": "angina", "version": _version(nurse, url),
                          "action": "confirm:general", "shown": shown})
    with read_unit() as session:
        answers = session.execute(select(FormResponse.answers)).scalar_one()
    assert answers["general.heart"] is True and answers["general.hypertension"] is False
    assert "general.tobacco" not in answers
    given = {name: str(answer).lower() for name, answer in answers.items() if isinstance(answer, bool)}
    given |= {"general.heart.detail": "angina", "version": _version(nurse, url)}
    assert nurse.post(url, data={**given, "action": "save"}).status_code == 302
    again = nurse.post(url, data={**given, "version": _version(nurse, url), "action": "rest:general"})
    assert "Nothing is open here that this button would answer." in _text(nurse.get(again.headers["Location"]))
    missing = physician.post(url, data={"version": _version(physician, url), "action": "complete"})
    assert missing.status_code == 422 and "exam.skin" in _text(missing)
    with read_unit() as session:
        assert session.execute(select(FormResponse.status)).scalar_one() is FormStatus.IN_PROGRESS


def _version(client: FlaskClient, url: str) -> str:
    found = re.search(r'name="version" id="form-version" value="(\d*)"', client.get(url).get_data(as_text=True))
    assert found
    return found[1]


def test_unknown_form_is_not_found(app: Flask, base: str) -> None:
    assert _client(app, "nurse", base).get(f"{base}/forms/tax-return").status_code == 404


def test_future_date_is_refused_on_the_page(app: Flask, base: str, today: str) -> None:
    from datetime import date

    tomorrow = (date.fromisoformat(today) + timedelta(days=2)).isoformat()
    answer = _client(app, "radiologist", base).post(f"{base}/xray", data={
        "taken_on": tomorrow, "view": "pa", "findings": "NORMAL"})
    assert answer.status_code == 422 and "has not come yet" in _text(answer)


@pytest.mark.parametrize(("programme", "said"), [
    ("us", "the first with a NAAT"), ("ca", "on liquid and solid media"), ("au", "Three early-morning"),
    ("nz", "at least 24 hours apart"), ("uk", "three consecutive mornings")])
def test_page_of_sputum_says_what_its_programme_asks(app: Flask, programme: str, said: str) -> None:
    """Canada, Australia and New Zealand were told of the United States' NAAT."""
    case = make_case(programme, user=make_user("reception"))
    base, user = f"/cases/{case.id}", make_user("tbteam", case.site)
    db.session.commit()
    page = _text(sign_in(app, user).get(f"{base}/sputum"))
    assert said in page and ("with a NAAT" in page) is (programme == "us")


def test_child_whose_work_up_may_be_sputum_is_led_there_by_who_takes_it(app: Flask) -> None:
    """The tuberculosis team was offered nothing: the page of films was the only way."""
    reception = make_user("reception")
    case = make_case("uk", make_applicant(reception, birth_date="2021-05-05"), reception, category="FIANCE",
                     circumstances={"tb_contact": Answer.YES, "listed_presence": Answer.YES})
    base, team, radiologist = f"/cases/{case.id}", make_user("tbteam", case.site), make_user("radiologist", case.site)
    db.session.commit()
    assert f'href="{base}/sputum"' in _text(sign_in(app, team).get(base))
    assert f'href="{base}/xray"' in _text(sign_in(app, radiologist).get(base))
    assert "three gastric lavages" in _text(sign_in(app, team).get(f"{base}/sputum"))
