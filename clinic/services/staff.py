"""Staff accounts: made, changed, disabled and enabled; by an administrator, or by the operator's command (no actor)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import gettext as _
from flask_security.utils import hash_password
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound, NotNow
from clinic.models import Authorisation, Role, SignInEnd, Site, User
from clinic.permissions import ROLES
from clinic.rules.programme import list_programmes
from clinic.services.authority_of_staff import ensure_may_change, ensure_may_give, ensure_not_last, ensure_reaches_site
from clinic.services.password import ensure_good_password
from clinic.services.sign_in import end_sign_ins
from clinic.services.task import give_back

SAID = ("site_id", "language")  # codes, which the audit names; of the rest it says that it changed


@dataclass(frozen=True)
class MemberFacts:
    """What is recorded of a member of staff besides roles and authorisations."""

    name: str
    email: str  # the sign-in
    site_id: str
    language: str = "en"
    licence_number: str | None = None


@dataclass(frozen=True)
class SignRight:
    """For which programmes a new physician may sign, from when to when; no day: from today, without an end."""

    programmes: Sequence[str] = field(default_factory=tuple)
    valid_from: date | None = None
    valid_until: date | None = None


def add_user(email: str, name: str, password: str, roles: Sequence[str], site_code: str,
             authorised: Sequence[str] = (), licence_number: str | None = None) -> User:
    """A member of staff with a password; `authorised` are the programmes a physician may sign for from today.

    Raises InvalidInput naming what is wrong, AlreadyDone when the address has an account, NotFound for the site.
    """
    if "@" not in email:
        raise InvalidInput("Give an e-mail address: it is the sign-in.", fields={"email": ["Like name@example.org."]})
    ensure_good_password(password, email, name, "password")
    site = db.session.execute(select(Site).where(Site.code == site_code)).scalar_one_or_none()
    if site is None:
        raise NotFound(f"There is no site {site_code}. Add it first with `site add`.")
    return add_member(MemberFacts(name, email, site.id, licence_number=licence_number), roles,
                      SignRight(authorised), password=password)


def add_member(facts: MemberFacts, roles: Sequence[str], right: SignRight, actor: User | None = None,
               password: str | None = None) -> User:
    """A member of staff; without a password nobody can sign in with the account until one is set by recovery.

    Raises InvalidInput naming what is wrong, AlreadyDone when the address has an account; NotAllowed, NotFound when
    `actor` may not give these roles, or not at this site.
    """
    address = facts.email.strip().lower()
    rows = find_roles(roles)
    strangers = [programme for programme in right.programmes if programme not in list_programmes()]
    if strangers:
        raise InvalidInput(f"Choose programmes among {', '.join(list_programmes())}.")
    ensure_reaches_site(facts.site_id, actor)
    ensure_may_give(roles, actor)
    ensure_address_is_free(address)
    site = db.session.get_one(Site, facts.site_id)
    begin = right.valid_from or clock.today(site.time_zone)
    user = User(
        email=address, name=facts.name, password=hash_password(password or secrets.token_urlsafe(32)),
        fs_uniquifier=uuid.uuid4().hex, active=True, site_id=site.id, created_at=clock.now(), language=facts.language,
        licence_number=facts.licence_number, roles=rows,
        authorisations=[Authorisation(programme=programme, valid_from=begin, valid_until=right.valid_until)
                        for programme in right.programmes],
    )
    db.session.add(user)
    db.session.flush()
    record_change("add-user", "user", user.id, site_id=site.id, detail={
        "roles": sorted(roles), **({"programmes": sorted(right.programmes), "from": str(begin),
                                    "until": str(right.valid_until)} if right.programmes else {})})
    return user


def change_member(user: User, facts: MemberFacts, actor: User) -> list[str]:
    """Correct what is recorded of a member of staff, or move them to another site; returns what changed.

    Raises AlreadyDone for an address that has an account; NotAllowed, NotFound when `actor` may not.
    """
    ensure_may_change(user, actor)
    if facts.site_id != user.site_id:
        ensure_reaches_site(facts.site_id, actor)
    address = facts.email.strip().lower()
    ensure_address_is_free(address, user.id)
    wanted = {"name": facts.name, "email": address, "licence_number": facts.licence_number,
              "language": facts.language, "site_id": facts.site_id}
    before = {name: getattr(user, name) for name in wanted}
    changed = [name for name, value in wanted.items() if before[name] != value]
    if not changed:
        return []
    for name in changed:
        setattr(user, name, wanted[name])
    db.session.flush()
    db.session.expire(user, ["site"])
    if "site_id" in changed:
        give_back(user, actor)
    record_change("change-user", "user", user.id, site_id=user.site_id, detail={
        "changed": changed, **{name: [before[name], wanted[name]] for name in SAID if name in changed}})
    return changed


def disable_user(email: str) -> User:
    """Close the account of an address. Raises NotFound, NotNow."""
    user = get_user(email)
    disable_member(user, None)
    return user


def disable_member(user: User, actor: User | None) -> None:
    """Close an account and every session of it. Raises NotAllowed; NotNow when it is closed, or the last that rules."""
    ensure_may_change(user, actor)
    if not user.active:
        raise NotNow(_("This account is disabled already."), user=user.id)
    ensure_not_last(user)
    user.active = False
    user.fs_uniquifier = uuid.uuid4().hex  # every session names the old one and is worth nothing now
    end_sign_ins(user, SignInEnd.ACCOUNT_DISABLED)
    record_change("disable-user", "user", user.id, site_id=user.site_id)
    give_back(user, actor)


def enable_member(user: User, actor: User) -> None:
    """Let an account in again, with the roles it had. Raises NotAllowed; NotNow when it may sign in already."""
    ensure_may_change(user, actor)
    if user.active:
        raise NotNow(_("This account may sign in already."), user=user.id)
    user.active = True
    record_change("enable-user", "user", user.id, site_id=user.site_id)
    db.session.flush()


def find_roles(names: Sequence[str]) -> list[Role]:
    """The rows of roles. Raises InvalidInput when there is none, or one that we do not know."""
    unknown = [name for name in names if name not in ROLES]
    if unknown or not names:
        sentence = f"Choose roles among {', '.join(ROLES)}." if unknown else _("Choose at least one role.")
        raise InvalidInput(sentence, fields={"roles": [sentence]})
    return list(db.session.execute(select(Role).where(Role.name.in_(names)).order_by(Role.name)).scalars())


def get_user(email: str) -> User:
    """The account of an address. Raises NotFound."""
    user = find_user(email.strip().lower())
    if user is None:
        raise NotFound("There is no account with this address.")
    return user


def find_user(email: str) -> User | None:
    """The account of an address."""
    return db.session.execute(select(User).where(User.email == email)).unique().scalar_one_or_none()


def ensure_address_is_free(email: str, owner_id: str | None = None) -> None:
    """Raises AlreadyDone when the address has an account, unless it is `owner_id`'s."""
    found = find_user(email.strip().lower())
    if found and found.id != owner_id:
        raise AlreadyDone(_("This address has an account already."))
