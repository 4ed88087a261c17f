"""Registering authorities and their clients by command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from clinic import clock
from clinic.db import db, read_unit
from clinic.errors import InvalidInput
from clinic.key_set import check_key_set
from clinic.models import AuthorityClient
from tests.fhir_api.machine import make_key, to_public


def run(app: Flask, *words: str) -> tuple[int, str]:
    db.session.commit()
    result = app.test_cli_runner().invoke(args=["authority", *words])
    return result.exit_code, result.output


def write_keys(folder: Path, *keys: dict[str, Any]) -> str:
    path = folder / "keys.json"
    path.write_text(json.dumps({"keys": list(keys)}))
    return str(path)


@pytest.mark.parametrize(("more", "said"), [
    (("--endpoint", "authority.example/fhir"), "endpoint: "),
    (("--endpoint", "https://127.0.0.1:9/us/fhir", "--channel", "pigeon"), "channel: Choose the way of sending."),
])
def test_authority_to_which_nothing_could_be_sent_is_not_registered(
    app: Flask, more: tuple[str, ...], said: str
) -> None:
    code, printed = run(app, "add", "us", "--name", "Department", *more)
    assert code == 1 and said in printed
    assert "Department" not in run(app, "list")[1]


def test_authority_and_client_are_added_listed_and_revoked(app: Flask, tmp_path: Path) -> None:
    added = run(app, "add", "us", "--name", "Department", "--endpoint", "https://127.0.0.1:9/us/fhir")
    assert added == (0, "Authority us is registered.\n")
    assert run(app, "add", "us", "--name", "Department", "--endpoint", "https://127.0.0.1:9")[0] == 1
    keys = write_keys(tmp_path, to_public(make_key("ES384")), to_public(make_key("RS384")))
    code, printed = run(app, "add-client", "us", "--jwks", keys, "--scopes", "system/Observation.rs  system/Patient.r")
    client_id = printed.strip()
    assert code == 0
    with read_unit() as session:
        client = session.get_one(AuthorityClient, client_id)
        assert (client.authority_id, client.active) == ("us", True)
        assert client.scopes == "system/Observation.rs system/Patient.r"
    assert f"{client_id}  active" in run(app, "list")[1]
    assert run(app, "revoke-client", client_id)[0] == 0
    assert f"{client_id}  revoked" in run(app, "list")[1]


def test_wrong_words_are_refused_in_one_sentence(app: Flask, tmp_path: Path) -> None:
    keys = write_keys(tmp_path, to_public(make_key("ES384")))
    run(app, "add", "uk", "--name", "Visas", "--endpoint", "https://127.0.0.1:9")
    for words in (
        ("add-client", "nobody", "--jwks", keys), ("add-client", "uk", "--jwks", keys, "--scopes", "all"),
        ("add-client", "uk", "--jwks", keys, "--scopes", ""), ("revoke-client", "nobody"),
        ("add", "mars", "--name", "Mars", "--endpoint", "https://127.0.0.1:9"),
        ("add-client", "uk", "--jwks", write_keys(tmp_path, make_key("ES384"))),
    ):
        code, printed = run(app, *words)
        assert code in (1, 2), words
        assert "Error: " in printed
        assert "Traceback" not in printed


def test_key_set_that_cannot_be_used_is_refused() -> None:
    good = to_public(make_key("ES384"))
    short = RSAAlgorithm(RSAAlgorithm.SHA384).to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)
    other = ECAlgorithm(ECAlgorithm.SHA256).to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
    secret = {"kty": "oct", "kid": "s", "k": "c2VjcmV0"}
    for keys in (
        [], ["x"], "x", [good, good], [{**good, "kid": ""}], [{**good, "kid": 7}], [make_key("ES384")],
        [{**short, "kid": "short"}], [{**other, "kid": "other"}], [secret], [{"kty": "EC", "kid": "broken"}],
        [{"kid": "nothing"}], [{**good, "crv": "P-256"}],
    ):
        with pytest.raises(InvalidInput):
            check_key_set(json.dumps({"keys": keys}))
    for text in ("", "[]", "{}", "null", "nonsense"):
        with pytest.raises(InvalidInput):
            check_key_set(text)
    assert jwt.PyJWKSet.from_json(check_key_set(json.dumps({"keys": [good]}))).keys[0].key_id == good["kid"]


def test_keys_and_ends_are_managed_by_command(app: Flask, tmp_path: Path) -> None:
    run(app, "add", "us", "--name", "Department", "--endpoint", "https://127.0.0.1:9/us/fhir")
    address = "https://authority.example/jwks.json"
    code, printed = run(app, "add-client", "us", "--jwks-url", address, "--until", "2999-12-31")
    client_id = printed.strip()
    assert code == 0
    assert f"{client_id}  active until 2999-12-31  system/*.rs  keys at {address}" in run(app, "list")[1]
    keys = write_keys(tmp_path, to_public(make_key("ES384")))
    today = clock.today().isoformat()
    assert run(app, "replace-keys", client_id, "--jwks", keys, "--keys-until", today)[0] == 0
    listed = run(app, "list")[1]
    assert f"keys ES384-0 (EC) until {today}" in listed
    assert f"Warning: the key set of {client_id} ends in 0 days." in listed
    assert run(app, "end-client", client_id)[1] == f"Client {client_id} is served without end.\n"
    assert run(app, "revoke-client", client_id)[0] == 0
    assert run(app, "restore-client", client_id)[0] == 0
    assert f"{client_id}  active  " in run(app, "list")[1]
    for words in (
        ("add-client", "us"), ("add-client", "us", "--jwks", keys, "--jwks-url", address),
        ("add-client", "us", "--jwks-url", "http://authority.example/jwks.json"),
        ("replace-keys", client_id), ("replace-keys", "nobody", "--jwks", keys),
        ("end-client", client_id, "--until", "2001-01-01"), ("restore-client", "nobody"),
    ):
        code, printed = run(app, *words)
        assert code == 1, words
        assert "Error: " in printed
