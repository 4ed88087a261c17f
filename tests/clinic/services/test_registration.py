"""People and cases: numbered, doubles found, corrections judged anew, answers kept with who gave them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from marshmallow import ValidationError
from sqlalchemy import select

from clinic.db import db
from clinic.errors import CaseChanged, NotNow
from clinic.identifier import parse_applicant_number, parse_case_number
from clinic.models import Answer, Applicant, ApplicantKey, AuditChange, CaseState, Sex
from clinic.queries.applicant import find_people_by_name, find_people_by_number
from clinic.schemas.case import NewCase
from clinic.schemas.registration import NewApplicant
from clinic.services.circumstance import change_case, preview_change, write_answers
from clinic.services.derivation import derive_circumstances, parse_explanation
from clinic.services.double import find_likely_doubles, rewrite_keys
from clinic.services.opening import open_case
from clinic.services.registration import add_document, register_applicant, update_applicant
from tests.factory import applicant_data, case_data, make_applicant, make_authority, make_case, make_site, make_user

TYPED = {"family_name": "Wanjiru", "given_names": "Grace", "birth_date": "1991-01-05", "sex": "female",
         "citizenship": "KEN", "residence": "Kenya", "language": "sw"}


def test_numbers_carry_a_check_character_and_count_by_site(app: Flask) -> None:
    user = make_user()
    first, second = make_applicant(user), make_applicant(user)
    assert parse_applicant_number(first.number).sequence == 1
    assert parse_applicant_number(second.number).sequence == 2
    other = make_user(site=make_site("AMM"))
    assert parse_applicant_number(make_applicant(other).number).sequence == 1
    assert parse_case_number(make_case("us", first, user).number).site_code == "NBO"


@pytest.mark.parametrize("change", [
    {"family_name": "Ким"}, {"family_name": "R2D2"}, {"family_name": " "}, {"birth_date": "2090"},
    {"birth_date": "1850"}, {"sex": "m"}, {"citizenship": "Atlantis"}, {"language": "Swahili"},
    {"native_family_name": "Ким"}, {"phone": "call me"}, {"email": "x"}, {"surprise": "1"},
    {"document": {"kind": "passport", "number": "Ким", "issuing_country": "KEN"}},
    {"family_name": "Wаnjiru"}, {"given_names": "Grасe"},  # а and с are Cyrillic
    {"document": {"kind": "passport", "number": "АK0123456", "issuing_country": "KEN"}},  # А is Cyrillic
])
def test_wrong_person_is_refused_with_a_sentence(app: Flask, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        NewApplicant().load(TYPED | change)
    assert refused.value.messages


def test_person_as_typed_becomes_codes(app: Flask) -> None:
    data = NewApplicant().load(TYPED | {"birth_date": "Mar-1991", "given_names": "  Grace   Achieng "})
    assert (data["birth_date"], data["given_names"], data["residence"]) == ("1991-03", "Grace Achieng", "KEN")


def test_double_is_found_by_sound_and_by_passport_and_only_at_the_same_site(app: Flask) -> None:
    user = make_user()
    known = make_applicant(user, family_name="Mohamed", given_names="Fatima Hassan", birth_date="1988-02-10")
    spelled = applicant_data(family_name="Mohammed", given_names="Fatimah Hasan", birth_date="1988-02-10")
    found = find_likely_doubles(user.site_id, spelled)
    assert [double.applicant.id for double in found] == [known.id] and found[0].reasons
    passport = {"number": known.documents[0].number.lower(), "issuing_country": "KEN"}
    renamed = applicant_data(family_name="Otieno", given_names="Fatima", birth_date="1988-02-10", document=passport)
    assert known.id in [double.applicant.id for double in find_likely_doubles(user.site_id, renamed)]
    stranger = applicant_data(family_name="Kim", given_names="Minseo", birth_date="2001-07-30")
    assert find_likely_doubles(user.site_id, stranger) == []
    assert find_likely_doubles(make_site("AMM").id, spelled) == []


def test_corrected_name_is_found_by_its_new_keys(app: Flask) -> None:
    user = make_user()
    applicant = make_applicant(user, family_name="Kariuki")
    data = applicant_data(family_name="Zawadi", birth_date=applicant.birth_date)
    assert "family_name" in update_applicant(applicant, data, applicant.version, user)
    assert find_people_by_name(user, "zawa")[0].id == applicant.id
    assert find_people_by_name(user, "kariuki") == []
    keys = set(db.session.execute(
        select(ApplicantKey.key).where(ApplicantKey.applicant_id == applicant.id)).scalars())
    assert not any("kari" in key for key in keys)


def test_stale_correction_is_refused(app: Flask) -> None:
    user = make_user()
    applicant = make_applicant(user)
    with pytest.raises(CaseChanged):
        update_applicant(applicant, applicant_data(), applicant.version - 1, user)


def test_corrected_birth_date_judges_open_cases_anew(app: Flask) -> None:
    user = make_user()
    applicant = make_applicant(user, birth_date="1991-01-05")
    case = make_case("us", applicant, user)
    version = case.version
    data = {name: getattr(applicant, name) for name in ("family_name", "given_names", "sex", "citizenship",
                                                        "residence", "language")}
    update_applicant(applicant, data | {"birth_date": "2023-01-05"}, applicant.version, user)
    from clinic.services.assessment import list_requirements

    states = {row.exam: row.state.value for row in list_requirements(case)}
    assert states["chest-xray"] == "withdrawn"
    assert case.version > version


def test_name_is_found_by_any_word_in_any_script(app: Flask) -> None:
    user = make_user()
    person = make_applicant(user, family_name="Beridze", given_names="Mariam", native_family_name="ბერიძე",
                            native_given_names="მარიამ", native_language="ka")
    for typed in ("beridze", "Mariam", "mariam ber", "ბერიძე", "MARIAM, Beridze"):
        assert [row.id for row in find_people_by_name(user, typed)] == [person.id], typed
    assert find_people_by_name(user, "100%") == [] and find_people_by_name(user, "") == []


def test_same_document_is_not_written_twice(app: Flask) -> None:
    user = make_user()
    applicant = make_applicant(user)
    number = applicant.documents[0].number
    data = applicant_data()["document"] | {"number": f" {number.lower()}"}
    add_document(applicant, data, user)
    assert len(applicant.documents) == 1
    assert find_people_by_number(user, number)[0].id == applicant.id


def test_case_opens_with_unknown_for_whatever_was_not_answered(app: Flask) -> None:
    user = make_user()
    case = make_case("us", user=user, answer_no=False)
    assert case.state is CaseState.REGISTERED
    answers = {row.word: row.answer for row in case.circumstances}
    assert answers["tb_symptoms"] is Answer.UNKNOWN
    assert case.status == "undecided" and case.progress == "facts"
    opened = db.session.execute(select(AuditChange).where(AuditChange.action == "open")).scalars().one()
    assert opened.case_id == case.id and opened.actor_id == user.id


def test_case_without_an_authority_says_so(app: Flask) -> None:
    user = make_user()
    with pytest.raises(NotNow):
        open_case(make_applicant(user), case_data("us"), user)


def test_unusual_authority_number_warns_and_does_not_block(app: Flask) -> None:
    user = make_user()
    make_authority("us")
    opened = open_case(make_applicant(user), case_data("us", authority_case_number="hello 7"), user)
    assert opened.warning is not None and opened.case.authority_case_key == "HELLO7"
    fine = open_case(make_applicant(user), case_data("us", authority_case_number="NRB2026123456"), user)
    assert fine.warning is None


def test_unknown_category_or_circumstance_is_refused(app: Flask) -> None:
    for change in ({"category": "TOURIST"}, {"programme": "fr"}, {"circumstances": {"invented": "yes"}},
                   {"circumstances": {"tb_symptoms": "maybe"}}, {"stay_months": "-1"}, {"exam_date": "2090-01-01"},
                   {"residences": [{"country": "KEN", "from_on": "2024-05-01", "to_on": "2024-04-01"}]}):
        with pytest.raises(ValidationError):
            NewCase().load({"programme": "us", "category": "IV"} | change)


def test_preview_writes_nothing_and_change_writes_what_was_previewed(app: Flask) -> None:
    user = make_user()
    case = make_case("us", user=user)
    data = case_data("us", circumstances={"tb_symptoms": Answer.YES})
    del data["programme"]
    version = case.version
    preview = preview_change(case, data)
    assert {item["exam"] for item in preview.added} == {"sputum-series"} and case.version == version
    decision = change_case(case, data, case.version, user)
    assert decision["required"] == preview.after["required"]
    row = db.session.execute(select(AuditChange).where(AuditChange.subject_id == "tb_symptoms").order_by(
        AuditChange.id.desc())).scalars().first()
    assert row is not None and row.detail == {"from": "no", "to": "yes", "derived": False}
    with pytest.raises(CaseChanged):
        change_case(case, data, version, user)


def test_uk_presence_is_derived_from_the_places(app: Flask) -> None:
    applicant = Applicant(residence="KEN", sex=Sex.FEMALE)
    today = date(2026, 11, 22)
    facts = {"application_date": None, "exam_date": today.isoformat(), "lived_in": []}
    derived = {item.word: item for item in derive_circumstances("uk", applicant, facts)}
    assert derived["listed_presence"].answer is Answer.YES
    assert parse_explanation(derived["listed_presence"].explanation)[0][0] == "KEN"
    away = {"country": "FRA", "from": (today - timedelta(days=400)).isoformat(), "to": today.isoformat()}
    derived = {item.word: item for item in derive_circumstances("uk", applicant, facts | {"lived_in": [away]})}
    assert derived["listed_presence"].answer is Answer.NO


def test_derived_answer_cannot_be_overwritten_by_hand(app: Flask) -> None:
    user = make_user()
    case = make_case("uk", make_applicant(user, sex=Sex.MALE), user, category="ENTRY_CLEARANCE", stay_months=12)
    write_answers(case, {"listed_presence": Answer.NO, "pregnant": Answer.YES}, user)
    rows = {row.word: row for row in case.circumstances}
    assert rows["listed_presence"].answer is Answer.YES and rows["listed_presence"].derived_from
    assert rows["pregnant"].answer is Answer.NO


def test_registering_keeps_why_a_double_is_another_person(app: Flask) -> None:
    user = make_user()
    known = make_applicant(user)
    data = applicant_data(family_name=known.family_name, given_names=known.given_names)
    doubles = find_likely_doubles(user.site_id, data)
    assert doubles
    made = register_applicant(data, user, doubles, "cousin of the same name")
    row = db.session.execute(select(AuditChange).where(
        AuditChange.subject_id == made.id, AuditChange.action == "register")).scalars().one()
    assert row.detail == {"not_the_same_as": [known.id], "because": "cousin of the same name"}


def test_keys_are_made_anew_for_every_record(app: Flask) -> None:
    user = make_user()
    newest = max(make_applicant(user).id for _person in range(3))
    before = {row.applicant_id for row in db.session.execute(select(ApplicantKey)).scalars()}
    for row in db.session.execute(select(ApplicantKey)).scalars():
        db.session.delete(row)
    db.session.flush()
    last, count = rewrite_keys("", most=2)
    assert count == 2
    assert rewrite_keys(last, most=2) == (newest, 1) and rewrite_keys(newest) == (newest, 0)
    assert {row.applicant_id for row in db.session.execute(select(ApplicantKey)).scalars()} == before
