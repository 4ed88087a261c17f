"""An address that somebody typed, taken apart: only what can be the address of a machine at all goes on."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

LONGEST_HOST = 253  # RFC 1035, 2.3.4
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?", re.IGNORECASE)


def split_address(address: str) -> SplitResult:
    """The parts of an address; raises ValueError when it cannot be one: a blank in it, no host, no such port."""
    if not address.isprintable() or " " in address:
        raise ValueError("there is a blank in it")
    parts = urlsplit(address)
    if not is_host(parts.hostname or ""):
        raise ValueError("it names no host")
    if parts.port == 0:  # reading it raises ValueError beyond 65535
        raise ValueError("there is no port 0")
    return parts


def is_host(host: str) -> bool:
    """Whether a machine can be called so: an address in numbers, or a name of letters, digits and dashes."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return True
    try:
        plain = host.encode("idna").decode().rstrip(".")
    except UnicodeError:
        return False
    labels = plain.split(".")
    return len(plain) <= LONGEST_HOST and all(map(LABEL.fullmatch, labels)) and not labels[-1].isdigit()
