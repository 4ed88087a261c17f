"""Cases taken through their lives by the services that staff use: signed, amended, corrected, withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from sqlalchemy import select

from clinic.caution import NeedsConfirmation
from clinic.db import db, read_unit
from clinic.demo import walk
from clinic.demo.radiography import take_film
from clinic.models import (
    Case,
    ConclusionKind,
    ContactSetting,
    DiagnosisBasis,
    DiseaseSite,
    DosePlace,
    DoseState,
    FormResponse,
    LabResult,
    PhaseName,
    Relation,
    Sex,
    SignedExam,
    SourceType,
    SpecimenKind,
    TbHistory,
    User,
    VaccineDose,
)
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.schemas.tb_contact import NewContact
from clinic.schemas.tuberculosis import NewDose as NewTbDose
from clinic.schemas.tuberculosis import NewPhase, NewTbCase
from clinic.services import form, laboratory, radiology, signing
from clinic.services.conclusion import ConclusionInput
from clinic.services.consent import withdraw_consent
from clinic.services.draw import draw
from clinic.services.film import reject_film
from clinic.services.hold import place_hold
from clinic.services.plausibility import get_today
from clinic.services.revocation import revoke_exam
from clinic.services.specimen import take_specimen, withdraw_specimen
from clinic.services.tb_contact import confirm_contact
from clinic.services.tb_treatment import record_doses, start_phase
from clinic.services.tuberculosis import open_tb_case
from clinic.services.vaccination import withdraw_dose
from tests.factory import applicant_data, make_authority, make_user

ROLES = ("reception", "nurse", "labtech", "labsupervisor", "radiographer", "radiologist", "physician", "tbteam")
Staff = dict[str, User]
# Of the treated case: who the source is and their number, a physician's words, why no HIV test was made, why a dose was
# missed. None of it is for an authority.
STAYS_HERE = ("Wekesa Barasa", "A99887766", "Coughed blood on the bus", "known to be positive", "went to a wedding")
Recorded = TypeVar("Recorded")


def make_staff() -> Staff:
    """One person for each role, by role."""
    return {role: make_user(role, **({"licence_number": "KMPDC-9"} if role == "physician" else {})) for role in ROLES}


def insist(call: Callable[[Any], Recorded], new: Any) -> Recorded:
    """What a person does who ticks every unusual thing and sends again; each such step is saved by itself."""
    try:
        done = call(new)
    except NeedsConfirmation as asked:
        done = call(replace(new, confirmed=[caution.code for caution in asked.cautions]))
    db.session.commit()
    return done


def open_case(staff: Staff, programme: str = "us", category: str = "", **person: Any) -> Case:
    """An applicant, a man unless `person` says otherwise, and a case with every circumstance denied."""
    make_authority(programme)
    found = applicant_data(**{"sex": Sex.MALE, "given_names": "Otieno"} | person)
    return walk.open_unremarkable_case(found, "", staff["reception"], programme, category)


def enter(case: Case, staff: Staff, test: str, value: str, **values: Any) -> LabResult:
    """A result of today, entered and confirmed."""
    row = insist(lambda new: laboratory.enter_result(case, new, staff["labtech"]),
                 NewResult(test=test, value=value, **{"performed_on": get_today(case)} | values))
    laboratory.confirm_result(row, staff["labsupervisor"])
    db.session.commit()
    return row


def correct(row: LabResult, staff: Staff, value: str) -> LabResult:
    """The next revision of a result with another value, confirmed."""
    made = insist(lambda new: laboratory.correct_result(row, new, "Wrong tube read", staff["labtech"]),
                  NewResult(test=row.test, value=value, performed_on=row.performed_on))
    laboratory.confirm_result(made, staff["labsupervisor"])
    db.session.commit()
    return made


def sign(case: Case, staff: Staff) -> SignedExam:
    """Commit what was done and sign what the rules propose."""
    case_id, physician_id = case.id, staff["physician"].id
    db.session.commit()
    with read_unit() as session:
        version = session.get_one(Case, case_id).version
    choice = ConclusionInput(ConclusionKind.ACCEPTED, reason="As the rules say")
    return db.session.get_one(SignedExam, signing.sign(case_id, version, physician_id, choice))


def amend(case: Case, staff: Staff, change: Callable[[], object]) -> SignedExam:
    """Take a signed case back, change it, sign it again."""
    signing.open_amendment(case, "The laboratory wrote again", staff["physician"])
    change()
    db.session.flush()
    return sign(case, staff)


def change_form(case: Case, staff: Staff, **changes: Any) -> None:
    """Amend the case's form; a change to None takes the answer away. Names as linkIds with `__` for the dot."""
    name = db.session.execute(select(FormResponse.form).where(FormResponse.case_id == case.id)).scalar_one()
    row = form.find_response(case, name)
    assert row is not None
    answers = {link: answer for link, answer in row.answers.items() if not link.startswith("_")}
    answers |= {link.replace("__", "."): answer for link, answer in changes.items()}
    form.amend_form(case, name, answers, row.version, "Measured again", staff["physician"])


def sign_clean(staff: Staff, programme: str, **person: Any) -> Case:
    """An unremarkable exam, signed."""
    case = open_case(staff, programme, **person)
    walk.work_through(case, staff)
    sign(case, staff)
    return case


def sign_child(staff: Staff) -> Case:
    """A refugee child: IGRA positive, film normal, class B2."""
    case = open_case(staff, category="REFUGEE", birth_date="2018-03-04")
    walk.ensure_consent(case, staff["reception"])
    enter(case, staff, "igra", "positive")
    insist(lambda new: radiology.record_reading(case, new, staff["radiologist"]),
           NewReading(taken_on=get_today(case), view="pa-lateral", findings=("NORMAL",)))
    walk.work_through(case, staff)
    sign(case, staff)
    return case


def sign_abnormal(staff: Staff) -> Case:
    """A film that suggests tuberculosis, three sputum specimens negative after weeks, class B1; one was a mistake."""
    case = open_case(staff)
    today = get_today(case)
    walk.ensure_consent(case, staff["reception"])
    film = take_film(Random(1), case, staff["radiographer"], "infiltrate")
    assert film is not None
    insist(lambda new: radiology.record_reading(case, new, staff["radiologist"]), NewReading(
        taken_on=today, view="pa", findings=("INFILTRATE", "CALC_LN"), film_id=film.id, remark="Right <upper> lobe"))
    for days in (62, 61, 60, 59):
        specimen = insist(lambda new: take_specimen(case, new, staff["tbteam"]),
                          NewSpecimen(kind=SpecimenKind.SPUTUM, collected_on=today - timedelta(days=days)))
        if days == 59:
            withdraw_specimen(specimen, "Label of another person", staff["tbteam"])
            continue
        for test in ("sputum-smear", "sputum-culture"):
            enter(case, staff, test, "negative", specimen_id=specimen.id, reported_on=today, performed_on=None)
        if days == 62:
            enter(case, staff, "sputum-naat", "not-detected", specimen_id=specimen.id, reported_on=today,
                  performed_on=None)
    walk.work_through(case, staff)
    sign(case, staff)
    return case


def amend_twice(staff: Staff) -> Case:
    """Signed; a result corrected and the form amended, signed; a diagnosis added and a dose withdrawn, signed."""
    case = sign_clean(staff, "us")

    def first() -> None:
        row = db.session.execute(select(LabResult).where(
            LabResult.case_id == case.id, LabResult.test == "syphilis-nontreponemal")).scalar_one()
        correct(correct(row, staff, "reactive"), staff, "nonreactive")
        change_form(case, staff, vital__weight="70.10", vital__pulse=None, exam__heart="abnormal",
                    exam__heart__detail="Murmur <2/6>")

    def second() -> None:
        change_form(case, staff, vital__weight="70.20", finding__others="Scoliosis")
        dose = db.session.execute(
            select(VaccineDose).where(VaccineDose.case_id == case.id).order_by(VaccineDose.id).limit(1)).scalar_one()
        withdraw_dose(dose, "Given to another person", staff["nurse"])
        walk.work_through(case, staff)  # another dose, and the line judged anew

    amend(case, staff, first)
    amend(case, staff, second)
    return case


def withdraw_wrong_film(staff: Staff) -> Case:
    """A film of another person, read, corrected, found out; one result withdrawn, one sent back, one unconfirmed."""
    case = open_case(staff)
    today = get_today(case)
    walk.ensure_consent(case, staff["reception"])
    film = take_film(Random(2), case, staff["radiographer"])
    assert film is not None
    reading = insist(lambda new: radiology.record_reading(case, new, staff["radiologist"]),
                     NewReading(taken_on=today, view="pa", findings=("NORMAL",), film_id=film.id))
    reading = insist(lambda new: radiology.correct_reading(reading, new, "Seen again", staff["radiologist"]),
                     NewReading(taken_on=today, view="pa", findings=("CARDIAC",), film_id=film.id))
    radiology.withdraw_reading(reading, "Another person's film", staff["radiologist"])
    reject_film(film, "Another person's film", staff["radiologist"])
    laboratory.withdraw_result(enter(case, staff, "igra", "positive"), "Tube of another person", staff["labsupervisor"])
    sent_back = insist(lambda new: laboratory.enter_result(case, new, staff["labtech"]),
                       NewResult(test="syphilis-nontreponemal", value="reactive", performed_on=today))
    laboratory.refuse_result(sent_back, "Not what the sheet says", staff["labsupervisor"])
    laboratory.enter_result(case, NewResult(test="hiv", value="negative", performed_on=today), staff["labtech"])
    return case


def withdraw_permission(staff: Staff) -> Case:
    """Somebody who consented, was examined in part, and took the consent back."""
    case = open_case(staff, "ca")
    walk.ensure_consent(case, staff["reception"])
    enter(case, staff, "hiv", "negative")
    withdraw_consent(case, "Does not travel any more", staff["reception"])
    return case


def revoke(staff: Staff) -> Case:
    """A United Kingdom certificate that was issued and revoked."""
    case = sign_clean(staff, "uk")
    exam = signing.find_current_exam(case.id)
    assert exam is not None
    revoke_exam(exam, "Issued to an impostor", staff["physician"])
    return case


def treat_tuberculosis(staff: Staff) -> Case:
    """Treated for forty days, held, exposed to somebody, with a tube of blood that has its result; not signed."""
    case, doctor = open_case(staff), staff["tbteam"]
    walk.ensure_consent(case, staff["reception"])
    today = get_today(case)
    draw(case, ["igra"], None, "", staff["labtech"])
    enter(case, staff, "igra", "positive")
    began = today - timedelta(days=40)
    ticked = ["clinical-only", "late-entry"]
    source, number, words, untested, missed = STAYS_HERE
    tb = open_tb_case(case, NewTbCase(
        diagnosed_on=began, basis=DiagnosisBasis.CLINICAL, site_of_disease=DiseaseSite.BOTH, organ="Lymph node",
        history=TbHistory.NEW, hiv_untested=untested, notified_on=began, notified_to="County",
        confirmed=ticked), doctor)
    start_phase(tb, NewPhase(
        name=PhaseName.INTENSIVE, regimen="hrze-hr-daily", weight_kg="60", days_per_week=7, started_on=began,
        drugs={"isoniazid": "300", "rifampicin": "600", "pyrazinamide": "1500", "ethambutol": "1000"}), doctor)
    days = [began + timedelta(days=number) for number in range(41)]
    record_doses(tb, [
        NewTbDose(day, DoseState.MISSED, None, reason=missed) if place % 10 == 9
        else NewTbDose(day, DoseState.GIVEN, None, DosePlace.CLINIC, doctor.id)
        for place, day in enumerate(days)], doctor)
    place_hold(case, words, staff["physician"])
    confirm_contact(case.applicant, NewContact(
        Relation.SIBLING, ContactSetting.HOUSEHOLD, source_name=source, source_number=number,
        source_type=SourceType.MDR, first_exposed_on=began, last_exposed_on=today), staff["physician"])
    db.session.commit()
    return case


def tell_all(staff: Staff) -> dict[str, str]:
    """Every story, committed; the id of its case by the story's name."""
    told = {
        "abnormal": sign_abnormal(staff), "amended": amend_twice(staff), "child": sign_child(staff),
        "uk": sign_clean(staff, "uk"), "ca": sign_clean(staff, "ca"), "au": sign_clean(staff, "au"),
        "nz": sign_clean(staff, "nz"), "revoked": revoke(staff), "wrong film": withdraw_wrong_film(staff),
        "consent": withdraw_permission(staff), "treated": treat_tuberculosis(staff),
    }
    db.session.commit()
    return {name: case.id for name, case in told.items()}
