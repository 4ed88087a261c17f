"""Three small sites: the one whose staff walk, the one of which they must never learn, and one they may ask of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db, set_mode
from clinic.limit import Door, TooManyAttempts, admit, list_buckets, tag_account
from clinic.models import (
    Authenticator,
    Case,
    ContactKind,
    Delivery,
    DoseSource,
    EmergencyReason,
    Family,
    FamilyKind,
    InboundMessage,
    InboundState,
    Relation,
    SignedExam,
    SpecimenKind,
    TreatmentOutcome,
    User,
)
from clinic.permissions import ROLES
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.schemas.treatment import NewTreatment
from clinic.schemas.vaccination import NewDose
from clinic.services import laboratory, radiology, signing
from clinic.services.amendment import ask_amendment
from clinic.services.contact import add_contact
from clinic.services.draft import keep_draft
from clinic.services.emergency import open_in_emergency
from clinic.services.family import found_family, join_family
from clinic.services.plausibility import get_today
from clinic.services.related_person import add_related
from clinic.services.second_factor import describe_secret, draw_recovery_codes, draw_secret
from clinic.services.specimen import take_specimen
from clinic.services.task import open_task
from clinic.services.treatment import report_treatment
from clinic.services.vaccination import record_dose
from clinic.services.visit import note_presence
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.fhir import story
from tests.fhir_api.machine import Machine
from tests.fuzz.stage import KEYHOLDER, make_places
from tests.sign_in import meet, sign_in
from tests.world import build_world, make_everybody

EVERYBODY = "everybody"  # one member of staff with every role
STRANGER = ""  # not signed in
SECRET = "Zqovlinth"  # every person and remark of the other site has it; nobody else does
COLLEAGUE = "Vlexar"  # the staff of the other site; only who manages every site sees them


@dataclass
class Clinic:
    """What the walks may name, and what must never be told."""

    own: list[dict[str, str]] = field(default_factory=list)  # ids by the names of routes' arguments
    places: dict[str, list[dict[str, str]]] = field(default_factory=dict)  # where a form stands: by route, or its part
    other: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    cookies: dict[str, str] = field(default_factory=dict)  # of a signed-in browser, by role
    emails: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)  # their ids
    codes: list[str] = field(default_factory=list)  # recovery codes of the account that a stranger signs in to
    keys: dict[str, str] = field(default_factory=dict)  # of the authenticator apps of who has one, by role
    ids: list[str] = field(default_factory=list)


Staff = dict[str, User]


def make_clinic(app: Flask) -> Clinic:
    """Through the services; needs an application context and a write unit, and commits."""
    printed, signing.issue_document = signing.issue_document, lambda *_all: b"%PDF-1.7 packet"  # a second each
    try:
        return _make(app)
    finally:
        signing.issue_document = printed


def _make(app: Flask) -> Clinic:
    made, world = Clinic(), build_world()
    set_mode("write")
    recording = db.session.get_one(Case, world.case_id)
    site, signed = recording.site, db.session.get_one(SignedExam, world.values["exam_id"])
    signed_case = db.session.get_one(Case, signed.case_id)
    staff = {role: make_user(role, site) for role in ROLES} | {EVERYBODY: make_everybody(site)}
    waiting_id, reading_id = _record(recording, staff, "as every day")
    request = ask_amendment(signed_case, "The film is of another day", staff["nurse"])
    add_contact(recording.applicant, {"kind": ContactKind.PHONE, "value": "+254700000009", "note": None},
                staff["reception"])
    child = make_case(applicant=make_applicant(staff["reception"], birth_date="2019-02-03"), user=staff["reception"])
    join_family(db.session.get_one(Family, world.values["family_id"]), make_applicant(staff["reception"]),
                Relation.CHILD, staff["reception"])
    ready = story.open_case(staff, "us")
    story.walk.work_through(ready, staff)
    task = open_task("follow-up", recording, "walk", role="nurse", detail="Bring the old films")
    _make_other(made)
    partner = make_case(user=make_user("reception", make_site("KIS")))
    opening = open_in_emergency(partner, EmergencyReason.DANGER, "Unconscious at the hospital", staff[EVERYBODY])
    machine, subject = Machine(app, "us"), make_user("reception", site)
    failed = _receive_failed()
    common = world.values | {
        "client_id": machine.id, "user_id": subject.id, "site_id": site.id, "member_id": child.applicant_id,
        "reading_id": reading_id, "programme": "us", "category": "IV",
        "task_id": task.id}
    made.own = [common,
                common | {"result_id": waiting_id, "disease": "syphilis", "message_id": failed},
                common | {"case_id": signed_case.id, "applicant_id": signed_case.applicant_id},
                common | {"case_id": child.id, "applicant_id": child.applicant_id, "opening_id": opening.id},
                common | {"case_id": ready.id, "applicant_id": ready.applicant_id}]
    made.places = make_places(
        staff, common, {"case_id": signed_case.id, "request_id": request.id}, partner.number)
    for user in staff.values():
        meet(recording, user, consents=False)
        meet(ready, user, consents=False)
        keep_draft(user, {"family_name": "Half typed"})
    made.ids = [*common.values(), *made.other.values(), partner.number, partner.id]
    made.emails = {name: user.email for name, user in staff.items()}
    made.people = {name: user.id for name, user in staff.items()}
    made.keys[KEYHOLDER] = _find_key(staff[KEYHOLDER])
    made.emails[STRANGER] = _give_app(make_user("reception", site), made)
    for name, user in ({"subject": subject, "again": staff[EVERYBODY]} | staff).items():
        cookie = sign_in(app, user).get_cookie(app.config["SESSION_COOKIE_NAME"])
        set_mode("write")
        if name in staff and cookie:
            made.cookies[name] = cookie.value
    _make_wait(subject.email)  # last: the wait is short
    return made


def _receive_failed() -> str:
    """A message from outside that nobody could make sense of."""
    raw = b"MSH|^~\\&|A|B|C|D|20261122||ACK^R01|2|P|2.5.1\rMSA|AA|nobody\r"
    message = InboundMessage(received_at=clock.now(), peer="127.0.0.1", sender="A B", control_id="2", kind="ACK^R01",
                             sha256=sha256(raw).hexdigest(), raw=raw, state=InboundState.ERROR)
    db.session.add(message)
    db.session.flush()
    return message.id


def _make_wait(account: str) -> None:
    """Somebody guessed at an account until it had to wait."""
    with suppress(TooManyAttempts):
        for _attempt in range(20):
            admit(list_buckets(Door.SIGN_IN, tag_account(account), "192.0.2.7"))


def _record(case: Case, staff: Staff, remark: str) -> tuple[str, str]:
    """Something of every kind, so that every page has something to show, correct and withdraw.

    Returns the ids of a result that waits for its second person, and of a reading.
    """
    today = get_today(case)
    specimen = take_specimen(case, NewSpecimen(kind=SpecimenKind.SPUTUM, collected_on=today), staff["phlebotomist"])
    for new in (NewResult(test="sputum-culture", value="negative", specimen_id=specimen.id, reported_on=today,
                          remark=remark), NewResult(test="hiv", value="negative", performed_on=today, remark=remark)):
        waiting = story.insist(lambda given: laboratory.enter_result(case, given, staff["labtech"]), new)
    reading = NewReading(taken_on=today, view="pa", findings=("NORMAL",), remark=remark)
    read = story.insist(lambda given: radiology.record_reading(case, given, staff["radiologist"]), reading)
    dose = NewDose(line="HepB", cvx="43", given_on=today, source=DoseSource.GIVEN_HERE, lot=remark[:20])
    story.insist(lambda given: record_dose(case, given, staff["nurse"]), dose)
    treatment = NewTreatment(disease="syphilis", outcome=TreatmentOutcome.CURRENT, stage="primary", detail=remark)
    story.insist(lambda given: report_treatment(case, given, None, staff["physician"]), treatment)
    note_presence(case, staff["reception"])
    return waiting.id, read.id


def _make_other(made: Clinic) -> None:
    """A signed exam and a case in work, each with the secret in every text that staff write."""
    site = make_site("MBA")
    staff = {role: make_user(role, site, name=f"{COLLEAGUE} {role}") for role in ROLES}
    secret = f"{SECRET}remark"
    person = {"family_name": f"{SECRET}anter", "given_names": f"{SECRET}ia", "phone": "+254711999888",
              "native_family_name": f"{SECRET}native", "native_given_names": f"{SECRET}ian", "native_language": "sw",
              "address": f"{SECRET} Street 7", "email": f"{SECRET}@test.example"}
    signed = story.sign_clean(staff, "us", **person)
    set_mode("write")
    case = story.open_case(staff, **person | {"family_name": f"{SECRET}ova", "birth_date": "1999-09-09"})
    story.walk.ensure_consent(case, staff["reception"])
    _record(case, staff, secret)
    family = found_family(case.applicant, {"kind": FamilyKind.FAMILY, "name": secret, "authority_number": None},
                          staff["reception"])
    related: dict[str, Any] = {
        "registered_id": None, "name": f"{SECRET}aunt", "organisation": None, "relation": Relation.PARENT,
        "is_guardian": False, "is_emergency": True, "phone": "+254711999777", "document_kind": None,
        "document_number": None}
    relative = add_related(case.applicant, related, staff["reception"])
    exam = db.session.execute(select(SignedExam).where(SignedExam.case_id == signed.id)).scalar_one()
    delivery = db.session.execute(select(Delivery).where(Delivery.case_id == signed.id)).scalar_one()
    request = ask_amendment(signed, secret, staff["nurse"])
    task = open_task("follow-up", case, "elsewhere", role="nurse", detail=secret)
    made.other = {"case_id": case.id, "applicant_id": case.applicant_id, "other_id": signed.applicant_id,
                  "family_id": family.id, "related_id": relative.id, "exam_id": exam.id, "delivery_id": delivery.id,
                  "member_id": case.applicant_id, "request_id": request.id,
                  "task_id": task.id}
    made.secrets = (case.number, signed.number, case.applicant.number, signed.applicant.number)


def _find_key(user: User) -> str:
    secret = db.session.execute(select(Authenticator.secret).where(Authenticator.user_id == user.id)).scalar_one()
    return describe_secret(secret, user)[1].replace(" ", "")


def _give_app(user: User, made: Clinic) -> str:
    """An authenticator app, of which nobody here has a code, and recovery codes; the account's address."""
    db.session.add(Authenticator(user_id=user.id, secret=draw_secret(), counter=0, set_up_at=clock.now()))
    made.codes = draw_recovery_codes(user)
    return user.email
