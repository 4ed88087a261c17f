"""Changing answers: the page names each answer that would change, also what somebody else saved meanwhile."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic.db import read_unit
from clinic.models import Answer, Case
from tests.factory import make_case, make_user
from tests.sign_in import sign_in


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case, everything answered no."""
    return make_case("us", user=make_user("reception"))


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def _typed(client: FlaskClient, case_id: str, **changed: str) -> dict[str, str]:
    """The form as it stands, all no, and what is changed on it."""
    page = _text(client.get(f"/cases/{case_id}/circumstances"))
    names = set(re.findall(r'name="(circumstances-[a-z_0-9]+)"', page))
    version = re.search(r'name="version" value="(\d+)"', page)
    assert names and version
    return dict.fromkeys(names, "no") | {"version": version[1], "category": "IV"} | {
        f"circumstances-{word}": answer for word, answer in changed.items()}


def test_change_without_another_examination_still_says_what_changes(app: Flask, case: Case) -> None:
    client = sign_in(app, make_user("reception"))
    text = _text(client.post(f"/cases/{case.id}/circumstances", data=_typed(client, case.id, tb_contact="yes")))
    assert "The same examinations are required" in text
    assert re.search(r"Contact with a person who has tuberculosis</dt><dd><del>No</del> → <ins>Yes</ins>", text)


def test_answer_saved_by_another_meanwhile_is_named_before_it_is_overwritten(app: Flask, case: Case) -> None:
    people = make_user("reception"), make_user("reception")
    first, second = sign_in(app, people[0]), sign_in(app, people[1])
    mine, theirs = _typed(first, case.id, hiv_known="yes"), _typed(second, case.id, tb_contact="yes")
    address = f"/cases/{case.id}/circumstances"
    seen = re.search(r'name="seen" value="([^"]+)"', _text(second.post(address, data=theirs)))
    assert seen
    assert second.post(address, data=theirs | {"seen": seen[1]}).status_code == 302
    answer = first.post(address, data=mine)
    text = _text(answer)
    assert answer.status_code == 409
    assert re.search(r"Contact with a person who has tuberculosis</dt><dd><del>Yes</del> → <ins>No</ins>", text)


@pytest.mark.parametrize(("role", "offered"), [("reception", True), ("labtech", False), ("radiologist", False)])
def test_hold_is_offered_to_whom_it_is_open(app: Flask, case: Case, role: str, offered: bool) -> None:
    text = _text(sign_in(app, make_user(role)).get(f"/cases/{case.id}"))
    assert ("Hold or withdraw" in text) is offered


def test_confidential_answer_is_neither_shown_to_reception_nor_overwritten(app: Flask) -> None:
    case = make_case("ca", circumstances={"hiv_known": Answer.YES})
    case_id, nurse = case.id, make_user("nurse")
    client = sign_in(app, make_user("reception"))
    page = client.get(f"/cases/{case_id}/circumstances").get_data(as_text=True)
    assert 'name="circumstances-hiv_known"' not in page and 'name="circumstances-ckd_advanced"' in page
    assert "Shown to and changed by nurses and physicians." in page
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None
    answer = client.post(f"/cases/{case_id}/circumstances", data={
        "category": "PR", "version": version[1], "circumstances-hiv_known": "no", "destination_address": "1 Main St"})
    assert answer.status_code == 302, answer.get_data(as_text=True)
    with read_unit() as unit:
        said = {row.word: row.answer for row in unit.get_one(Case, case_id).circumstances}
    assert said["hiv_known"] is Answer.YES
    page = sign_in(app, nurse).get(f"/cases/{case_id}/circumstances?look=1").get_data(as_text=True)
    assert 'name="circumstances-hiv_known"' in page
