"""Reads what an authority answers over HTTP: accepted, refused, not now, and whether it is its own word."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from clinic import clock
from clinic.delivery_reason import DeliveryReason
from clinic.models.delivery import DeliveryState
from integrations.channel import Outcome
from integrations.transport.http import Answer

# Not now, rather than no: request timeout, locked, too early, too many. A bare 409 is the same: the first
# request with this key is still being worked on (draft-ietf-httpapi-idempotency-key-header 2.7).
LATER = frozenset({408, 423, 425, 429})
# Our own credentials or address are wrong: no change to the exam would help.
OURS_TO_MEND = frozenset({401, 403, 404, 405, 407})
ACKNOWLEDGING = frozenset({"received", "accepted", "in-progress", "completed"})  # FHIR task-status
REFUSING = frozenset({"rejected", "failed", "entered-in-error"})
REPLY_KEPT = 4000  # characters of an answer kept in the history
WORDS_KEPT = 300
RECEIPT_KEPT = 160


@dataclass(frozen=True)
class Acknowledgement:
    """The authority's reference for the exam, and its own word if it gave one."""

    receipt: str | None
    acknowledged: bool
    refused: str | None = None  # its words when it answered 2xx and yet refused, as a Task may


def classify_answer(answer: Answer, key: str = "") -> Outcome:
    """What an answer means for the delivery sent under `key`; the table stands in docs/operating.md, "Deliveries"."""
    line = f"HTTP {answer.status}"
    reply = answer.body.decode("utf-8", "replace").replace("\x00", "")[:REPLY_KEPT] or None
    if 200 <= answer.status < 300 and (doubt := _find_doubt(answer, key)):
        return Outcome(DeliveryState.UNKNOWN, DeliveryReason.NO_ANSWER, f"{line}: {doubt}", "", reply)
    if 200 <= answer.status < 300 or answer.status == 409:
        found = read_acknowledgement(answer)
        if found and found.refused is not None:
            return Outcome(
                DeliveryState.REJECTED, DeliveryReason.REFUSED, line, found.refused, reply, found.receipt
            )
        if answer.status != 409 or found or "duplicate" in _issue_codes(answer):
            return _accepted(line, reply, found)
    words = _words(answer) or line
    if answer.status in LATER or answer.status >= 500 or (answer.status == 409 and not _issue_codes(answer)):
        return Outcome(
            DeliveryState.QUEUED, DeliveryReason.BUSY, line, words, reply, wait_seconds=read_wait(answer)
        )
    reason = DeliveryReason.REFUSED
    if answer.status in OURS_TO_MEND or 300 <= answer.status < 400:
        reason = DeliveryReason.MISCONFIGURED
    return Outcome(DeliveryState.REJECTED, reason, line, words, reply)


def read_acknowledgement(answer: Answer) -> Acknowledgement | None:
    """The receipt or Task in an answer's body, else the reference in its Location; None without any.

    A body `{"receipt": "…"}` or a FHIR Task that was received is the authority's own word; a Location is not.
    """
    body = parse_object(answer.body)
    if body.get("receipt"):
        return Acknowledgement(str(body["receipt"])[:RECEIPT_KEPT], body.get("acknowledged") is not False)
    if body.get("resourceType") == "Task":
        status = str(body.get("status"))
        refused = _task_words(body) if status in REFUSING else None
        return Acknowledgement(_task_receipt(body), status in ACKNOWLEDGING, refused)
    location = answer.headers.get("location", "").rstrip("/")
    if location:
        return Acknowledgement(location.rsplit("/", 1)[-1][:RECEIPT_KEPT], False)
    return None


def read_wait(answer: Answer) -> float | None:
    """The seconds of a Retry-After header (a number or a date, RFC 9110 10.2.3); None without one."""
    raw = answer.headers.get("retry-after", "").strip()
    if raw.isdigit():
        return float(raw)
    try:
        moment = parsedate_to_datetime(raw)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - clock.now()).total_seconds())


def _find_doubt(answer: Answer, key: str) -> str:
    """Why an answer that sounds well is not believed: a page of some machine between, or another exam's answer."""
    body = parse_object(answer.body)
    if not body and answer.body.strip() not in (b"", b"{}"):
        return "the answer is no acknowledgement"
    named = body.get("idempotencyKey")
    return "the answer speaks of another exam" if key and named and str(named) != key else ""


def _accepted(line: str, reply: str | None, found: Acknowledgement | None) -> Outcome:
    acknowledged = bool(found and found.acknowledged)
    reason = DeliveryReason.ACKNOWLEDGED if acknowledged else DeliveryReason.ACCEPTED
    receipt = found.receipt if found else None
    return Outcome(DeliveryState.ACCEPTED, reason, line, "", reply, receipt, acknowledged)


def _words(answer: Answer) -> str:
    """The refusal in words: an OperationOutcome's texts, else a short plain-text body."""
    body = parse_object(answer.body)
    found = []
    for issue in body.get("issue") or []:
        if isinstance(issue, dict):
            details = issue.get("details")
            text = details.get("text") if isinstance(details, dict) else None
            found.append(str(text or issue.get("diagnostics") or issue.get("code") or ""))
    if not found and not body and answer.headers.get("content-type", "").startswith("text/plain"):
        found = [answer.body.decode("utf-8", "replace")]
    return " ".join(" ".join(found).split())[:WORDS_KEPT]


def _issue_codes(answer: Answer) -> set[str]:
    return {str(issue.get("code")) for issue in parse_object(answer.body).get("issue") or [] if isinstance(issue, dict)}


def _task_words(task: dict[str, Any]) -> str:
    reason = task.get("statusReason")
    text = reason.get("text") if isinstance(reason, dict) else None
    return str(text or task.get("description") or task.get("status"))[:WORDS_KEPT]


def _task_receipt(task: dict[str, Any]) -> str | None:
    identifiers = task.get("identifier") or []
    values = [str(i["value"]) for i in identifiers if isinstance(i, dict) and i.get("value")]
    receipt = values[0] if values else task.get("id")
    return str(receipt)[:RECEIPT_KEPT] if receipt else None


def parse_object(content: bytes) -> dict[str, Any]:
    """A JSON object; empty for anything else, for what cannot be read, or is nested deeper than anything sensible."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
