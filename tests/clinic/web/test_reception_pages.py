"""Reception's screens through the test client: registering, doubles, opening, searching, changing a fact."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic.db import read_unit, write_unit
from clinic.models import Applicant, AuditChange, Case, Requirement
from clinic.mrz import Layout, build_mrz
from tests.factory import make_applicant, make_authority, make_case, make_site, make_user
from tests.seek import seek
from tests.sign_in import sign_in

MRZ = build_mrz(
    Layout.TD3, issuing_state="KEN", family_name="WANJIRU", given_names="GRACE ACHIENG", number="AK1234567",
    citizenship="KEN", birth=date(1991, 1, 5), sex="female", expires_on=date(2033, 5, 1),
)
REST = {"residence": "KEN", "language": "sw"}
TYPED = {
    "mrz": "", "family_name": "Wanjiru", "given_names": "Grace Achieng", "birth_date-day": "5", "birth_date-month": "1",
    "birth_date-year": "1991", "sex": "female", "citizenship": "KEN", "document-kind": "passport",
    "document-number": "AK1234567", "document-issuing_country": "KEN", **REST,
}


def count_applicants() -> int:
    with read_unit() as session:
        return session.execute(select(func.count()).select_from(Applicant)).scalar_one()


def test_zone_pasted_fills_the_form_and_saves_nothing(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    page = client.post("/applicants/new/zone", data={"mrz": MRZ, **REST})
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert 'value="WANJIRU"' in text and 'value="AK1234567"' in text and 'value="1991"' in text
    assert "Document number: check digit fits" in text
    assert count_applicants() == 0


def test_zone_with_a_wrong_digit_is_shown_and_asks_for_a_tick_on_save(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    first, second = MRZ.split("\n")
    wrong = f"{first}\n{second[:9]}{(int(second[9]) + 1) % 10}{second[10:]}"
    page = client.post("/applicants/new", data={**TYPED, "mrz": wrong})
    text = page.get_data(as_text=True)
    assert page.status_code == 422 and "check digit printed" in text
    codes = re.findall(r'name="confirmed"[^>]*?value="([^"]+)"', text)
    assert codes and count_applicants() == 0
    page = client.post("/applicants/new", data={**TYPED, "mrz": wrong, "confirmed": codes})
    assert page.status_code == 302
    with read_unit() as session:
        document = session.execute(select(Applicant)).unique().scalar_one().documents[0]
        assert document.mrz_mismatches is not None and "check digit" in document.mrz_mismatches


def test_errors_keep_what_was_typed(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    page = client.post("/applicants/new", data={**TYPED, "birth_date-month": "13", "language": "", "phone": "abc"})
    text = page.get_data(as_text=True)
    assert page.status_code == 422
    assert "3 things to correct" in text
    assert 'value="Wanjiru"' in text and 'value="13"' in text and 'value="abc"' in text


def test_likely_double_is_shown_and_saved_as_new_only_with_a_reason(app: Flask) -> None:
    user = make_user("reception")
    known = make_applicant(user, family_name="Wanjiru", given_names="Grace", birth_date="1991-01-05")
    known_id, name = known.id, known.number
    client = sign_in(app, user)
    text = client.post("/applicants/new", data=TYPED).get_data(as_text=True)
    assert "Registered before?" in text and name in text and "Same birth date" in text
    page = client.post("/applicants/new", data={**TYPED, "seen": known_id})
    assert page.status_code == 422 and "this is another person" in page.get_data(as_text=True)
    page = client.post("/applicants/new", data={**TYPED, "seen": known_id, "double_reason": "her twin sister"})
    assert page.status_code == 302 and count_applicants() == 2
    with read_unit() as session:
        row = session.execute(select(AuditChange).order_by(AuditChange.id.desc()).where(
            AuditChange.action == "register")).scalars().first()
        assert row is not None
        assert row.detail == {"not_the_same_as": [known_id], "because": "her twin sister"}


@pytest.mark.parametrize("wrong", [{"phone": "abc"}, {"mrz": MRZ.replace("KEN91", "KEN92", 1)}])
def test_why_it_is_another_person_outlives_what_else_is_to_be_corrected(app: Flask, wrong: dict[str, str]) -> None:
    user = make_user("reception")
    known_id = make_applicant(user, family_name="Wanjiru", given_names="Grace", birth_date="1991-01-05").id
    client = sign_in(app, user)
    said = {"seen": known_id, "double_reason": "her twin sister"}
    page = client.post("/applicants/new", data={**TYPED, **said, **wrong})
    text = page.get_data(as_text=True)
    assert page.status_code == 422 and "Registered before?" not in text
    assert 'value="her twin sister"' in text and f'name="seen" value="{known_id}"' in text
    again = client.post("/applicants/new/zone", data={**TYPED, **said, "mrz": MRZ}).get_data(as_text=True)
    assert 'value="her twin sister"' in again and f'name="seen" value="{known_id}"' in again
    assert client.post("/applicants/new", data={**TYPED, **said}).status_code == 302


def test_using_the_registered_person_adds_the_document(app: Flask) -> None:
    user = make_user("reception")
    known = make_applicant(user, family_name="Wanjiru", given_names="Grace", birth_date="1991-01-05")
    known_id = known.id
    client = sign_in(app, user)
    page = client.post("/applicants/new", data={**TYPED, "use": known_id})
    assert page.status_code == 302 and known_id in page.location
    with read_unit() as session:
        assert len(session.get(Applicant, known_id).documents) == 2
    assert count_applicants() == 1


def test_opening_a_case_shows_what_is_required_and_why(app: Flask) -> None:
    user = make_user("reception")
    make_authority("us")
    applicant_id = make_applicant(user).id
    client = sign_in(app, user)
    assert "Immigrant visa" in client.get(f"/applicants/{applicant_id}/cases/new").get_data(as_text=True)
    form = client.get(f"/applicants/{applicant_id}/cases/new?programme=us&category=IV").get_data(as_text=True)
    words = re.findall(r'name="circumstances-([a-z0-9_]+)" id="[^"]+" value="yes"', form)
    assert len(words) > 5
    data = {"programme": "us", "category": "IV", "authority_case_number": "unusual 1",
            "destination_address": "12 Elm Street, Dayton OH 45402",
            **{f"circumstances-{word}": "no" for word in words}}
    refused = client.post(f"/applicants/{applicant_id}/cases/new", data=data)
    text = refused.get_data(as_text=True)
    assert refused.status_code == 422 and "Unusual for United States" in text and 'value="unusual 1"' in text
    code = re.search(r'name="confirmed"[^>]*?value="([^"]+)"', text)[1]
    page = client.post(f"/applicants/{applicant_id}/cases/new", data=data | {"confirmed": code}, follow_redirects=True)
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert "Chest X-ray" in text and "unusual 1" in text
    assert "reason__source" in text and "12 Elm Street, Dayton OH 45402" in text
    with read_unit() as session:
        case = session.execute(select(Case)).unique().scalar_one()
        rows = session.execute(select(Requirement).where(Requirement.case_id == case.id)).scalars().all()
        assert {row.exam for row in rows} >= {"medical-exam", "igra", "syphilis"}
        assert all(row.reasons for row in rows)


@pytest.mark.parametrize("programme", ["us", "ca", "au", "nz", "uk"])
def test_every_programme_opens_every_category(app: Flask, programme: str) -> None:
    from clinic.rules.programme import list_programmes

    user = make_user("reception")
    make_authority(programme)
    applicant_id = make_applicant(user).id
    client = sign_in(app, user)
    for category in list_programmes()[programme].categories:
        base = f"/applicants/{applicant_id}/cases/new"
        assert client.get(f"{base}?programme={programme}&category={category}").status_code == 200
        page = client.post(base, data={"programme": programme, "category": category}, follow_redirects=True)
        assert page.status_code == 200 and "What the rules say" in page.get_data(as_text=True)


def test_change_is_previewed_before_it_is_saved(app: Flask) -> None:
    user = make_user("reception")
    case = make_case("us", user=user)
    case_id, version = case.id, case.version
    client = sign_in(app, user)
    form = {"version": version, "category": "IV", "circumstances-tb_symptoms": "yes"}
    page = client.post(f"/cases/{case_id}/circumstances", data=form)
    text = page.get_data(as_text=True)
    assert page.status_code == 200 and "What this would change" in text
    assert "Three sputum specimens" in text and "Signs or symptoms of tuberculosis call for" in text
    with read_unit() as session:
        assert session.get(Case, case_id).version == version
    seen = re.search(r'name="seen" value="(\w+)"', text)[1]
    page = client.post(f"/cases/{case_id}/circumstances", data={**form, "seen": seen})
    assert page.status_code == 302
    with read_unit() as session:
        exams = set(session.execute(select(Requirement.exam).where(Requirement.case_id == case_id)).scalars())
        assert "sputum-series" in exams


def test_stale_form_is_refused_and_keeps_what_was_typed(app: Flask) -> None:
    user = make_user("reception")
    case = make_case("us", user=user)
    case_id, version = case.id, case.version
    client = sign_in(app, user)
    with write_unit() as session:
        session.get(Case, case_id).authority_case_number = "NRB2026000001"
    form = {"version": version, "category": "IV", "authority_case_number": "MINE123",
            "circumstances-tb_symptoms": "yes"}
    page = client.post(f"/cases/{case_id}/circumstances", data=form)
    text = page.get_data(as_text=True)
    assert page.status_code == 409 and "Somebody else changed this case" in text and 'value="MINE123"' in text


def test_other_site_sees_nothing(app: Flask) -> None:
    case = make_case("us")
    case_id, applicant_id, number = case.id, case.applicant_id, case.number
    stranger = make_user("reception", make_site("AMM", country="JOR", time_zone="Asia/Amman"))
    client = sign_in(app, stranger)
    for path in (f"/cases/{case_id}", f"/cases/{case_id}/circumstances", f"/applicants/{applicant_id}",
                 f"/applicants/{applicant_id}/edit", f"/applicants/{applicant_id}/cases/new"):
        assert client.get(path).status_code == 404, path
    assert number not in client.get("/").get_data(as_text=True)
    assert seek(client, "/search", q=number).status_code == 200
    assert "Nobody at this site" in seek(client, "/search", q=number).get_data(as_text=True)


def test_search_goes_straight_to_the_record(app: Flask) -> None:
    user = make_user("reception")
    case = make_case("us", user=user, authority_case_number="NRB2026123456")
    case_id, applicant = case.id, case.applicant
    applicant_id, passport, number, family = applicant.id, applicant.documents[0].number, applicant.number, "wanji"
    own = case.number
    client = sign_in(app, user)
    for typed, target in ((own, case_id), (own.replace("-", "").lower(), case_id), ("nrb 2026 123456", case_id),
                          (passport, applicant_id), (number, applicant_id), (family, applicant_id),
                          ("achieng wanjiru", applicant_id)):
        page = seek(client, "/search", q=typed)
        assert page.status_code == 302 and target in page.location, typed


def test_hold_needs_a_reason_and_is_kept_in_the_history(app: Flask) -> None:
    user = make_user("reception")
    case_id = make_case("us", user=user).id
    client = sign_in(app, user)
    assert client.post(f"/cases/{case_id}/state", data={"to": "on-hold"}).status_code == 422
    with read_unit() as session:
        version = session.get(Case, case_id).version
    page = client.post(f"/cases/{case_id}/state", data={"to": "on-hold", "reason": "waits for a passport",
                                                        "version": version}, follow_redirects=True)
    text = page.get_data(as_text=True)
    assert "On hold" in text and "waits for a passport" in text
