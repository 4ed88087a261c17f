"""Cases with everything that becomes a resource, made row by row so that these tests need no service."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from clinic.db import db
from clinic.key import new_id
from clinic.models import (
    Applicant,
    BodySite,
    Case,
    CaseState,
    Conclusion,
    ConclusionKind,
    Consent,
    ConsentState,
    ContactKind,
    ContactPoint,
    DocumentKind,
    DoseSource,
    Family,
    FamilyKind,
    FamilyMember,
    Film,
    FilmState,
    IdentityDocument,
    LabComponent,
    LabResult,
    LineOutcome,
    RecordKind,
    RelatedPerson,
    Relation,
    Requirement,
    RequirementReason,
    RequirementSource,
    RequirementState,
    ResultStatus,
    Route,
    Sex,
    Signer,
    Specimen,
    SpecimenKind,
    Treatment,
    TreatmentOutcome,
    User,
    VaccineDose,
    VaccineLine,
    XrayReading,
)
from tests.factory import make_authority, make_user

MOMENT = datetime(2026, 11, 20, 8, 30, 15, 120000, tzinfo=UTC)
DAY = date(2026, 11, 20)
_number = count(1)



REACHED = {ContactKind.PHONE: "+254700000001", ContactKind.EMAIL: "hanna@example.test",
           ContactKind.ADDRESS: "Ngong Road 5\nNairobi"}


def make_person(user: User, reached: bool = True, **values: Any) -> Applicant:
    """An applicant with two passports' worth of papers and a name in an own script, who can be reached, or not."""
    number = next(_number)
    applicant = Applicant(**{
        "site_id": user.site_id, "number": f"NBO-A-{number:06}", "family_name": "Tesfaye", "given_names": "Hanna Marta",
        "native_family_name": "ተስፋዬ", "native_given_names": "ሐና", "native_language": "am",
        "search_name": "tesfaye hanna",
        "birth_date": "1991-01-05", "sex": Sex.FEMALE, "citizenship": "ETH", "residence": "KEN", "language": "am",
        "registered_at": MOMENT, "registered_by_id": user.id,
    } | values)
    db.session.add(applicant)
    db.session.flush()
    applicant.documents.append(IdentityDocument(
        kind=DocumentKind.PASSPORT, number=f"EP{number:07}", number_key=f"EP{number:07}", issuing_country="ETH",
        expires_on=date(2031, 5, 6), recorded_at=MOMENT,
    ))
    applicant.contacts += [ContactPoint(kind=kind, position=1, value=value, recorded_at=MOMENT, recorded_by_id=user.id)
                           for kind, value in REACHED.items() if reached]
    applicant.documents.append(IdentityDocument(
        kind=DocumentKind.REFUGEE_DOCUMENT, number=f"REF-{number}", number_key=f"REF{number}", issuing_country="KEN",
        recorded_at=MOMENT,
    ))
    db.session.flush()
    return applicant


def make_us_case(applicant: Applicant, user: User, programme: str = "us", **values: Any) -> Case:
    """An examined case."""
    number = next(_number)
    case = Case(**{
        "site_id": user.site_id, "number": f"NBO-C-{number:06}", "applicant_id": applicant.id, "programme": programme,
        "category": "IV", "authority_id": make_authority(programme).id, "authority_case_number": f"NRB2026{number:06}",
        "authority_case_key": f"NRB2026{number:06}", "exam_date": DAY, "state": CaseState.IN_REVIEW,
        "opened_at": MOMENT, "opened_by_id": user.id, "updated_at": MOMENT, "edition": "us-2025-03",
    } | values)
    db.session.add(case)
    db.session.flush()
    return case


def add_order(case: Case, exam: str, **values: Any) -> Requirement:
    """An examination that a rule asks for, and that was done."""
    row = Requirement(**{
        "case_id": case.id, "exam": exam, "source": RequirementSource.RULE, "state": RequirementState.DONE,
        "added_at": MOMENT, "done_at": MOMENT,
    } | values)
    row.case = case
    row.reasons = [RequirementReason(rule=f"us-{exam}", says=f"Everybody has <{exam}>.", source="us.md 1",
                                     edition="us-2025-03")]
    db.session.add(row)
    db.session.flush()
    return row


def add_result(case: Case, test: str, value: str, user: User, other: User, **values: Any) -> LabResult:
    """A confirmed result; `parts` are its components as {name: (value, unit)}."""
    parts = values.pop("parts", {})
    result = LabResult(**{
        "case_id": case.id, "performed_on": DAY, "test": test, "value": value, "status": ResultStatus.FINAL,
        "entered_at": MOMENT, "entered_by_id": user.id, "confirmed_at": MOMENT, "confirmed_by_id": other.id,
    } | values)
    result.components = [LabComponent(name=name, value=digits, unit=unit) for name, (digits, unit) in parts.items()]
    db.session.add(result)
    db.session.flush()
    return result


def correct_result(result: LabResult, value: str, user: User, other: User) -> LabResult:
    """The next revision of a result, confirmed."""
    result.superseded_at = MOMENT
    return add_result(
        db.session.get_one(Case, result.case_id), result.test, value, user, other, series_id=result.series_id,
        revision=result.revision + 1, status=ResultStatus.CORRECTED, remark="Wrong tube read", performed_on=DAY,
    )


def add_specimen(
    case: Case, user: User, kind: SpecimenKind = SpecimenKind.SPUTUM, day: int = 21, **values: Any
) -> Specimen:
    """A specimen of November 2026."""
    specimen = Specimen(**{
        "case_id": case.id, "number": f"NBO-S-{next(_number):06}", "kind": kind, "collected_on": date(2026, 11, day),
        "recorded_at": MOMENT, "recorded_by_id": user.id,
    } | values)
    db.session.add(specimen)
    db.session.flush()
    return specimen


def add_reading(case: Case, findings: list[str], user: User, **values: Any) -> XrayReading:
    """A radiologist's reading."""
    reading = XrayReading(**{
        "case_id": case.id, "taken_on": DAY, "view": "pa", "findings": findings, "status": ResultStatus.FINAL,
        "entered_at": MOMENT, "entered_by_id": user.id,
    } | values)
    db.session.add(reading)
    db.session.flush()
    return reading


def add_film(case: Case, user: User, **values: Any) -> Film:
    """An accepted film, one of its study."""
    number = next(_number)
    film = Film(**{
        "case_id": case.id, "study_id": new_id(), "sop_class": "1.2.840.10008.5.1.4.1.1.1.1",
        "sop_uid": f"2.25.1{number}", "study_uid": f"2.25.2{number}", "series_uid": f"2.25.3{number}",
        "sha256": "0" * 64, "source_sha256": "0" * 64, "pixels_sha256": f"{number:064}", "size": 1,
        "transfer_syntax": "1.2.840.10008.1.2.1", "modality": "DX", "taken_on": DAY, "view": "pa", "rows": 440,
        "columns": 440, "person": {}, "remarks": [], "is_repaired": False, "is_lossy": False,
        "state": FilmState.ACCEPTED, "received_at": MOMENT, "received_by_id": user.id,
    } | values)
    film.case = case
    db.session.add(film)
    db.session.flush()
    return film


def add_dose(case: Case, line: str, cvx: str, user: User, **values: Any) -> VaccineDose:
    """A confirmed dose."""
    dose = VaccineDose(**{
        "case_id": case.id, "line": line, "cvx": cvx, "given_on": DAY, "source": DoseSource.GIVEN_HERE,
        "lot": "AB12", "expires_on": date(2027, 3, 31), "status": ResultStatus.FINAL, "entered_at": MOMENT,
        "entered_by_id": user.id, "confirmed_at": MOMENT,
    } | values)
    db.session.add(dose)
    db.session.flush()
    return dose


def add_line(case: Case, line: str, outcome: LineOutcome, user: User, remark: str = "") -> VaccineLine:
    """The outcome of a vaccine line."""
    row = VaccineLine(
        case_id=case.id, line=line, outcome=outcome, remark=remark, recorded_at=MOMENT, recorded_by_id=user.id
    )
    db.session.add(row)
    db.session.flush()
    return row


def build_conclusion(case: Case, signer: User, **said: Any) -> Conclusion:
    """A complete conclusion that is not yet stored."""
    return Conclusion(
        case_id=case.id, case_version=case.version, edition="us-2025-03", facts={}, decision={},
        kind=ConclusionKind.ACCEPTED, reason="", decided_at=MOMENT, decided_by_id=signer.id,
        conclusion={
            "classes": ["NONE"], "other_classes": [], "overall": "no-apparent-defect", "grades": {},
            "certificate": None, "valid_from": "2026-11-20", "valid_until": "2027-05-19",
        } | said,
    )


IU = "[iU]/mL"


def add_consent(case: Case, user: User, state: ConsentState = ConsentState.GIVEN, **values: Any) -> Consent:
    """A decision about the consent text; ended ones say when."""
    consent = Consent(**{
        "case_id": case.id, "state": state, "text_language": "en", "text_version": "2026-1", "text_sha256": "0" * 64,
        "spoken_language": "am", "signer": Signer.APPLICANT, "interpreter_name": "Selam Bekele", "decided_at": MOMENT,
        "recorded_by_id": user.id,
    } | values)
    db.session.add(consent)
    db.session.flush()
    return consent


def add_related(applicant: Applicant, user: User, relation: Relation, **values: Any) -> RelatedPerson:
    """A guardian who showed a passport, and is called in an emergency too."""
    row = RelatedPerson(**{
        "applicant_id": applicant.id, "name": "SAID, Noor\tAmina", "relation": relation, "is_guardian": True,
        "is_emergency": True, "phone": "+254700000009", "document_kind": DocumentKind.PASSPORT,
        "document_number": "N7711", "recorded_at": MOMENT, "recorded_by_id": user.id,
    } | values)
    row.applicant = applicant
    db.session.add(row)
    db.session.flush()
    return row


def make_family(user: User, principal: Applicant, *others: tuple[Applicant, Relation]) -> Family:
    """A family in which the last of the others has left."""
    family = Family(site_id=user.site_id, number=f"NBO-F-{next(_number):06}", kind=FamilyKind.FAMILY, name="Tesfaye",
                    opened_at=MOMENT, opened_by_id=user.id)
    for applicant, relation in ((principal, None), *others):
        member = FamilyMember(applicant_id=applicant.id, relation=relation, joined_at=MOMENT, joined_by_id=user.id)
        member.applicant = applicant
        family.members.append(member)
    if others:
        family.members[-1].left_at, family.members[-1].left_by_id = MOMENT, user.id
    db.session.add(family)
    db.session.flush()
    return family


def make_clean_adult() -> Case:
    """An adult with everything negative."""
    nurse, lab, radiologist = make_user("nurse"), make_user("labtech"), make_user("radiologist")
    case = make_us_case(make_person(nurse), nurse)
    for exam in ("medical-exam", "igra", "syphilis", "hiv", "chest-xray"):
        add_order(case, exam)
    add_order(case, "igra-repeat", source=RequirementSource.REFLEX, state=RequirementState.WITHDRAWN, done_at=None,
              added_at=MOMENT + timedelta(days=1))
    add_result(case, "igra", "negative", nurse, lab, parts={
        "nil": ("0.04", IU), "tb1": ("0.10", IU), "tb2": ("<0.05", IU), "mitogen": (">10", IU)})
    add_result(case, "syphilis-nontreponemal", "nonreactive", nurse, lab)
    add_result(case, "gonorrhoea-naat", "not-detected", nurse, lab)
    add_result(case, "hiv", "negative", nurse, lab)
    add_result(case, "creatinine-egfr", "92", nurse, lab, unit="mL/min/{1.73_m2}")
    add_reading(case, ["NORMAL"], radiologist, film_id=add_film(case, radiologist).id)
    add_dose(case, "MMR", "03", nurse, body_site=BodySite.RIGHT_THIGH, route=Route.SUBCUTANEOUS, given_by_id=lab.id)
    add_dose(case, "Influenza", "111", nurse, route=Route.NASAL)
    add_dose(case, "Rotavirus", "119", nurse, route=Route.ORAL)
    add_dose(case, "Td/Tdap", "115", nurse, body_site=BodySite.LEFT_ARM, route=Route.INTRAMUSCULAR)
    transferred = {"source": DoseSource.RECORD, "lot": None, "expires_on": None}
    add_dose(case, "HepB", "45", nurse, **transferred)
    add_dose(case, "Varicella", "21", nurse, **transferred, given_on=date(1991, 8, 1),
             record_kind=RecordKind.VACCINATION_CARD)
    add_dose(case, "HepA", "52", nurse, **transferred, status=ResultStatus.ENTERED_IN_ERROR, remark="Another person's")
    add_line(case, "MMR", LineOutcome.GIVEN_SERIES_INCOMPLETE, nurse)
    add_line(case, "Influenza", LineOutcome.WAIVER_NOT_FLU_SEASON, nurse)
    add_line(case, "Varicella", LineOutcome.VARICELLA_HISTORY, nurse, "Mother reports it")
    add_line(case, "Polio", LineOutcome.REFUSED, nurse)
    add_line(case, "MenACWY", LineOutcome.WAIVER_NOT_AVAILABLE, nurse)
    add_line(case, "Pneumococcal", LineOutcome.WAIVER_INDIVIDUAL, nurse, "On religious grounds")
    add_consent(case, nurse, ConsentState.WITHDRAWN, ended_at=MOMENT, ended_by_id=nurse.id, end_reason="Frightened")
    add_consent(case, nurse, signer=Signer.GUARDIAN, signer_name="Noor\tSaid", signer_relation="aunt",
                witness_name="Ann Otieno")
    return case


def make_infiltrate() -> Case:
    """A film that suggests tuberculosis, three sputum specimens, one contaminated and replaced, corrected results."""
    nurse, lab, radiologist = make_user("nurse"), make_user("labtech"), make_user("radiologist")
    case = make_us_case(make_person(nurse, birth_date="1985-04", sex=Sex.MALE), nurse)
    reading = add_reading(case, ["INFILTRATE", "NODULE_ILLDEF"], radiologist)
    reading.superseded_at = MOMENT
    add_reading(case, ["INFILTRATE", "CALC_LN"], radiologist, series_id=reading.series_id, revision=2,
                status=ResultStatus.CORRECTED, remark="Right lung, seen again")
    spots = {"nil": ("1", "{spots}"), "panel_a": ("9", "{spots}"), "panel_b": ("3", "{spots}"),
             "positive_control": (">20", "{spots}")}
    add_result(case, "igra", "positive", nurse, lab, parts=spots)
    for day, culture in ((21, "negative"), (22, "contaminated"), (23, "ntm")):
        specimen = add_specimen(case, nurse, day=day)
        add_result(case, "sputum-smear", "negative", nurse, lab, specimen_id=specimen.id)
        add_result(case, "sputum-culture", culture, nurse, lab, specimen_id=specimen.id)
        if day == 21:
            add_result(case, "sputum-naat", "trace", nurse, lab, specimen_id=specimen.id)
        if culture == "contaminated":
            add_specimen(case, nurse, day=24, replaces_id=specimen.id)
    add_result(case, "dst", "resistant", nurse, lab, specimen_id=specimen.id, method="phenotypic-liquid", parts={
        "isoniazid": ("resistant", None), "rifampicin": ("susceptible", None), "linezolid": ("indeterminate", None)})
    add_result(case, "syphilis-nontreponemal", "reactive", nurse, lab, method="vdrl", parts={"titre": ("1:8", None)})
    add_result(case, "syphilis-treponemal", "reactive", nurse, lab, method="tp-pa")
    add_result(case, "creatinine", "<35.5", nurse, lab, unit="umol/L", mark="low")
    for name, value in (("urine-microscopy", "abnormal"), ("urine-blood", "trace"), ("hbv-dna", "not-detected")):
        add_result(case, name, value, nurse, lab)
    for disease, regimen, outcome in (("tuberculosis", "hrze-hr-daily", TreatmentOutcome.CURRENT),
                                      ("syphilis", None, TreatmentOutcome.REFUSED)):
        db.session.add(Treatment(
            case_id=case.id, disease=disease, regimen=regimen, outcome=outcome, is_supervised=outcome == "current",
            started_on=DAY if regimen else None, doses_planned=180, doses_given=12, entered_at=MOMENT,
            entered_by_id=nurse.id, status=ResultStatus.FINAL, stage="primary" if disease == "syphilis" else None))
    add_specimen(case, nurse, SpecimenKind.GASTRIC_ASPIRATE, 25, withdrawn_at=MOMENT)
    wrong = add_result(case, "syphilis-nontreponemal", "reactive", nurse, lab)
    correct_result(wrong, "nonreactive", nurse, lab)
    add_result(case, "hbsag", "positive", nurse, lab, status=ResultStatus.ENTERED_IN_ERROR, remark="Other person")
    add_result(case, "haemoglobin", "13.0", nurse, lab, unit="g/dL", status=ResultStatus.PRELIMINARY,
               confirmed_at=None, confirmed_by_id=None)
    return case


def make_child() -> Case:
    """A child with a positive IGRA, born in a year only known as such, of a single name."""
    nurse, lab, radiologist = make_user("nurse"), make_user("labtech"), make_user("radiologist")
    person = make_person(nurse, birth_date="2018", family_name="Suharto", given_names="", native_family_name=None,
                         native_given_names=None, reached=False, citizenship="XXA")
    case = make_us_case(person, nurse, authority_case_number=None, authority_case_key=None)
    parent = make_person(nurse)
    guardian = add_related(person, nurse, Relation.MOTHER, registered_id=parent.id)
    add_related(person, nurse, Relation.LEGAL_GUARDIAN, organisation="Agency for children", is_emergency=False,
                ended_at=MOMENT, ended_by_id=nurse.id, end_reason="The mother was found")
    make_family(nurse, parent, (person, Relation.CHILD), (make_person(nurse), Relation.SIBLING))
    add_consent(case, nurse, signer=Signer.PARENT, signer_name=guardian.name, signer_relation="mother",
                guardian_id=guardian.id)
    add_result(case, "igra", "positive", nurse, lab)
    add_result(case, "tst", "12", nurse, lab, unit="mm")
    add_reading(case, ["NORMAL"], radiologist, view="ap-lateral")
    return case


