"""What somebody searches for travels in a form's body and stands sealed in the address, so that no name is left there.

A form posts to `/seek` and the page's own path; the answer leads to that page with the words sealed for who typed them.
So a list has an address like any other (the next page, the way back, a page kept over a lock), and neither a log nor a
browser's history says whom somebody looked for (OWASP ASVS 8.3.1). Nothing is kept on the server for it: a search must
not cost a write. A seal is worth nothing to anybody else, nor after the longest sign-in.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from cryptography.fernet import Fernet, InvalidToken
from flask import Blueprint, Flask, current_app, redirect, request
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from clinic import clock
from clinic.errors import NotFound
from clinic.permissions import Permission, requires
from clinic.read_audit import shows_nobody
from clinic.unit import reads_only

F = TypeVar("F", bound=Callable[..., Any])
blueprint = Blueprint("seek", __name__)
LONGEST = 400  # characters; three lines of a passport are 90
DOOR = "/seek"


def seeks(*names: str) -> Callable[[F], F]:
    """Mark a page whose arguments of these names are sealed: read by `read_sought`, sent to by `address_seek`."""

    def mark(view: F) -> F:
        view.sought = names  # type: ignore[attr-defined]
        return view

    return mark


def address_seek(page: str) -> str:
    """Where the form of the page with this path posts what it searches for."""
    return DOOR + page


def init_seek(app: Flask) -> None:
    """Add the page that leads on, and the templates' function that names where a form posts."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals["address_seek"] = address_seek


def seal_words(user_id: str, words: str) -> str:
    """`words` for an address, which nobody but this person can read back."""
    return _fernet(user_id).encrypt_at_time(words.encode(), int(clock.now().timestamp())).decode()


def read_sought(name: str, errors: dict[str, list[str]] | None = None, longest: int = LONGEST) -> str:
    """What the signed-in person searches for; empty without it.

    What cannot be read (another person's, or of an earlier day) is nothing, and is said in `errors`.
    """
    token = request.args.get(name, "")
    if not token:
        return ""
    life = int(current_app.config["PERMANENT_SESSION_LIFETIME"].total_seconds())
    try:
        words = _fernet(current_user.id).decrypt_at_time(token.encode(), life, int(clock.now().timestamp()))
        return words.decode().strip()[:longest]
    except InvalidToken:
        if errors is not None:
            errors[name] = [_("What was searched for is kept no longer. Type it again.")]
        return ""


@blueprint.post(f"{DOOR}/<path:page>")
@requires(*Permission)
@shows_nobody("leads on; the page that it leads to says who was looked for")
@reads_only
def lead(page: str) -> Response:
    """To the page that is named, with what was typed. Only a page that seeks is led to."""
    return redirect(_address(current_user.id, page), 303)


def _address(user_id: str, page: str) -> str:
    """The page with what was typed, sealed for this person. Raises NotFound."""
    names = _list_sealed(f"/{page}")
    given = [(name, seal_words(user_id, text[:LONGEST]) if name in names else text)
             for name, value in request.form.items(multi=True) if (text := value.strip()) and name != "csrf_token"]
    return f"/{page}" + (f"?{urlencode(given)}" if given else "")


# After a lock the search goes on, instead of being kept as something typed (clinic/way_in.py).
lead.way_on = _address  # type: ignore[attr-defined]


def _list_sealed(path: str) -> tuple[str, ...]:
    """The sealed arguments of the page at `path`. Raises NotFound where none seeks."""
    try:
        endpoint, _arguments = current_app.url_map.bind("").match(path, "GET")
    except HTTPException as error:
        raise NotFound(_("There is no such page.")) from error
    names: tuple[str, ...] = getattr(current_app.view_functions[endpoint], "sought", ())
    if not names:
        raise NotFound(_("There is no such page."))
    return names


def _fernet(user_id: str) -> Fernet:
    """Of one person; as `clinic/way_back.py` seals addresses."""
    secret = f"clearway search {user_id} {current_app.config['SECRET_KEY']}".encode()
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret).digest()))
