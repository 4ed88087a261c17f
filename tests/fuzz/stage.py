"""Cases brought to the states in which a form stands on a page: what nobody's unremarkable exam ever comes to."""

from __future__ import annotations

from datetime import timedelta

from clinic import clock
from clinic.db import db
from clinic.demo import tuberculosis as course
from clinic.lab_table import FIELDS
from clinic.laboratory_test import list_tests
from clinic.models import (
    Applicant,
    Authenticator,
    Case,
    ContactSetting,
    DeliveryState,
    DiagnosisBasis,
    DiseaseSite,
    FamilyKind,
    LabResult,
    MapKind,
    Passkey,
    PhaseName,
    Relation,
    SpecimenKind,
    TbCase,
    TbHistory,
    TbOutcome,
    User,
)
from clinic.mrz.layout import Layout
from clinic.mrz.writer import build_mrz
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.schemas.tb_contact import NewContact
from clinic.schemas.tuberculosis import NewOutcome, NewPhase, NewTbCase
from clinic.services import draw, handover, lab_order, laboratory, order_message, tb_treatment, tuberculosis
from clinic.services.code_mapping import add_line
from clinic.services.family import found_family, join_family
from clinic.services.ordering import add_requirement
from clinic.services.partner_laboratory import change_column_map
from clinic.services.password import issue_reset
from clinic.services.plausibility import get_today
from clinic.services.second_factor import draw_secret
from clinic.services.specimen import inoculate, take_specimen
from clinic.services.task import open_task
from clinic.services.tb_contact import confirm_contact
from clinic.station import list_stations
from tests.factory import make_applicant, make_laboratory, make_user
from tests.fhir import story
from tests.fuzz.key import IDENT, SoftKey
from tests.sign_in import meet

Staff = dict[str, User]
Place = dict[str, str]
KEYHOLDER = "radiographer"  # who has a second factor: an app and a passkey
HEADINGS = dict(zip(FIELDS, ("Test", "Value", "Taken", "Order", "Specimen", "Case"), strict=False))


def make_places(staff: Staff, world: Place, requested: Place, partner_number: str) -> dict[str, list[Place]]:
    """By route, or by the part of the site that several share: the ids, and what one must know, to do it there.

    `world` are ids that hold everywhere, `requested` those of a signed case whose amendment was asked for,
    `partner_number` is that of a case elsewhere.
    """
    made: dict[str, list[Place]] = {
        **_treat(staff), **_follow_contacts(staff), **_examine_sputum(staff), **_work_in_laboratory(staff),
        "amendment": [requested], "requirement.withdraw": [_ask_for_more(staff)],
        "applicant.fill_from_zone": [{"zone": _print_zone()}], "applicant.create": [{"zone": _print_zone()}],
        "applicant.create_document": [{"zone": _print_zone()}],
        "identity": [{"station": name} for name in list_stations()],
        "emergency.create": [{"partner_number": partner_number}],
        "second_factor": [{"passkey_id": _give_factors(staff[KEYHOLDER])}],
        "password.set_new": [_forget_password(staff)],
        **{f"task.{name}": [_give_task(staff)] for name in ("create", "close", "give", "postpone")},
    }
    return {name: [world | place for place in places] for name, places in made.items()}


def _open(staff: Staff, programme: str = "us") -> Case:
    """A case on which everybody of the staff may record at every station."""
    case = story.open_case(staff, programme)
    story.walk.ensure_consent(case, staff["reception"])
    _meet(case, staff)
    return case


def _meet(case: Case, staff: Staff) -> None:
    for user in staff.values():
        meet(case, user, consents=False)


def _name(case: Case, **more: str) -> Place:
    return {"case_id": case.id, "applicant_id": case.applicant_id, "case_number": case.number, **more}


def _diagnose(case: Case, staff: Staff) -> TbCase:
    today = get_today(case)
    return tuberculosis.open_tb_case(case, NewTbCase(
        diagnosed_on=today, basis=DiagnosisBasis.HISTOLOGY, site_of_disease=DiseaseSite.EXTRAPULMONARY,
        organ="lymph node", history=TbHistory.NEW, hiv_untested="declined", notified_on=today, notified_to="County"),
        staff["tbteam"])


def _treat(staff: Staff) -> dict[str, list[Place]]:
    """Tuberculosis before, under and after treatment, refused, and with days that nobody wrote down."""
    suspected, refused, untreated, ended, treated = (_open(staff) for _number in range(5))
    tuberculosis.record_refusal(
        _diagnose(refused, staff), {"refused_on": get_today(refused), "refusal_reason": "Goes home"}, staff["tbteam"])
    _diagnose(untreated, staff)
    over = _diagnose(ended, staff)
    tb_treatment.start_phase(over, NewPhase(
        name=PhaseName.INTENSIVE, regimen="hrze-hr-daily", weight_kg="60", days_per_week=7,
        started_on=get_today(ended), drugs=course.DRUGS), staff["tbteam"])
    other = next(outcome for outcome in TbOutcome if not outcome.is_success)
    tuberculosis.end_treatment(over, NewOutcome(other, get_today(ended), "Came no more"), staff["tbteam"])
    course.show_treatment(treated, staff)
    tb = tuberculosis.get_tb_case(treated)
    gap = tb_treatment.list_interruptions(tb)[0].gap  # the demo leaves days undecided
    here = _name(treated, day=gap.from_on.isoformat())
    return {
        "tuberculosis": [here], "tb_dose": [here], "susceptibility": [here],
        "tuberculosis.diagnose": [_name(suspected), _name(untreated)],
        "tuberculosis.start_phase": [_name(untreated)], "tuberculosis.refuse": [_name(untreated)],
        "tuberculosis.withdraw_refusal": [_name(refused)], "tuberculosis.reopen": [_name(ended)],
    }


def _follow_contacts(staff: Staff) -> dict[str, list[Place]]:
    """Somebody held for tuberculosis, with a household of whom one is confirmed and one is only proposed."""
    case = _open(staff)
    _diagnose(case, staff)
    family = found_family(case.applicant, {"kind": FamilyKind.FAMILY, "name": "", "authority_number": None},
                          staff["reception"])
    people: list[Applicant] = [make_applicant(staff["reception"]) for _number in range(2)]
    for person, relation in zip(people, (Relation.CHILD, Relation.SPOUSE), strict=True):
        join_family(family, person, relation, staff["reception"])
    contact = confirm_contact(people[0], NewContact(
        Relation.CHILD, ContactSetting.HOUSEHOLD, first_exposed_on=get_today(case) - timedelta(days=30)),
        staff["tbteam"], case)
    stranger = make_applicant(staff["reception"])
    return {"tb_contact": [_name(case, contact_id=contact.id, person_id=people[1].id, number=stranger.number)]}


def _examine_sputum(staff: Staff) -> dict[str, list[Place]]:
    """Specimens that are inoculated and one that is not, none of them with a result yet."""
    case = _open(staff)
    today = get_today(case)
    pots = [story.insist(lambda new: take_specimen(case, new, staff["tbteam"]),
                         NewSpecimen(kind=SpecimenKind.SPUTUM, collected_on=today - timedelta(days=ago)))
            for ago in (2, 1)]
    inoculate(pots[0], today - timedelta(days=1), course.MEDIA, staff["labtech"])
    begun = _open(staff)
    return {"sputum": [_name(case, specimen_id=pots[1].id)],
            "sputum.take": [_name(begun), _name(case)], "xray.record": [_name(begun)]}


def _work_in_laboratory(staff: Staff) -> dict[str, list[Place]]:
    """Tubes drawn and sent, results that wait for their second person, a partner's line, file and unknown code."""
    technician, supervisor = staff["labtech"], staff["labsupervisor"]
    case, ordered, resulted, drawn = (_open(staff) for _number in range(4))
    lab_order.place_orders(ordered, technician)
    line = make_laboratory(case.site, name="Line Laboratory", application="LINELAB", facility="LAB02",
                           endpoint="mllp://127.0.0.1:9", time_zone="Africa/Nairobi")
    change_column_map(line, HEADINGS)
    add_line(line, MapKind.TEST, "RPR", "syphilis-nontreponemal", supervisor)
    for exam in ("creatinine", "hba1c", "full-blood-count"):
        add_requirement(case, exam, "Asked for by hand", staff["physician"])
    orders = {row.test: row for row in lab_order.place_orders(case, technician)}
    tubes = draw.draw(case, [each.tube.name for each in draw.list_due_tubes(case)], None, "", technician)
    handover.note_print(tubes, technician, "", "pdf")
    values = {"creatinine-egfr": "96", "hba1c": "38"}
    entered = {test: _enter(case, test, value, technician) for test, value in values.items()}
    critical = _enter(resulted, "creatinine-egfr", "22", technician)
    final = _enter(resulted, "syphilis-nontreponemal", "nonreactive", technician)
    laboratory.confirm_result(final, supervisor)
    sent = order_message.send_orders(ordered, line, [row.id for row in lab_order.list_orders(ordered)][:2], technician)
    sent[0].state, sent[0].state_reason = DeliveryState.DEAD, "given-up"
    order = orders["syphilis-nontreponemal"]
    here = _name(case, order_id=order.id, test=order.test, laboratory_id=line.id, order_number=order.number,
                 specimen_id=tubes[0].id, specimen_number=tubes[0].number)
    tube = draw.draw(drawn, [each.tube.name for each in draw.list_due_tubes(drawn)], None, "", technician)[0]
    untested = _name(drawn, specimen_id=tube.id)
    there = _name(ordered, laboratory_id=line.id, order_id=lab_order.list_orders(ordered)[-1].id)
    return {
        "specimen": [here], "specimen.reject": [untested], "specimen.withdraw": [untested],
        "draw.take": [there], "lab_order": [there, here], "order_message": [there, here],
        "partner": [here], "laboratory_upload": [here], "laboratory_message": [here], "reported": [here],
        "laboratory.enter": [there, here], "laboratory.second": [here | {"result_id": entered["hba1c"].id}],
        "laboratory": [here | {"result_id": entered["creatinine-egfr"].id}],
        "laboratory.call": [_name(resulted, result_id=critical.id)],
        "laboratory.correct": [_name(resulted, result_id=row.id) for row in (final, critical)],
        "second_person": [here], "result_grid": [here],
        "result_grid.confirm": [here | {"test": "creatinine-egfr"}],
    }


def _enter(case: Case, test: str, value: str, technician: User) -> LabResult:
    unit = next(iter(list_tests()[test].units), None)
    return story.insist(lambda new: laboratory.enter_result(case, new, technician), NewResult(
        test=test, value=value, performed_on=get_today(case), unit=unit.code if unit else None))


def _ask_for_more(staff: Staff) -> Place:
    case = _open(staff)
    row = add_requirement(case, "hepatitis-c", "Asked for by hand", staff["physician"])
    return _name(case, requirement_id=row.id)


def _give_task(staff: Staff) -> Place:
    case = _open(staff)
    return _name(case, task_id=open_task("follow-up", case, "by hand", role="nurse", detail="Old films").id)


def _forget_password(staff: Staff) -> Place:
    user = make_user("reception", staff["reception"].site)
    return {"user_id": user.id, "email": user.email, "reset_code": issue_reset(user)}


def _give_factors(user: User) -> str:
    """An authenticator app and a passkey; the id of that."""
    db.session.add(Authenticator(user_id=user.id, secret=draw_secret(), counter=0, set_up_at=clock.now()))
    row = Passkey(user_id=user.id, name="blue key", credential_id=IDENT, public_key=SoftKey().describe_public(),
                  sign_count=0, transports=[], added_at=clock.now(), used_at=clock.now())
    db.session.add(row)
    db.session.flush()
    return row.id


def _print_zone() -> str:
    """The two lines of a passport of nobody."""
    today = clock.today("UTC")
    return build_mrz(Layout.TD3, issuing_state="KEN", family_name="Otieno", given_names="Brian", number="AK7654321",
                     citizenship="KEN", birth=today - timedelta(days=12_000), sex="male",
                     expires_on=today + timedelta(days=2_000))
