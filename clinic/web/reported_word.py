"""Words for what laboratories report and what became of it."""

from __future__ import annotations

from flask_babel import LazyString, gettext, lazy_gettext

from clinic.models import InboundState, InboundWay, ReportedState
from clinic.services.result_match import AGAINST, Sign

S = ReportedState
STATE_WORDS: dict[ReportedState, tuple[LazyString, str]] = {
    S.WAITING: (lazy_gettext("Waits for you"), "warn"),
    S.NOT_DONE: (lazy_gettext("Not done by the laboratory"), "warn"),
    S.APPLIED: (lazy_gettext("Entered"), "good"),
    S.PRELIMINARY: (lazy_gettext("Preliminary at the laboratory"), "wait"),
    S.NOTED: (lazy_gettext("Noted"), "neutral"),
    S.LATE: (lazy_gettext("Overtaken"), "neutral"),
    S.WITHDRAWN: (lazy_gettext("Taken back by the laboratory"), "bad"),
    S.REJECTED: (lazy_gettext("Rejected"), "neutral"),
    S.REPLACED: (lazy_gettext("Read again since"), "neutral"),
}
SIGN_WORDS: dict[Sign, LazyString] = {
    Sign.ORDER: lazy_gettext("our order number"), Sign.SPECIMEN: lazy_gettext("our specimen number"),
    Sign.CASE_NUMBER: lazy_gettext("our case number"), Sign.APPLICANT_NUMBER: lazy_gettext("our applicant number"),
    Sign.DOCUMENT: lazy_gettext("the number of a document shown here"), Sign.NAME: lazy_gettext("the name"),
    Sign.BIRTH_DATE: lazy_gettext("the birth date"), Sign.OTHER_NAME: lazy_gettext("another name"),
    Sign.OTHER_BIRTH_DATE: lazy_gettext("another birth date"), Sign.OTHER_SEX: lazy_gettext("another sex"),
}
MESSAGE_WORDS: dict[InboundState, tuple[LazyString, str]] = {
    InboundState.HELD: (lazy_gettext("Held for a person"), "warn"),
    InboundState.ERROR: (lazy_gettext("Could not be worked on"), "bad"),
    InboundState.NEW: (lazy_gettext("Waits to be worked on"), "wait"),
    InboundState.APPLIED: (lazy_gettext("Worked on"), "good"),
}
WAY_WORDS: dict[InboundWay, LazyString] = {
    InboundWay.MLLP: lazy_gettext("HL7 line"), InboundWay.MLLP_TLS: lazy_gettext("HL7 line with its certificate"),
    InboundWay.FILE: lazy_gettext("File in its folder"), InboundWay.CSV: lazy_gettext("Table sent up"),
    InboundWay.API: lazy_gettext("JSON interface"), InboundWay.PDF: lazy_gettext("Printed report sent up"),
}
STATUS_WORDS: dict[str, LazyString] = {  # HL7 table 0085
    "F": lazy_gettext("final"), "C": lazy_gettext("corrected"), "P": lazy_gettext("preliminary"),
    "U": lazy_gettext("final now, not repeated"), "X": lazy_gettext("cannot be obtained"),
    "D": lazy_gettext("deleted"), "W": lazy_gettext("was wrong"), "I": lazy_gettext("in work"),
    "S": lazy_gettext("partial"), "R": lazy_gettext("not verified"), "O": lazy_gettext("order detail only"),
    "N": lazy_gettext("not asked"),
}


def say_signs(signs: set[Sign], against: bool) -> str:
    """What speaks for a case, or against it, in one line."""
    return ", ".join(str(SIGN_WORDS[sign]) for sign in Sign if sign in signs and (sign in AGAINST) is against)


def say_status(status: str) -> str:
    """OBX-11 in words, with its letter."""
    word = STATUS_WORDS.get(status)
    return gettext("%(word)s (%(code)s)", word=word, code=status) if word else status or "–"
