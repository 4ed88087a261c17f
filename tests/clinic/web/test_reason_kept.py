"""A reason that is refused stands in its own form again, beside what is wrong with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from lxml import html

from clinic.db import db
from clinic.models import Case, DoseSource, Family, Relation, SignedExam, SpecimenKind, User
from clinic.schemas.laboratory import NewSpecimen
from clinic.schemas.vaccination import NewDose
from clinic.services.amendment import ask_amendment
from clinic.services.family import join_family
from clinic.services.plausibility import get_today
from clinic.services.specimen import take_specimen
from clinic.services.vaccination import record_dose
from tests.factory import make_applicant
from tests.sign_in import sign_in
from tests.world import build_world, make_everybody

SHORT = "x"
FORMS = {
    "related": "/applicants/{applicant_id}/people/{related_id}/end",
    "amendment": "/cases/{signed_id}/amendment/{request_id}/decline",
    "dose": "/cases/{case_id}/vaccination/doses/{dose_id}/withdraw",
    "sputum": "/cases/{case_id}/sputum/specimens/{pot_id}/withdraw",
    "contact": "/cases/{case_id}/contacts/{contact_id}/withdraw",
    "proposed contact": "/cases/{case_id}/contacts/of/{member_id}/dismiss",
}


@pytest.mark.parametrize("name", FORMS)
def test_refused_reason_stands_in_its_form(app: Flask, name: str) -> None:
    values = _build(name)
    user_id, case_id = values.pop("user_id"), values["case_id"]
    client = sign_in(app, db.session.get_one(User, user_id), case_id)
    address = FORMS[name].format(**values)
    answer = client.post(address, data={"reason": SHORT})
    assert answer.status_code == 422
    tree = html.fromstring(answer.text)
    field = tree.xpath(f"//form[@action='{address}']//textarea[@name='reason']")[0]
    assert field.text == SHORT
    assert tree.get_element_by_id(f"{field.get('id')}-error").text_content(), "what is wrong is said beside it"
    others = tree.xpath(f"//form[not(@action='{address}')]//textarea[@name='reason']")
    assert {one.text or "" for one in others} <= {""}


def _build(name: str) -> dict[str, str]:
    world = build_world()
    case = db.session.get_one(Case, world.case_id)
    everybody, today = make_everybody(case.site), get_today(case)
    values = world.values | {"user_id": everybody.id}
    if name == "amendment":
        signed = db.session.get_one(Case, db.session.get_one(SignedExam, world.values["exam_id"]).case_id)
        values |= {"signed_id": signed.id, "request_id": ask_amendment(signed, "Another day", everybody).id}
    if name == "dose":
        dose = NewDose(line="HepB", cvx="43", given_on=today, source=DoseSource.GIVEN_HERE, lot="L1",
                       expires_on=today + timedelta(days=300))
        values["dose_id"] = record_dose(case, dose, everybody).id
    if name == "sputum":
        new = NewSpecimen(kind=SpecimenKind.SPUTUM, collected_on=today)
        values["pot_id"] = take_specimen(case, new, everybody).id
    if name == "proposed contact":
        values["member_id"] = _add_member(case, values["family_id"], everybody)
    db.session.commit()
    return values


def _add_member(case: Case, family_id: str, user: User) -> str:
    person = make_applicant(user)
    join_family(db.session.get_one(Family, family_id), person, Relation.CHILD, user)
    return person.id
