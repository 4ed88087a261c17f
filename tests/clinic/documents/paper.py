"""Signed exams for tests of what is printed, and what a reader of the paper sees: text, fonts, square code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from clinic import clock
from clinic.documents.packet import compose_packet
from clinic.documents.printer import print_html
from clinic.models import Answer, Case, Conclusion, ConclusionKind, Sex
from clinic.ports import DocumentOrder
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult
from clinic.services import form, laboratory, radiology
from clinic.services.assessment import assess
from clinic.services.conclusion import ConclusionInput
from clinic.services.fact import build_facts
from clinic.services.plausibility import get_today
from clinic.services.signing import PreparedSignature, prepare_signature
from tests.clinic.services.form_answer import build_answers
from tests.factory import make_applicant, make_case
from tests.us_case import Staff


def make_uk_case(staff: Staff) -> Case:
    """A man bound for the United Kingdom with a normal film, ready to be signed."""
    case = make_case("uk", make_applicant(staff.reception, sex=Sex.MALE), staff.reception, stay_months=24,
                     circumstances={"listed_presence": Answer.YES})
    _read_film(case, staff)
    return _complete(case, "uk-tb-interview", staff)


def make_ca_case(staff: Staff) -> Case:
    """A man bound for Canada with everything normal, ready to be signed."""
    case = make_case("ca", make_applicant(staff.reception, sex=Sex.MALE), staff.reception)
    _read_film(case, staff)
    today = get_today(case)
    for test, value in (("hiv", "negative"), ("syphilis-nontreponemal", "nonreactive"), ("creatinine-egfr", "95"),
                        ("urine-protein", "negative"), ("urine-glucose", "negative"), ("urine-blood", "negative")):
        row = laboratory.enter_result(case, NewResult(test, value, today, today), staff.technician)
        laboratory.confirm_result(row, staff.supervisor)
    return _complete(case, "medical-exam", staff)


def prepare(case: Case, staff: Staff, kind: ConclusionKind = ConclusionKind.ACCEPTED,
            **choice: object) -> PreparedSignature:
    """The first half of a signature; commits what the test has made."""
    from clinic.db import db, set_mode

    db.session.commit()
    case_id, version, signer_id = case.id, case.version, staff.physician.id
    db.session.rollback()
    set_mode("read")
    return prepare_signature(case_id, version, signer_id, ConclusionInput(kind, **choice))  # type: ignore[arg-type]


def print_unfinished(case: Case, staff: Staff) -> bytes:
    """The packet of a case on which examinations are still open: for what only a long course of work leads to."""
    decision = assess(case)
    conclusion = Conclusion(
        kind=ConclusionKind.ACCEPTED, decision=decision, facts=build_facts(case), edition=decision["edition"],
        conclusion={name: decision[name] for name in ("overall", "classes", "other_classes", "grades")} | {
            "valid_from": None, "valid_until": None, "certificate": None})
    order = DocumentOrder(case, conclusion, staff.physician, clock.now(), "unfinished", 1)
    return print_html(compose_packet(order, "0" * 64, "token"))


def read_pages(pdf: bytes, folder: Path) -> list[str]:
    """The text of every page, as a reader's program takes it out."""
    path = folder / "read.pdf"
    path.write_bytes(pdf)
    text = _run("pdftotext", "-layout", str(path), "-")
    return text.rstrip("\f").split("\f")


def list_fonts(pdf: bytes, folder: Path) -> list[tuple[str, str]]:
    """(name, whether embedded) of every font."""
    path = folder / "fonts.pdf"
    path.write_bytes(pdf)
    lines = _run("pdffonts", str(path)).splitlines()[2:]
    return [(line[:36].strip(), line.split()[-5]) for line in lines]


def scan_qr(pdf: bytes, folder: Path) -> set[str]:
    """What a scanner reads from the pages printed at 150 dots an inch."""
    path = folder / "scan.pdf"
    path.write_bytes(pdf)
    _run("pdftoppm", "-r", "150", "-png", str(path), str(folder / "page"))
    found = _run("zbarimg", "-q", "--raw", *map(str, sorted(folder.glob("page*.png"))))
    return set(found.split())


def _run(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        pytest.fail(f"install {program} (poppler-utils, zbar-tools): make test does")
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True, timeout=120).stdout


def _read_film(case: Case, staff: Staff) -> None:
    radiology.record_reading(case, NewReading(get_today(case), "pa", ("NORMAL",), result="normal",
        confirmed=[radiology.ELSEWHERE]), staff.radiologist)


def _complete(case: Case, name: str, staff: Staff) -> Case:
    answers = build_answers(name, form.get_subject(case), get_today(case).isoformat())
    form.complete_form(case, name, answers, None, staff.physician)
    return case
