"""The installation's key: made once, and a signature stands for exactly the bytes it was made over."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinic.config import Settings
from clinic.errors import Misconfigured
from clinic.signing_key import load_signing_key, verify_detached


def test_first_use_makes_a_key_that_only_its_owner_reads_and_keeps_it(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path)
    first = load_signing_key(settings)
    assert (tmp_path / "signing.pem").stat().st_mode & 0o077 == 0
    assert load_signing_key(settings).kid == first.kid


def test_one_changed_byte_is_refused(tmp_path: Path) -> None:
    key = load_signing_key(Settings(var_dir=tmp_path))
    public = key.private.public_key()
    jws = key.sign_detached(b'{"a":0.40}')
    assert jws.split(".")[1] == "", "the payload must not stand in a detached signature"
    assert verify_detached(jws, b'{"a":0.40}', public)
    assert not verify_detached(jws, b'{"a":0.4}', public)
    assert not verify_detached(jws, b'{"a": 0.40}', public)


def test_wrong_key_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="CLEARWAY_SIGNING_KEY"):
        load_signing_key(Settings(var_dir=tmp_path, signing_key=str(tmp_path / "none.pem")))
    (tmp_path / "bad.pem").write_text("not a key")
    with pytest.raises(Misconfigured, match="P-384"):
        load_signing_key(Settings(var_dir=tmp_path, signing_key=str(tmp_path / "bad.pem")))
