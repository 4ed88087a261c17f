"""The way back to where somebody was: an address sealed for one person, so that nobody else is led there or reads it.

An address names cases and may hold what was searched for. On a shared computer it must not lead the next person on.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from urllib.parse import urlencode

from cryptography.fernet import Fernet, InvalidToken
from flask import current_app

LIFE = timedelta(hours=24)


def seal_way(user_id: str, path: str) -> str:
    """A token that leads `user_id` to `path`, and tells nothing to anybody else."""
    return _fernet().encrypt(json.dumps([user_id, path]).encode()).decode()


def find_way(token: str, user_id: str) -> str | None:
    """The path sealed for this person; None for anybody else, and for what is old or not ours."""
    try:
        owner, path = json.loads(_fernet().decrypt(token.encode(), ttl=int(LIFE.total_seconds())))
    except (InvalidToken, ValueError):
        return None
    return str(path) if owner == user_id and is_ours(str(path)) else None


def is_ours(path: str) -> bool:
    """Whether `path` is an address of this application, not of another server."""
    return path.startswith("/") and not path.startswith(("//", "/\\"))


def address_sign_in(path: str) -> str:
    """The sign-in page, and on to `path`."""
    return "/sign-in?" + urlencode({"next": path})


def address_lock(user_id: str, path: str) -> str:
    """The page that unlocks the screen of `user_id`, and on to `path`."""
    return "/locked?" + urlencode({"then": seal_way(user_id, path)})


def address_sign_in_again(user_id: str, path: str) -> str:
    """The sign-in page, and on to `path` if it is `user_id` who signs in; anybody else begins at their own start."""
    return address_sign_in(f"/session/back/{seal_way(user_id, path)}")


def _fernet() -> Fernet:
    secret = hashlib.sha256(b"clearway way back" + str(current_app.config["SECRET_KEY"]).encode()).digest()
    return Fernet(base64.urlsafe_b64encode(secret))
