"""Words of the delivery pages: states, ages, how a destination does, and what a row of a list says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import LazyString, gettext, lazy_gettext, ngettext

from clinic import clock
from clinic.config import get_settings
from clinic.delivery_age import DeliveryLimits, Lateness, read_limits
from clinic.delivery_reason import WORDS, DeliveryReason
from clinic.models import DeliveryState
from clinic.queries.delivery import DeliveryGroup
from clinic.queries.destination import OPEN, Condition, DestinationRow
from clinic.sentence import Sentence
from clinic.services.submission import Act

STATE_WORDS: dict[DeliveryState, tuple[LazyString, str]] = {
    DeliveryState.QUEUED: (lazy_gettext("Waits to be sent"), "wait"),
    DeliveryState.SENDING: (lazy_gettext("Being sent"), "active"),
    DeliveryState.SENT: (lazy_gettext("Sent"), "active"),
    DeliveryState.ACCEPTED: (lazy_gettext("Accepted"), "good"),
    DeliveryState.UNKNOWN: (lazy_gettext("Not known whether it arrived"), "warn"),
    DeliveryState.REJECTED: (lazy_gettext("Refused"), "bad"),
    DeliveryState.DEAD: (lazy_gettext("Given up"), "bad"),
    DeliveryState.HELD: (lazy_gettext("Held"), "warn"),
    DeliveryState.CANCELLED: (lazy_gettext("Cancelled"), "off"),
    DeliveryState.SUPERSEDED: (lazy_gettext("Replaced by a newer version"), "off"),
}
GROUP_WORDS: dict[DeliveryGroup, LazyString] = {
    DeliveryGroup.STUCK: lazy_gettext("Stuck"),
    DeliveryGroup.MOVING: lazy_gettext("On the way"),
    DeliveryGroup.ARRIVED: lazy_gettext("Arrived"),
    DeliveryGroup.ENDED: lazy_gettext("Not sent"),
}
ACT_WORDS: dict[Act, LazyString] = {
    Act.RETRY: lazy_gettext("Send again now"),
    Act.HOLD: lazy_gettext("Hold"),
    Act.RELEASE: lazy_gettext("Release"),
    Act.CANCEL: lazy_gettext("Cancel the delivery"),
}
DONE_WORDS: dict[Act, LazyString] = {
    Act.RETRY: lazy_gettext("It is sent again in a moment."),
    Act.HOLD: lazy_gettext("The delivery is held."),
    Act.RELEASE: lazy_gettext("The delivery is released."),
    Act.CANCEL: lazy_gettext("The delivery is cancelled."),
}
LATENESS_WORDS: dict[Lateness, tuple[LazyString, str]] = {
    Lateness.NOTICE: (lazy_gettext("Late"), "warn"),
    Lateness.WARNING: (lazy_gettext("Very late"), "warn"),
    Lateness.ALARM: (lazy_gettext("Far too late"), "bad"),
}
CONDITION_WORDS: dict[Condition, tuple[LazyString, str]] = {
    Condition.GOOD: (lazy_gettext("Works"), "good"),
    Condition.FAULTY: (lazy_gettext("Fails"), "warn"),
    Condition.RESTING: (lazy_gettext("Left alone after faults"), "bad"),
    Condition.TRYING: (lazy_gettext("Being tried"), "active"),
    Condition.HELD: (lazy_gettext("Stopped"), "warn"),
}


def say(sentence: Sentence) -> str:
    """A stored sentence in the reader's language."""
    return gettext(sentence.text, **sentence.values)


def state_word(state: DeliveryState, acknowledged: object = None) -> tuple[str, str]:
    """The words and the tone for a delivery's state; an accepted one may be acknowledged besides."""
    if state is DeliveryState.ACCEPTED and acknowledged:
        return gettext("Acknowledged"), "good"
    word, tone = STATE_WORDS[state]
    return str(word), "wait" if state is DeliveryState.ACCEPTED else tone


def say_passed(passed: timedelta) -> str:
    """A time span in the one or two words that matter: "12 minutes", "3 hours", "2 days"."""
    minutes = max(int(passed.total_seconds() // 60), 0)
    if minutes < 1:
        return gettext("less than a minute")
    if minutes < 120:
        return ngettext("%(num)s minute", "%(num)s minutes", minutes)
    if minutes < 48 * 60:
        return ngettext("%(num)s hour", "%(num)s hours", minutes // 60)
    return ngettext("%(num)s day", "%(num)s days", minutes // (24 * 60))


def get_limits() -> DeliveryLimits:
    """The ages of this installation from which on a delivery is late."""
    return read_limits(get_settings(current_app._get_current_object()))  # type: ignore[attr-defined]


def describe_age(state: DeliveryState, queued_at: datetime) -> dict[str, Any]:
    """A cell of a list: how long it has been on its way, with an alarm in words once that is too long."""
    passed = say_passed(clock.now() - queued_at)
    level = get_limits().judge(queued_at, clock.now()) if state in OPEN else Lateness.IN_TIME
    if level is Lateness.IN_TIME:
        return {"text": passed}
    word, tone = LATENESS_WORDS[level]
    return {"state": str(word), "tone": tone, "detail": passed}


def explain_destination(row: DestinationRow) -> list[str]:
    """How a destination does, in whole sentences: what happened, since when, and what comes next."""
    passed = say_passed(clock.now() - row.since) if row.since else ""
    fault = say(Sentence(WORDS[DeliveryReason(row.last_fault)][0], {"detail": "–"})) if row.last_fault else ""
    fault = gettext("The authority cannot take it just now.") if row.last_fault == DeliveryReason.BUSY else fault
    if row.condition is Condition.HELD:
        return [gettext("Stopped by a person for %(passed)s: %(why)s", passed=passed, why=row.held_reason or "–"),
                gettext("Release it when exams may leave again.")]
    if row.condition is Condition.FAULTY:
        return [fault, gettext("For %(passed)s; it is tried again by itself.", passed=passed)]
    if row.condition is Condition.RESTING:
        faults = ngettext("%(num)s attempt in a row failed, for %(passed)s.",
                          "%(num)s attempts in a row failed, for %(passed)s.", row.faults, passed=passed)
        return [fault, faults, gettext("The next one that is due goes ahead alone; the others follow when it arrives.")]
    if row.condition is Condition.TRYING:
        return [gettext("One delivery is being sent; whether it arrives decides about the others.")]
    return []
