"""What the doctor looks at in FHIR: the base under which our codes and profiles are known to the world."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from clinic.config import PREFIX, Settings
from clinic.doctor.finding import Finding, good, warning, wrong


def check_canonical_base(settings: Settings) -> Iterator[Finding]:
    """Outside the demo it is an address of the clinic's own: it stands in every signed document."""
    parts = urlsplit(settings.canonical_base)
    if parts.scheme not in ("http", "https") or not parts.hostname or not settings.canonical_base.endswith("/"):
        yield wrong("canonical-base", "The base of our code systems is no address that ends in a stroke.",
                    f"Set {PREFIX}CANONICAL_BASE to an address like https://clinic.example/fhir/.")
    elif parts.hostname.endswith(".example") and not settings.demo:
        yield warning("canonical-base", "The base of our code systems is the example's, not an address of yours.",
                      f"Set {PREFIX}CANONICAL_BASE before the first exam is signed: it stands in every document.")
    else:
        yield good("canonical-base", "The base of our code systems can be used.")


CHECKS = (check_canonical_base,)
