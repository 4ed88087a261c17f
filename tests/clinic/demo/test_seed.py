"""The demo clinic: two sites, every role, five authorities with their own keys, the same people for the same seed."""

from __future__ import annotations

import json
import stat

import jwt
import pytest
from flask import Flask
from flask_security.utils import verify_password
from sqlalchemy import func, select

from clinic.config import get_settings
from clinic.db import db, set_mode
from clinic.demo.seed import AUTHORITIES, PASSWORD, SECOND_STAFF, STAFF, seed_demo, seed_in_batches
from clinic.models import (
    Applicant,
    AuthorityClient,
    Case,
    IdentityDocument,
    InfectionHold,
    Site,
    Task,
    TbContact,
    User,
)
from clinic.permissions import ROLES

PEOPLE = 12


@pytest.fixture
def seeded(app: Flask) -> Flask:
    """A clinic with a dozen people."""
    seed_demo(db.session, PEOPLE, 7)  # type: ignore[arg-type]
    return app


def test_demo_has_two_sites_and_staff_of_every_role(seeded: Flask) -> None:
    assert set(db.session.execute(select(Site.code)).scalars()) == {"NBO", "AMM"}
    assert {role for _name, role, _person in (*STAFF, *SECOND_STAFF)} == set(ROLES)
    user = db.session.execute(select(User).where(User.email == "physician@demo.example")).unique().scalar_one()
    assert verify_password(PASSWORD, user.password)
    assert {row.programme for row in user.authorisations} == set(AUTHORITIES)


def test_every_authority_has_a_client_whose_key_is_private_to_the_owner(seeded: Flask) -> None:
    folder = get_settings(seeded).var_dir / "demo" / "authorities"
    for programme in AUTHORITIES:
        path = folder / f"{programme}.jwk.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        private = json.loads(path.read_text())
        client = db.session.get(AuthorityClient, private["client_id"])
        assert client is not None and client.authority_id == programme and '"d"' not in client.jwks
        token = jwt.encode({"iss": client.id}, jwt.PyJWK(private, algorithm="ES384").key, algorithm="ES384")
        public = jwt.PyJWK(json.loads(client.jwks)["keys"][0], algorithm="ES384").key
        assert jwt.decode(token, public, algorithms=["ES384"]) == {"iss": client.id}


def test_people_have_cases_and_documents_and_every_case_its_reasons(seeded: Flask) -> None:
    assert db.session.execute(select(func.count()).select_from(Applicant)).scalar_one() == PEOPLE
    assert db.session.execute(select(func.count()).select_from(IdentityDocument)).scalar_one() == PEOPLE
    cases = db.session.execute(select(Case)).unique().scalars().all()
    assert len(cases) == PEOPLE
    assert all(case.status and case.progress and case.edition for case in cases)


def test_seeding_again_adds_other_people_and_keeps_the_rest(seeded: Flask) -> None:
    seed_demo(db.session, 3, 7)  # type: ignore[arg-type]
    numbers = db.session.execute(select(IdentityDocument.number)).scalars().all()
    assert len(numbers) == len(set(numbers)) == PEOPLE + 3
    assert db.session.execute(select(func.count()).select_from(AuthorityClient)).scalar_one() == len(AUTHORITIES)


def test_mother_who_coughs_is_held_and_her_family_are_contacts(app: Flask) -> None:
    db.session.commit()
    set_mode("read")
    seed_in_batches(20, 1)
    holds = {row.case_id for row in db.session.query(InfectionHold)}
    contacts = list(db.session.query(TbContact))
    assert contacts and {row.source_case_id for row in contacts} <= holds
    kinds = {row.kind for row in db.session.query(Task)}
    assert {"infectious", "contact-test", "follow-up", "document-awaited"} <= kinds
