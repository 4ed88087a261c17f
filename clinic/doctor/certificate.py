"""The key that signs exams: of the right kind, fitting its certificate, and in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from clinic import clock
from clinic.config import PREFIX, Settings
from clinic.doctor.finding import Finding, good, warning, wrong
from clinic.errors import Misconfigured
from clinic.signing_key import load_signing_key

SOON = timedelta(days=60)  # a certificate from outside takes weeks
NEW_ONE = f"Get a P-384 key with a certificate as one PEM, and name it in {PREFIX}SIGNING_KEY; keep the old one."


def check_signing_key(settings: Settings) -> Iterator[Finding]:
    """What signatures are made with; nothing is made here."""
    path = Path(settings.signing_key) if settings.signing_key else settings.var_dir / "signing.pem"
    if not path.exists():
        yield (wrong("signing-key", f"{PREFIX}SIGNING_KEY names a file that does not exist.", "Correct the path.")
               if settings.signing_key else
               warning("signing-key", "There is no signing key yet: one is made at the first signature.", NEW_ONE))
        return
    try:
        key = load_signing_key(settings)
    except Misconfigured as error:
        yield wrong("signing-key", error.message, NEW_ONE)
        return
    certificate, now = key.certificate, clock.now()
    if certificate.not_valid_after_utc <= now:
        yield wrong("signing-key", "The certificate has ended: signatures made now are refused.", NEW_ONE)
    elif certificate.not_valid_before_utc > now:
        yield wrong("signing-key", "The certificate is not valid yet.", "See whether the clock is right.")
    elif certificate.not_valid_after_utc - now < SOON:
        yield warning("signing-key", f"The certificate ends in {(certificate.not_valid_after_utc - now).days} days.",
                      NEW_ONE)
    elif certificate.issuer == certificate.subject and not settings.demo:
        yield warning("signing-key", "The certificate is our own: nobody outside vouches for it.", NEW_ONE)
    else:
        yield good("signing-key", "The signing key is P-384, fits its certificate, and is in time.")


CHECKS = (check_signing_key,)
