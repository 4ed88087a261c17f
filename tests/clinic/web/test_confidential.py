"""HIV results: seen by who holds the permission and says why, never on a list, told after counselling."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.models import (
    Answer,
    AuditChange,
    Case,
    CaseState,
    Counselling,
    CounsellingKind,
    LabResult,
    ResultStatus,
    Task,
    User,
)
from clinic.queries.draw import list_due_by_case
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn
from clinic.services import confidential, lab_order, laboratory
from clinic.services.draw import draw, list_due_tubes
from clinic.services.plausibility import get_today
from tests.factory import make_case, make_user
from tests.sign_in import sign_in
from tests.token_free import leave_tokens_out

ROLES = ("reception", "labtech", "labsupervisor", "nurse", "physician", "quality")


@pytest.fixture
def staff(app: Flask) -> dict[str, User]:
    """One person of each role, made before anybody signs in."""
    return {role: make_user(role) for role in ROLES}


@pytest.fixture
def ids(staff: dict[str, User]) -> tuple[str, str]:
    """A Canadian case with a positive HIV test that waits for its second person: the case's and the result's id."""
    case = make_case("ca", user=staff["reception"])
    row = laboratory.enter_result(case, load(LabResultIn(), {
        "test": "hiv", "value": "positive", "performed_on": get_today(case).isoformat()}), staff["labtech"])
    found = case.id, row.id
    db.session.commit()
    return found


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def _all(model: type) -> list[Any]:
    with read_unit() as unit:
        return list(unit.execute(select(model).order_by(model.id)).unique().scalars())  # type: ignore[attr-defined]


def _says_positive(page: str) -> bool:
    """Whether the page tells the value; the words of a form's own choices do not."""
    page = re.sub(r"<form.*?</form>", "", page)
    return "positive" in page.lower()


def _open(client: FlaskClient, base: str, why: str = "validation") -> Any:
    return client.post(f"{base}/confidential", data={"why": why, "next": f"{base}/laboratory"})


def test_value_stands_nowhere_before_somebody_says_why(
    app: Flask, ids: tuple[str, str], staff: dict[str, User]
) -> None:
    case_id, row_id = ids
    base = f"/cases/{case_id}"
    for role, client in {role: sign_in(app, staff[role]) for role in ROLES}.items():
        for path in (f"{base}/laboratory", f"{base}/laboratory/{row_id}", f"{base}/second-person", "/laboratory",
                     "/laboratory/bench/hiv?state=confirm", "/laboratory/bench/hiv", f"{base}/confidential",
                     f"{base}/sign"):
            answer = client.get(path)
            if answer.status_code == 200:
                assert not _says_positive(_text(answer)), f"{role}: {path}"


def test_reason_opens_for_half_an_hour_and_stands_in_the_audit(
    app: Flask, ids: tuple[str, str], staff: dict[str, User]
) -> None:
    case_id, row_id = ids
    base = f"/cases/{case_id}"
    supervisor_id = staff["labsupervisor"].id
    client = sign_in(app, staff["labsupervisor"])
    assert "Open with a reason" in _text(client.get(f"{base}/laboratory/{row_id}"))
    assert client.post(f"{base}/confidential", data={}).status_code == 422
    assert _open(client, base).location == f"{base}/laboratory"
    assert _says_positive(_text(client.get(f"{base}/laboratory/{row_id}")))
    (opened,) = [one for one in _all(AuditChange) if one.action == "open-confidential"]
    assert (opened.case_id, opened.actor_id, opened.detail) == (case_id, supervisor_id,
                                                                {"reason": "validation"})
    user = db.session.get_one(User, supervisor_id)
    for minutes, seen in ((29, True), (31, False)):
        with clock.stopped_at(clock.now() + timedelta(minutes=minutes)):
            assert confidential.may_see(case_id, user) is seen


def test_role_without_the_permission_cannot_open(app: Flask, ids: tuple[str, str], staff: dict[str, User]) -> None:
    case_id, row_id = ids
    base = f"/cases/{case_id}"
    for client in [sign_in(app, staff[role]) for role in ("reception", "quality")]:
        assert client.get(f"{base}/confidential").status_code == 403
        assert _open(client, base).status_code == 403
        assert "your role does not include it" in _text(client.get(f"{base}/laboratory/{row_id}"))


def test_opening_leads_nowhere_else(app: Flask, ids: tuple[str, str], staff: dict[str, User]) -> None:
    case_id, _row_id = ids
    client = sign_in(app, staff["nurse"])
    answer = client.post(f"/cases/{case_id}/confidential", data={"why": "counselling", "next": "https://evil.example/"})
    assert answer.location == f"/cases/{case_id}"


def test_result_is_told_only_after_both_conversations(app: Flask, ids: tuple[str, str], staff: dict[str, User]) -> None:
    case_id, row_id = ids
    base = f"/cases/{case_id}/confidential"
    nurse, supervisor = sign_in(app, staff["nurse"]), sign_in(app, staff["labsupervisor"])

    def counsel(kind: str, **more: str) -> Any:
        return nurse.post(f"{base}/counselling", data={"test": "hiv", "kind": kind, "agreed": "yes"} | more)

    assert "only when it is confirmed" in _text(counsel("released"))
    assert "comes when counselling before it is recorded" in _text(counsel("after"))
    assert counsel("before", agreed="no").status_code == 422
    assert 'value="yes" checked' not in _text(nurse.get(base))
    assert "taken for granted" in _text(counsel("before", agreed="")), "nobody agrees by silence"
    assert counsel("before").status_code == 302
    assert counsel("after").status_code == 422, "not confirmed yet"
    _open(supervisor, f"/cases/{case_id}")
    assert supervisor.post(f"/cases/{case_id}/laboratory/{row_id}/confirm", data={}).status_code == 302
    assert counsel("released").status_code == 422
    assert [counsel("after").status_code, counsel("released", agreed="").status_code] == [302, 302]
    assert [one.kind.value for one in _all(Counselling)] == ["before", "after", "released"]
    assert "Result told to the applicant" in _text(nurse.get(base))


def test_result_is_not_told_when_agreement_was_taken_back_or_the_result_changed_since(
    app: Flask, ids: tuple[str, str], staff: dict[str, User]
) -> None:
    """What the applicant said last counts, and the conversation after the test is about the result as it is now."""
    case_id, row_id = ids
    nurse, supervisor = sign_in(app, staff["nurse"]), sign_in(app, staff["labsupervisor"])

    def counsel(kind: str, **more: str) -> Any:
        return nurse.post(f"/cases/{case_id}/confidential/counselling",
                          data={"test": "hiv", "kind": kind, "agreed": "yes"} | more)

    def confirm(result_id: str) -> None:
        _open(supervisor, f"/cases/{case_id}")
        assert supervisor.post(f"/cases/{case_id}/laboratory/{result_id}/confirm", data={}).status_code == 302

    confirm(row_id)
    assert counsel("before").status_code == 302
    assert counsel("before", agreed="no", remark="does not want to know").status_code == 302
    assert counsel("after").status_code == 422
    assert [counsel(kind).status_code for kind in ("before", "after")] == [302, 302]
    with clock.stopped_at(clock.now() + timedelta(minutes=1)):
        with write_unit() as session:
            row = session.get_one(LabResult, row_id)
            right = load(LabResultIn(), {
                "test": "hiv", "value": "negative", "performed_on": row.performed_on.isoformat()})
            other_id = laboratory.correct_result(row, right, "tubes exchanged", session.merge(staff["labtech"])).id
        confirm(other_id)
        assert "corrected or made anew" in _text(counsel("released"))
        assert [counsel(kind).status_code for kind in ("after", "released")] == [302, 302]


SAYS_NO = "did not agree to this test"


@pytest.fixture
def refused(staff: dict[str, User]) -> Case:
    """A Canadian case with drawn blood whose applicant did not agree to the HIV test."""
    case = make_case("ca", user=staff["reception"])
    draw(case, [one.tube.name for one in list_due_tubes(case)], None, "", staff["labtech"])
    confidential.record_counselling(case, "hiv", CounsellingKind.BEFORE, False, "does not want to know", staff["nurse"])
    db.session.commit()
    return case


def test_result_against_a_refusal_is_told_and_not_entered(app: Flask, refused: Case, staff: dict[str, User]) -> None:
    base, day = f"/cases/{refused.id}", get_today(refused).isoformat()
    (order,) = (one for one in lab_order.list_orders(refused) if one.test == "hiv")
    cell, agree = f"/laboratory/bench/hiv/{order.id}", {"test": "hiv", "kind": "before", "agreed": "yes"}
    field = f"v-{order.id}"
    quality, client, nurse_client = (sign_in(app, staff[role]) for role in ("quality", "labtech", "nurse"))
    assert SAYS_NO in _text(client.get(f"{base}/laboratory"))
    assert SAYS_NO not in _text(quality.get(f"{base}/laboratory"))
    assert SAYS_NO not in _text(client.get("/laboratory/bench/hiv")), "a list"
    assert SAYS_NO in _text(client.post(cell, data={field: "negative"}))
    sheet = client.post(f"{base}/laboratory", data={"hiv.value": "negative", "performed_on": day})
    assert sheet.status_code == 422 and "read first what was said" in _text(sheet)
    assert not _all(LabResult)
    assert nurse_client.post(f"{base}/confidential/counselling", data=agree).status_code == 302
    assert client.post(cell, data={field: "negative"}).status_code == 200
    assert [row.value for row in _all(LabResult)] == ["negative"]


def test_nothing_is_drawn_against_a_refusal_and_nobody_is_told_for_what(app: Flask, staff: dict[str, User]) -> None:
    phlebotomist = make_user("phlebotomist", staff["nurse"].site)
    case_id = make_case("ca", user=staff["reception"]).id
    db.session.commit()

    def list_due() -> set[str]:
        with read_unit() as session:
            due = list_due_tubes(session.get_one(Case, case_id))
            listed = {test.name for tube in list_due_by_case([case_id])[case_id] for test in tube.tests}
            assert listed == {test.name for tube in due for test in tube.tests}
            return listed

    def agree(agreed: bool) -> None:
        with write_unit() as session:
            confidential.record_counselling(session.get_one(Case, case_id), "hiv", CounsellingKind.BEFORE, agreed,
                                            "wants to think", session.merge(staff["nurse"]))

    due = list_due()
    assert "hiv" in due
    agree(False)
    assert list_due() == due - {"hiv"}
    page = _text(sign_in(app, phlebotomist, case_id).get(f"/cases/{case_id}/draw"))
    assert "not to be drawn from this person" in page and "HIV" not in page
    with write_unit() as session:
        case = session.get_one(Case, case_id)
        draw(case, [one.tube.name for one in list_due_tubes(case)], None, "", session.merge(phlebotomist))
        assert {one.test for one in lab_order.list_orders(case) if one.specimen_id is None} & due == {"hiv"}
    agree(True)
    assert list_due() == {"hiv"}


def _refuse(row: LabResult, staff: dict[str, User], minutes: int) -> None:
    with clock.stopped_at(clock.now() - timedelta(minutes=minutes)):
        confidential.record_counselling(
            row.case, "hiv", CounsellingKind.BEFORE, False, "does not want to know", staff["nurse"])


def test_result_is_not_confirmed_against_a_refusal(
    app: Flask, ids: tuple[str, str], staff: dict[str, User]
) -> None:
    _refuse(db.session.get_one(LabResult, ids[1]), staff, 3)
    db.session.commit()
    page = f"/cases/{ids[0]}/laboratory/{ids[1]}"
    client = sign_in(app, staff["labsupervisor"])
    assert SAYS_NO in _text(client.get(page)), "also before it is opened"
    _open(client, f"/cases/{ids[0]}")
    opened = _text(client.get(page))
    assert SAYS_NO in opened and f"{page}/confirm" not in opened and f"{page}/refuse" in opened
    assert client.post(f"{page}/confirm", data={}).status_code == 422
    assert [row.status for row in _all(LabResult)] == [ResultStatus.PRELIMINARY]


def test_result_that_counted_is_corrected_whatever_was_said_since(
    ids: tuple[str, str], staff: dict[str, User]
) -> None:
    row = db.session.get_one(LabResult, ids[1])
    laboratory.confirm_result(row, staff["labsupervisor"])
    _refuse(row, staff, 0)
    made = _correct(row, staff)
    laboratory.confirm_result(made, staff["labsupervisor"])
    assert made.status is ResultStatus.CORRECTED


@pytest.fixture
def told(ids: tuple[str, str], staff: dict[str, User]) -> LabResult:
    """A positive result that the nurse told the applicant, a minute ago."""
    row = db.session.get_one(LabResult, ids[1])
    with clock.stopped_at(clock.now() - timedelta(minutes=1)):
        laboratory.confirm_result(row, staff["labsupervisor"])
        for kind in CounsellingKind:
            confidential.record_counselling(row.case, "hiv", kind, True, "", staff["nurse"])
    db.session.commit()
    return row


def _correct(row: LabResult, staff: dict[str, User]) -> LabResult:
    right = load(LabResultIn(), {"test": "hiv", "value": "negative", "performed_on": row.performed_on.isoformat()})
    return laboratory.correct_result(row, right, "tubes exchanged", staff["labtech"])


def _list_open(kind: str) -> list[Task]:
    return [one for one in _all(Task) if one.kind == kind and one.closed_at is None]


def test_corrected_result_is_told_anew_by_who_told_it(app: Flask, told: LabResult, staff: dict[str, User]) -> None:
    """The applicant lives with the result that was told: nobody was asked to tell them that it was wrong."""
    nurse, case = staff["nurse"], told.case
    other = _correct(told, staff)
    db.session.commit()
    assert not _list_open("corrected-result"), "nobody has confirmed it"
    laboratory.confirm_result(other, staff["labsupervisor"])
    db.session.commit()
    (task,) = _list_open("corrected-result")
    assert (task.assignee_id, task.role, task.due_on, task.detail) == (nurse.id, "nurse", get_today(case), "")
    nurse_id, base = nurse.id, f"/cases/{case.id}/confidential"
    client, outsider = sign_in(app, nurse), sign_in(app, staff["reception"])
    page = _text(client.get(f"/tasks/{task.id}"))
    assert base in page and "once this is recorded where it is done: Told anew." in page
    assert 'value="told-anew"' not in page and "Cannot be reached any more" in page
    assert client.post(f"/tasks/{task.id}/close", data={"outcome": "told-anew", "remark": "told"}).status_code == 422
    assert client.post(f"/tasks/{task.id}/close", data={"outcome": "not-reached"}).status_code == 303
    (task,) = _list_open("corrected-result")
    assert not re.search("hiv|positive|negative", _text(outsider.get(f"/tasks/{task.id}")), re.I)
    assert "counts no more as it was" in _text(client.get(base))

    def counsel(kind: str) -> int:
        return client.post(f"{base}/counselling", data={"test": "hiv", "kind": kind, "agreed": "yes"}).status_code

    assert (counsel("released"), counsel("after"), counsel("released")) == (422, 302, 302)
    ended = next(one for one in _all(Task) if one.id == task.id)
    assert (ended.outcome, ended.closed_by_id) == ("told-anew", nurse_id)
    assert "counts no more as it was" not in _text(client.get(base))


def test_result_that_was_told_is_told_anew_after_the_signature_and_by_others_when_who_told_it_left(
    app: Flask, told: LabResult, staff: dict[str, User]
) -> None:
    staff["nurse"].active = False
    told.case.state = CaseState.SIGNED
    laboratory.confirm_result(_correct(told, staff), staff["labsupervisor"])
    db.session.commit()
    (task,) = _list_open("corrected-result")
    assert (task.assignee_id, task.role) == (None, "physician"), "no nurse works there any more"
    client = sign_in(app, staff["physician"])
    assert "/confidential/counselling" in _text(client.get(f"/cases/{task.case_id}/confidential"))


def test_result_that_was_told_and_is_taken_back_is_a_task_too(told: LabResult, staff: dict[str, User]) -> None:
    laboratory.withdraw_result(told, "blood of another person", staff["labtech"])
    db.session.commit()
    (task,) = _list_open("follow-up")
    assert (task.assignee_id, "taken back: tell them" in task.detail) == (staff["nurse"].id, True)
    assert confidential.find_outdated(told.case, "hiv") is not None


def test_corrected_result_that_nobody_was_told_asks_nobody(
    ids: tuple[str, str], staff: dict[str, User]
) -> None:
    row = db.session.get_one(LabResult, ids[1])
    laboratory.confirm_result(row, staff["labsupervisor"])
    laboratory.confirm_result(_correct(row, staff), staff["labsupervisor"])
    db.session.commit()
    assert not _list_open("corrected-result") and confidential.find_outdated(row.case, "hiv") is None


def test_vaccine_not_given_with_it_says_why_to_who_gives_it_alone(app: Flask, staff: dict[str, User]) -> None:
    case = make_case("us", user=staff["reception"], circumstances={"hiv_known": Answer.YES})
    case_id = case.id
    pages = {role: _text(sign_in(app, staff[role]).get(f"/cases/{case_id}/vaccination?look=1"))
             for role in ("nurse", "quality")}
    assert "Known HIV infection: no live vaccine" in pages["nurse"]
    assert "HIV" not in leave_tokens_out(pages["quality"]) and "The physician knows why." in pages["quality"]
