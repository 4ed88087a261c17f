"""The pages of dated tasks: my list, one task, what is done with it, and those of a case."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic import clock
from clinic.db import db, set_mode, write_unit
from clinic.models import Answer, Case, ContactKind, ContactPoint, Task, User
from clinic.queries import page as page_module
from clinic.queries.frame import find_frame
from clinic.queries.task import TaskFilter, count_tasks, list_tasks
from clinic.schemas.laboratory import NewResult
from clinic.services import lab_order, laboratory
from clinic.services.hold import place_hold
from clinic.services.task import close_task, give_task, open_task, postpone_task
from clinic.web.citation import list_paper_citations, list_source_citations, say_source
from clinic.web.task import REMEMBERED
from clinic.web.task_word import find_place
from tests.factory import make_case, make_site, make_user
from tests.sign_in import sign_in

TODAY = date(2026, 3, 2)


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case."""
    return make_case("us", user=make_user("reception"))


def open_late(case: Case, key: str = "x", days: int = 3, kind: str = "sputum-due") -> str:
    task = open_task(kind, case, key, clock.today(case.site.time_zone) - timedelta(days=days), detail="2026-03-02")
    db.session.commit()
    return task.id


def make_team(app: Flask) -> User:
    """Somebody of the tuberculosis team; the request before has left its unit."""
    set_mode("write")
    return make_user("tbteam")


def text_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def test_task_names_its_papers_by_their_titles(app: Flask, case: Case) -> None:
    ids = [open_late(case, kind=kind) for kind in ("sputum-due", "culture-awaited", "follow-up")]
    nurse = sign_in(app, make_team(app))
    pages = [text_of(nurse, f"/tasks/{each}") for each in ids]
    assert "Clinical notes for the United States" in pages[0] and "consultantspractice.com" in pages[0]
    assert "United States Q12" in pages[1]
    for page in pages:
        assert ".md" not in page and "[S" not in page and "_days_" not in page


@pytest.mark.parametrize(("source", "words"), [
    ("us.md R12 [OK]", "Clinical notes for the United States R12"), ("S1; N5", "S1; N5"), (None, ""),
    ("reference/screens.md 2.3 (Canada's target)", "Notes on other systems' screens 2.3 (Canada's target)"),
])
def test_papers_are_named_by_their_titles(app: Flask, source: str | None, words: str) -> None:
    assert say_source(source) == words


def test_titles_of_papers_write_their_days_as_everywhere(app: Flask) -> None:
    cited = dict(list_source_citations("S11; us.md R1 [own]", "us-syphilis"))
    assert "of 29-Feb-2024" in cited["S11"] and "still to be confirmed" in cited["!"]
    assert dict(list_paper_citations("us.md R1 [own]")) == {"!": cited["!"]}


def test_my_list_has_what_is_in_my_roles_list_and_what_was_given_to_me(app: Flask, case: Case) -> None:
    nurse = make_user("nurse")
    mine = open_task("contact-test", case, "a")
    given = open_task("sputum-due", case, "b", assignee=nurse)
    colleague = open_task("contact-test", case, "c", assignee=make_user("nurse"))
    up = open_task("culture-awaited", case, "d")
    up.level, up.escalated_role = 1, "nurse"
    elsewhere = make_case(user=make_user("reception", make_site("KLA")))
    open_task("contact-test", elsewhere, "e")
    db.session.flush()
    today = clock.today("Africa/Nairobi")
    ids = {row.id for row in list_tasks(nurse, TaskFilter(), today).rows}
    assert ids == {mine.id, given.id, up.id}
    assert {row.id for row in list_tasks(nurse, TaskFilter("site"), today).rows} == ids | {colleague.id}
    assert count_tasks(nurse, TaskFilter("site", escalated=True), today) == 1
    assert find_frame(nurse, today).due == 3 and find_frame(nurse, today - timedelta(days=1)).due == 0


@pytest.mark.parametrize(("programme", "place"), [("ca", "draw"), ("uk", "orders"), ("nz", "orders")])
def test_contact_whose_rules_ask_for_no_igra_is_led_to_the_order(app: Flask, programme: str, place: str) -> None:
    """The task led to the draw, where nothing was to be taken from a contact of the United Kingdom or New Zealand."""
    nurse = make_user("nurse")
    exposed = {"ca": {"tb_contact_5y": Answer.YES}, "uk": {"tb_contact": Answer.YES}}.get(programme, {})
    case = make_case(programme, user=make_user("reception"), circumstances=exposed)
    task = open_task("contact-test", case, "a")
    db.session.commit()
    task_id, nurse_id, base = task.id, nurse.id, f"/cases/{case.id}"
    client = sign_in(app, nurse)
    page = client.get(f"/tasks/{task_id}").get_data(as_text=True)
    assert f'href="{base}/{place}"' in page
    if place == "orders":
        with write_unit() as session:
            case, nurse = session.get_one(Case, base.split("/")[2]), session.get_one(User, nurse_id)
            lab_order.order_test(case, "igra", nurse, "x")
        assert f'href="{base}/draw"' in client.get(f"/tasks/{task_id}").get_data(as_text=True)


def test_list_is_the_same_as_one_made_anew_after_everything_that_happens(app: Flask, case: Case) -> None:
    with clock.stopped_at(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)):
        nurse, other = make_user("nurse", name="Otieno Were"), make_user("nurse", language="fr")
        keys = [open_late(case, "a", days=0, kind="contact-test"), open_late(case, "b", kind="contact-test")]
        physician = make_user("physician")
        clients = [sign_in(app, user) for user in (nurse, other)]
    paths = ("/tasks", "/tasks?late=yes", "/tasks?whose=site", "/tasks?whose=site&kind=contact-test")

    def get(place: int) -> Task:
        return db.session.get_one(Task, keys[place])

    def read() -> list[str]:
        return [re.sub(r'nonce="[^"]*"|csrf_token" value="[^"]*"|data-(?:page|csrf|id)="[^"]*"', "",
                       text_of(client, path)) for client in clients for path in paths]

    def raise_task() -> None:
        get(0).level, get(0).escalated_role = 1, "physician"

    steps: list[Callable[[], object]] = [
        lambda: postpone_task(get(1), date(2026, 3, 9), "comes next week", nurse), raise_task,
        lambda: give_task(get(1), "nurse", nurse, "knows the family", nurse),
        lambda: place_hold(get(1).case, "coughs", physician),
        lambda: close_task(get(0), "declined", nurse, "does not want to"),
    ]
    seen = []
    for minutes, step in enumerate([None, *steps]):
        with clock.stopped_at(datetime(2026, 3, 2, 9, 1, tzinfo=UTC) + timedelta(minutes=minutes)):
            if step:
                db.session.rollback()
                set_mode("write")
                step()
                db.session.commit()
            kept, again = read(), read()
            memo = app.extensions.pop(REMEMBERED)
            assert kept == again == read()
            app.extensions[REMEMBERED] = memo
            seen.append(kept[2])
    assert len(set(seen)) == len(seen)
    assert "Due today" in seen[0] and "3 days late" in seen[0] and "Due in 7 days" in seen[1]
    assert "gone up to: Panel physician" in seen[2] and "Otieno Were" in seen[3] and "May be infectious" in seen[4]
    with clock.stopped_at(datetime(2026, 3, 10, 9, 0, tzinfo=UTC)):
        assert "1 day late" in text_of(sign_in(app, nurse), "/tasks?whose=site")


def test_pages_go_by_due_day_and_key(app: Flask, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "SIZE", 2)
    nurse = make_user("nurse")
    for number, days in enumerate((2, 1, 1, 1, 0)):
        open_task("contact-test", case, str(number), TODAY + timedelta(days=days))
    first = list_tasks(nurse, TaskFilter(), TODAY)
    place = (first.rows[-1].due_on, first.rows[-1].id)
    second = list_tasks(nurse, TaskFilter(), TODAY, after=place)
    last = list_tasks(nurse, TaskFilter(), TODAY, after=(second.rows[-1].due_on, second.rows[-1].id))
    days = [row.due_on.day for page in (first, second, last) for row in page.rows]
    assert days == [2, 3, 3, 3, 4] and not last.has_next
    back = list_tasks(nurse, TaskFilter(), TODAY, before=(last.rows[0].due_on, last.rows[0].id))
    assert [row.id for row in back.rows] == [row.id for row in second.rows]


def test_navigation_counts_what_is_due_and_the_list_says_how_late(app: Flask, case: Case) -> None:
    number = case.number
    nurse_user = make_user("nurse")
    open_late(case)
    nurse, team = sign_in(app, nurse_user), sign_in(app, make_team(app))
    page = text_of(team, "/tasks")
    assert "Tasks: 1 due" in page and "3 days late" in page and "Sputum due" in page and "02-Mar-2026" in page
    assert number in page
    assert "Nothing is due here." in text_of(nurse, "/tasks")
    assert "3 days late" in text_of(nurse, "/tasks?whose=site&kind=sputum-due&role=tbteam")


def test_task_is_closed_with_an_outcome_and_the_next_one_is_named(app: Flask, case: Case) -> None:
    task_id = open_late(case)
    team = sign_in(app, make_team(app))
    page = text_of(team, f"/tasks/{task_id}")
    assert "How did it end?" in page and "It ends by itself once this is recorded where it is done: Taken." in page
    assert 'value="collected"' not in page
    refused = team.post(f"/tasks/{task_id}/close", data={"remark": "kept"})
    assert refused.status_code == 422 and "Choose how it ended." in refused.get_data(as_text=True)
    assert "kept" in refused.get_data(as_text=True)
    answer = team.post(f"/tasks/{task_id}/close", data={"outcome": "not-reached"}, follow_redirects=True)
    assert "The next one is due on" in answer.get_data(as_text=True)
    assert "Not reached" in text_of(team, f"/tasks/{task_id}")
    again = team.post(f"/tasks/{task_id}/close", data={"outcome": "not-reached"})
    assert again.status_code == 409


def test_task_is_put_off_and_given_with_a_reason(app: Flask, case: Case) -> None:
    task_id = open_late(case)
    nurse = make_user("nurse", name="Nurse Njeri")
    db.session.commit()
    team = sign_in(app, make_team(app))
    until = clock.today("Africa/Nairobi") + timedelta(days=2)
    for form in ({"until": until.isoformat()}, {"until": "", "reason": "travels home"},
                 {"until": (until + timedelta(days=90)).isoformat(), "reason": "travels home"}):
        assert team.post(f"/tasks/{task_id}/postpone", data=form).status_code == 422
    team.post(f"/tasks/{task_id}/postpone", data={"until": until.isoformat(), "reason": "travels home"})
    assert team.post(f"/tasks/{task_id}/give", data={"to": "role:wizard", "reason": "on leave"}).status_code == 422
    assert team.post(f"/tasks/{task_id}/give", data={"to": f"user:{nurse.id}"}).status_code == 422
    team.post(f"/tasks/{task_id}/give", data={"to": f"user:{nurse.id}", "reason": "on leave"})
    db.session.rollback()
    row = db.session.get_one(Task, task_id)
    assert (row.due_on, row.postponed, row.assignee_id) == (until, 1, nurse.id)
    page = text_of(team, f"/tasks/{task_id}")
    assert "Nurse Njeri" in page and "At first due" in page


def test_task_is_offered_only_to_who_can_do_it_and_refused_by_hand_for_others(app: Flask, case: Case) -> None:
    task_id = open_task("result-unconfirmed", case, "x").id
    radiographer, nurse = make_user("radiographer", name="Rania Radi"), make_user("nurse", name="Nurse Njeri")
    db.session.commit()
    team = sign_in(app, make_user("labsupervisor", name="Lars Lab"))
    page = text_of(team, f"/tasks/{task_id}")
    assert f'value="user:{nurse.id}"' in page and "Rania Radi" not in page and 'value="role:radiographer"' not in page
    for to, word in ((f"user:{radiographer.id}", "This person&#39;s role does not include what is to be done"),
                     ("role:radiographer", "This role does not include what is to be done")):
        refused = team.post(f"/tasks/{task_id}/give", data={"to": to, "reason": "on leave"})
        assert refused.status_code == 422 and word in refused.get_data(as_text=True)


def test_task_in_another_list_is_shown_and_refused(app: Flask, case: Case) -> None:
    task_id = open_late(case)
    stranger_user = make_user("physician", make_site("KLA"))
    radiographer, stranger = sign_in(app, make_user("radiographer")), sign_in(app, stranger_user)
    assert "in another list" in text_of(radiographer, f"/tasks/{task_id}")
    assert radiographer.post(f"/tasks/{task_id}/close", data={"outcome": "collected"}).status_code == 403
    assert stranger.get(f"/tasks/{task_id}").status_code == 404


def test_somebody_asks_for_something_on_a_case_by_a_day(app: Flask, case: Case) -> None:
    path = f"/cases/{case.id}/tasks/new"
    people = [make_user(role) for role in ("physician", "reception", "radiographer")]
    physician, reception, radiographer = (sign_in(app, person) for person in people)
    assert physician.post(path, data={}).status_code == 422
    past = (clock.today("Africa/Nairobi") - timedelta(days=1)).isoformat()
    form = {"kind": "document-awaited", "role": "reception", "detail": "Report of the chest clinic"}
    assert "This day is past" in physician.post(path, data=form | {"due_on": past}).get_data(as_text=True)
    day = (clock.today("Africa/Nairobi") + timedelta(days=9)).isoformat()
    page = physician.post(path, data=form | {"due_on": day}, follow_redirects=True).get_data(as_text=True)
    assert "Report of the chest clinic" in page and "Due in 9 days" in page
    assert "Report of the chest clinic" in text_of(reception, "/tasks")
    assert radiographer.get(path).status_code == 403


def test_follow_up_leads_to_where_its_work_is_done(app: Flask, case: Case) -> None:
    task_id = open_task("follow-up", case, "side-effect:1:rash", role="physician", detail="Decide").id
    db.session.commit()
    page = text_of(sign_in(app, make_user("physician")), f"/tasks/{task_id}")
    assert f'href="/cases/{case.id}/tuberculosis"' in page and "Go to the work" in page


def test_critical_value_is_due_now_stands_above_what_is_late_and_leads_to_its_result(app: Flask, case: Case) -> None:
    open_late(case, kind="on-hold")
    technician = make_user("labtech", case.site)
    row = laboratory.enter_result(case, NewResult(
        "creatinine-egfr", "22", clock.today(case.site.time_zone), unit="mL/min/{1.73_m2}"), technician)
    result = f"/cases/{case.id}/laboratory/{row.id}"
    task = db.session.query(Task).filter(Task.kind == "critical-call").one().id
    doctor = sign_in(app, make_user("physician", case.site), case.id)
    page = text_of(doctor, "/tasks")
    assert "1 critical value to be told now" in page and 'href="/tasks?kind=critical-call"' in page
    assert "critical value to be told now" not in text_of(doctor, "/tasks?kind=critical-call")
    assert "Due now" in page and "Due today" not in page
    page = text_of(doctor, f"/tasks/{task}")
    assert f'href="{result}"' in page and 'value="corrected"' not in page
    assert "Critical: call now" in text_of(doctor, result)
    told = doctor.post(f"/tasks/{task}/close", data={"outcome": "called", "remark": "Dr Otieno, ward 2"})
    assert told.status_code == 303
    page = text_of(doctor, result)
    assert "Dr Otieno, ward 2" in page and "Critical: call now" not in page
    assert "critical value to be told now" not in text_of(doctor, "/tasks")


def test_physician_records_the_call_beside_the_result_and_reception_is_shown_no_form(app: Flask, case: Case) -> None:
    """The task is the physician's; the form was shown to everybody and refused to the physician."""
    desk, doctor = (make_user(role, case.site) for role in ("reception", "physician"))
    row = laboratory.enter_result(case, NewResult(
        "creatinine-egfr", "22", clock.today(case.site.time_zone), unit="mL/min/{1.73_m2}"), desk)
    result = f"/cases/{case.id}/laboratory/{row.id}"
    db.session.commit()
    page = text_of(sign_in(app, desk), result)
    assert "Critical: call now" not in page and "Critical: told to nobody yet" in page
    client = sign_in(app, doctor, case.id)
    assert client.post(f"{result}/call", data={"called": "The applicant", "is_read_back": "yes"}).status_code == 302
    assert "The applicant" in text_of(client, result)


def test_every_kind_and_outcome_has_words() -> None:
    from clinic.task_kind import list_task_kinds
    from clinic.web.task_word import ADVICE, KIND_WORDS, OUTCOME_WORDS, PLACES

    kinds = list_task_kinds()
    assert set(KIND_WORDS) == set(kinds) and set(ADVICE) <= set(kinds) and set(PLACES) <= set(kinds)
    assert set(OUTCOME_WORDS) == {one for kind in kinds.values() for one in kind.outcomes}


def test_due_day_in_words() -> None:
    from clinic.web.task import describe_due

    assert datetime(2026, 3, 2, tzinfo=UTC).date() == TODAY
    assert describe_due(TODAY, TODAY, 0, None) == ("Due today", "warn", None)


@pytest.mark.database
def test_closing_leads_back_to_the_list_as_it_was_narrowed(app: Flask, case: Case) -> None:
    """With three hundred tasks one chose the kind anew after each of them."""
    ids = [open_late(case, key) for key in "ab"]
    http = sign_in(app, make_team(app))
    listed = "/tasks?whose=mine&kind=sputum-due"
    page = http.get(f"/tasks/{ids[0]}", headers={"Referer": f"http://localhost{listed}"}).text
    kept = listed.replace("&", "&amp;")
    assert f'name="list" value="{kept}"' in page and f'href="{kept}"' in page
    answer = http.post(f"/tasks/{ids[0]}/close", data={"list": listed, "outcome": "not-reached"})
    assert answer.location == listed
    wrong = http.post(f"/tasks/{ids[1]}/close", data={"list": listed, "outcome": ""})
    assert wrong.status_code == 422 and f'name="list" value="{kept}"' in wrong.text
    for elsewhere in ("https://evil.example/x?y", "//evil.example?y", "/cases?x", "http://[", ""):
        answer = http.post(f"/tasks/{ids[1]}/postpone", data={
            "list": elsewhere, "until": "03-Mar-2020", "reason": "late"})
        assert answer.status_code == 422 and 'name="list" value="/tasks"' in answer.text, elsewhere


@pytest.mark.database
def test_task_says_where_to_call_and_leads_to_the_new_exam(app: Flask, case: Case) -> None:
    db.session.add(ContactPoint(
        applicant_id=case.applicant_id, kind=ContactKind.PHONE, value="+254 700 000001", position=0,
        recorded_at=clock.now(), recorded_by_id=case.opened_by_id))
    applicant_id = case.applicant_id
    ending, traced = open_late(case, kind="validity-ending"), open_late(case, "traced:1", kind="contact-test")
    reception = make_user("reception")
    http = sign_in(app, reception)
    page = text_of(http, f"/tasks/{ending}")
    assert "+254 700 000001" in page and f'href="/applicants/{applicant_id}/cases/new"' in page
    assert "+254 700 000001" not in text_of(http, f"/tasks/{traced}"), "that is the source's"


@pytest.mark.database
def test_task_that_is_asked_for_again_says_how_it_had_ended(app: Flask, case: Case) -> None:
    task = open_task("contact-test", case, "x")
    task.outcome = "became-case"
    db.session.commit()
    words = "It had ended: Has become a tuberculosis case."
    assert words in text_of(sign_in(app, make_user("nurse")), f"/tasks/{task.id}")


def test_next_one_of_a_task_leads_to_the_same_place() -> None:
    assert find_place("result-awaited", "result-awaited:S1~2") == "specimens/S1"
    assert find_place("contact-test", "contact-test:traced:1~3") == "contacts"
