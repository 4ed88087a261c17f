"""The demo clinic: two sites, staff of every role, five authorities with their clients, invented people with cases."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from flask import current_app
from flask_security.utils import hash_password
from jwt.algorithms import ECAlgorithm
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.auth import ensure_roles
from clinic.config import Settings, get_settings
from clinic.db import write_unit
from clinic.demo import tuberculosis, walk
from clinic.demo.arrival import let_arrive
from clinic.demo.family import add_family
from clinic.demo.outbreak import add_outbreak
from clinic.demo.people import SyntheticPerson, generate_family, iter_people
from clinic.demo.stage import bring_to_stage, list_answers
from clinic.models import (
    Applicant,
    Authorisation,
    Authority,
    DocumentKind,
    Family,
    Laboratory,
    Role,
    Sex,
    Site,
    TbCase,
    User,
)
from clinic.rules.programme import list_programmes
from clinic.services.authority import add_authority
from clinic.services.authority_client import add_client
from clinic.services.opening import open_case
from clinic.services.partner_laboratory import LaboratoryFacts, add_laboratory
from clinic.services.registration import register_applicant
from clinic.services.site import SiteFacts, add_site

PASSWORD = "clearway-demo"  # noqa: S105 printed at every start of the demo
SITES = (
    {"code": "NBO", "name": "Clearway Nairobi", "city": "Nairobi", "country": "KEN", "time_zone": "Africa/Nairobi"},
    {"code": "AMM", "name": "Clearway Amman", "city": "Amman", "country": "JOR", "time_zone": "Asia/Amman"},
)
# Sign-in name, role, the person's name; all at the first site.
STAFF = (
    ("reception", "reception", "Wanjiku Njeri"),
    ("receptionsupervisor", "receptionsupervisor", "Naliaka Wafula"), ("nurse", "nurse", "Otieno Were"),
    ("phlebotomist", "phlebotomist", "Chebet Kirui"), ("labtech", "labtech", "Mutua Nzomo"),
    ("labsupervisor", "labsupervisor", "Halima Abdi"), ("radiographer", "radiographer", "Kamau Gitau"),
    ("radiologist", "radiologist", "Dr Ines Rusu"), ("radiologist2", "radiologist", "Dr Paul Okello"),
    ("physician", "physician", "Dr Amani Mwangi"), ("tbteam", "tbteam", "Faith Akinyi"),
    ("quality", "quality", "Joseph Barasa"), ("admin", "admin", "Ruth Cherono"),
)
# The second site: enough staff to see that the two do not see each other.
SECOND_STAFF = (
    ("reception.amman", "reception", "Rania Haddad"), ("physician.amman", "physician", "Dr Samir Khoury"),
    ("siteadmin.amman", "siteadmin", "Lina Nasser"),
)
AUTHORITIES = {
    "us": "U.S. Department of State and CDC (demo)", "ca": "Immigration, Refugees and Citizenship Canada (demo)",
    "au": "Department of Home Affairs, Australia (demo)", "nz": "Immigration New Zealand (demo)",
    "uk": "UK Visas and Immigration (demo)",
}
CHANNEL = "fhir_document"
# How often a demo applicant goes where; our own choice, so that every destination is seen.
WEIGHTS = {"us": 40, "ca": 20, "uk": 16, "au": 16, "nz": 8}
SECOND_SITE_SHARE = 0.2
BATCH = 20  # people in one write unit
SIGNED_EVERY = 20  # one more case, already signed, for so many people
FAMILY_EVERY = 20  # likewise a family
FAMILY_VISAS = (("us", "REFUGEE"), ("ca", "PR"), ("us", "IV"))
TUBERCULOSIS_FROM = 20  # people from which on the demo shows a series and a treatment
SIGNED_FROM = 1_000_000  # number of the first synthetic person taken for them: far from the others


def seed_demo(session: Session, applicants: int, seed: int) -> None:
    """Make the demo clinic, and `applicants` people with cases in various stages; the same `seed`, the same people.

    Sites, staff and authorities that exist stay as they are; people are added after those already registered.
    """
    settings = get_settings(current_app)
    ensure_roles()
    sites = [_ensure_site(session, values) for values in SITES]
    staff = _ensure_staff(session, sites)
    ensure_authorities(session, settings)
    session.flush()
    _ensure_laboratory(session, sites[0], settings)
    start = session.execute(select(func.count()).select_from(Applicant)).scalar_one()
    today = clock.today(sites[0].time_zone)
    for number, person in enumerate(iter_people(seed, applicants, today, start), start=start):
        rng = Random(f"{seed}/case/{number}")
        receptionist = staff["reception.amman" if rng.random() < SECOND_SITE_SHARE else "reception"]
        applicant = register_applicant(to_applicant(person), receptionist)
        programme = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        opened = open_case(applicant, build_case(rng, programme, applicant, today), receptionist)
        if receptionist is staff["reception"]:
            bring_to_stage(rng, opened.case, staff)
            let_arrive(rng, opened.case, staff)
        session.flush()


def seed_in_batches(applicants: int = 60, seed: int = 1) -> None:
    """The same in write units of its own, short enough that a running clinic is not kept waiting."""
    for done in range(0, max(applicants, 1), BATCH):
        with write_unit() as session:
            seed_demo(session, min(applicants - done, BATCH), seed)
    for number in range(applicants // SIGNED_EVERY):
        _add_signed_case(seed, number)
    for number in range(applicants // FAMILY_EVERY):
        _add_family(seed, number)
    with write_unit() as session:
        add_outbreak({user.email.split("@")[0]: user for user in session.execute(select(User)).unique().scalars()})
    if applicants >= TUBERCULOSIS_FROM:
        _add_tuberculosis(seed)


def _add_tuberculosis(seed: int) -> None:
    """One sputum series and one treatment under way, unless there is one."""
    with write_unit() as session:
        if session.execute(select(TbCase.id).limit(1)).first() is not None:
            return
        staff = {user.email.split("@")[0]: user for user in session.execute(select(User)).unique().scalars()}
        today = clock.today(staff["reception"].site.time_zone)
        for number, show in enumerate((tuberculosis.show_series, tuberculosis.show_treatment)):
            person = walk.find_adult(seed, SIGNED_FROM * (number + 2), today)
            authority_number = build_authority_number(Random(f"{seed}/tuberculosis/{number}"), "us")
            show(walk.open_unremarkable_case(to_applicant(person), authority_number, staff["reception"]), staff)


def _add_family(seed: int, number: int) -> None:
    """One family more, whose members come together: cases open, guardians recorded, circumstances still to be asked."""
    with write_unit() as session:
        actor = session.execute(select(User).where(User.email == "reception@demo.example")).unique().scalar_one()
        start = session.execute(select(func.count()).select_from(Family)).scalar_one()
        today = clock.today(actor.site.time_zone)
        made = generate_family(seed, start, today)
        programme, category = FAMILY_VISAS[number % len(FAMILY_VISAS)]
        add_family(Random(f"{seed}/family-cases/{start}"), made, [to_applicant(one.person) for one in made.members],
                   programme, category, today, actor)


def _add_signed_case(seed: int, number: int) -> None:
    """One more case, taken to its signature, so that there is something to deliver and to pull."""
    with write_unit() as session:
        staff = {user.email.split("@")[0]: user for user in session.execute(select(User)).unique().scalars()}
        start = SIGNED_FROM + session.execute(select(func.count()).select_from(Applicant)).scalar_one() * 50
        programme = list(walk.CATEGORIES)[number % len(walk.CATEGORIES)]
        person = walk.find_adult(seed, start, clock.today(staff["reception"].site.time_zone), programme)
        authority_number = build_authority_number(Random(f"{seed}/signed/{number}/{start}"), programme)
        case = walk.open_unremarkable_case(to_applicant(person), authority_number, staff["reception"], programme)
        walk.work_through(case, staff)
        case_id, physician_id = case.id, staff["physician"].id
    walk.sign_unremarkable(case_id, physician_id)


def to_applicant(person: SyntheticPerson) -> dict[str, Any]:
    """A synthetic person as NewApplicant gives one, with the document read from its two lines."""
    document = person.document
    return {
        "family_name": person.family_name, "given_names": person.given_names,
        "native_family_name": person.native_family_name, "native_given_names": person.native_given_names,
        "native_language": person.native_language, "birth_date": str(person.birth), "sex": Sex(person.sex),
        "citizenship": person.citizenship, "residence": person.residence, "language": person.language,
        "phone": person.phone, "email": person.email, "address": person.address,
        "document": {"kind": DocumentKind(document.kind), "number": document.number,
                     "issuing_country": document.issuing_state, "expires_on": document.expires_on,
                     "mrz": person.mrz, "mrz_mismatches": None},
    }


def build_case(rng: Random, programme: str, applicant: Applicant, today: date) -> dict[str, Any]:
    """A case as NewCase gives it."""
    category = rng.choice(list(list_programmes()[programme].categories.values()))
    return {
        "programme": programme, "category": category.code, "au_schedule": None, "exam_date": None,
        "authority_case_number": build_authority_number(rng, programme),
        "stay_months": rng.choice((6, 9, 12, 24, 36)) if category.asks_stay else None,
        "application_date": today - timedelta(days=rng.randrange(10, 90)),
        "residences": _pick_other_places(rng, applicant, today),
        "circumstances": list_answers(rng, programme, category.code, applicant),
    }


def _pick_other_places(rng: Random, applicant: Applicant, today: date) -> list[dict[str, Any]]:
    """For one person in six, another country lived in for a while."""
    others = [country for country in ("KEN", "UGA", "JOR", "TUR", "ZAF") if country != applicant.residence]
    first = today - timedelta(days=rng.randrange(500, 1700))
    stay = {"country": rng.choice(others), "from_on": first, "to_on": first + timedelta(days=rng.randrange(90, 400))}
    return [stay] if rng.random() < 0.17 else []


def build_authority_number(rng: Random, programme: str) -> str:
    """A number in the shape the authority uses."""
    figures = "".join(rng.choices("0123456789", k=10))
    return {"us": f"NRB{figures}", "ca": figures[:8], "au": figures[:8], "nz": f"NZER{figures[:9]}",
            "uk": f"GWF{figures[:9]}"}[programme]


def _ensure_laboratory(session: Session, site: Site, settings: Settings) -> None:
    """The sandbox's laboratory, which answers orders by message with results; it writes in the clinic's own codes."""
    if session.execute(select(Laboratory.id).limit(1)).first() is None:
        add_laboratory(site, LaboratoryFacts(
            name="Sandbox Laboratory", application="SANDBOXLAB", facility="LAB", our_facility=site.code,
            time_zone=site.time_zone, endpoint=f"mllp://127.0.0.1:{settings.sandbox_lab_mllp_port}",
            folder="sandbox-laboratory"))


def ensure_authorities(session: Session, settings: Settings) -> None:
    """The five demo authorities, each with a machine client whose private key lies in var/demo/authorities."""
    folder = settings.var_dir / "demo" / "authorities"
    for programme, name in AUTHORITIES.items():
        if session.get(Authority, programme) is None:
            channel, endpoint = build_address(programme, settings)
            add_authority(programme, programme, name, channel, endpoint)
        if not (folder / f"{programme}.jwk.json").exists():
            client_id, public = make_client_key(folder, programme)
            add_client(programme, json.dumps({"keys": [public]}), f"{name}: client", client_id=client_id)


def build_address(programme: str, settings: Settings) -> tuple[str, str]:
    """How a demo authority receives exams, and where: the United Kingdom's over HL7 v2, the others over FHIR."""
    if programme == "uk":
        return "hl7_oru", f"mllp://127.0.0.1:{settings.sandbox_mllp_port}/SANDBOX/UK"
    return CHANNEL, f"http://127.0.0.1:{settings.sandbox_port}/{programme}/fhir"


def make_client_key(folder: Path, programme: str) -> tuple[str, dict[str, Any]]:
    """Make a P-384 key, keep it readable by the owner alone; returns its client id and the public JWK."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP384R1())
    client_id = f"demo-{programme}-{os.urandom(4).hex()}"
    names = {"kid": f"{programme}-{os.urandom(4).hex()}", "alg": "ES384", "use": "sig"}
    private = ECAlgorithm.to_jwk(key, as_dict=True) | names | {"client_id": client_id}
    handle = os.open(folder / f"{programme}.jwk.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(private, file, indent=1)
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | names
    jwt.PyJWK(public, algorithm="ES384")  # readable as the server will read it
    return client_id, public


def list_sign_ins() -> Iterator[tuple[str, str]]:
    """(sign-in, role) of the demo's staff."""
    for name, role, _person in (*STAFF, *SECOND_STAFF):
        yield f"{name}@demo.example", role


def _ensure_site(session: Session, values: dict[str, str]) -> Site:
    site = session.execute(select(Site).where(Site.code == values["code"])).scalar_one_or_none()
    if site is None:
        site = add_site(SiteFacts(**values, programmes=frozenset(list_programmes())))
    return site


def _ensure_staff(session: Session, sites: list[Site]) -> dict[str, User]:
    """The staff of both sites by sign-in name; those who exist stay as they are."""
    wanted = [(*each, sites[0]) for each in STAFF] + [(*each, sites[1]) for each in SECOND_STAFF]
    known = {user.email: user for user in session.execute(select(User)).unique().scalars()}
    staff, password = {}, None
    for name, role, person, site in wanted:
        email = f"{name}@demo.example"
        if email not in known:
            password = password or hash_password(PASSWORD)  # slow on purpose, so once for all: it is public anyway
            known[email] = _make_user(session, email, password, role, person, site)
        staff[name] = known[email]
    return staff


def _make_user(session: Session, email: str, password: str, role: str, person: str, site: Site) -> User:
    role_row = session.execute(select(Role).where(Role.name == role)).scalar_one()
    user = User(
        email=email, name=person, password=password, fs_uniquifier=os.urandom(32).hex(), active=True,
        site_id=site.id, created_at=clock.now(), roles=[role_row],
        licence_number=f"KE-{10000 + len(person) * 137}" if role in ("physician", "radiologist") else None,
    )
    user.site = site
    if role == "physician":
        user.authorisations = [Authorisation(programme=programme, valid_from=date(2020, 1, 1)) for programme in WEIGHTS]
    session.add(user)
    session.flush()
    return user
