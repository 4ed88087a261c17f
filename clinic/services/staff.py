"""Staff accounts: made, authorised for destinations and disabled by an administrator's command."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

from flask_security.utils import hash_password
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound
from clinic.models import Authorisation, Role, Site, User
from clinic.permissions import ROLES
from clinic.rules.programme import list_programmes
from clinic.services.password import ensure_good_password, issue_reset
from clinic.services.second_factor import forget_second_factor


def add_site(code: str, name: str, city: str, country: str, time_zone: str) -> Site:
    """A clinic of the organisation. Raises AlreadyDone when its code is taken."""
    if db.session.execute(select(Site.id).where(Site.code == code)).first():
        raise AlreadyDone(f"There is a site {code} already. Choose another code.", site=code)
    site = Site(code=code, name=name, city=city, country=country, time_zone=time_zone)
    db.session.add(site)
    db.session.flush()
    record_change("add-site", "site", site.id, site_id=site.id)
    return site


def add_user(email: str, name: str, password: str, roles: Sequence[str], site_code: str,
             authorised: Sequence[str] = (), licence_number: str | None = None) -> User:
    """A member of staff; `authorised` are the programmes a physician may sign for from today.

    Raises InvalidInput naming what is wrong, AlreadyDone when the address has an account, NotFound for the site.
    """
    address = email.strip().lower()
    if "@" not in address:
        raise InvalidInput("Give an e-mail address: it is the sign-in.", fields={"email": ["Like name@example.org."]})
    ensure_good_password(password, address, name, "password")
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise InvalidInput(f"Choose roles among {', '.join(ROLES)}.")
    strangers = [programme for programme in authorised if programme not in list_programmes()]
    if strangers:
        raise InvalidInput(f"Choose programmes among {', '.join(list_programmes())}.")
    site = db.session.execute(select(Site).where(Site.code == site_code)).scalar_one_or_none()
    if site is None:
        raise NotFound(f"There is no site {site_code}. Add it first with `site add`.")
    if find_user(address):
        raise AlreadyDone("This address has an account already.")
    user = User(
        email=address, name=name, password=hash_password(password), fs_uniquifier=uuid.uuid4().hex, active=True,
        site_id=site.id, created_at=clock.now(), licence_number=licence_number,
        roles=list(db.session.execute(select(Role).where(Role.name.in_(roles))).scalars()),
        authorisations=[Authorisation(programme=programme, valid_from=_today(site)) for programme in authorised],
    )
    db.session.add(user)
    db.session.flush()
    record_change("add-user", "user", user.id, site_id=site.id, detail={"roles": sorted(roles)})
    return user


def disable_user(email: str) -> User:
    """Close an account and every session of it. Raises NotFound."""
    user = get_user(email)
    user.active = False
    user.fs_uniquifier = uuid.uuid4().hex  # every session names the old one and is worth nothing now
    record_change("disable-user", "user", user.id, site_id=user.site_id)
    db.session.flush()
    return user


def reset_second_factor(email: str) -> User:
    """Take away whatever second factor an account has, and end its sessions: lost phone or key.

    The person sets up a new one at the next sign-in. Raises NotFound.
    """
    user = get_user(email)
    forget_second_factor(user)
    user.fs_uniquifier = uuid.uuid4().hex
    record_change("reset-mfa", "user", user.id, site_id=user.site_id)
    db.session.flush()
    return user


def reset_password(email: str) -> str:
    """A code, to be shown this once, by which the person sets a new password within half an hour.

    Their second factor stays. Raises NotFound, also for a closed account.
    """
    user = get_user(email)
    if not user.active:
        raise NotFound("This account is closed.")
    return issue_reset(user)


def get_user(email: str) -> User:
    """The account of an address. Raises NotFound."""
    user = find_user(email.strip().lower())
    if user is None:
        raise NotFound("There is no account with this address.")
    return user


def find_user(email: str) -> User | None:
    """The account of an address."""
    return db.session.execute(select(User).where(User.email == email)).unique().scalar_one_or_none()


def _today(site: Site) -> date:
    return clock.today(site.time_zone)
