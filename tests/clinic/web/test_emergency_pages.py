"""Break the glass: nothing of another site's case without it, that one case with it, to be read, for its time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from clinic import clock
from clinic.audit import audit_engine, audit_read
from clinic.db import db, write_unit
from clinic.models import AuditChange, Case, ContactSetting, EmergencyAccess, FamilyKind, Relation, User
from clinic.permissions import ROLES
from clinic.schemas.laboratory import NewResult
from clinic.schemas.tb_contact import NewContact
from clinic.services import laboratory
from clinic.services.confidential import may_read_exam
from clinic.services.family import found_family, join_family
from clinic.services.hold import place_hold
from clinic.services.plausibility import get_today
from clinic.services.tb_contact import confirm_contact
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.seek import seek
from tests.sign_in import sign_in
from tests.world import World, build_world, make_everybody

FORM = {"reason": "danger", "words": "Unconscious in our ambulance, allergies unknown", "understood": "yes"}
# What names a case's own parts alone; a person's, a family's or a delivery's pages are not of the one case.
OF_THE_CASE = {"case_id", "exam_id"}


@pytest.fixture
def case(app: Flask) -> Case:
    """A case of the clinic in Nairobi."""
    return make_case(applicant=make_applicant(family_name="Zzwambui"))


@pytest.fixture
def stranger(case: Case) -> User:
    """A physician of the clinic in Mombasa."""
    return make_user("physician", make_site("MBA"))


def _open(client: FlaskClient, case_number: str, **changed: str) -> Any:
    return client.post("/emergency/open", data={"number": case_number} | FORM | changed)


def _let_time_pass() -> None:
    """The hour is over: every opening so far has ended by itself."""
    db.session.rollback()
    with write_unit() as session:
        for row in session.execute(select(EmergencyAccess)).unique().scalars():
            row.until_at = clock.now() - timedelta(seconds=1)


def _reads(action: str | None = None) -> list[Any]:
    with audit_engine().connect() as connection:
        rows = connection.execute(select(audit_read).order_by(audit_read.c.id)).all()
    return [row for row in rows if action is None or row.action == action]


def test_case_number_opens_that_case_to_read_and_its_site_sees_it(app: Flask, case: Case, stranger: User) -> None:
    number, case_id, person_id, site_id = case.number, case.id, case.applicant_id, case.site_id
    keeper = make_user("quality", case.site)
    client = sign_in(app, stranger)
    assert client.get(f"/cases/{case_id}").status_code == 404
    answer = _open(client, number)
    assert (answer.status_code, answer.location) == (303, f"/cases/{case_id}")
    page = client.get(f"/cases/{case_id}")
    assert page.status_code == 200
    assert "Emergency access to a case of Clinic NBO." in page.text and "Reading only" in page.text
    assert client.get(f"/cases/{case_id}/laboratory").status_code == 200
    assert client.get(f"/cases/{case_id}/forms/us-medical-exam").status_code == 200
    assert client.get(f"/applicants/{person_id}").status_code == 404
    assert "Zzwambui" not in client.get("/cases").text
    assert seek(client, "/search", q=number).status_code == 200
    read = _reads("read")[-1]
    assert (read.case_id, read.site_id) == (case_id, site_id)
    assert '"purpose":"BTG"' in read.detail and '"reason":"danger"' in read.detail
    change = db.session.execute(select(AuditChange).where(AuditChange.action == "emergency-open")).scalar_one()
    assert (change.case_id, change.detail) == (case_id, {"reason": "danger", "purpose": "BTG"})
    own = sign_in(app, db.session.get_one(User, keeper.id)).get(f"/cases/{case_id}")
    assert "Opened in an emergency by" in own.text and "allergies unknown" in own.text


def test_confidential_result_is_not_opened_and_no_way_leads_to_a_refusal(
    app: Flask, case: Case, stranger: User
) -> None:
    number, case_id, physician = case.number, case.id, make_user("physician", case.site)
    assert may_read_exam(case, stranger)
    row = laboratory.enter_result(case, NewResult("hiv", "negative", get_today(case)), make_user("labtech", case.site))
    assert may_read_exam(case, physician) and not may_read_exam(case, stranger), "the signed exam tells it"
    address = f"/cases/{case_id}/laboratory/{row.id}"
    db.session.commit()
    client = sign_in(app, stranger)
    _open(client, number)
    page = client.get(address).text
    assert "an emergency does not open it" in page and "Clinic NBO" in page and "Negative" not in page
    for path in (address, f"/cases/{case_id}/laboratory"):
        assert "/confidential" not in client.get(path).text, path
    refused = client.get(f"/cases/{case_id}/confidential")
    assert refused.status_code == 403 and "An emergency does not open confidential results." in refused.text


def test_one_case_names_nobody_else_of_the_family(app: Flask, case: Case, stranger: User) -> None:
    """The case's page listed everybody of the family with their ages, and its contacts' page their birth dates."""
    reception, number, case_id = make_user("reception"), case.number, case.id
    family = found_family(case.applicant, {"kind": FamilyKind.FAMILY, "name": "", "authority_number": None}, reception)
    join_family(family, make_applicant(reception, family_name="Zzmwana"), Relation.CHILD, reception)
    place_hold(case, "Smear positive", make_user("physician", case.site))
    own = make_user("physician", case.site)
    db.session.commit()
    paths = ("", "/contacts", "/exposure")
    kept = sign_in(app, own)
    assert all("ZZMWANA" in kept.get(f"/cases/{case_id}{path}").text.upper() for path in paths[:2])
    client = sign_in(app, stranger)
    assert _open(client, number).status_code == 303
    pages = [client.get(f"/cases/{case_id}{path}") for path in paths]
    assert [page.status_code for page in pages] == [200, 403, 403]
    assert all("ZZMWANA" not in page.text.upper() for page in pages) and "Call the case&#39;s own site" in pages[1].text
    again = _open(client, number)
    assert (again.status_code, again.location) == (303, f"/cases/{case_id}"), "open already: there it is"


def test_review_of_one_case_names_no_source_of_its_exposures(app: Flask, stranger: User) -> None:
    """The other site's physicians read the case number of the source, or the name that somebody gave; on the printed
    packet too."""
    case, own = make_case("us"), make_user("physician")
    assert may_read_exam(case, stranger)
    source, number, case_id = make_case("us"), case.number, case.id
    for new, known in ((NewContact(Relation.CHILD, ContactSetting.HOUSEHOLD), source), (
            NewContact(Relation.CHILD, ContactSetting.OTHER, source_name="Uncle Zzotieno"), None)):
        confirm_contact(case.applicant, new, own, known)
    source_number = source.number
    db.session.commit()
    assert may_read_exam(case, own) and not may_read_exam(case, stranger)
    page = sign_in(app, own).get(f"/cases/{case_id}/sign").text
    assert source_number in page and "Zzotieno" in page
    client = sign_in(app, stranger)
    _open(client, number)
    page = client.get(f"/cases/{case_id}/sign").text
    assert "Contact: Household" in page and source_number not in page and "Zzotieno" not in page


def test_opened_case_is_never_changed(app: Flask, case: Case, stranger: User) -> None:
    number, case_id, version = case.number, case.id, case.version
    client = sign_in(app, stranger)
    _open(client, number)
    for path in ("state", "circumstances", "laboratory", "vaccination/doses", "sign", "requirements/new",
                 "forms/us-medical-exam", "forms/us-medical-exam/draft", "treatment/tuberculosis"):
        answer = client.post(f"/cases/{case_id}/{path}", data={"version": "1", "to": "on-hold", "reason": "because"})
        assert answer.status_code in (403, 404), path
    db.session.expire_all()
    assert db.session.get_one(Case, case_id).version == version


def test_passport_opens_only_with_its_birth_date(app: Flask, case: Case, stranger: User) -> None:
    passport, case_id = case.applicant.documents[0].number, case.id
    client = sign_in(app, stranger)
    for wrong in ({}, {"birth_date": "06-Jan-1991"}):
        assert "No case was found" in _open(client, passport, **wrong).text
    assert "No case was found" in _open(client, passport[:-1], birth_date="05-Jan-1991").text
    assert _open(client, passport, birth_date="05-Jan-1991").location == f"/cases/{case_id}"
    assert len(_reads("emergency-missed")) == 3


def test_guessing_numbers_is_stopped_and_written_down(app: Flask, case: Case, stranger: User) -> None:
    number = case.number
    client = sign_in(app, stranger)
    for turn in range(5):
        assert _open(client, f"NBO-99990{turn}").status_code == 422
    answer = _open(client, number)
    assert answer.status_code == 409 and "Too many numbers" in answer.text
    an_hour_ago = clock.now() - timedelta(minutes=61)
    with audit_engine().begin() as connection:
        connection.execute(audit_read.update().values(happened_at=an_hour_ago))
    assert _open(client, number).status_code == 303


@pytest.mark.parametrize("missing", ["number", "reason", "words", "understood"])
def test_everything_is_asked_for(app: Flask, case: Case, stranger: User, missing: str) -> None:
    number = case.number
    client = sign_in(app, stranger)
    answer = _open(client, number, **{missing: ""})
    assert answer.status_code == 422 and "One thing to correct" in answer.text
    assert db.session.execute(select(EmergencyAccess)).first() is None


def test_it_ends_by_itself_or_when_given_back_and_with_the_role(app: Flask, case: Case, stranger: User) -> None:
    number, case_id, stranger_id = case.number, case.id, stranger.id
    client = sign_in(app, stranger)
    _open(client, number)
    assert client.get(f"/cases/{case_id}").status_code == 200
    _let_time_pass()
    assert client.get(f"/cases/{case_id}").status_code == 404
    assert _open(client, number).status_code == 303
    newest = db.session.execute(select(EmergencyAccess.id).order_by(EmergencyAccess.id.desc())).scalars().first()
    assert client.get(f"/cases/{case_id}").status_code == 200
    client.post(f"/emergency/{newest}/end")
    assert client.get(f"/cases/{case_id}").status_code == 404
    _open(client, number)
    with write_unit() as session:
        person = session.get_one(User, stranger_id)
        person.roles = list(make_user("labtech", person.site).roles)
    assert client.get(f"/cases/{case_id}").status_code == 404


def test_only_the_person_who_opened_it_sees_it_and_only_clinical_roles_may(
    app: Flask, case: Case, stranger: User
) -> None:
    number, case_id = case.number, case.id
    colleague = make_user("physician", stranger.site)
    others = {role: make_user(role, stranger.site).id for role in ROLES}
    _open(sign_in(app, stranger), number)
    assert sign_in(app, db.session.get_one(User, colleague.id)).get(f"/cases/{case_id}").status_code == 404
    may = {role for role, user_id in others.items()
           if sign_in(app, db.session.get_one(User, user_id)).get("/emergency/open").status_code == 200}
    assert may == {"nurse", "physician", "radiologist", "tbteam"}


def test_review_is_by_somebody_else_with_a_remark_once(app: Flask, case: Case, stranger: User) -> None:
    number = case.number
    reviewer = make_user("quality", stranger.site).id
    third = make_user("quality", make_site("KSM")).id
    _open(sign_in(app, stranger), number)
    row = db.session.execute(select(EmergencyAccess.id)).scalar_one()
    elsewhere = sign_in(app, db.session.get_one(User, third))
    assert number not in elsewhere.get("/emergency").text and elsewhere.get(f"/emergency/{row}").status_code == 404
    client = sign_in(app, db.session.get_one(User, reviewer))
    assert "To review" in client.get("/emergency").text
    assert client.post(f"/emergency/{row}", data={"reason": "ok"}).status_code == 422
    assert client.post(f"/emergency/{row}", data={"reason": "Justified: hospital confirmed"}).status_code == 303
    assert client.post(f"/emergency/{row}", data={"reason": "Justified: hospital confirmed"}).status_code == 409
    assert "Reviewed" in client.get("/emergency").text


def _walk(app: Flask, world: World, client: FlaskClient, names: set[str]) -> dict[str, int]:
    """The status of every GET of staff whose address names something of the world's."""
    found = {}
    for rule in app.url_map.iter_rules():
        mark = getattr(app.view_functions[rule.endpoint], "permission", None)
        if "GET" in (rule.methods or ()) and isinstance(mark, tuple) and rule.arguments & names:
            found[_say(rule)] = client.get(world.address(app, rule)).status_code
    return found


def _say(rule: Rule) -> str:
    return f"{rule.endpoint} {rule.rule}"


def test_without_it_no_route_shows_another_site_s_case_and_after_it_neither(app: Flask) -> None:
    """The leak-proof walk: all routes, before, while and after."""
    world = build_world()
    number = db.session.get_one(Case, world.case_id).number
    client = sign_in(app, make_everybody(make_site("MBA")))
    everything = set(world.values) - {"name", "station", "disease", "authority_id", "test"}
    before = _walk(app, world, client, everything)
    assert len(before) > 40
    assert {route: status for route, status in before.items() if status != 404} == {}
    assert _open(client, number).status_code == 303
    during = _walk(app, world, client, everything)
    opened = {route for route, status in during.items() if status == 200}
    assert len(opened) > 15
    assert all("/cases/<case_id>" in route for route in opened), opened
    _let_time_pass()
    assert set(_walk(app, world, client, everything).values()) == {404}
