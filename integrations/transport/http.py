"""One HTTP exchange, and the one thing the outbox must know when it fails: can the request have arrived?"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)

ANSWER_LIMIT = 256 * 1024  # bytes of an answer that we read; no acknowledgement is longer


@dataclass(frozen=True)
class Patience:
    """How long we wait, in seconds, for a connection and then for the whole answer."""

    connect: float = 5.0
    answer: float = 20.0

    @property
    def total(self) -> float:
        """The longest that one exchange may take."""
        return self.connect + self.answer


@dataclass(frozen=True)
class Answer:
    """What came back; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(Exception):
    """The request cannot have arrived: it may be sent again without a thought."""


class NoAnswer(Exception):
    """The request may have arrived: nobody answered in a way that we can believe."""


_pool = urllib3.PoolManager(num_pools=16, maxsize=8, retries=False)


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    patience: Patience | None = None,
) -> Answer:
    """Send one request and read its answer; never follows a redirect, never retries.

    Raises NotSent when the request cannot have arrived, NoAnswer when it may have.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise NotSent("the address cannot be used: it begins neither with http:// nor with https://")
    patience = patience or Patience()
    deadline = time.monotonic() + patience.total
    try:
        response = _pool.request(
            method,
            url,
            body=body,
            headers=dict(headers),
            redirect=False,
            preload_content=False,
            timeout=urllib3.Timeout(connect=patience.connect, read=patience.answer),
        )
    except (NewConnectionError, NameResolutionError, ConnectTimeoutError) as error:
        raise NotSent(_describe(error)) from error
    except (LocationParseError, LocationValueError) as error:
        raise NotSent(f"the address cannot be used: {error}") from error
    except SSLError as error:
        # A certificate is judged before anything is sent; any other TLS fault may come after.
        if error.args and isinstance(error.args[0], ssl.SSLCertVerificationError):
            raise NotSent(_describe(error)) from error
        raise NoAnswer(_describe(error)) from error
    except (HTTPError, OSError) as error:
        raise NoAnswer(_describe(error)) from error
    try:
        return Answer(
            response.status, {k.lower(): v for k, v in response.headers.items()}, _read(response, deadline)
        )
    except (HTTPError, OSError) as error:
        raise NoAnswer(f"HTTP {response.status}, then {_describe(error)}") from error
    finally:
        response.release_conn()


def forget_connections() -> None:
    """Close the connections that are kept open."""
    _pool.clear()


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    parts = bytearray()
    while chunk := response.read(16 * 1024, decode_content=True):
        parts += chunk
        if len(parts) >= ANSWER_LIMIT or time.monotonic() > deadline:
            # The status line is the answer; what is left of the body would only keep the connection busy.
            response.close()
            break
    return bytes(parts[:ANSWER_LIMIT])


def _describe(error: Exception) -> str:
    """The kind of fault in a few words, without the object addresses that the library prints."""
    cause = error.__cause__ or (error.args[-1] if error.args else None)
    reason = str(cause) if isinstance(cause, BaseException) else str(error).rsplit(": ", 1)[-1]
    return f"{type(error).__name__}: {reason}"[:300]
