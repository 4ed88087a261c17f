"""Who is here today, as a page whose rows are remembered: nobody sees what was, or what is another reader's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic import clock
from clinic.db import db, set_mode
from clinic.models import Case, CaseState, IdentityMethod, PhotoSource, User
from clinic.models.requirement import RequirementState
from clinic.schemas.laboratory import NewResult
from clinic.services import form, hold, laboratory, visit
from clinic.services.identity import confirm_identity
from clinic.services.photo import record_photo
from clinic.services.plausibility import get_today
from clinic.services.requirement import list_requirements
from clinic.station import list_stations
from clinic.web.visit import REMEMBERED
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.sign_in import give_consent, sign_in

NOON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # noon in Nairobi
VARYING = re.compile(r'nonce="[^"]*"|csrf_token" value="[^"]*"|data-(?:page|csrf|id)="[^"]*"')
TOKEN = re.compile(r'csrf_token" value="([^"]+)"')


def read(client: FlaskClient) -> str:
    answer = client.get("/today")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def rest(client: FlaskClient) -> None:
    """The next thing is written by the test itself."""
    db.session.rollback()
    set_mode("write")


@pytest.fixture
def people(app: Flask) -> dict[str, User]:
    site = make_site()
    return {"clerk": make_user("reception", site), "nurse": make_user("nurse", site, name="Bea Nurse"),
            "second": make_user("nurse", site, name="Cyd Nurse"), "french": make_user("nurse", site, language="fr"),
            "physician": make_user("physician", site), "radiographer": make_user("radiographer", site)}


def test_page_is_the_same_as_one_made_anew_after_everything_that_happens(app: Flask, people: dict[str, User]) -> None:
    clerk, nurse = people["clerk"], people["nurse"]
    with clock.stopped_at(NOON):
        cases = [make_case("us", make_applicant(clerk, family_name=f"Wanjiru{n}"), clerk) for n in range(3)]
        for case in cases:
            visit.check_in(case, clerk)
        ids = [case.id for case in cases]
        clients = {name: sign_in(app, user) for name, user in people.items()}

    def get(place: int) -> Case:
        return db.session.get_one(Case, ids[place])

    def change_name() -> None:
        get(2).applicant.family_name = "<b>Zanzibar"

    def put_on_hold() -> None:
        get(1).state = CaseState.ON_HOLD

    def enter() -> None:
        laboratory.enter_result(get(0), NewResult("igra", "negative", get_today(get(0))), make_user("labtech"))

    exam = list_stations()["exam"]
    steps = [
        lambda: record_photo(get(0), "0" * 64, 10, PhotoSource.CAMERA, clerk),
        lambda: give_consent(get(0)),
        lambda: confirm_identity(get(0), exam, IdentityMethod.KNOWN, nurse),
        lambda: form.save_draft(get(0), "us-medical-exam", {}, None, nurse),
        lambda: hold.place_hold(get(1), "coughs", people["physician"]),
        enter, change_name, put_on_hold,
        lambda: confirm_identity(get(0), list_stations()["xray"], IdentityMethod.KNOWN, people["radiographer"]),
        lambda: visit.check_out(get(2), clerk),
    ]
    seen = []
    for number, step in enumerate([None, *steps, None], start=1):
        with clock.stopped_at(NOON + timedelta(minutes=number)):
            if step:
                rest(clients["clerk"])
                step()
                db.session.commit()
            kept = {name: VARYING.sub("", read(client)) for name, client in clients.items()}
            again = {name: VARYING.sub("", read(client)) for name, client in reversed(clients.items())}
            memo = app.extensions.pop(REMEMBERED)
            anew = {name: VARYING.sub("", read(client)) for name, client in clients.items()}
            app.extensions[REMEMBERED] = memo
            assert kept == again == anew, number
            seen.append(kept)
    assert len({page["nurse"] for page in seen}) == len(seen)
    text = seen[4]["nurse"], seen[4]["second"]
    assert "Resume" in text[0] and "Resume" not in text[1] and "With Bea Nurse" in text[1]
    assert "May be infectious" in seen[5]["french"] or "infectieu" in seen[5]["french"]
    assert "&lt;B&gt;ZANZIBAR" in seen[7]["nurse"] and "<B>" not in seen[7]["nurse"]
    assert ids[2] not in seen[-1]["clerk"]


def test_wait_grows_and_becomes_long(app: Flask, people: dict[str, User]) -> None:
    with clock.stopped_at(NOON):
        case_id = make_case("us", user=people["clerk"]).id
        visit.check_in(db.session.get_one(Case, case_id), people["clerk"])
    for minutes, words in ((0, "Waits 0 min"), (44, "Waits 44 min"), (45, "Long wait: 45 min"),
                           (75, "Long wait: 1 h 15 min")):
        with clock.stopped_at(NOON + timedelta(minutes=minutes)):
            client = sign_in(app, people["clerk"])
            for _turn in range(2):
                text = read(client)
                assert words in text
                assert (f'class="table__row--warn" id="row-{case_id}"' in text) is (minutes >= 45)


def test_form_of_a_remembered_row_has_the_token_of_its_own_page(app: Flask, people: dict[str, User]) -> None:
    case = make_case("us", user=people["clerk"])
    visit.check_in(case, people["clerk"])
    record_photo(case, "0" * 64, 10, PhotoSource.CAMERA, people["clerk"])
    give_consent(case)
    for requirement in list_requirements(case):
        requirement.state = RequirementState.WITHDRAWN
    other = make_user("reception", people["clerk"].site)
    texts = [read(sign_in(app, user)) for user in (people["clerk"], other)]
    for text in texts:
        assert "Gone home" in text and len(set(TOKEN.findall(text))) == 1 and len(TOKEN.findall(text)) > 1
    assert TOKEN.findall(texts[0])[0] != TOKEN.findall(texts[1])[0]
    kept = str(app.extensions[REMEMBERED]._kept)
    assert "Gone home" in kept and not any(token in kept for text in texts for token in TOKEN.findall(text))
