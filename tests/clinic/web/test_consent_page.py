"""The consent page: two languages side by side, decisions in place, the case says what was decided."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic.consent_text import list_consent_texts
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.sign_in import sign_in


@pytest.fixture
def case_id(app: Flask) -> str:
    """A case of an adult who speaks Arabic."""
    user = make_user("reception")
    return make_case("us", applicant=make_applicant(user, language="ar"), user=user).id


def _text(client: FlaskClient, path: str) -> str:
    return re.sub(r"\s+", " ", client.get(path).get_data(as_text=True))


def _form(language: str = "ar", **values: str) -> dict[str, str]:
    return {"decision": "given", "language": language, "text_sha256": list_consent_texts()[language].sha256,
            "signer": "applicant"} | values


def test_text_stands_in_both_languages_with_its_direction(app: Flask, case_id: str) -> None:
    page = _text(sign_in(app, make_user("reception"), case_id, consents=False), f"/cases/{case_id}/consent")
    assert '<article class="consent" lang="ar" dir="rtl"' in page
    assert '<article class="consent" lang="en" dir="ltr"' in page
    assert "U.S. Department of State" in page and "{authority}" not in page and "{clinic}" not in page
    assert "Demonstration text" in page and "Not the applicant" not in page


def test_language_without_a_text_is_said_and_the_interpreter_asked(app: Flask) -> None:
    people = make_user("reception"), make_user("reception")
    case_id = make_case("us", applicant=make_applicant(people[0], language="am"), user=people[0]).id
    client = sign_in(app, people[1], case_id, consents=False)
    page = _text(client, f"/cases/{case_id}/consent")
    assert "There is no whole text in Amharic, so it is shown in English" in page and 'lang="am"' not in page
    refused = client.post(f"/cases/{case_id}/consent", data=_form("en"))
    assert refused.status_code == 422 and 'href="#interpreter_name"' in refused.get_data(as_text=True)
    form = _form("en", interpreter_name="Hanna Tesfaye")
    assert client.post(f"/cases/{case_id}/consent", data=form).status_code == 302
    assert "Hanna Tesfaye" in _text(client, f"/cases/{case_id}/consent")


@pytest.mark.parametrize(("programme", "words"), [
    ("ca", "for a mark: this destination asks for a named witness"), ("us", "needed when it is signed by a mark")])
def test_need_of_a_witness_is_told_before_anything_is_saved(app: Flask, programme: str, words: str) -> None:
    case_id = make_case(programme, user=make_user("reception")).id
    text = _text(sign_in(app, make_user("nurse"), case_id, consents=False), f"/cases/{case_id}/consent")
    assert words in text and "A witness is needed: write the name above" in text


def test_refusal_stands_on_the_case_and_cannot_be_taken_up_by_hand(app: Flask, case_id: str) -> None:
    client = sign_in(app, make_user("reception"), case_id, consents=False)
    form = _form(decision="refused", reason="wants to think about it")
    assert client.post(f"/cases/{case_id}/consent", data=form).status_code == 302
    page = _text(client, f"/cases/{case_id}")
    assert "Consent refused" in page and "wants to think about it" in page and "On hold" in page
    version = re.search(r'name="version" value="(\d+)"', _text(client, f"/cases/{case_id}/state"))
    assert version
    taken_up = client.post(f"/cases/{case_id}/state", data={
        "to": "in-progress", "reason": "goes on after all", "version": version[1]})
    assert taken_up.status_code == 409 and "Record a consent first" in taken_up.get_data(as_text=True)
    assert client.post(f"/cases/{case_id}/consent", data=_form()).status_code == 302
    assert "Consent refused" not in _text(client, f"/cases/{case_id}").split("History")[0]


def test_withdrawal_needs_its_reason(app: Flask, case_id: str) -> None:
    client = sign_in(app, make_user("nurse"), case_id, consents=False)
    client.post(f"/cases/{case_id}/consent", data=_form())
    refused = client.post(f"/cases/{case_id}/consent/withdraw", data={"reason": ""})
    assert refused.status_code == 422 and 'href="#withdraw-reason"' in refused.get_data(as_text=True)
    assert client.post(f"/cases/{case_id}/consent/withdraw", data={"reason": "travels no more"}).status_code == 302
    assert "Consent withdrawn" in _text(client, f"/cases/{case_id}")


def test_consent_is_for_the_site_and_recorded_by_who_meets_the_person(app: Flask, case_id: str) -> None:
    technician = make_user("labtech")
    other = make_user("reception", make_site("AMM", country="JOR"))
    assert sign_in(app, other).get(f"/cases/{case_id}/consent").status_code == 404
    client = sign_in(app, technician, case_id, consents=False)
    assert "Record the decision" not in _text(client, f"/cases/{case_id}/consent")
    assert client.post(f"/cases/{case_id}/consent", data=_form()).status_code == 403
