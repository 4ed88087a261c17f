"""The words and tones of our own stored codes that stand on many screens."""

from __future__ import annotations

from typing import Any

from flask_babel import LazyString, lazy_gettext

from clinic.models.applicant import Sex
from clinic.models.case import CaseState
from clinic.mrz.layout import Layout
from clinic.permissions import ROLES

SEX_WORDS: dict[str, LazyString] = {
    Sex.FEMALE: lazy_gettext("Female"),
    Sex.MALE: lazy_gettext("Male"),
    Sex.OTHER: lazy_gettext("Other"),
    Sex.UNKNOWN: lazy_gettext("Not known"),
}

# A tone only repeats the words by a shape and a colour; see templates/macros/state.html.
CASE_STATE_WORDS: dict[str, tuple[LazyString, str]] = {
    CaseState.REGISTERED: (lazy_gettext("Registered"), "neutral"),
    CaseState.IN_PROGRESS: (lazy_gettext("In progress"), "active"),
    CaseState.IN_REVIEW: (lazy_gettext("In review"), "active"),
    CaseState.SIGNED: (lazy_gettext("Signed"), "good"),
    CaseState.SUBMITTED: (lazy_gettext("Submitted"), "wait"),
    CaseState.ACKNOWLEDGED: (lazy_gettext("Acknowledged"), "good"),
    CaseState.CLOSED: (lazy_gettext("Closed"), "off"),
    CaseState.ON_HOLD: (lazy_gettext("On hold"), "warn"),
    CaseState.WITHDRAWN: (lazy_gettext("Withdrawn"), "off"),
    CaseState.EXPIRED: (lazy_gettext("Expired"), "bad"),
}


ZONE_WORDS: dict[str, LazyString] = {
    Layout.TD1: lazy_gettext("Identity card read"), Layout.TD2: lazy_gettext("Identity card read"),
    Layout.TD3: lazy_gettext("Passport read"), Layout.VISA_A: lazy_gettext("Visa read"),
    Layout.VISA_B: lazy_gettext("Visa read"),
}


def sex_word(sex: Any) -> str:
    """The word for a stored sex; "Not known" for none."""
    return str(SEX_WORDS.get(sex or "", SEX_WORDS[Sex.UNKNOWN]))


def case_state_word(state: Any) -> str:
    """The words for a case's state; a text that is none of them comes back as it is."""
    return str(CASE_STATE_WORDS[state][0]) if state in CASE_STATE_WORDS else str(state or "")


def case_state_tone(state: Any) -> str:
    """The tone for a case's state, `neutral` for any other text."""
    return CASE_STATE_WORDS[state][1] if state in CASE_STATE_WORDS else "neutral"


def zone_word(layout: Any) -> str:
    """What kind of document the machine readable lines belong to (ICAO Doc 9303-5 to 7)."""
    return str(ZONE_WORDS[layout])


def role_word(role: Any) -> str:
    """The word for a role's stored name; the name itself for a role we have no word for."""
    return str(ROLES[role][0]) if role in ROLES else str(role)
