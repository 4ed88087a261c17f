"""Why a delivery is where it is: stored as a code with a variable part, said in a sentence and a next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from clinic.sentence import N_, Sentence


class DeliveryReason(StrEnum):
    """What happened last to a delivery."""

    WAITING = "waiting"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    MISCONFIGURED = "misconfigured"
    GIVEN_UP = "given-up"
    ACCEPTED = "accepted"
    ACKNOWLEDGED = "acknowledged"
    RETRIED = "retried"
    HELD = "held"
    RELEASED = "released"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


# (what happened, what to do next); `%(detail)s` is the authority's own words, or a person's reason.
WORDS: dict[DeliveryReason, tuple[str, str]] = {
    DeliveryReason.WAITING: (N_("It waits to be sent."), N_("Nothing to do.")),
    DeliveryReason.UNREACHABLE: (
        N_("The authority could not be reached."),
        N_("It is tried again by itself. If this lasts, ask the authority whether its system is running."),
    ),
    DeliveryReason.BUSY: (
        N_("The authority cannot take it just now: %(detail)s"),
        N_("It is tried again by itself. If this lasts, ask the authority whether its system is running."),
    ),
    DeliveryReason.NO_ANSWER: (
        N_("It was sent, but no answer came back. It may have arrived."),
        N_("The authority is asked by itself, with the same number, so that nothing arrives twice."),
    ),
    DeliveryReason.INTERRUPTED: (
        N_("Sending was interrupted on our side. It may have arrived."),
        N_("The authority is asked by itself, with the same number, so that nothing arrives twice."),
    ),
    DeliveryReason.REFUSED: (
        N_("The authority refused it: %(detail)s"),
        N_(
            "Read the reason. Amend the exam if it is wrong; send it again if the authority mended something."
        ),
    ),
    DeliveryReason.DUPLICATE: (
        N_("The authority says that it has something under this number already: %(detail)s"),
        N_("Ask the authority what it holds under this number before you send it again."),
    ),
    DeliveryReason.MISCONFIGURED: (
        N_("It could not be sent: %(detail)s"),
        N_("Ask the clinic administrator to correct the authority's settings, then send it again."),
    ),
    DeliveryReason.GIVEN_UP: (
        N_("It was tried many times without success and is not tried any more: %(detail)s"),
        N_("Speak to the authority, then send it again."),
    ),
    DeliveryReason.ACCEPTED: (
        N_("The authority accepted it."),
        N_("Wait for the authority's acknowledgement."),
    ),
    DeliveryReason.ACKNOWLEDGED: (N_("The authority acknowledged it."), N_("Nothing to do.")),
    DeliveryReason.RETRIED: (
        N_("Sent again by a person: %(detail)s"),
        N_("Nothing to do; it is sent in a moment."),
    ),
    DeliveryReason.HELD: (N_("Held by a person: %(detail)s"), N_("Release it when it may leave.")),
    DeliveryReason.RELEASED: (
        N_("Released by a person: %(detail)s"),
        N_("Nothing to do; it is sent in a moment."),
    ),
    DeliveryReason.CANCELLED: (
        N_("Cancelled by a person: %(detail)s"),
        N_("Nothing will be sent. Sign an amendment if the authority needs the exam after all."),
    ),
    DeliveryReason.SUPERSEDED: (N_("A newer version of the exam is sent instead."), N_("Nothing to do.")),
}


@dataclass(frozen=True)
class Explanation:
    """A delivery's reason in words: what happened, and what to do next."""

    happened: Sentence
    next_step: Sentence


def build_reason(reason: DeliveryReason, detail: str = "") -> str:
    """The stored form: the code, and behind a line break its variable part."""
    return f"{reason.value}\n{detail}" if detail else reason.value


def explain_reason(stored: str) -> Explanation:
    """The words for a stored reason; an empty one means that the delivery waits for its first attempt."""
    code, _, detail = stored.partition("\n")
    happened, next_step = WORDS[DeliveryReason(code or DeliveryReason.WAITING)]
    return Explanation(Sentence(happened, {"detail": detail or "–"}), Sentence(next_step))
