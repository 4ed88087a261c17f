"""The installation's keys, sealed under a passphrase: they leave the machine in a backup in no other way.

scrypt makes the key of a passphrase (RFC 7914), AES-256-GCM seals with it.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from clinic.config import Settings
from clinic.durable_file import write_durably, write_once
from clinic.errors import Misconfigured

SHORTEST_PASSPHRASE = 16  # characters
LARGEST_KEY = 64 * 1024
NOT_KEYS = (".sqlite3", ".sqlite3-wal", ".sqlite3-shm", ".lock", ".log", ".pid")
SALT_BYTES, NONCE_BYTES = 16, 12
COST, BLOCK, PARALLEL = 2**17, 8, 1


def list_keys(settings: Settings) -> dict[str, bytes]:
    """The small files at the top of the data folder that are no database: secret_key, signing.pem and their like.

    The signing key is among them wherever it lies, as `signing.pem`.
    """
    found = {
        place.name: place.read_bytes()
        for place in sorted(settings.var_dir.iterdir())
        if place.is_file() and not place.name.startswith(".") and not place.name.endswith(NOT_KEYS)
        and place.stat().st_size <= LARGEST_KEY
    }  # fmt: skip
    if settings.signing_key and Path(settings.signing_key).is_file():
        found["signing.pem"] = Path(settings.signing_key).read_bytes()
    return found


def seal_keys(keys: dict[str, bytes], passphrase: str) -> bytes:
    """The keys as one sealed file. Raises Misconfigured for a passphrase that is too short."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Misconfigured(f"Give a passphrase of at least {SHORTEST_PASSPHRASE} characters "
                            "(CLEARWAY_BACKUP_PASSPHRASE).")
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    plain = json.dumps({name: base64.b64encode(content).decode() for name, content in keys.items()}).encode()
    return salt + nonce + AESGCM(_derive(passphrase, salt)).encrypt(nonce, plain, None)


def open_keys(sealed: bytes, passphrase: str) -> dict[str, bytes]:
    """The keys again. Raises Misconfigured for another passphrase than they were sealed with."""
    salt, nonce, body = sealed[:SALT_BYTES], sealed[SALT_BYTES:SALT_BYTES + NONCE_BYTES], sealed[28:]
    try:
        plain = AESGCM(_derive(passphrase, salt)).decrypt(nonce, body, None)
    except InvalidTag:
        raise Misconfigured("The passphrase is not the one that the backup's keys were sealed with.") from None
    return {Path(name).name: base64.b64decode(content) for name, content in json.loads(plain).items()}


def put_back(keys: dict[str, bytes], settings: Settings) -> list[str]:
    """Write the keys into the data folder; gives the names of those that were kept because they differ.

    A secret_key that this program made a moment ago, at its own start, gives way to the backup's.
    """
    kept = []
    for name, content in keys.items():
        place = settings.var_dir / name
        if name == "secret_key":
            write_durably(place, content)
        elif not write_once(place, content) and place.read_bytes() != content:
            kept.append(name)
    return kept


def _derive(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=COST, r=BLOCK, p=PARALLEL).derive(passphrase.encode())
