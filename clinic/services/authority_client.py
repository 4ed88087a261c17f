"""Machine clients of receiving authorities: registered, given other keys, let in or out, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound, NotNow
from clinic.key import new_id
from clinic.key_set import check_key_address, check_key_set
from clinic.models import Authority, AuthorityClient

DEFAULT_SCOPES = "system/*.rs"
WARNING_DAYS = 30  # before a client or its keys end; our own choice, long enough for a letter and an answer


@dataclass(frozen=True)
class Keys:
    """The public keys of a client: a JWK Set stored with us, or the address where it publishes one."""

    jwks: str | None = None
    url: str | None = None

    def check(self) -> Keys:
        """The same as we keep it; raises InvalidInput unless exactly one is given and can be used."""
        if bool(self.jwks) == bool(self.url):
            raise InvalidInput(_("Give either the keys themselves or the address where they are published."),
                               {"jwks": [_("Give either the keys themselves or the address.")]})
        return Keys(check_key_set(self.jwks) if self.jwks else None, check_key_address(self.url) if self.url else None)


def add_client(
    authority_id: str, jwks: str | None = None, name: str = "", scopes: str = DEFAULT_SCOPES,
    client_id: str | None = None, jwks_url: str | None = None, expires_on: date | None = None,
    keys_expire_on: date | None = None,
) -> AuthorityClient:  # fmt: skip
    """Register a machine client that proves itself by a key of `jwks` (public keys, a JWK Set) or of `jwks_url`.

    Raises NotFound for an unknown authority, AlreadyDone for a client id that is taken, InvalidInput for keys or
    dates that cannot be used.
    """
    authority = db.session.get(Authority, authority_id)
    if authority is None:
        raise NotFound(_("There is no such authority; see `authority list`."), authority=authority_id)
    client_id = client_id or f"{authority_id}-{new_id()}"
    if db.session.get(AuthorityClient, client_id) is not None:
        raise AlreadyDone(_("There is a client of this id already."), client=client_id)
    keys = Keys(jwks, jwks_url).check()
    _check_days(expires_on, keys_expire_on)
    client = AuthorityClient(
        id=client_id, authority_id=authority_id, name=name or authority.name, jwks=keys.jwks, jwks_url=keys.url,
        scopes=scopes, active=True, created_at=clock.now(), expires_on=expires_on, keys_expire_on=keys_expire_on,
    )  # fmt: skip
    db.session.add(client)
    _record("add-client", client, scopes=scopes, keys="address" if keys.url else "stored")
    return client


def replace_keys(client_id: str, keys: Keys, keys_expire_on: date | None = None) -> AuthorityClient:
    """Put other keys in place of a client's, from now on; raises NotFound or InvalidInput."""
    client = get_client(client_id)
    checked = keys.check()
    _check_days(keys_expire_on)
    client.jwks, client.jwks_url, client.keys_expire_on = checked.jwks, checked.url, keys_expire_on
    _record("replace-client-keys", client, keys="address" if checked.url else "stored", until=str(keys_expire_on))
    return client


def set_client_end(client_id: str, expires_on: date | None) -> AuthorityClient:
    """Say on which day a client is served last, or that there is no end; raises NotFound or InvalidInput."""
    client = get_client(client_id)
    _check_days(expires_on)
    client.expires_on = expires_on
    _record("set-client-end", client, until=str(expires_on))
    return client


def revoke_client(client_id: str) -> None:
    """Let a client in no more; tokens that it holds end at once. Raises NotFound."""
    client = get_client(client_id)
    client.active = False
    _record("revoke-client", client)


def restore_client(client_id: str) -> None:
    """Let a client in again; raises NotFound, or NotNow while its own end has passed."""
    client = get_client(client_id)
    if client.expires_on is not None and client.expires_on < clock.today():
        raise NotNow(_("This client's time has ended: give it a later end first."), client=client_id)
    client.active = True
    _record("restore-client", client)


def get_client(client_id: str) -> AuthorityClient:
    """A client by its id; raises NotFound."""
    client = db.session.get(AuthorityClient, client_id)
    if client is None:
        raise NotFound(_("There is no such client; see `authority list`."), client=client_id)
    return client


def is_served(client: AuthorityClient | Any) -> bool:
    """Whether a client (or a row of its columns `active` and `expires_on`) may come in today."""
    return client.active and (client.expires_on is None or client.expires_on >= clock.today())


def list_ending() -> list[tuple[AuthorityClient, str, int]]:
    """(client, `client` or `keys`, days left) of what ends within WARNING_DAYS; ended already is below zero."""
    today = clock.today()
    latest = today + timedelta(days=WARNING_DAYS)
    rows = db.session.execute(
        select(AuthorityClient).where(AuthorityClient.active.is_(True)).order_by(AuthorityClient.id)
    ).scalars()
    ends = [(row, what, end) for row in rows
            for what, end in (("client", row.expires_on), ("keys", row.keys_expire_on)) if end is not None]
    return [(row, what, (end - today).days) for row, what, end in sorted(ends, key=lambda one: one[2]) if end <= latest]


def _check_days(*days: date | None) -> None:
    if any(day is not None and day < clock.today() for day in days):
        raise InvalidInput(_("Give a day that has not passed."), {"until": [_("Give a day that has not passed.")]})


def _record(action: str, client: AuthorityClient, **detail: str) -> None:
    record_change(action, "client", client.id, detail={"authority": client.authority_id} | detail)
    db.session.flush()
