"""Addresses that nothing can be found by are answered, on either database."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.factory import make_case, make_user
from tests.sign_in import sign_in


@pytest.mark.parametrize("address", ["/cases/a%00b", "/search?q=%00x", "/applicants?after=x%00", "/fhir/Patient/%00"])
def test_address_with_a_nul_is_refused(app: Flask, address: str) -> None:
    answer = sign_in(app, make_user("reception")).get(address)
    assert answer.status_code == 400
    assert ("OperationOutcome" in answer.text) == address.startswith("/fhir")


@pytest.mark.parametrize("typed", [{"reason": "a\0b"}, {"a\0b": "x"}, {"reason": ["well", "\0"]}])
def test_form_with_a_nul_is_refused(app: Flask, typed: dict[str, str | list[str]]) -> None:
    case, user = make_case(), make_user("reception")
    client = sign_in(app, user)
    answer = client.post(f"/cases/{case.id}/state", data={"to": "withdrawn", "version": "1"} | typed)
    assert answer.status_code == 400
    assert "reload the page" in answer.text


PAGES_WITH_A_VERSION = {
    "/cases/{case}/state": {"to": "withdrawn", "reason": "moved away", "version": "²"},
    "/cases/{case}/circumstances": {"version": "9223372036854775808"},
    "/applicants/{person}/edit": {"version": "9" * 5000},
    "/cases/{case}/forms/us-medical-exam": {"version": "x"},
    "/cases/{case}/treatment/syphilis": {"shown": "-1", "outcome": "current"},
    "/cases/{case}/sign": {"case_version": "1.5"},
}


@pytest.mark.parametrize("address", PAGES_WITH_A_VERSION)
def test_page_that_comes_back_with_another_version_than_a_number_says_so(app: Flask, address: str) -> None:
    case, user = make_case(), make_user("reception nurse physician")
    person = case.applicant_id
    client = sign_in(app, user, case.id)
    here = address.format(case=case.id, person=person)
    answer = client.post(here, data=PAGES_WITH_A_VERSION[address])
    assert answer.status_code == 400
    assert "The page came back damaged, and nothing was saved" in answer.text


@pytest.mark.parametrize("address", ["/cases//x", "/fhir//Patient", "/static//clinic.css", "/oauth//token"])
def test_doubled_slash_leads_to_no_address_of_a_stranger(app: Flask, address: str) -> None:
    client = sign_in(app, make_user("reception"))
    answer = client.get(f"http://localhost{address}", headers={"Host": "stranger.example"})
    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_refused_method_is_told_which_ones_the_address_takes(app: Flask) -> None:
    client = sign_in(app, make_user("reception"))
    answer = client.put("/cases")
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert client.get("/lock").headers["Allow"] == "OPTIONS, POST"
