"""Merging by its own pages: who may, what is asked, what is shown, and the way back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from clinic.db import read_unit
from clinic.models import Applicant, Case, Merge
from clinic.permissions import ROLES, Permission
from tests.factory import PASSWORD, make_applicant, make_case, make_site, make_user
from tests.seek import find_address, seek
from tests.sign_in import sign_in

PERSON = {"family_name": "Wanjiru", "given_names": "Grace", "birth_date": "1991-01-05"}


@pytest.fixture
def scene(app: Flask) -> dict[str, str]:
    """One person registered twice, each record with a case of the same programme."""
    clerk = make_user("reception")
    one, other = make_applicant(clerk, **PERSON), make_applicant(clerk, **PERSON | {"family_name": "Wanjeru"})
    cases = [make_case("us", record, clerk) for record in (one, other)]
    return {"one": one.id, "other": other.id, "numbers": f"{one.number} {other.number}", "case": cases[1].id,
            "case_number": cases[1].number}


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def _seen(client: Any, address: str, stays: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', _text(client.get(f"{address}?stays={stays}")))
    assert found is not None
    return found[1]


def _merge(client: Any, scene: dict[str, str], **changes: Any) -> Any:
    address = f"/applicants/{scene['one']}/merge/{scene['other']}/confirm"
    data = {"stays": scene["one"], "seen": _seen(client, address, scene["one"]), "confirmed": "same-programme",
            "reason": "the same passport, registered twice", "password": PASSWORD, **changes}
    return client.post(address, data=data)


def _count_merges() -> int:
    with read_unit() as session:
        return session.query(Merge).filter(Merge.undone_at.is_(None)).count()


@pytest.mark.parametrize("role", sorted(ROLES))
def test_only_who_may_merge_reaches_its_pages(app: Flask, scene: dict[str, str], role: str) -> None:
    client = sign_in(app, make_user(role))
    may = Permission.MERGE_RECORDS in ROLES[role][1]
    assert may is (role in ("admin", "siteadmin", "receptionsupervisor"))
    pair = f"/applicants/{scene['one']}/merge/{scene['other']}"
    for path in ("/doubles", f"/applicants/{scene['one']}/merge", pair, f"{pair}/confirm"):
        assert client.get(path).status_code == (200 if may else 403), path
    page = _text(client.get(f"/applicants/{scene['one']}"))
    assert ("Merge with another record" in page) is may
    if not may:
        for path in (f"{pair}/confirm", f"{pair}/apart", "/merges/x/undo"):
            assert client.post(path, data={}).status_code == 403


def test_other_site_sees_no_record_and_no_merge(app: Flask, scene: dict[str, str]) -> None:
    client = sign_in(app, make_user("admin", make_site("AMM", country="JOR", time_zone="Asia/Amman")))
    for path in (f"/applicants/{scene['one']}/merge", f"/applicants/{scene['one']}/merge/{scene['other']}",
                 f"/applicants/{scene['one']}/merge/{scene['other']}/confirm", "/merges/x/undo"):
        assert client.get(path).status_code == 404, path
    assert scene["numbers"].split()[0] not in _text(client.get("/doubles"))


def test_records_stand_side_by_side_with_their_differences_in_words(app: Flask, scene: dict[str, str]) -> None:
    client = sign_in(app, make_user("receptionsupervisor"))
    page = _text(client.get(f"/applicants/{scene['one']}/merge/{scene['other']}"))
    assert "Differs" in page and "Same" in page and scene["case_number"] in page
    assert "Both have an open case of the same programme" in page
    number = scene["numbers"].split()[1]
    found = seek(client, f"/applicants/{scene['one']}/merge", number=number)
    assert found.status_code == 302 and scene["other"] in found.location
    assert client.get(f"/applicants/{scene['one']}/merge?number=nobody").status_code == 422
    same = client.get(f"/applicants/{scene['one']}/merge/{scene['one']}")
    assert same.status_code == 422 and "same record" in _text(same)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"password": "wrong"}, "This is not your password."), ({"reason": " x "}, "Give the reason in a few words."),
    ({"confirmed": "birth-year"}, "Tick each sentence, or do not merge."),
])
def test_merge_without_reason_password_or_tick_is_refused_and_keeps_what_was_typed(
    app: Flask, scene: dict[str, str], change: dict[str, str], sentence: str
) -> None:
    client = sign_in(app, make_user("admin"))
    answer = _merge(client, scene, **change)
    assert answer.status_code == 422 and sentence in _text(answer)
    if "reason" not in change:
        assert "the same passport, registered twice" in _text(answer)
    assert PASSWORD not in _text(answer) and _count_merges() == 0


def test_merge_of_records_that_changed_meanwhile_is_refused(app: Flask, scene: dict[str, str]) -> None:
    client = sign_in(app, make_user("admin"))
    answer = _merge(client, scene, seen="old")
    assert answer.status_code == 409 and "compare once more" in _text(answer) and _count_merges() == 0


def test_merge_then_search_then_undo(app: Flask, scene: dict[str, str]) -> None:
    client = sign_in(app, make_user("receptionsupervisor"))
    address = f"/applicants/{scene['one']}/merge/{scene['other']}/confirm"
    assert scene["case_number"] in _text(client.get(f"{address}?stays={scene['one']}"))
    answer = _merge(client, scene)
    assert answer.status_code == 302 and scene["one"] in answer.location
    one, other = scene["numbers"].split()
    found = client.get(find_address(client, "/search", q=other), follow_redirects=True)
    assert f"You looked for {other}. It was merged into this record" in _text(found) and one in _text(found)
    both = seek(client, "/search", q="wanj")
    assert both.status_code == 302 and scene["one"] in both.location
    assert client.get(f"/applicants/{scene['other']}/edit").status_code == 409
    case = _text(client.get(f"/cases/{scene['case']}"))
    assert "Applicant merged" in case and f"{other} into {one}" in case
    with read_unit() as session:
        merge_id = session.query(Merge).one().id
    undo = _text(client.get(f"/merges/{merge_id}/undo"))
    assert "Goes back to" in undo and scene["case_number"] in undo
    refused = client.post(f"/merges/{merge_id}/undo", data={"reason": "two sisters", "password": "no"})
    assert refused.status_code == 422 and "two sisters" in _text(refused)
    done = client.post(f"/merges/{merge_id}/undo", data={"reason": "two sisters", "password": PASSWORD})
    assert done.status_code == 302 and scene["other"] in done.location
    with read_unit() as session:
        assert session.get_one(Applicant, scene["other"]).merged_into_id is None
        assert session.get_one(Case, scene["case"]).applicant_id == scene["other"]
    assert "Merge undone" in _text(client.get(f"/cases/{scene['case']}"))
    again = client.post(f"/merges/{merge_id}/undo", data={"reason": "two sisters", "password": PASSWORD})
    assert again.status_code == 409 and "undone before" in _text(again)


def test_likely_doubles_are_listed_until_somebody_tells_them_apart(app: Flask, scene: dict[str, str]) -> None:
    client = sign_in(app, make_user("receptionsupervisor"))
    assert all(number in _text(client.get("/doubles")) for number in scene["numbers"].split())
    pair = f"/applicants/{scene['one']}/merge/{scene['other']}"
    assert client.post(f"{pair}/apart", data={"reason": "x"}).status_code == 422
    assert client.post(f"{pair}/apart", data={"reason": "two sisters"}).status_code == 302
    assert scene["numbers"].split()[0] not in _text(client.get("/doubles"))
    settled = _text(client.get("/doubles?settled=1"))
    assert "Told apart" in settled and "two sisters" in settled
    assert "Somebody wrote that these are two people" in _text(client.get(pair))


def test_list_of_doubles_goes_on_from_page_to_page(
    app: Flask, scene: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic.queries.double.LOOKED_AT", 1)
    client = sign_in(app, make_user("admin"))
    page = client.get("/doubles").get_data(as_text=True)
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None and client.get(following[1]).status_code == 200


def test_registration_leads_who_may_merge_to_two_records_of_one_person(app: Flask, scene: dict[str, str]) -> None:
    data = {"family_name": "Wanjiru", "given_names": "Grace", "birth_date-day": "5", "birth_date-month": "1",
            "birth_date-year": "1991", "sex": "female", "citizenship": "KEN", "residence": "KEN", "language": "sw"}
    people = [(make_user("receptionsupervisor"), True), (make_user("reception"), False)]
    for person, sees in people:
        page = _text(sign_in(app, person).post("/applicants/new", data=data))
        assert "Registered before?" in page and ("Registered twice? Compare with" in page) is sees
