"""What the log says of whom we do not listen to: who it was, why, and what to do about it.

A refused message is not kept and its sender repeats it, for ever often: the same is said once in ten minutes, with how
often it came. Nothing that is said is of a person: addresses, our ids, the names of systems (MSH-3, MSH-4, MSH-6).
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

AGAIN_SECONDS = 600.0
REMEMBERED = 1000  # different refusals; then all are forgotten
REGISTER = "Administration, Partner laboratories"
TODO = {
    "no-sender": f"register it ({REGISTER}), or have it correct MSH-3, MSH-4 and MSH-6",
    "certificate": f"if the laboratory has renewed it, register the new fingerprint ({REGISTER}), else find out who "
                   "calls",
    "no-tls": f"give it a certificate, or tick Without encryption for it ({REGISTER})",
    "": "ask who runs it to correct that",
}


class Refusals:
    """What was said of late."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._said: dict[tuple[str, str], tuple[float, int]] = {}  # when it was said, how often it came since

    def tell_message(self, peer: str, fault: str, todo: str, fingerprint: str = "") -> None:
        """A message was refused; `fault` says of whom and why, `todo` is a key of TODO."""
        shown = f" with the certificate {fingerprint}" if fingerprint else ""
        self._tell(peer, f"message refused: {fault}{shown}", TODO[todo])

    def tell_handshake(self, peer: str, error: Exception) -> None:
        """A line over TLS was not opened; one that was merely hung up on says nothing (monitors knock so)."""
        if isinstance(error, ssl.SSLError | TimeoutError):
            self._tell(peer, *say_handshake(error))

    def _tell(self, peer: str, words: str, todo: str) -> None:
        now, key = self._now(), (peer.rsplit(":", 1)[0], words)
        said_at, more = self._said.get(key, (now - AGAIN_SECONDS, 0))
        if now - said_at < AGAIN_SECONDS:
            self._said[key] = said_at, more + 1
            return
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[key] = now, 0
        log.warning("%s, %s%s. To do: %s (docs/operating.md, Laboratories' lines)", peer, words,
                    f" ({more} more since this was said)" if more else "", todo)


def say_handshake(error: Exception) -> tuple[str, str]:
    """Why a line over TLS was not opened, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        todo = ("have the laboratory make a new certificate, vouch for it and register its fingerprint"
                if "expired" in error.verify_message else
                "see that CLEARWAY_MLLP_AUTHORITIES holds who vouches for it, or find out who calls")
        return f"line refused: its certificate is not taken: {error.verify_message}", todo
    reason = getattr(error, "reason", "") or type(error).__name__
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "line refused: it shows no certificate", "have the laboratory show the one that was made for it"
    return (f"line refused: no TLS was agreed on ({reason})",
            "have the laboratory speak TLS 1.2 or later on this port; lines in the clear have another")
