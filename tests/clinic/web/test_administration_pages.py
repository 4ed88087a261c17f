"""The administrator's pages: who comes in, what they show, every refusal, and that open sessions follow."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db, read_unit
from clinic.models import AuditChange, Authorisation, PasswordReset, Site, User
from clinic.permissions import ROLES, Permission
from clinic.web.permission_word import PERMISSION_WORDS
from tests.clinic.web.test_second_factor import set_up, show_code
from tests.factory import PASSWORD, make_authority, make_case, make_site, make_user
from tests.seek import find_address
from tests.sign_in import sign_in

AREA = "/administration"
WIDE, NARROW, NOBODY = {"admin"}, {"admin", "siteadmin"}, set[str]()
PAGES = {
    AREA: NARROW, f"{AREA}/users": NARROW, f"{AREA}/users/new": NARROW, f"{AREA}/users/{{user}}": NARROW,
    f"{AREA}/users/{{user}}/edit": NARROW, f"{AREA}/users/{{user}}/roles": NARROW,
    f"{AREA}/users/{{user}}/authorisations": NARROW, f"{AREA}/users/{{user}}/access": NARROW,
    f"{AREA}/roles": NARROW, f"{AREA}/sites": WIDE, f"{AREA}/sites/new": WIDE, f"{AREA}/sites/{{site}}": WIDE,
    f"{AREA}/destinations": WIDE, f"{AREA}/destinations/new": WIDE, f"{AREA}/destinations/us": WIDE,
    "/authority-clients": WIDE,
}
FORMS = {
    f"{AREA}/users/new": NARROW, f"{AREA}/users/{{user}}/edit": NARROW, f"{AREA}/users/{{user}}/roles": NARROW,
    f"{AREA}/users/{{user}}/authorisations": NARROW, f"{AREA}/users/{{user}}/access": NARROW,
    f"{AREA}/sites/new": WIDE, f"{AREA}/sites/{{site}}": WIDE, f"{AREA}/destinations/new": WIDE,
    f"{AREA}/destinations/us": WIDE, f"{AREA}/destinations/us/test": WIDE,
}
NEW = {"name": "Dr Ines Rusu", "email": "ines@test.example", "language": "en", "roles": ["radiologist"],
       "password": PASSWORD}


@pytest.fixture
def nurse(app: Flask) -> User:
    make_authority("us")
    return make_user("nurse")


def find(email: str) -> User:
    with read_unit() as session:
        return session.execute(select(User).where(User.email == email)).unique().scalar_one()


def read_user(user_id: str) -> tuple[list[str], bool, str]:
    with read_unit() as session:
        user = session.get_one(User, user_id)
        return sorted(role.name for role in user.roles), user.active, user.site.code


def count_changes(action: str) -> int:
    with read_unit() as session:
        return len(session.execute(select(AuditChange.id).where(AuditChange.action == action)).all())


def test_every_permission_has_its_words() -> None:
    assert set(PERMISSION_WORDS) == set(Permission)


@pytest.mark.parametrize("role", list(ROLES))
def test_each_page_is_open_to_its_roles_alone(app: Flask, nurse: User, role: str) -> None:
    person = make_user(role)
    places = {"user": nurse.id, "site": nurse.site_id}
    http = sign_in(app, person)
    for page, allowed in PAGES.items():
        assert http.get(page.format(**places)).status_code == (200 if role in allowed else 403), page
    for page, allowed in FORMS.items():
        if role not in allowed:
            assert http.post(page.format(**places), data={"password": PASSWORD}).status_code == 403, page
    home = http.get("/").text
    assert ('href="/administration"' in home) == (role in NARROW)


def test_start_page_offers_what_the_role_opens(app: Flask, nurse: User) -> None:
    people = {"admin": make_user("admin"), "siteadmin": make_user("siteadmin")}
    db.session.commit()
    words = ("Users", "Roles", "Sites", "Destinations", "Authorities&#39; clients")
    for role, shown in (("admin", words), ("siteadmin", words[:2])):
        page = sign_in(app, people[role]).get(AREA).text
        assert [word for word in words if f">{word}</a>" in page] == list(shown)


def test_list_is_searched_narrowed_and_paged(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinic.queries.page.SIZE", 3)
    here, there = make_site("NBO"), make_site("AMM")
    for number in range(7):
        make_user("nurse" if number % 2 else "labtech", there if number == 6 else here, name=f"Person {number}",
                  active=number != 5)
    http = sign_in(app, make_user("admin", here, name="Zoe Admin"))

    def names(address: str) -> list[str]:
        page = http.get(address).text
        return re.findall(r"Person \d|Zoe Admin(?=</a>)", page.split("<main")[1])

    first = http.get(f"{AREA}/users").text
    assert re.findall(r"Person \d", first.split("<main")[1]) == ["Person 0", "Person 1", "Person 2"]
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = following[1].replace("&amp;", "&")
    assert names(second) == ["Person 3", "Person 4", "Person 5"]
    back = re.search(r'rel="prev" href="([^"]+)"', http.get(second).text)
    assert back and names(back[1].replace("&amp;", "&")) == ["Person 0", "Person 1", "Person 2"]
    assert names(find_address(http, f"{AREA}/users", q="PERSON 3")) == ["Person 3"]
    assert names(find_address(http, f"{AREA}/users", q="%")) == []
    assert names(f"{AREA}/users?role=nurse&standing=active") == ["Person 1", "Person 3"]
    assert names(f"{AREA}/users?standing=disabled") == ["Person 5"]
    with read_unit() as session:
        site_id = session.execute(select(Site.id).where(Site.code == "AMM")).scalar_one()
    assert names(f"{AREA}/users?site={site_id}") == ["Person 6"]


def test_user_is_added_and_the_code_is_shown_once(app: Flask, nurse: User) -> None:
    site_id = nurse.site_id
    http = sign_in(app, make_user("siteadmin"))
    answer = http.post(f"{AREA}/users/new", data=NEW | {
        "site": site_id, "licence_number": "KE-1", "programmes": ["us"], "valid_from-day": "1", "valid_from-month": "2",
        "valid_from-year": "2026"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    code = re.search(r'code--shown">\s*([A-Z2-9-]{14})', answer.text)
    assert code
    user = find("ines@test.example")
    assert read_user(user.id) == (["radiologist"], True, "NBO")
    with read_unit() as session:
        assert session.execute(select(Authorisation.valid_from)).scalar_one().isoformat() == "2026-02-01"
        assert session.get(PasswordReset, user.id) is not None
    assert code[1] not in http.get(f"{AREA}/users/{user.id}").text
    assert "KE-1" in http.get(f"{AREA}/users/{user.id}").text


@pytest.mark.parametrize(("values", "words"), [
    ({"password": "guess"}, "This is not your password."), ({"name": ""}, "Fill this in."),
    ({"email": "ines"}, "Write an address like"), ({"roles": []}, "Choose at least one role."),
    ({"roles": ["king"]}, "Choose roles from the list."), ({"programmes": ["xx"]}, "Choose programmes from the list."),
    ({"valid_from-year": "soon", "valid_from-day": "1", "valid_from-month": "1"}, "valid_from"),
])
def test_wrong_new_user_is_said_and_nobody_is_added(
    app: Flask, nurse: User, values: dict[str, Any], words: str
) -> None:
    site_id = nurse.site_id
    http = sign_in(app, make_user("admin"))
    answer = http.post(f"{AREA}/users/new", data=NEW | {"site": site_id} | values)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert count_changes("add-user") == 0


def test_address_that_has_an_account_is_said_at_the_field(app: Flask, nurse: User) -> None:
    site_id, email = nurse.site_id, nurse.email
    http = sign_in(app, make_user("admin"))
    answer = http.post(f"{AREA}/users/new", data=NEW | {"site": site_id, "email": email})
    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text


def test_roles_show_what_they_give_and_take_before_they_are_saved(app: Flask, nurse: User) -> None:
    user_id = nurse.id
    http = sign_in(app, make_user("admin"))
    review = http.get(f"{AREA}/users/{user_id}/roles?role=labsupervisor&look=1").text
    gained, lost = review.split("Lost</h2>")[0], review.split("Lost</h2>")[1]
    assert "enter laboratory results" in gained and "enter laboratory results" not in lost
    assert "take the history and vital signs" in lost
    assert "Better kept apart" in review
    assert read_user(user_id)[0] == ["nurse"]
    assert http.get(f"{AREA}/users/{user_id}/roles?look=1").status_code == 422
    form = {"role": ["labsupervisor"], "seen": ["nurse"]}
    refused = http.post(f"{AREA}/users/{user_id}/roles", data=form | {"password": "guess"})
    assert (refused.status_code, "This is not your password." in refused.text) == (422, True)
    assert read_user(user_id)[0] == ["nurse"]
    stale = http.post(f"{AREA}/users/{user_id}/roles", data=form | {"seen": ["labtech"], "password": PASSWORD})
    assert (stale.status_code, "Look again before you decide" in stale.text) == (409, True)
    assert http.post(f"{AREA}/users/{user_id}/roles", data=form | {"password": PASSWORD}).status_code == 303
    assert read_user(user_id)[0] == ["labsupervisor"]
    past = http.get(f"{AREA}/users/{user_id}").text
    assert "Roles changed" in past and "given: Laboratory supervisor" in past


def test_open_session_follows_roles_site_and_disabling(app: Flask, nurse: User) -> None:
    other = make_site("AMM")
    user_id, other_id, site_id, email = nurse.id, other.id, nurse.site_id, nurse.email
    administrator = make_user("admin")
    case_id = make_case(user=make_user("reception")).id
    session = sign_in(app, nurse)
    assert session.get(f"/cases/{case_id}").status_code == 200
    assert session.get("/applicants/new").status_code == 403
    http = sign_in(app, administrator)
    base = f"{AREA}/users/{user_id}"
    http.post(f"{base}/roles", data={"role": ["nurse", "reception"], "seen": ["nurse"], "password": PASSWORD})
    assert session.get("/applicants/new").status_code == 200
    http.post(f"{base}/roles", data={"role": ["nurse"], "seen": ["nurse", "reception"], "password": PASSWORD})
    assert session.get("/applicants/new").status_code == 403
    facts = {"name": "Nurse", "email": email, "language": "en", "password": PASSWORD}
    assert http.post(f"{base}/edit", data=facts | {"site": other_id}).status_code == 303
    assert session.get(f"/cases/{case_id}").status_code == 404
    assert http.post(f"{base}/edit", data=facts | {"site": site_id}).status_code == 303
    assert session.get(f"/cases/{case_id}").status_code == 200
    assert http.post(f"{base}/access", data={"act": "disable", "password": PASSWORD}).status_code == 303
    answer = session.get(f"/cases/{case_id}")
    assert answer.status_code == 302 and answer.location.startswith("/sign-in")
    assert http.post(f"{base}/access", data={"act": "enable", "password": PASSWORD}).status_code == 303
    assert session.get(f"/cases/{case_id}").status_code == 302, "the old session stays ended"


def test_own_account_is_changed_by_another(app: Flask, nurse: User) -> None:
    administrator = make_user("admin")
    make_user("admin")
    user_id, site_id, email = administrator.id, administrator.site_id, administrator.email
    http = sign_in(app, administrator)
    base = f"{AREA}/users/{user_id}"
    assert "This is your own account" in http.get(base).text
    for page, form in (
        ("roles", {"role": ["admin", "physician"], "seen": ["admin"]}), ("access", {"act": "disable"}),
        ("access", {"act": "second-factor"}), ("access", {"act": "recovery"}),
        ("authorisations", {"act": "give", "programme": "us", "valid_from": "2026-01-01"}),
        ("edit", {"name": "Other", "email": email, "site": site_id}),
    ):
        assert "This is your own account" in http.get(f"{base}/{page}").text
        answer = http.post(f"{base}/{page}", data=form | {"password": PASSWORD})
        assert (answer.status_code, "Ask another administrator" in answer.text) == (403, True), page
    assert read_user(user_id) == (["admin"], True, "NBO")


def test_site_administrator_reaches_the_own_site_and_nobody_above(app: Flask, nurse: User) -> None:
    other = make_user("nurse", make_site("AMM"), name="Far Away")
    above = make_user("admin", name="Ruth Above")
    nurse_id, other_id, above_id, other_site = nurse.id, other.id, above.id, other.site_id
    http = sign_in(app, make_user("siteadmin"))
    listed = http.get(f"{AREA}/users").text
    assert "Far Away" not in listed and "Ruth Above" in listed
    assert "Far Away" not in http.get(f"{AREA}/roles").text
    assert http.get(f"{AREA}/users/{other_id}").status_code == 404
    disable = {"act": "disable", "password": PASSWORD}
    assert http.post(f"{AREA}/users/{other_id}/access", data=disable).status_code == 404
    assert http.post(f"{AREA}/users/{above_id}/access", data=disable).status_code == 403
    roles = {"role": ["nurse", "admin"], "seen": ["nurse"], "password": PASSWORD}
    assert http.post(f"{AREA}/users/{nurse_id}/roles", data=roles).status_code == 403
    assert http.post(f"{AREA}/users/new", data=NEW | {"site": other_site}).status_code == 404
    assert http.post(f"{AREA}/users/{nurse_id}/access", data=disable).status_code == 303
    assert [read_user(one)[1] for one in (nurse_id, other_id, above_id)] == [False, True, True]


def test_authorisation_is_given_and_ended_with_the_proof_of_each_form(app: Flask, nurse: User) -> None:
    user_id, today = nurse.id, clock.today("Africa/Nairobi")
    http = sign_in(app, make_user("admin"))
    page = f"{AREA}/users/{user_id}/authorisations"
    give = {"act": "give", "programme": "us", "valid_from": today.isoformat()}
    assert "has no effect until one does" in http.get(page).text
    for form in (give, give | {"password": "guess"}, give | {"password": PASSWORD, "programme": ""},
                 give | {"password": PASSWORD, "valid_from": "2026"}):
        assert http.post(page, data=form).status_code == 422, form
    assert http.post(page, data=give | {"password": PASSWORD}).status_code == 303
    again = http.post(page, data=give | {"password": PASSWORD})
    assert (again.status_code, "for these days already" in again.text) == (422, True)
    with read_unit() as session:
        right = session.execute(select(Authorisation.id)).scalar_one()
    end = {"act": "end", "authorisation": right, "last_day": today.isoformat()}
    assert http.post(page, data=end | {"password": PASSWORD}).status_code == 422, "the proof belongs to the other form"
    assert http.post(page, data=end | {"end_password": PASSWORD}).status_code == 303
    with read_unit() as session:
        assert session.execute(select(Authorisation.valid_until)).scalar_one() == today


def test_recovery_and_second_factor_are_audited(app: Flask, nurse: User) -> None:
    user_id = nurse.id
    administrator = make_user("admin")
    session = sign_in(app, nurse)
    http = sign_in(app, administrator)
    page = f"{AREA}/users/{user_id}/access"
    for form in (
        {"act": "recovery"}, {"act": "second-factor", "password": "guess"}, {"act": "x", "password": PASSWORD},
    ):
        assert http.post(page, data=form).status_code == 422, form
    shown = http.post(page, data={"act": "recovery", "password": PASSWORD})
    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "no-store")
    assert session.get("/").status_code == 200
    assert http.post(page, data={"act": "second-factor", "password": PASSWORD}).status_code == 303
    assert session.get("/").status_code == 302, "every session ended"
    assert count_changes("issue-password-reset") == count_changes("reset-mfa") == 1
    past = http.get(f"{AREA}/users/{user_id}").text.split("What happened")[1]
    assert "the second factor was reset" in past and "second-factor-reset" not in past and "sign-in " not in past
    assert http.post(page, data={"act": "disable", "password": PASSWORD}).status_code == 303
    assert http.post(page, data={"act": "recovery", "password": PASSWORD}).status_code == 409
    assert http.post(page, data={"act": "disable", "password": PASSWORD}).status_code == 409


def test_roles_page_says_what_each_may_and_who_holds_it(app: Flask, nurse: User) -> None:
    name = nurse.name
    for number in range(6):
        make_user("labtech", name=f"Technician {number}")
    page = sign_in(app, make_user("admin")).get(f"{AREA}/roles").text
    assert page.count('<tr class="table__row') >= len(ROLES) or page.count("<tr") > len(ROLES)
    assert name in page and "and 2 more" in page
    assert "clinic/permissions.py" in page


def test_site_is_added_changed_and_refused(app: Flask, nurse: User) -> None:
    site_id = nurse.site_id
    make_case(user=make_user("reception"))
    http = sign_in(app, make_user("admin"))
    form = {"code": "mnl", "name": "Manila", "city": "Manila", "country": "PHL", "time_zone": "Asia/Manila",
            "programmes": ["us", "ca"]}
    for values, words in (({"time_zone": "Manila"}, "Choose a time zone"), ({"code": "NBO"}, "Choose another code"),
                          ({"country": ""}, "Choose the country"), ({"name": ""}, "Fill this in.")):
        answer = http.post(f"{AREA}/sites/new", data=form | values)
        assert (answer.status_code, words in answer.text) == (422, True), values
    assert http.post(f"{AREA}/sites/new", data=form).status_code == 303
    assert "Asia/Manila" in http.get(f"{AREA}/sites").text
    page = f"{AREA}/sites/{site_id}"
    assert "stays: numbers were given under it" in http.get(page).text
    own = {"name": "Nairobi West", "city": "Nairobi", "country": "KEN", "time_zone": "Africa/Nairobi",
           "programmes": ["ca"]}
    refused = http.post(page, data=own | {"code": "XXX"})
    assert (refused.status_code, "under this code" in refused.text) == (422, True)
    assert http.post(page, data=own).status_code == 303
    shown = http.get(page).text
    assert "not in use any more; these go on" in shown
    assert "programmes taken out of use: au, nz, uk, us" in shown
    assert http.get(f"{AREA}/sites/none").status_code == 404


def test_case_of_a_programme_out_of_use_is_refused_with_a_sentence(app: Flask) -> None:
    site = make_site()
    reception = make_user("reception", site)
    case = make_case("us", user=reception)
    applicant_id, site_id = case.applicant_id, site.id
    administrator = make_user("admin", site)
    http = sign_in(app, administrator)
    http.post(f"{AREA}/sites/{site_id}", data={
        "name": "N", "city": "N", "country": "KEN", "time_zone": "Africa/Nairobi", "programmes": ["ca"]})
    session = sign_in(app, reception)
    choice = session.get(f"/applicants/{applicant_id}/cases/new?programme=us&category=IV").text
    assert "destination-ca" in choice and "destination-us" not in choice
    answer = session.post(f"/applicants/{applicant_id}/cases/new", data={"programme": "us", "category": "IV"})
    assert answer.status_code == 409
    assert "This site does not offer United States" in answer.text


def test_destination_is_registered_changed_and_refused(app: Flask, nurse: User) -> None:
    http = sign_in(app, make_user("admin"))
    form = {"short_name": "ca", "programme": "ca", "name": "IRCC", "channel": "fhir_document",
            "endpoint": "https://ircc.example/fhir", "password": PASSWORD}
    new = f"{AREA}/destinations/new"
    for values, words in (
        ({"endpoint": "http://ircc.example/fhir"}, "must begin with https://"),
        ({"channel": "pigeon"}, "Choose the way"),
        ({"endpoint": "https://user:pw@ircc.example/"}, "Leave out a user"), ({"short_name": "us"}, "already"),
        ({"channel": "hl7_oru"}, "Write an address like mllps://"), ({"password": "guess"}, "not your password"),
        ({"short_name": "C A"}, "small letters"), ({"programme": "xx"}, "Choose the programme"),
    ):
        answer = http.post(new, data=form | values)
        assert (answer.status_code, words in answer.text) == (422, True), values
    assert http.post(new, data=form).status_code == 303
    page = f"{AREA}/destinations/ca"
    change = {"name": "IRCC", "channel": "hl7_oru", "endpoint": "mllps://ircc.example:2575/GCMS/IRCC"}
    assert http.post(page, data=change).status_code == 422, "without a proof"
    assert http.post(page, data=change | {"password": PASSWORD}).status_code == 303
    shown = http.get(page).text
    assert "mllps://ircc.example:2575/GCMS/IRCC" in shown and "Way of sending changed" in shown
    assert http.post(f"{AREA}/destinations/none", data=change | {"password": PASSWORD}).status_code == 404


def test_what_is_wrong_with_a_form_is_said_before_a_code_is_used_up(app: Flask, nurse: User) -> None:
    admin, taken = make_user("admin"), nurse.email
    key, admin_id, own = set_up(admin), admin.id, {"site": admin.site_id}
    http = sign_in(app, admin)
    form = {"short_name": "ca", "programme": "ca", "name": "IRCC", "channel": "fhir_document",
            "endpoint": "https://ircc.example/fhir", "password": PASSWORD, "code": show_code(key)}
    with clock.stopped_at(clock.now()):
        for wrong in ({"endpoint": "https://not a host/"}, {"short_name": "us"}):
            assert http.post(f"{AREA}/destinations/new", data=form | wrong).status_code == 422
        change = form | {"endpoint": "nonsense"}
        assert http.post(f"{AREA}/destinations/us", data=change).status_code == 422
        user = http.post(f"{AREA}/users/new", data=NEW | own | {"email": taken, "code": form["code"]})
        assert user.status_code == 422 and "has an account already" in user.text
        moved = http.post(f"{AREA}/users/{admin_id}/edit", data=NEW | own | {
            "email": taken, "code": form["code"]})
        assert moved.status_code == 422 and "has an account already" in moved.text
        assert http.post(f"{AREA}/destinations/new", data=form).status_code == 303, "with the same code"
    checks = db.session.query(AuditChange).filter_by(action="check-again", subject_id=admin_id).count()
    assert checks == 1


def test_line_is_tested_in_words_and_audited(app: Flask, nurse: User) -> None:
    """The factory's authority has an address where nothing listens."""
    http = sign_in(app, make_user("admin"))
    answer = http.post(f"{AREA}/destinations/us/test")
    assert answer.status_code == 200
    assert "Nobody can be reached there." in answer.text
    assert count_changes("test-line") == 1
    assert "Line tested" in http.get(f"{AREA}/destinations/us").text


def test_site_that_does_not_exist_is_named_as_such(app: Flask, nurse: User) -> None:
    client = sign_in(app, make_user("admin"))
    moved = {"name": nurse.name, "email": nurse.email, "language": "en", "site": "no-such-site", "password": PASSWORD}
    for address, typed in ((f"{AREA}/users/{nurse.id}/edit", moved), (f"{AREA}/users/new", NEW | {"site": "x" * 300})):
        answer = client.post(address, data=typed)
        assert answer.status_code in (404, 422)
        assert "no such site" in answer.text
