"""What a guess at somebody's password costs whoever stole the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask_security.utils import hash_password

from clinic import auth
from tests.conftest import PASSWORD_COST, make_settings
from wsgi import create_app


def test_password_is_kept_at_the_full_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "PASSWORD_COST", PASSWORD_COST)
    with create_app(make_settings(tmp_path)).app_context():
        assert hash_password("a-long-test-password").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
