"""A client's public keys, asked for at its registered address: outside any transaction, seldom, and with care.

The address is an administrator's choice, never a caller's. The name is resolved once, every machine it leads to is
checked, and the connection goes to the one that was checked, so that a name that changes its mind leads nowhere else.
No redirect is followed, no proxy used, no more than LARGEST_BYTES read, and all of it ends after PATIENCE_SECONDS.
"""

from __future__ import annotations

import http.client
import ipaddress
import logging
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from clinic.errors import ClearwayError, InvalidInput
from clinic.key_set import check_key_address, is_loopback, list_key_names, pick_key_set

log = logging.getLogger("clearway.keys")
LARGEST_BYTES = 64 * 1024
PATIENCE_SECONDS = 5.0
FRESH_SECONDS = 600.0  # a key that its owner takes away is refused after so long at the latest
WAIT_SECONDS = 30.0  # between two askings, however many unknown keys are shown or however the last one failed


class KeysUnreachable(ClearwayError):
    """The client's keys could not be had from its address."""

    status = 401
    code = "login"
    next_step = "retry"


@dataclass
class _Known:
    """What an address said last; `jwks` is None when it gave nothing that we could use."""

    jwks: str | None
    asked_at: float  # of the monotonic clock: how long ago, not when


class KeyStore:
    """The keys of every address asked by this process."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, address: str, kid: str) -> str:
        """The JWK Set of `address`, asked for when it is unknown, old, or lacks `kid`; raises KeysUnreachable."""
        with self._guard:
            lock = self._locks.setdefault(address, threading.Lock())
        with lock:  # one asks, the others wait for its answer
            known = self._known.get(address)
            if known is None or self._is_due(known, kid):
                known = self._known[address] = _Known(_ask(address), time.monotonic())
        if known.jwks is None:
            raise KeysUnreachable("Your key set could not be read from its registered address; try again in a minute.")
        return known.jwks

    @staticmethod
    def _is_due(known: _Known, kid: str) -> bool:
        age = time.monotonic() - known.asked_at
        if age > FRESH_SECONDS:
            return True
        lacks = known.jwks is None or not any(name.rpartition(" (")[0] == kid for name in list_key_names(known.jwks))
        return lacks and age > WAIT_SECONDS


def _ask(address: str) -> str | None:
    try:
        return pick_key_set(fetch(address).decode("utf-8"))
    except (OSError, http.client.HTTPException, ssl.SSLError, InvalidInput, ValueError) as error:
        log.warning("key set not read host=%s error=%s", urlsplit(address).hostname, type(error).__name__)
        return None


def fetch(address: str) -> bytes:
    """The bytes at `address`; raises InvalidInput for an address or an answer we do not take, or OSError."""
    parts = urlsplit(check_key_address(address))
    deadline = time.monotonic() + PATIENCE_SECONDS
    connection = _connect(parts, deadline)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Accept": "application/json", "Accept-Encoding": "identity"})
        answer = connection.getresponse()
        if answer.status != 200:  # a redirect too: the address that was registered is the one that counts
            raise InvalidInput("The address of the JWK Set does not answer with one.")
        return _read(connection, answer, deadline)
    finally:
        connection.close()


def _read(connection: Any, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    found = b""
    while chunk := answer.read1(8192):
        found += chunk
        if len(found) > LARGEST_BYTES:
            raise InvalidInput("The JWK Set is too large.")
        if time.monotonic() > deadline:
            raise TimeoutError("the address sends too slowly")
    return found


def _connect(parts: SplitResult, deadline: float) -> http.client.HTTPConnection:
    """A connection to a checked machine, its certificate checked against the name."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    plain = socket.create_connection((_resolve(host, port), port), timeout=PATIENCE_SECONDS)
    plain.settimeout(max(0.1, deadline - time.monotonic()))
    connection = http.client.HTTPConnection(host, port)
    try:
        connection.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) if parts.scheme == "https" else plain
        )
    except BaseException:
        plain.close()
        raise
    return connection


def _resolve(host: str, port: int) -> str:
    """One address of `host`; raises InvalidInput if any of them lies in a network that is not the public one.

    Only a host written as this machine itself may lead to it. An authority behind a private link stores its keys
    with us instead.
    """
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    allowed = is_loopback(host)
    for address in found:
        machine = ipaddress.ip_address(address.split("%")[0])
        mapped = getattr(machine, "ipv4_mapped", None) or machine
        if not (mapped.is_loopback if allowed else mapped.is_global and not mapped.is_multicast):
            raise InvalidInput("The address of the JWK Set leads into a network that we do not ask.")
    return found[0]
