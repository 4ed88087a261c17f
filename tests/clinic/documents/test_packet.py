"""The printed packet: every script, every page with the digest, the square code, and no character lost."""

from __future__ import annotations

import io
import re
import unicodedata
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from clinic import clock
from clinic.config import get_settings
from clinic.db import db, set_mode
from clinic.demo.people import generate_person
from clinic.documents.glyph import UnprintableCharacter
from clinic.documents.printer import print_html
from clinic.documents.record import read_record
from clinic.documents.treatment import build_susceptibility, describe_susceptibility
from clinic.file_store import open_store
from clinic.models import (
    Case,
    CaseState,
    ConclusionKind,
    DoseSource,
    LineOutcome,
    PhotoSource,
    SpecimenKind,
    TreatmentOutcome,
)
from clinic.partial_date import MONTHS, parse_partial_date
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.schemas.treatment import NewTreatment
from clinic.schemas.vaccination import NewDose, NewOutcome
from clinic.services import laboratory, specimen, treatment, vaccination
from clinic.services.assessment import assess
from clinic.services.photo import record_photo
from clinic.services.plausibility import get_today
from tests.clinic.documents.paper import (
    list_fonts,
    make_ca_case,
    make_uk_case,
    prepare,
    print_unfinished,
    read_pages,
    scan_qr,
)
from tests.factory import make_applicant, make_case
from tests.us_case import Staff, make_complete_case, make_staff

FORMS = ("DS-2054", "DS-3030", "DS-3025", "DS-3026")


@pytest.fixture
def staff(app: Flask) -> Staff:
    """Everybody of the thread."""
    return make_staff()


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_us_packet_carries_the_four_forms_with_digest_and_number_on_every_page(staff: Staff, tmp_path: Path) -> None:
    case = make_complete_case(staff, "positive")
    name, number = case.applicant.family_name, case.applicant.documents[0].number
    made = prepare(case, staff)
    pages = read_pages(made.pdf, tmp_path)
    for page_number, page in enumerate(pages, 1):
        for expected in (made.sha256, made.exam_id, f"Page {page_number} of {len(pages)}", name, number,
                         made.verify_token, "not the official form"):
            assert expected in _flat(page), (page_number, expected)
    for form in FORMS:
        assert any(f"Content of Form {form}" in page for page in pages), form
    first = _flat(pages[0])
    assert "☒ Class B2 TB, LTBI Evaluation" in first and "☐ No apparent defect" in first
    assert "☐ Class B1 TB, Pulmonary" in first and "Nonreactive" in first
    assert "☒ IGRA positive" in _flat(pages[1]) and "☒ Normal findings" in _flat(pages[1])


def test_packet_embeds_every_font_and_uses_none_of_the_machine(staff: Staff, tmp_path: Path) -> None:
    made = prepare(make_complete_case(staff), staff)
    fonts = list_fonts(made.pdf, tmp_path)
    assert fonts and all(embedded == "yes" and "+Clearway-" in name for name, embedded in fonts), fonts


def test_every_page_is_laid_out_once(staff: Staff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second time would be a sixth of what a signature takes (document.css says how it comes to that)."""
    from weasyprint.layout import page as layout

    remake, laid_out = layout.remake_page, []
    monkeypatch.setattr(layout, "remake_page", lambda index, *rest: [laid_out.append(index), remake(index, *rest)][1])
    made = prepare(make_complete_case(staff, "positive"), staff)
    assert laid_out == list(range(len(read_pages(made.pdf, tmp_path))))


def test_square_code_leads_to_the_verification(staff: Staff, tmp_path: Path) -> None:
    made = prepare(make_complete_case(staff), staff)
    assert scan_qr(made.pdf, tmp_path) == {f"QR-Code:http://localhost:8000/verify/{made.verify_token}".split(":", 1)[1]}


def test_uk_certificate_has_the_present_fields_and_no_medical_ones(staff: Staff, tmp_path: Path) -> None:
    case = make_uk_case(staff)
    case.destination_address = "4 High Street, Leeds LS1 4AP"
    made = prepare(case, staff)
    pages = read_pages(made.pdf, tmp_path)
    text = _flat(pages[0])
    assert len(pages) == 1
    day = made.conclusion["conclusion"]["valid_from"]
    printed = f"{day[8:]}-{MONTHS[int(day[5:7]) - 1]}-{day[:4]}"
    for expected in ("Unique reference number", made.exam_id, "Issue date", printed, "Expiry date", "Clinic NBO",
                     "Nationality", "Kenya", "Passport number", "4 High Street, Leeds LS1 4AP",
                     "no clinical suspicion of active pulmonary tuberculosis", made.sha256):
        assert expected in text, expected
    for forbidden in ("X-ray", "sputum", "contact", "pregnan"):
        assert forbidden not in text, forbidden


def test_photo_of_the_visit_stands_on_every_form(app: Flask, staff: Staff, tmp_path: Path) -> None:
    case = make_complete_case(staff)
    picture = io.BytesIO()
    Image.new("RGB", (480, 600), (200, 30, 40)).save(picture, "JPEG")
    digest = open_store(get_settings(app)).write(picture.getvalue())
    assert "No photo" in read_pages(prepare(case, staff).pdf, tmp_path)[0]
    set_mode("write")
    record_photo(case, digest, len(picture.getvalue()), PhotoSource.FILE, staff.reception)
    made = prepare(case, staff)
    pages = read_pages(made.pdf, tmp_path)
    assert not any("No photo" in page for page in pages)
    assert b"/DCTDecode" in made.pdf


def test_refused_certificate_says_that_it_is_none(staff: Staff, tmp_path: Path) -> None:
    made = prepare(make_uk_case(staff), staff, ConclusionKind.OVERRIDDEN, reason="seen again in a month",
                   certificate="refuse", not_issued="testing-postponed")
    text = _flat(read_pages(made.pdf, tmp_path)[0])
    assert "no certificate issued" in text and "This paper is not a certificate" in text
    assert "no clinical suspicion" not in text and "seen again" not in text


def test_canadian_summary_carries_the_grades(staff: Staff, tmp_path: Path) -> None:
    pages = read_pages(prepare(make_ca_case(staff), staff).pdf, tmp_path)
    text = _flat(" ".join(pages))
    assert "Medical examination for Canada" in text and "No significant or abnormal finding" in text
    assert "95 mL/min/1.73 m²" in text


def _letters(text: str) -> list[str]:
    return [c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] in "LM"]


def test_names_of_every_demo_origin_are_printed_whole(tmp_path: Path) -> None:
    today = clock.today()
    seen: dict[str, list[str]] = {}
    for number in range(800):
        person = generate_person(1, number, today)
        if person.native_family_name:
            name = f"{person.native_given_names or ''} {person.native_family_name}".strip()
            seen.setdefault(str(person.native_language).split("-")[0], []).append(name)
    assert set(seen) >= {"am", "ar", "fa", "hi", "ka", "my", "ne", "ru", "th", "ti", "uk", "ur", "zh"}
    for language, names in seen.items():
        html = "".join(f'<p lang="{language}"><bdi>{name}</bdi></p>' for name in names[:25])
        pdf = print_html(f'<html lang="en"><head><title>Names</title></head><body>{html}</body></html>')
        read, written = _letters(" ".join(read_pages(pdf, tmp_path))), _letters(" ".join(names[:25]))
        if language in ("ar", "fa", "ur"):  # a mark over a letter may be taken out beside its line
            read, written = sorted(read), sorted(written)
        assert read == written, language
        assert all(embedded == "yes" for _name, embedded in list_fonts(pdf, tmp_path))


def test_character_that_cannot_be_printed_refuses_the_signature(staff: Staff) -> None:
    case = make_complete_case(staff)
    case.applicant.native_family_name, case.applicant.native_given_names = "ꦲꦏ꧀ꦱꦫ", "Grace"
    with pytest.raises(UnprintableCharacter) as refused:
        prepare(case, staff)
    assert "U+A9B2 JAVANESE LETTER HA in the applicant's name in own script" in refused.value.message


def test_long_names_do_not_run_into_the_page(staff: Staff, tmp_path: Path) -> None:
    case = make_complete_case(staff)
    case.applicant.family_name = "Wolfeschlegelsteinhausenbergerdorff " * 3
    made = prepare(case, staff)
    pages = read_pages(made.pdf, tmp_path)
    assert _flat(pages[0]).index("Passport") < _flat(pages[0]).index("Applicant and examination")


def test_markup_in_what_people_typed_is_printed_as_typed(staff: Staff, tmp_path: Path) -> None:
    case = make_complete_case(staff)
    row = next(iter(vaccination.list_lines(case)))
    vaccination.record_outcome(case, NewOutcome(row, LineOutcome.REFUSED, "<b>objects</b> & waits"), staff.nurse)
    assert "<b>objects</b> & waits" in _flat(" ".join(read_pages(prepare(case, staff).pdf, tmp_path)))


def test_worksheet_page_shows_counted_doses_waivers_and_the_result(staff: Staff, tmp_path: Path) -> None:
    case = make_complete_case(staff)
    born = parse_partial_date(case.applicant.birth_date).earliest
    early, later = born + timedelta(days=200), born + timedelta(days=4000)
    for day in (early, later):
        vaccination.record_dose(case, NewDose("MMR", "03", day, DoseSource.RECORD), staff.nurse)
    for line in vaccination.list_lines(case):
        outcome = LineOutcome.COMPLETE if line == "MMR" else LineOutcome.WAIVER_NOT_AVAILABLE
        vaccination.record_outcome(case, NewOutcome(line, outcome), staff.nurse)
    text = _flat(" ".join(read_pages(prepare(case, staff).pdf, tmp_path)))
    row = text[text.index("MMR"):text.index("Rotavirus")]
    assert f"{later:%d}-{MONTHS[later.month - 1]}-{later.year}" in row and "Complete" in row
    assert f"-{early.year}" not in row
    assert "not counted: Dose 1 not before the age of 12 months." in text
    assert re.search(r"Hib.{0,40}Not age appropriate", text)
    assert "Left empty" not in text and "requesting waiver (blanket)" in text


def test_fiancees_immunization_section_is_left_empty_with_its_reason(staff: Staff, tmp_path: Path) -> None:
    text = _flat(" ".join(read_pages(prepare(make_complete_case(staff, category="K"), staff).pdf, tmp_path)))
    assert text.count("Left empty: this applicant need not meet the vaccination requirements") == 2


def _treat(case: Case, staff: Staff, disease: str, **course: Any) -> None:
    today = get_today(case)
    report: dict[str, Any] = {"outcome": TreatmentOutcome.COMPLETED, "started_on": today - timedelta(days=200),
              "ended_on": today - timedelta(days=10)} | course
    treatment.report_treatment(case, NewTreatment(disease, **report), None, staff.physician)


def test_worksheet_page_shows_susceptibility_drug_by_drug_and_the_course(staff: Staff, tmp_path: Path) -> None:
    case = make_complete_case(staff)
    day = get_today(case) - timedelta(days=60)
    taken = specimen.take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, day, confirmed=["late-entry"]),
                                   staff.technician)
    for test, value, parts in (
        ("sputum-culture", "mtb", None), ("dst", "resistant", {"isoniazid": "resistant", "rifampicin": "susceptible"}),
    ):
        row = laboratory.enter_result(case, NewResult(
            test, value, None, day + timedelta(days=40), taken.id, parts or {}, method="molecular" if parts else None,
        ), staff.technician)
        laboratory.confirm_result(row, staff.supervisor)
    _treat(case, staff, "tuberculosis", regimen="hrze-hr-daily", is_supervised=True, doses_planned=180,
           doses_given=176, doses_missed=4)
    record = read_record(case)
    assert build_susceptibility(record)[0]["drugs"][:3] == [
        ("Isoniazid", "resistant"), ("Rifampicin", "susceptible"), ("Ethambutol", "")]
    tested = next(row for row in record.results if row.test == "dst")
    assert describe_susceptibility(tested) == "Resistant: isoniazid; susceptible: rifampicin"
    text = _flat(" ".join(read_pages(print_unfinished(case, staff), tmp_path)))
    assert "6. Drug susceptibility" in text and "Molecular" in text
    assert "Para-aminosalicylic acid" in text and " Pas " not in text
    assert text.count(taken.number) == 2, "a specimen's number stands on one line"
    assert re.search(r"Isoniazid ☐ ☒ ☐ ☐ Rifampicin ☒ ☐ ☐ ☐ Ethambutol ☐ ☐ ☐ ☒", text)
    assert "7. Tuberculosis treatment" in text and "2 months HRZE, 4 months HR, daily" in text
    assert "176 given, 180 planned, 4 missed" in text and "8. Tuberculosis classification" in text


def test_report_page_shows_how_syphilis_was_treated(staff: Staff, tmp_path: Path) -> None:
    case = make_complete_case(staff)
    _treat(case, staff, "syphilis", stage="late-latent", regimen="benzathine-3", doses_planned=3, doses_given=3)
    text = _flat(" ".join(read_pages(print_unfinished(case, staff), tmp_path)))
    assert "Syphilis: Stage: Late latent; Treatment: Benzathine penicillin G 2.4 MU IM weekly, three doses" in text
    assert "3 given, 3 planned" in text


def test_canadian_summary_names_the_treatment(staff: Staff, tmp_path: Path) -> None:
    case = make_ca_case(staff)
    _treat(case, staff, "syphilis", stage="primary", regimen="benzathine-1", doses_planned=1, doses_given=1)
    text = _flat(" ".join(read_pages(print_unfinished(case, staff), tmp_path)))
    assert "Treatment: Syphilis" in text and "Benzathine penicillin G 2.4 MU IM once" in text


def test_contact_prints_what_class_b3_asks_and_names_a_source_to_its_own_authority_alone(
    staff: Staff, tmp_path: Path
) -> None:
    from clinic.models import ContactSetting, Relation, SourceType
    from clinic.schemas.tb_contact import NewContact
    from clinic.services.tb_contact import confirm_contact

    case = make_complete_case(staff)
    source = make_case("us", make_applicant(staff.reception, family_name="Otieno"), staff.reception)
    abroad = make_case("uk", make_applicant(staff.reception, family_name="Mwangi"), staff.reception)
    day = get_today(case)
    for one in (source, abroad):
        new = NewContact(Relation.CHILD, ContactSetting.HOUSEHOLD, None, day, SourceType.MDR)
        confirm_contact(case.applicant, new, staff.physician, one)
    assert assess(case)["classes"] == ["B3"]
    text = " ".join(" ".join(read_pages(prepare(case, staff).pdf, tmp_path)).split())
    assert "Class B3 TB, Contact Evaluation" in text and "OTIENO, Grace Achieng" in text and source.number in text
    assert "Date contact ended" in text and "MDR" in text
    assert "MWANGI" not in text and abroad.number not in text and "Known to this clinic" in text


@pytest.mark.parametrize("is_treated", [False, True])
def test_class_b2_says_how_the_latent_infection_is_treated(staff: Staff, tmp_path: Path, is_treated: bool) -> None:
    case = make_complete_case(staff, "positive")
    if is_treated:
        _treat(case, staff, "latent-tuberculosis", regimen="isoniazid-rifapentine-3", doses_planned=12, doses_given=12)
    assert assess(case)["classes"] == ["B2"]
    text = _flat(" ".join(read_pages(prepare(case, staff).pdf, tmp_path)))
    part = text.split("Treatment of latent infection (B2)")[1][:300]
    assert ("How it stands None" in part) is not is_treated
    assert ("Isoniazid and rifapentine weekly" in part and "12 given, 12 planned" in part) is is_treated


@pytest.mark.parametrize(("values", "said"), [
    (("negative", "positive"), "Conversion (B2) Yes: IGRA negative on "), (("positive",), ""),
    (("indeterminate", "positive"), "")])
def test_class_b2_of_a_contact_says_whether_the_test_converted(
    staff: Staff, tmp_path: Path, values: tuple[str, ...], said: str
) -> None:
    from clinic.models import ContactSetting, LabResult, Relation, ResultStatus
    from clinic.schemas.tb_contact import NewContact
    from clinic.services.tb_contact import confirm_contact

    case = make_complete_case(staff, "positive")
    day = get_today(case)
    source = make_case("us", make_applicant(staff.reception, family_name="Otieno"), staff.reception)
    confirm_contact(case.applicant, NewContact(Relation.CHILD, ContactSetting.HOUSEHOLD, None, day), staff.physician,
                    source)
    if len(values) > 1:
        before = make_case("us", case.applicant, staff.reception)
        db.session.add(LabResult(
            case_id=before.id, performed_on=day - timedelta(days=70), test="igra", value=values[0],
            status=ResultStatus.FINAL, entered_at=clock.now(), entered_by_id=staff.physician.id))
        db.session.flush()
        before.state = CaseState.CLOSED
    assert assess(case)["classes"] == ["B2", "B3"]
    text = _flat(" ".join(read_pages(prepare(case, staff).pdf, tmp_path)))
    assert said in text and ("Conversion" in text) is bool(said)
