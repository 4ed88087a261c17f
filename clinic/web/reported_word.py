"""Words for what laboratories report and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import LazyString, gettext, lazy_gettext
from markupsafe import Markup

from clinic.models import InboundState, InboundWay, Laboratory, ReportedState
from clinic.services.result_match import AGAINST, Sign
from clinic.web.clinical_format import ltr

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
    Sign.BETTER_NAMED: lazy_gettext("the name fits somebody else here better"),
    Sign.BIRTH_PART: lazy_gettext("what is said of the birth date"),
    Sign.OTHER_NUMBER: lazy_gettext("a number of the person is somebody else's here"),
    Sign.OTHER_ORDER: lazy_gettext("the order or specimen is of another case"),
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

FLAG_WORDS: dict[str, LazyString] = {  # HL7 table 0078
    "N": lazy_gettext("normal"), "A": lazy_gettext("abnormal"), "AA": lazy_gettext("critically abnormal"),
    "L": lazy_gettext("low"), "LL": lazy_gettext("critically low"), "H": lazy_gettext("high"),
    "HH": lazy_gettext("critically high"), "<": lazy_gettext("below what can be measured"),
    ">": lazy_gettext("above what can be measured"), "U": lazy_gettext("significantly higher than before"),
    "D": lazy_gettext("significantly lower than before"), "B": lazy_gettext("better"), "W": lazy_gettext("worse"),
    "S": lazy_gettext("susceptible"), "I": lazy_gettext("intermediate"), "R": lazy_gettext("resistant"),
    "POS": lazy_gettext("positive"), "NEG": lazy_gettext("negative"), "IND": lazy_gettext("indeterminate"),
    "DET": lazy_gettext("detected"), "ND": lazy_gettext("not detected"), "RR": lazy_gettext("reactive"),
    "NR": lazy_gettext("nonreactive"), "WR": lazy_gettext("weakly reactive"),
}
IDENTIFIER_WORDS: dict[str, LazyString] = {  # HL7 table 0203
    "MR": lazy_gettext("record number"), "PI": lazy_gettext("patient number"), "PT": lazy_gettext("patient number"),
    "PPN": lazy_gettext("passport"), "NI": lazy_gettext("national number"), "AN": lazy_gettext("account number"),
    "VN": lazy_gettext("visit number"),
}
MESSAGE_KINDS: dict[str, LazyString] = {  # MSH-9
    "ORU^R01": lazy_gettext("Results"), "ORL^O22": lazy_gettext("Answer to an order"),
    "ORL^O34": lazy_gettext("Answer to an order"), "ORL^O36": lazy_gettext("Answer to an order"),
    "ACK": lazy_gettext("Acknowledgement"),
}
FILE_KINDS: dict[str, LazyString] = {  # ours, of what came as no HL7 message: there is no code to say beside the word
    "csv": lazy_gettext("Table"), "pdf": lazy_gettext("Printed report"), "json": lazy_gettext("Results"),
    "file": lazy_gettext("File that is no message"),
}


def say_signs(signs: set[Sign], against: bool) -> str:
    """What speaks for a case, or against it, in one line."""
    return ", ".join(str(SIGN_WORDS[sign]) for sign in Sign if sign in signs and (sign in AGAINST) is against)


def say_status(status: str) -> str:
    """OBX-11 in words, with its letter."""
    return _say(STATUS_WORDS, status) or "–"


def say_flags(flags: Sequence[str]) -> str:
    """OBX-8 in words, each with its letters."""
    return ", ".join(_say(FLAG_WORDS, flag) for flag in flags)


def say_kind(kind: str) -> str:
    """MSH-9 in words, with its code; what came as a file by its word alone."""
    if kind.lower() in FILE_KINDS:
        return str(FILE_KINDS[kind.lower()])
    return _say(MESSAGE_KINDS | {kind: MESSAGE_KINDS["ACK"]} if kind.startswith("ACK^") else MESSAGE_KINDS, kind)


def say_identifier(value: str, kind: str) -> Markup:
    """A number of a person with what kind of number it is."""
    return Markup("{} ({})").format(ltr(value), IDENTIFIER_WORDS.get(kind, kind)) if kind else ltr(value)


def say_number(number: str, laboratory: Laboratory) -> dict[str, str]:
    """A laboratory's own number and, beneath, who gave it (the namespace after the caret), as a cell of a table."""
    value, _caret, giver = number.partition("^")
    if not giver:
        return {"text": value}
    ours = giver in (laboratory.facility, laboratory.application)
    return {"text": value, "sub": gettext("given by %(who)s", who=gettext(
        "%(word)s (%(code)s)", word=laboratory.name, code=giver) if ours else giver)}


def _say(words: Mapping[str, LazyString], code: str) -> str:
    word = words.get(code)
    return gettext("%(word)s (%(code)s)", word=word, code=code) if word else code
