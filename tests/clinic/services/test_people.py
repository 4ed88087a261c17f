"""Contacts, guardians, families, interpreters: what replaces something ends it, and who may be what to whom."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from marshmallow import ValidationError

from clinic.errors import AlreadyDone, CaseChanged, InvalidInput, NotFound, NotNow
from clinic.models import Applicant, CaseState, ContactKind, DocumentKind, Family, InterpreterMode, Relation, User
from clinic.queries.family import find_families_by_number, view_members
from clinic.schemas.contact import NewContact
from clinic.schemas.family import FamilyCases
from clinic.schemas.related_person import NewRelatedPerson
from clinic.services.contact import add_contact, end_contact, replace_contact
from clinic.services.draft import discard_draft, find_draft, keep_draft, list_drafts
from clinic.services.family import (
    change_family,
    change_relation,
    find_family,
    find_parent_relation,
    found_family,
    join_family,
    leave_family,
    list_former_members,
    list_members,
)
from clinic.services.family_opening import open_cases
from clinic.services.interpreter import find_interpreter, list_interpreters, record_interpreter
from clinic.services.related_person import (
    add_related,
    end_related,
    find_absence,
    lacks_guardian,
    list_guardians,
    list_related,
    record_absence,
    replace_related,
)
from tests.factory import make_applicant, make_authority, make_case, make_site, make_user

FAMILY = {"kind": "family", "name": "Rahimi", "authority_number": "AF-26/771"}


def _guardian(**values: Any) -> dict[str, Any]:
    return {"registered_id": None, "name": "Leyla Omar", "organisation": None, "relation": Relation.AUNT,
            "is_guardian": True, "is_emergency": False, "phone": None, "document_kind": DocumentKind.PASSPORT,
            "document_number": "N771"} | values


def _family(user: User) -> tuple[Family, Applicant, Applicant]:
    mother, child = make_applicant(user, phone="+254 700 000001"), make_applicant(user, birth_date="2019-03-01")
    family = found_family(mother, FAMILY, user)
    join_family(family, child, Relation.CHILD, user)
    return family, mother, child


@pytest.mark.parametrize(("kind", "value"), [
    ("phone", "call me"), ("phone", "12"), ("phone", "+254 700 000 000 000 000 00"), ("email", "name"),
    ("address", "12 34"), ("fax", "12345"), ("phone", "")])
def test_contact_that_reaches_nobody_is_refused(app: Flask, kind: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NewContact().load({"kind": kind, "value": value})
    assert refused.value.messages


def test_replaced_and_ended_contacts_stay_with_their_time(app: Flask) -> None:
    user = make_user()
    person = make_applicant(user, phone="+254 700 000001")
    second = add_contact(person, {"kind": ContactKind.PHONE, "value": "+254 700 000002", "note": "sister"}, user)
    first = person.list_contacts(ContactKind.PHONE)[0]
    new = replace_contact(person, first, {"kind": ContactKind.PHONE, "value": "+254 700 000003", "note": None}, user)
    assert person.phone == "+254 700 000003"  # keeps the place of what it replaces
    assert [one.value for one in person.list_contacts(ContactKind.PHONE)] == [new.value, second.value]
    assert first.ended_at is not None and first.ended_by_id == user.id
    end_contact(person, new, user)
    assert person.phone == second.value and len(person.contacts) == 3
    with pytest.raises(NotNow):
        end_contact(person, new, user)
    with pytest.raises(AlreadyDone):
        add_contact(person, {"kind": ContactKind.PHONE, "value": second.value, "note": None}, user)


def test_new_address_takes_the_place_of_the_former(app: Flask) -> None:
    user = make_user()
    person = make_applicant(user, address="Block 7")
    add_contact(person, {"kind": ContactKind.ADDRESS, "value": "Block 9", "note": None}, user)
    assert person.address == "Block 9" and len(person.list_contacts(ContactKind.ADDRESS)) == 1


def test_minor_lacks_a_guardian_until_one_or_a_reason_is_recorded(app: Flask) -> None:
    user = make_user()
    child, adult = make_applicant(user, birth_date="2015-03-01"), make_applicant(user)
    assert lacks_guardian(child) and not lacks_guardian(adult)
    record_absence(child, "nobody came along", user)
    assert not lacks_guardian(child)
    row = add_related(child, _guardian(), user)
    assert find_absence(child) is None and list_guardians(child) == [row]
    with pytest.raises(NotNow):
        record_absence(child, "nobody came along", user)
    end_related(child, row, "left the country", user)
    assert lacks_guardian(child) and list_related(child) == [row]


def test_registered_guardian_brings_name_phone_and_document(app: Flask) -> None:
    user = make_user()
    _group, mother, child = _family(user)
    row = add_related(child, _guardian(registered_id=mother.id, name=None, relation=Relation.MOTHER,
                                       document_kind=None, document_number=None, is_emergency=True), user)
    assert row.name.startswith(mother.family_name.upper()) and row.phone == mother.phone
    assert row.document_number == mother.documents[0].number
    assert replace_related(child, row, _guardian(registered_id=mother.id, name=None, relation=Relation.MOTHER,
                                                 document_kind=None, document_number=None, is_emergency=True),
                           user) is row
    other = replace_related(child, row, _guardian(), user)
    assert row.ended_at is not None and list_guardians(child) == [other]


def test_minor_stranger_of_another_site_or_oneself_is_no_guardian(app: Flask) -> None:
    user = make_user()
    child, brother = make_applicant(user, birth_date="2015-03-01"), make_applicant(user, birth_date="2012-03-01")
    elsewhere = make_applicant(make_user(site=make_site("AMM")))
    for who in (brother, elsewhere, child):
        with pytest.raises(InvalidInput) as refused:
            add_related(child, _guardian(registered_id=who.id), user)
        assert set(refused.value.fields) == {"registered_id"}


@pytest.mark.parametrize(("typed", "wrong"), [
    ({"is_guardian": False}, {"roles"}), ({"name": ""}, {"name"}), ({"document_number": ""}, {"document_number"}),
    ({"relation": "child"}, {"relation"}), ({"organisation": "Agency"}, {"relation"}),
    ({"relation": "nobody"}, {"relation"}), ({"phone": "abc"}, {"phone"})])
def test_guardian_form_names_what_is_wrong(app: Flask, typed: dict[str, Any], wrong: set[str]) -> None:
    plain = {"name": "Leyla Omar", "relation": "aunt", "is_guardian": True, "document_kind": "passport",
             "document_number": "N1"} | typed
    with pytest.raises(ValidationError) as refused:
        NewRelatedPerson().load(plain)
    assert set(refused.value.messages_dict) == wrong


def test_emergency_contact_needs_a_number_to_call(app: Flask) -> None:
    user = make_user()
    with pytest.raises(InvalidInput) as refused:
        add_related(make_applicant(user), _guardian(is_guardian=False, is_emergency=True), user)
    assert set(refused.value.fields) == {"phone"}


def test_family_has_one_number_and_a_person_one_family(app: Flask) -> None:
    user = make_user()
    family, mother, child = _family(user)
    assert family.number.startswith("NBO-F-000001-")
    assert [found.id for found in find_families_by_number(user, family.number.lower().replace("-", ""))] == [family.id]
    assert [found.id for found in find_families_by_number(user, "af 26 771")] == [family.id]
    assert [member.applicant_id for member in list_members(family)] == [mother.id, child.id]
    with pytest.raises(AlreadyDone):
        found_family(child, FAMILY, user)
    with pytest.raises(NotFound):
        join_family(family, make_applicant(make_user(site=make_site("AMM"))), Relation.SIBLING, user)
    with pytest.raises(CaseChanged):
        change_family(family, FAMILY, family.version - 1, user)
    assert change_family(family, FAMILY | {"name": "Rahimi-Noori"}, family.version, user) == ["name"]


def test_leaving_keeps_the_row_and_a_principal_hands_the_place_on(app: Flask) -> None:
    user = make_user()
    family, _mother, child = _family(user)
    principal, member = list_members(family)
    with pytest.raises(InvalidInput) as refused:
        leave_family(family, principal, "travels alone", user)
    assert set(refused.value.fields) == {"heir"}
    change_relation(family, member, Relation.FOSTER_CHILD, user)
    leave_family(family, principal, "travels alone", user, member.id)
    assert [one.applicant_id for one in list_members(family)] == [child.id] and member.is_principal
    assert [one.left_reason for one in list_former_members(family)] == ["travels alone"]
    with pytest.raises(NotNow):
        leave_family(family, principal, "once more", user)
    again = make_applicant(user)
    assert find_family(again) is None


def test_principal_is_the_parent_of_a_child_by_sex(app: Flask) -> None:
    mother = make_applicant(make_user())
    assert find_parent_relation(mother, Relation.CHILD) is Relation.MOTHER
    assert find_parent_relation(mother, Relation.SPOUSE) is None


def test_cases_are_opened_for_the_ticked_or_for_nobody(app: Flask) -> None:
    user = make_user()
    make_authority("us")
    family, mother, child = _family(user)
    ids = [member.id for member in list_members(family)]
    plain = {"programme": "us", "category": "IV", "members": ids, "numbers": {ids[0]: "NRB2026123456"}}
    opened = open_cases(family, FamilyCases().load(plain), user)
    assert [one.case.applicant_id for one in opened] == [mother.id, child.id]
    assert [one.case.authority_case_number for one in opened] == ["NRB2026123456", None]
    assert all(one.case.state is CaseState.REGISTERED and one.case.category == "IV" for one in opened)
    with pytest.raises(InvalidInput) as refused:
        open_cases(family, FamilyCases().load(plain), user)
    assert set(refused.value.fields) == {"members"}
    views = view_members(family)
    assert [len(view.cases) for view in views] == [1, 1] and views[1].lacks_guardian


def test_two_members_cannot_share_a_case_number(app: Flask) -> None:
    with pytest.raises(ValidationError) as refused:
        FamilyCases().load({"programme": "us", "category": "IV", "members": ["a", "b"],
                            "numbers": {"a": "NRB2026123456", "b": "NRB2026123456"}})
    assert set(refused.value.messages_dict) == {"numbers"}


def test_interpreter_is_one_a_day_and_another_takes_over(app: Flask) -> None:
    user = make_user()
    case = make_case("us", user=user)
    said = {"language": "am", "name": "Hanna", "organisation": None, "mode": InterpreterMode.PRESENT,
            "is_relative": False}
    first = record_interpreter(case, said, user)
    assert record_interpreter(case, said, user) is first
    second = record_interpreter(case, said | {"name": "Line 12", "mode": InterpreterMode.PHONE}, user)
    assert find_interpreter(case) is second and list_interpreters(case) == [second, first]


def test_draft_is_its_owners_alone(app: Flask) -> None:
    mine, other = make_user(), make_user()
    draft = keep_draft(mine, {"family_name": "Noori"})
    assert keep_draft(mine, {"family_name": "Noory"}, draft.id) is draft
    assert keep_draft(other, {"family_name": "Otieno"}, draft.id) is not draft
    assert find_draft(other, draft.id) is None and [one.typed for one in list_drafts(mine)] == [
        {"family_name": "Noory"}]
    discard_draft(other, draft.id)
    assert find_draft(mine, draft.id) is draft
    discard_draft(mine, draft.id)
    assert list_drafts(mine) == []
