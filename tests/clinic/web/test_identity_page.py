"""Who is in front of you: asked before a station's page, demanded before anything is recorded there."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.db import read_unit, write_unit
from clinic.models import Case, CaseState, IdentityCheck, IdentityMethod, VaccineDose
from clinic.station import find_station_of, list_away, list_stations
from clinic.unit import SAFE
from clinic.workflow import move
from tests.factory import make_case, make_site, make_user
from tests.picture import draw_face
from tests.sign_in import give_consent, sign_in

DOSE = {"product": "MMR|03", "given_on": "2001-05-06", "source": "record"}


@pytest.fixture
def base(app: Flask) -> str:
    """Address of a case whose applicant consented."""
    case = make_case("us", user=make_user("reception"))
    give_consent(case)
    return f"/cases/{case.id}"


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def _confirm(client: FlaskClient, base: str, station: str, **form: str) -> Any:
    page = _text(client.get(f"{base}/identity/{station}"))
    first = re.search(r'name="seen" type="radio" value="([^"]+)"', page)
    assert first
    return client.post(f"{base}/identity/{station}", data={"seen": first[1]} | form)


def _count(model: type) -> int:
    with read_unit() as unit:
        return len(unit.execute(select(model)).scalars().all())


def test_every_record_of_a_case_says_whether_the_person_is_there(app: Flask) -> None:
    said = {route for station in list_stations().values() for route in station.records} | list_away()
    found = {rule.endpoint for rule in app.url_map.iter_rules()
             if rule.rule.startswith("/cases/<case_id>") and (rule.methods or set()) - SAFE}
    assert found == said
    for station in list_stations().values():
        assert station.opens <= set(app.view_functions)


def test_page_leads_back_to_the_list_one_came_from(app: Flask, base: str) -> None:
    client = sign_in(app, make_user("phlebotomist"))
    station = f"{base}/identity/phlebotomy"
    for referrer, label, place in (
        ("/laboratory/collection?q=x", "Blood and urine", "/laboratory/collection"), ("/today", "Worklists", "/"),
        (base, "Case", base), ("", "Case", base), ("/audit", "Case", base),
    ):
        page = client.get(f"{station}?next={base}/draw", headers={"Referer": f"http://localhost{referrer}"}).text
        back = re.search(r'class="govuk-back-link" href="([^"]+)">([^<]+)<', page)
        assert back and (back[2], back[1]) == (label, place), referrer
    for address, form in ((station, {"seen": "by heart"}), (f"{station}/mismatch", {"reason": ""})):
        page = client.post(address, data=form | {"back": "/laboratory/collection"}).text
        assert 'class="govuk-back-link" href="/laboratory/collection"' in page, "a refused form keeps it"
        page = client.post(address, data=form | {"back": "https://[elsewhere.example/"}).text
        assert "elsewhere" not in page


def test_page_asks_first_and_goes_on_after_one_click(app: Flask, base: str) -> None:
    client = sign_in(app, make_user("nurse"))
    asked = client.get(f"{base}/vaccination?line=MMR")
    assert asked.status_code == 302 and "/identity/vaccination?next=" in asked.headers["Location"]
    page = _text(client.get(asked.headers["Location"]))
    assert "autofocus" in page and re.search(r"Face and passport, number ending \w{4} \(KEN\)", page)
    answer = _confirm(client, base, "vaccination", next=f"{base}/vaccination?line=MMR")
    assert answer.headers["Location"] == f"{base}/vaccination?line=MMR"
    assert client.get(f"{base}/vaccination").status_code == 200
    with read_unit() as unit:
        check = unit.execute(select(IdentityCheck)).scalar_one()
        assert (check.station, check.method, len(check.document_end or "")) == (
            "vaccination", IdentityMethod.DOCUMENT, 4)
    assert "face and document" in _text(client.get(base))


def test_record_without_a_check_is_refused_and_nothing_is_saved(app: Flask, base: str) -> None:
    client = sign_in(app, make_user("nurse"))
    refused = client.post(f"{base}/vaccination/doses", data=DOSE)
    assert refused.status_code == 409 and "nothing was saved" in _text(refused) and "_blank" in _text(refused)
    assert _count(VaccineDose) == 0
    line = client.post(f"{base}/forms/us-medical-exam/draft", data={}, headers={"HX-Request": "true"})
    assert line.status_code == 422 and "Confirm in a new tab" in _text(line) and "<html" not in _text(line)
    _confirm(client, base, "vaccination")
    assert client.post(f"{base}/vaccination/doses", data=DOSE).status_code == 302


def test_check_counts_for_one_person_one_station_and_one_day(
    app: Flask, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = make_user("nurse"), make_user("nurse")
    nurse, other = (sign_in(app, person) for person in people)
    _confirm(nurse, base, "vaccination")
    assert nurse.get(f"{base}/vaccination").status_code == 200
    assert nurse.get(f"{base}/forms/us-medical-exam").status_code == 302
    assert other.get(f"{base}/vaccination").status_code == 302
    today = clock.today("Africa/Nairobi")
    monkeypatch.setattr(clock, "today", lambda _zone: today + timedelta(days=366))
    assert nurse.get(f"{base}/vaccination").status_code == 302


def test_who_only_looks_is_not_asked_and_cannot_write(app: Flask, base: str) -> None:
    people = make_user("quality"), make_user("physician")
    assert sign_in(app, people[0]).get(f"{base}/vaccination").status_code == 200
    page = sign_in(app, people[1]).get(f"{base}/forms/us-medical-exam?look=1")
    assert page.status_code == 200 and "data-form" not in _text(page)


def test_results_at_the_bench_need_nobody_present(app: Flask, base: str) -> None:
    client = sign_in(app, make_user("labtech"))
    assert client.get(f"{base}/laboratory").status_code == 200
    today = clock.today("Africa/Nairobi").isoformat()
    form = {"performed_on": today, "syphilis-nontreponemal.value": "nonreactive"}
    assert client.post(f"{base}/laboratory", data=form).status_code == 302
    sputum = _text(client.get(f"{base}/sputum"))
    assert "Take a specimen: confirm who is in front of you" in sputum and "collected_on" not in sputum
    assert client.post(f"{base}/sputum/specimens", data={"kind": "sputum", "collected_on": today}).status_code == 409
    _confirm(client, base, "sputum")
    assert 'name="collected_on"' in _text(client.get(f"{base}/sputum"))


def test_another_person_stops_the_case(app: Flask, base: str) -> None:
    client = sign_in(app, make_user("nurse"))
    _confirm(client, base, "vaccination")
    assert client.post(f"{base}/identity/exam/mismatch", data={"reason": "no"}).status_code == 422
    stopped = client.post(f"{base}/identity/exam/mismatch", data={"reason": "older than the passport says"})
    assert stopped.status_code == 302
    page = _text(client.get(base))
    assert "Identity in doubt" in page and "older than the passport says" in page
    with read_unit() as unit:
        assert unit.get_one(Case, base.rsplit("/", 1)[1]).state is CaseState.ON_HOLD
    refused = client.post(f"{base}/vaccination/doses", data=DOSE)
    assert refused.status_code == 422 and "on hold" in _text(refused)  # what was typed is shown again
    assert _count(VaccineDose) == 0


def test_earlier_checks_of_the_day_end_with_a_mismatch(app: Flask, base: str) -> None:
    nurse = make_user("nurse")
    client = sign_in(app, nurse)
    _confirm(client, base, "vaccination")
    client.post(f"{base}/identity/vaccination/mismatch", data={"reason": "twin brother came"})
    with write_unit() as unit:
        move(unit.get_one(Case, base.rsplit("/", 1)[1]), CaseState.IN_PROGRESS, "the right one came")
    assert client.get(f"{base}/vaccination").status_code == 302


def test_without_consent_the_station_says_so_and_records_nothing(app: Flask) -> None:
    users = make_user("nurse"), make_user("radiographer")
    base = f"/cases/{make_case('us', user=make_user('reception')).id}"
    nurse, radiographer = (sign_in(app, user) for user in users)
    page = _text(nurse.get(f"{base}/identity/vaccination"))
    assert "Consent comes first" in page and "Record the consent" in page and "go on" not in page
    assert "Send the person to reception" in _text(radiographer.get(f"{base}/identity/xray"))
    assert nurse.post(f"{base}/vaccination/doses", data=DOSE).status_code == 409


def test_reception_sees_the_person_before_photo_and_consent(app: Flask) -> None:
    base = f"/cases/{make_case('us', user=make_user('reception')).id}"
    client = sign_in(app, make_user("reception"))
    for page in ("photo", "consent"):
        assert "/identity/reception" in client.get(f"{base}/{page}").headers["Location"]
    form = {"photo": (BytesIO(draw_face()), "face.jpg")}
    assert client.post(f"{base}/photo", data=form, content_type="multipart/form-data").status_code == 409
    assert _confirm(client, base, "reception", next=f"{base}/photo").headers["Location"] == f"{base}/photo"
    assert client.get(f"{base}/photo").status_code == 200


def test_record_of_an_earlier_visit_is_completed_without_the_person(
    app: Flask, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in(app, make_user("physician"))
    today = clock.today("Africa/Nairobi")
    form = {"seen": "earlier-visit"}
    assert client.post(f"{base}/identity/exam", data=form).status_code == 422
    _confirm(client, base, "exam")
    monkeypatch.setattr(clock, "today", lambda _zone: today + timedelta(days=366))
    assert "complete the record of an earlier visit" in _text(client.get(f"{base}/identity/exam"))
    assert client.post(f"{base}/identity/exam", data=form).status_code == 302
    assert client.post(f"{base}/identity/vaccination", data=form).status_code == 422


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/cases/other", "/\\evil", "{base}x"])
def test_confirming_goes_on_to_this_case_only(app: Flask, base: str, wanted: str) -> None:
    client = sign_in(app, make_user("nurse"))
    assert _confirm(client, base, "exam", next=wanted.format(base=base)).headers["Location"] == base


def test_foreign_document_unknown_way_and_other_site_are_refused(app: Flask, base: str) -> None:
    nurse, other = make_user("nurse"), make_user("nurse", make_site("AMM", country="JOR"))
    technician = make_user("labtech")
    foreign = make_case("us", user=make_user("reception")).applicant.documents[0].id
    client = sign_in(app, nurse)
    for seen in (f"document:{foreign}", "feeling", "", "photo"):
        assert client.post(f"{base}/identity/exam", data={"seen": seen}).status_code == 422
    assert client.get(f"{base}/identity/canteen").status_code == 404
    assert sign_in(app, other).get(f"{base}/identity/exam").status_code == 404
    assert sign_in(app, technician).get(f"{base}/identity/exam").status_code == 403
    assert _count(IdentityCheck) == 0
    assert find_station_of("laboratory.enter") is None
