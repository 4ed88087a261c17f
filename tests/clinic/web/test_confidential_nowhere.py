"""A positive HIV test cannot be told from a negative one by whoever has no reason to know, on any page that they reach.

Two sites live the same days with the same people; at the one the HIV test is positive, at the other negative. Every
page, list, register, file and answer that a role may read is fetched at both, and whatever differs between the two is
searched for words that would tell.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from clinic.db import db, set_mode
from clinic.lab_report import ReportedPanel, ReportedPerson, ReportedValue, to_plain
from clinic.models import (
    Answer,
    Case,
    Delivery,
    DiagnosisBasis,
    DiseaseSite,
    InboundMessage,
    LabDocument,
    ReportedResult,
    Requirement,
    SensitiveReason,
    Task,
    TbHistory,
    User,
)
from clinic.permissions import ROLES, Permission, permissions_of
from clinic.schemas.laboratory import NewResult
from clinic.schemas.tuberculosis import NewTbCase
from clinic.services import confidential, laboratory
from clinic.services.assessment import refresh
from clinic.services.circumstance import write_answers
from clinic.services.draw import draw
from clinic.services.handover import list_orders_of
from clinic.services.ordering import add_requirement
from clinic.services.plausibility import get_today
from clinic.services.tuberculosis import open_tb_case
from clinic.web.seek import seal_words
from tests.factory import make_laboratory, make_reported, make_site, make_user
from tests.fhir import story
from tests.sign_in import meet, sign_in
from tests.token_free import leave_tokens_out

WITHOUT = [role for role, (_label, held) in ROLES.items() if Permission.SEE_CONFIDENTIAL not in held]
_HOLDING = {role: held for role, (_label, held) in ROLES.items() if role not in WITHOUT}
WITH = [role for role, held in _HOLDING.items() if not any(held < other for other in _HOLDING.values())]  # the widest
LOINC = "56888-1"  # of the test, as a laboratory sends it
# What may differ between the two houses for nobody without the permission, and for nobody who has not said why.
TELLING = re.compile(r"hiv|positive|reactive|confidential|counsel|56888-1|grade|\b(POS|NEG)\b|negative", re.I)
RESULT = re.compile(r"hiv.positive|positive.hiv|hiv test, |^(positive|negative)$|: positive|\b(POS|NEG)\b", re.I)
# Addresses that show nothing of a case, or that a test of its own looks at.
LEFT_OUT = ("static", "security", "second_factor.", "session.", "photo.picture", "film.")
WHOLE = ("paper.pdf", "sign.document", "message.sent", "message.report")  # the signed exam, by permission
OF_LISTS = {"test", "authority_id", "site_id", "laboratory_id"}  # arguments of addresses that are about many people
SOUGHT = "?q="  # and then what is sealed for the reader
QUERIES = {
    "tb_register.index": tuple(f"?register={name}" for name in ("treatment", "presumptive", "laboratory")),
    "search.find": (f"{SOUGHT}hiv", f"{SOUGHT}Wafula"), "worklist.cases": ("", "?view=all"),
    "task.index": ("", "?view=all"),
    "result_grid.grid": ("", "?state=confirm"), "audit.index": ("", "?stream=change"),
    "audit.export_csv": ("", "?stream=change"), "audit.export_fhir": ("", "?stream=change"),
}
Chunks = Counter[str]


@dataclass
class House:
    """One site: its staff by role, and the ids by the names of routes' arguments, one set a case."""

    code: str
    staff: dict[str, User]
    values: list[dict[str, str]] = field(default_factory=list)


def _make_house(code: str, value: str) -> House:
    """A signed exam whose test was corrected since, and a case in work with everything that a test leaves behind."""
    site = make_site(code)
    staff = {role: make_user(role, site, name=f"Somebody {role}", licence_number="KMPDC-9") for role in ROLES}
    signed = story.open_case(staff, "ca", family_name="Odhiambo")
    story.walk.ensure_consent(signed, staff["reception"])
    told = story.enter(signed, staff, "hiv", value)
    _ask_as_for_a_positive(signed, staff, value)
    story.walk.work_through(signed, staff)
    exam = story.sign(signed, staff)
    exam_id = exam.id
    set_mode("write")
    signed = db.session.get_one(Case, signed.id)
    again = NewResult(test="hiv", value=value, method="confirmatory", performed_on=told.performed_on)
    corrected = laboratory.correct_result(told, again, f"It is {value}", staff["labtech"])
    delivery = db.session.execute(select(Delivery).where(Delivery.case_id == signed.id)).scalar_one()
    case = story.open_case(staff, "ca", family_name="Wafula")
    story.walk.ensure_consent(case, staff["reception"])
    tube = draw(case, ["serum"], None, "", staff["phlebotomist"])[0]
    result = story.enter(case, staff, "hiv", value)
    _ask_as_for_a_positive(case, staff, value)
    open_tb_case(case, NewTbCase(
        diagnosed_on=get_today(case), basis=DiagnosisBasis.HISTOLOGY, site_of_disease=DiseaseSite.EXTRAPULMONARY,
        organ="lymph node", history=TbHistory.NEW, notified_on=get_today(case), notified_to="County",
        hiv_untested="known to be positive" if value == "positive" else "declined"), staff["tbteam"])
    story.walk.work_through(case, staff)
    for answer in (Answer.UNKNOWN, Answer.YES if value == "positive" else Answer.NO):
        write_answers(case, {"hiv_known": answer}, staff["nurse"])
    refresh(case)
    detail = {"history__hiv__detail": "since 2019"} if value == "positive" else {}
    story.change_form(case, staff, history__hiv=value == "positive", vital__weight="70.00", **detail)
    reported, document = _report(case, value)
    requirement = db.session.execute(
        select(Requirement).where(Requirement.case_id == case.id, Requirement.exam == "hiv")).scalar_one()
    tasks = list(db.session.execute(select(Task).where(Task.case_id == signed.id)).scalars())
    for user in staff.values():
        meet(case, user, consents=False)
    common = {
        "laboratory_id": reported.laboratory_id, "reported_id": reported.id, "received_id": reported.message_id,
        "document_id": document.id, "specimen_id": tube.id, "order_id": list_orders_of(tube)[0].id,
        "requirement_id": requirement.id, "disease": "tuberculosis", "name": "medical-exam", "station": "exam",
        "test": "hiv", "authority_id": "ca", "exam_id": exam_id, "delivery_id": delivery.id, "task_id": tasks[0].id,
        "site_id": site.id}
    house = House(code, staff, [
        common | {"case_id": case.id, "applicant_id": case.applicant_id, "result_id": result.id},
        common | {"case_id": signed.id, "applicant_id": signed.applicant_id, "result_id": corrected.id},
        _begin_american(staff, value)])
    db.session.commit()
    return house


def _begin_american(staff: dict[str, User], value: str) -> dict[str, str]:
    """A US case of somebody who says that they have HIV, or not: no test is asked for, but more of other things."""
    case = story.open_case(staff, "us", family_name="Simiyu")
    story.walk.ensure_consent(case, staff["reception"])
    for answer in (Answer.UNKNOWN, Answer.YES if value == "positive" else Answer.NO):
        write_answers(case, {"hiv_known": answer}, staff["nurse"])
    refresh(case)
    if value == "negative":
        db.session.refresh(staff["physician"])
        add_requirement(case, "sputum-series", "Asked for by the embassy", staff["physician"])
    db.session.flush()
    for user in staff.values():
        meet(case, user, consents=False)
    return {"case_id": case.id, "applicant_id": case.applicant_id, "disease": "tuberculosis",
            "name": "us-medical-exam", "station": "vaccination"}


def _ask_as_for_a_positive(case: Case, staff: dict[str, User], value: str) -> None:
    """A physician asks for what the rules ask for after a positive test: that more is asked cannot be hidden."""
    if value == "negative":
        db.session.refresh(staff["physician"])
        for exam in ("hepatitis-b", "hepatitis-c", "igra"):
            add_requirement(case, exam, "Asked for by the embassy", staff["physician"])


def _report(case: Case, value: str) -> tuple[ReportedResult, LabDocument]:
    """A laboratory says the test of the case once more; a person is to look. The whole message is kept."""
    row, document = make_reported(case, make_laboratory(case.site, application=case.site.code))
    word = "POS" if value == "positive" else "NEG"
    lines = (ReportedValue(LOINC, "LN", "HIV 1+2 Ab", kind="CWE", value=word, value_text=value),)
    panel = ReportedPanel(filler="LAB-1^LAB01", observed_at="2026-11-20", values=lines)
    row.test, row.their_code = "hiv", LOINC
    row.content = to_plain(ReportedPerson(((case.number, "CLEARWAY", "MR"),), case.applicant.family_name, "", ""),
                           panel, lines)
    message = db.session.get_one(InboundMessage, row.message_id)
    message.raw += f"OBX|1|CWE|{LOINC}^HIV 1+2 Ab^LN||{word}^{value}||||||F\r".encode()
    message.sha256 = sha256(message.raw).hexdigest()
    document.case_id = case.id
    return row, document


def _list_rules(app: Flask) -> list[tuple[Rule, tuple[Permission, ...]]]:
    found = []
    for rule in app.url_map.iter_rules():
        mark = getattr(app.view_functions[rule.endpoint], "permission", None)
        if "GET" in (rule.methods or ()) and isinstance(mark, tuple) and not rule.endpoint.startswith(LEFT_OUT):
            found.append((rule, mark))
    return found


def _read(app: Flask, house: House, role: str, opened: bool = False) -> dict[str, Chunks]:
    """What every page says to a role, by the page's address with the names of its arguments."""
    user = house.staff[role]
    held = permissions_of(user)
    client: FlaskClient = sign_in(app, user)
    pages: dict[str, Chunks] = {}
    for rule, mark in _list_rules(app):
        if not held & set(mark) or (opened and rule.arguments - OF_LISTS):
            continue
        if rule.endpoint in WHOLE and Permission.SEE_CONFIDENTIAL in held:
            continue
        for turn, values in enumerate(house.values):
            if rule.arguments - set(values) or (turn and not rule.arguments):
                continue
            given = {name: values[name] for name in rule.arguments}
            address = app.url_map.bind("localhost").build(rule.endpoint, given)
            for query in QUERIES.get(rule.endpoint, ("",)):
                words = query.removeprefix(SOUGHT)
                sealed = query if words == query else SOUGHT + seal_words(user.id, words)
                answer = client.get(address + sealed)
                assert answer.status_code < 500, address
                pages[f"{rule.rule}{query} ({turn})"] = _split(answer.get_data(), answer.content_type or "", house)
    return pages


def _split(body: bytes, kind: str, house: House) -> Chunks:
    """The words of an answer, without what is different by itself: numbers, ids, the site's code."""
    text = _read_pdf(body) if kind.startswith("application/pdf") else leave_tokens_out(body.decode("utf-8", "replace"))
    text = re.sub(rf"{house.code}[-\w]*", "NUMBER", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "ID", text)
    parts = re.split(r"[<>\"\n;]|, ", text)
    return Counter(re.sub(r"\d+", "#", " ".join(part.split())) for part in parts)


def _read_pdf(body: bytes) -> str:
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=body, check=True, capture_output=True)
    return done.stdout.decode()


@pytest.fixture
def houses(app: Flask) -> tuple[House, House]:
    """One where the test is positive, one where it is negative."""
    return _make_house("NBO", "positive"), _make_house("KSM", "negative")


def _find_telling(app: Flask, houses: tuple[House, House], roles: list[str], words: re.Pattern[str],
                  opened: bool = False) -> list[str]:  # fmt: skip
    """What tells of the test, with the pages and the roles that read it."""
    found: dict[str, list[str]] = {}
    for role in roles:
        positive, negative = (_read(app, house, role, opened) for house in houses)
        assert len(positive) > 20 and positive.keys() == negative.keys()
        for page, chunks in positive.items():
            other = negative[page]
            for chunk in [*(chunks - other), *(other - chunks)]:
                if words.search(chunk):
                    found.setdefault(f"{page}: {chunk}", []).append(role)
    return [f"{place} ({', '.join(roles)})" for place, roles in sorted(found.items())]


def test_whoever_lacks_the_permission_cannot_tell(app: Flask, houses: tuple[House, House]) -> None:
    assert "\n".join(_find_telling(app, houses, WITHOUT, TELLING)) == ""


def test_whoever_holds_it_reads_no_result_without_a_reason(app: Flask, houses: tuple[House, House]) -> None:
    assert "\n".join(_find_telling(app, houses, WITH, RESULT)) == ""


def test_no_list_tells_even_whoever_opened_it(app: Flask, houses: tuple[House, House]) -> None:
    for house in houses:
        for role in WITH:
            for values in house.values:
                confidential.open_results(db.session.get_one(Case, values["case_id"]),
                                          SensitiveReason.CLINICAL_DECISION, "", house.staff[role])
    db.session.commit()
    assert "\n".join(_find_telling(app, houses, WITH, RESULT, opened=True)) == ""
