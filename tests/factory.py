"""Rows for tests, made through the services wherever a service makes them in life."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from itertools import count
from typing import Any

from flask import current_app
from flask_security.utils import hash_password
from sqlalchemy import select

from clinic import clock
from clinic.auth import ensure_roles
from clinic.db import db
from clinic.models import (
    Applicant,
    Authorisation,
    Authority,
    Case,
    DocumentKind,
    InboundMessage,
    InboundState,
    LabDocument,
    Laboratory,
    ReportedResult,
    ReportedState,
    Role,
    Sex,
    Site,
    SiteProgramme,
    User,
)

PASSWORD = "a-long-test-password"
AUTHORITY_NAMES = {
    "us": "U.S. Department of State", "ca": "Immigration, Refugees and Citizenship Canada",
    "au": "Department of Home Affairs", "nz": "Immigration New Zealand", "uk": "UK Visas and Immigration",
}
_serial = count(1)
_hashed: dict[str, str] = {}


def make_site(code: str = "NBO", **values: Any) -> Site:
    """A clinic."""
    site = Site(**{"code": code, "name": f"Clinic {code}", "city": "Nairobi", "country": "KEN",
                   "time_zone": "Africa/Nairobi"} | values)
    db.session.add(site)
    db.session.flush()
    db.session.add_all(SiteProgramme(site_id=site.id, programme=programme) for programme in AUTHORITY_NAMES)
    db.session.flush()
    return site


def make_user(role: str = "reception", site: Site | None = None, **values: Any) -> User:
    """A member of staff with one role (or several, by spaces); a physician may sign for every programme."""
    ensure_roles()
    site = site or find_site() or make_site()
    roles = list(db.session.execute(select(Role).where(Role.name.in_(role.split()))).scalars())
    salt = current_app.config["SECURITY_PASSWORD_SALT"]  # an application with another secret has another
    if salt not in _hashed:
        _hashed[salt] = hash_password(PASSWORD)  # slow on purpose, so once for the whole run
    number = next(_serial)
    user = User(**{
        "email": f"{role.split()[0]}{number}@test.example", "name": f"Test {role.title()} {number}", "site_id": site.id,
        "password": _hashed[salt], "fs_uniquifier": f"uniquifier-{number}", "created_at": clock.now(), "roles": roles,
    } | values)
    user.site = site
    if "physician" in role:
        user.authorisations = [Authorisation(programme=programme, valid_from=date(2020, 1, 1))
                               for programme in AUTHORITY_NAMES]
    db.session.add(user)
    db.session.flush()
    return user


def find_site() -> Site | None:
    """The first site made."""
    return db.session.execute(select(Site).order_by(Site.id).limit(1)).scalar_one_or_none()


def make_authority(programme: str = "us", **values: Any) -> Authority:
    """The authority of a programme, made once."""
    known = db.session.get(Authority, programme)
    if known is not None:
        return known
    authority = Authority(**{
        "id": programme, "programme": programme, "name": AUTHORITY_NAMES[programme], "channel": "fhir_document",
        "endpoint": f"http://127.0.0.1:9/{programme}/fhir",
    } | values)
    db.session.add(authority)
    db.session.flush()
    return authority


def make_laboratory(site: Site | None = None, **values: Any) -> Laboratory:
    """A partner laboratory of the site, in use."""
    from clinic.services.partner_laboratory import LaboratoryFacts, add_laboratory

    site = site or find_site() or make_site()
    return add_laboratory(site, LaboratoryFacts(**{
        "name": "Central Laboratory", "application": "CENTRALLAB", "facility": "LAB01", "our_facility": site.code,
        "time_zone": site.time_zone} | values))


def make_reported(case: Case, laboratory: Laboratory, **values: Any) -> tuple[ReportedResult, LabDocument]:
    """A reported result of a case that waits for a person, and a printed report without a case, of one message."""
    from clinic.lab_report import ReportedPanel, ReportedPerson, ReportedValue, to_plain

    raw = b"MSH|^~\\&|CENTRALLAB|LAB01|CLEARWAY|NBO|20261122||ORU^R01^ORU_R01|R1|P|2.5.1\rPID|1\rOBR|1\r"
    message = InboundMessage(received_at=clock.now(), peer="127.0.0.1", sender="CENTRALLAB|LAB01", control_id="R1",
                             kind="ORU^R01", sha256=sha256(raw).hexdigest(), raw=raw, laboratory_id=laboratory.id,
                             state=InboundState.APPLIED)
    db.session.add(message)
    db.session.flush()
    lines = (ReportedValue("20507-0", "LN", "RPR", kind="CWE", value="NEG"),)
    panel = ReportedPanel(filler="LAB-1^LAB01", observed_at="2026-11-20", values=lines)
    person = ReportedPerson(((case.number, "CLEARWAY", "MR"),), case.applicant.family_name,
                            case.applicant.given_names)
    row = ReportedResult(**{
        "site_id": case.site_id, "laboratory_id": laboratory.id, "message_id": message.id, "received_at": clock.now(),
        "placer": "", "filler": panel.filler, "test": "syphilis-nontreponemal", "their_code": "20507-0", "sub_id": "",
        "status": "F", "said_at": clock.now().isoformat(), "content": to_plain(person, panel, lines),
        "state": ReportedState.WAITING, "reason": "Whose it is, is not certain.", "case_id": case.id} | values)
    document = LabDocument(site_id=case.site_id, laboratory_id=laboratory.id, message_id=message.id, placer="",
                           filler="", title="Report", sha256="0" * 64, size=10, received_at=clock.now())
    db.session.add_all([row, document])
    db.session.flush()
    return row, document


def applicant_data(**values: Any) -> dict[str, Any]:
    """A person as NewApplicant gives it, with a passport of an own number."""
    number = next(_serial)
    return {
        "family_name": f"Wanjiru{number}", "given_names": "Grace Achieng", "native_family_name": None,
        "native_given_names": None, "native_language": None, "birth_date": "1991-01-05", "sex": Sex.FEMALE,
        "citizenship": "KEN", "residence": "KEN", "language": "sw", "phone": None, "email": None, "address": None,
        "document": {"kind": DocumentKind.PASSPORT, "number": f"AK{number:07}", "issuing_country": "KEN",
                     "expires_on": date(2033, 5, 1), "mrz": None, "mrz_mismatches": None},
    } | values


def make_applicant(user: User | None = None, **values: Any) -> Applicant:
    """A registered person; `values` replace columns."""
    from clinic.services.registration import register_applicant

    return register_applicant(applicant_data(**values), user or make_user())


def case_data(programme: str = "us", **values: Any) -> dict[str, Any]:
    """A case as NewCase gives it: nothing known to be yes."""
    category = {"us": "IV", "ca": "PR", "au": "PERM", "nz": "RES_GENERAL", "uk": "ENTRY_CLEARANCE"}
    return {
        "programme": programme, "category": category[programme], "authority_case_number": None, "stay_months": None,
        "au_schedule": None, "application_date": None, "exam_date": None, "residences": [], "circumstances": {},
    } | values


def make_case(
    programme: str = "us", applicant: Applicant | None = None, user: User | None = None, answer_no: bool = True,
    **values: Any,
) -> Case:
    """An opened case; with `answer_no` every circumstance its category consults, and that is not given, is no."""
    from clinic.models import Answer
    from clinic.rules import list_circumstances
    from clinic.services.opening import open_case

    user = user or make_user()
    make_authority(programme)
    data = case_data(programme, **values)
    if answer_no:
        consulted = list_circumstances(data["programme"], data["category"])
        data["circumstances"] = {item.word: Answer.NO for item in consulted} | data["circumstances"]
    return open_case(applicant or make_applicant(user), data, user).case
