"""Two cases with everything a route can name, for tests that walk all routes: one signed, one being recorded."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from flask import Flask, current_app
from sqlalchemy import select
from werkzeug.routing import Rule

from clinic import clock
from clinic.config import get_settings
from clinic.db import db, set_mode
from clinic.demo import walk
from clinic.demo.radiography import take_film
from clinic.file_store import open_store
from clinic.models import (
    Case,
    ContactSetting,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    DiagnosisBasis,
    DiseaseSite,
    EmergencyReason,
    FamilyKind,
    InboundMessage,
    InboundState,
    PhaseName,
    Relation,
    Requirement,
    TbHistory,
    User,
)
from clinic.permissions import ROLES
from clinic.schemas.tb_contact import NewContact
from clinic.schemas.tuberculosis import NewPhase, NewTbCase
from clinic.services import handover
from clinic.services.applicant_link import list_holdings
from clinic.services.draw import draw
from clinic.services.emergency import open_in_emergency
from clinic.services.family import found_family
from clinic.services.hold import place_hold
from clinic.services.merge import build_fingerprint, merge_records
from clinic.services.merge_caution import list_cautions
from clinic.services.plausibility import get_today
from clinic.services.related_person import add_related
from clinic.services.task import open_task
from clinic.services.tb_contact import confirm_contact
from clinic.services.tb_treatment import start_phase
from clinic.services.tuberculosis import open_tb_case
from tests.documents import make_plain_pdf
from tests.factory import make_applicant, make_laboratory, make_reported, make_site, make_user
from tests.fhir import story


@dataclass(frozen=True)
class World:
    """The ids by the names of routes' arguments, and the site they belong to."""

    site_id: str
    values: dict[str, str]
    case_id: str
    applicant_id: str

    def address(self, app: Flask, rule: Rule) -> str:
        """The address of a route with the world's ids; a KeyError says what the world still lacks."""
        given = {name: self.values[name] for name in rule.arguments}
        return str(app.url_map.bind("localhost").build(rule.endpoint, given))


def make_everybody(site: Any = None) -> User:
    """One member of staff with every role."""
    return make_user(" ".join(ROLES), site, name="Everybody")


def build_world() -> World:
    """Make it through the services; everything is committed."""
    staff = story.make_staff()
    signed = story.sign_clean(staff, "us")
    set_mode("write")
    delivery = db.session.execute(select(Delivery).where(Delivery.case_id == signed.id)).scalar_one()
    attempt = DeliveryAttempt(delivery_id=delivery.id, number=1, started_at=clock.now(), ended_at=clock.now(),
                              outcome=DeliveryState.ACCEPTED, reply="{}")
    raw = b"MSH|^~\\&|A|B|C|D|20261122||ACK^R01|1|P|2.5.1\rMSA|AA|1\r"
    message = InboundMessage(received_at=clock.now(), peer="127.0.0.1", sender="A B", control_id="1", kind="ACK^R01",
                             sha256=sha256(raw).hexdigest(), raw=raw, delivery_id=delivery.id,
                             state=InboundState.APPLIED)
    db.session.add_all([attempt, message])
    exam_id = delivery.signed_exam_id
    case = story.open_case(staff)
    walk.ensure_consent(case, staff["reception"])
    tube = draw(case, ["igra"], None, "", staff["labtech"])[0]
    film = take_film(Random(1), case, staff["radiographer"], "infiltrate")
    assert film is not None
    result = story.enter(case, staff, "igra", "positive")
    phase_id = _treat_tuberculosis(case)
    person = case.applicant
    family = found_family(person, {"kind": FamilyKind.FAMILY, "name": "", "authority_number": None},
                          staff["reception"])
    related = add_related(person, {
        "registered_id": None, "name": "Aunt Atieno", "organisation": None, "relation": Relation.PARENT,
        "is_guardian": False, "is_emergency": True, "phone": "+254700000001", "document_kind": None,
        "document_number": None,
    }, staff["reception"])
    other, lost = make_applicant(staff["reception"]), make_applicant(staff["reception"])
    db.session.flush()
    merge = merge_records(other, lost, "same passport shown", [one.code for one in list_cautions(other, lost)],
                          build_fingerprint(other, lost, list_holdings(lost.id, other.id)), staff["reception"])
    requirement = db.session.execute(select(Requirement).where(Requirement.case_id == case.id).limit(1)).scalar_one()
    elsewhere = make_user("nurse", make_site("KSM"))
    opening = open_in_emergency(case, EmergencyReason.DANGER, "Unconscious at the hospital", elsewhere)
    laboratory = make_laboratory(case.site)
    reported, document = make_reported(case, laboratory)
    document.sha256 = open_store(get_settings(current_app)).write(make_plain_pdf())
    hold = place_hold(case, "Coughs blood", make_user("physician", case.site))
    contact = confirm_contact(other, NewContact(Relation.FRIEND, ContactSetting.DORMITORY), staff["reception"], case)
    task = open_task("follow-up", case, "world", detail="Film of the wrist")
    values = {
        "test": "syphilis-nontreponemal", "specimen_id": tube.id, "order_id": handover.list_orders_of(tube)[0].id,
        "laboratory_id": laboratory.id, "reported_id": reported.id, "received_id": reported.message_id,
        "document_id": document.id,
        "phase_id": phase_id, "opening_id": opening.id, "case_id": case.id,
        "applicant_id": person.id, "other_id": other.id, "film_id": film.id,
        "result_id": result.id, "family_id": family.id, "related_id": related.id, "merge_id": merge.id,
        "requirement_id": requirement.id, "exam_id": exam_id, "delivery_id": delivery.id, "attempt_id": attempt.id,
        "message_id": message.id, "name": "us-medical-exam", "station": "exam", "disease": "tuberculosis",
        "authority_id": "us", "task_id": task.id, "hold_id": hold.id, "contact_id": contact.id, "person_id": lost.id,
    }
    world = World(case.site_id, values, case.id, person.id)
    db.session.commit()
    return world


def _treat_tuberculosis(case: Case) -> str:
    """A tuberculosis case outside the lungs, whose treatment begins today; the id of its phase."""
    today = get_today(case)
    doctor = make_user("tbteam", case.site)
    tb = open_tb_case(case, NewTbCase(
        diagnosed_on=today, basis=DiagnosisBasis.HISTOLOGY, site_of_disease=DiseaseSite.EXTRAPULMONARY,
        organ="lymph node", history=TbHistory.NEW, hiv_untested="declined", notified_on=today, notified_to="County"),
        doctor)
    return start_phase(tb, NewPhase(
        name=PhaseName.INTENSIVE, regimen="hrze-hr-daily", weight_kg="60", days_per_week=7, started_on=today,
        drugs={"isoniazid": "300", "rifampicin": "600", "pyrazinamide": "1500", "ethambutol": "1000"}), doctor).id
