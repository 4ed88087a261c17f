"""Numbers that people and authorities call somebody by: ours with a check character, theirs by pattern.

Whether an authority's number looks as usual is said by clinic/authority_number.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from clinic.errors import InvalidInput
from clinic.mrz import find_document_number
from clinic.sentence import N_, Sentence

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CASE_NUMBER = re.compile(r"([A-Z]{2,8})-(\d{2})-(\d{6,9})-([0-9A-Z])")
_APPLICANT_NUMBER = re.compile(r"([A-Z]{2,8})-P-(\d{6,9})-([0-9A-Z])")
_LOOSE_CASE_NUMBER = re.compile(r"([A-Z]{2,8})(\d{2})(\d{6})([0-9A-Z])")
_LOOSE_APPLICANT_NUMBER = re.compile(r"([A-Z]{2,7}?)P(\d{6})([0-9A-Z])")
_OLD_SPECIMEN_NUMBER = re.compile(r"([A-Z]{2,8})S(\d{6}|[1-9]\d{6,8})")  # over to_key, as all below
_LABORATORY_NUMBER = re.compile(r"([A-Z]{2,8})([SLG])(\d{6,9})([0-9A-Z])")  # specimen, order, referral
_FAMILY_NUMBER = re.compile(r"([A-Z]{2,8})F(\d{6,9})([0-9A-Z])")
_SITE_CODE = re.compile(r"[A-Z]{2,8}")
_LARGEST = 999_999_999


class IdentifierKind(StrEnum):
    """What a number may be."""

    CASE_NUMBER = "case-number"
    APPLICANT_NUMBER = "applicant-number"
    MRZ = "mrz"
    CEAC_CASE = "ceac-case"
    DIVERSITY_CASE = "diversity-case"
    A_NUMBER = "a-number"
    REFUGEE_CASE = "refugee-case"
    UMI = "umi"
    IME_NUMBER = "ime-number"
    UCI = "uci"
    CANADIAN_APPLICATION = "canadian-application"
    HAP_ID = "hap-id"
    NZ_CASE = "nz-case"
    DOCUMENT_NUMBER = "document-number"


class IdentifierMalformed(InvalidInput):
    """A number of ours that was mistyped."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


@dataclass(frozen=True)
class CaseNumber:
    """`NBO-26-000123-C` in its parts; `year` has four figures."""

    site_code: str
    year: int
    sequence: int


@dataclass(frozen=True)
class ApplicantNumber:
    """`NBO-P-000123-C` in its parts."""

    site_code: str
    sequence: int


@dataclass(frozen=True)
class Candidate:
    """One thing a typed text may be; `value` is as stored: our numbers with dashes, all others as a key."""

    kind: IdentifierKind
    value: str


def to_key(text: str) -> str:
    """Upper case, ASCII letters and digits only: how document and case numbers are compared."""
    return "".join(letter for letter in text.upper() if letter in _ALPHABET)


def compute_check_character(characters: str) -> str:
    """The check character of ISO/IEC 7064, MOD 37,36, over 0-9 and A-Z.

    Finds every single wrong character and nearly every exchange of two neighbours.
    """
    rest = 36
    for letter in characters:
        total = (rest + _ALPHABET.index(letter)) % 36 or 36
        rest = total * 2 % 37
    return _ALPHABET[(1 - rest) % 36]


def build_case_number(site_code: str, year: int, sequence: int) -> str:
    """`NBO-26-000123-C`: site, year of opening, running number of the site's counter, check character."""
    return _build(site_code, f"{year % 100:02}", sequence)


def build_applicant_number(site_code: str, sequence: int) -> str:
    """`NBO-P-000123-C`."""
    return _build(site_code, "P", sequence)


def build_family_number(site_code: str, sequence: int) -> str:
    """`NBO-F-000123-C`."""
    return _build(site_code, "F", sequence)


def find_family_number(text: str) -> str | None:
    """`NBO-F-000123-C` from what was typed, any case, with or without dashes; None for others or a wrong check."""
    found = _FAMILY_NUMBER.fullmatch(to_key(text))
    if found is None or not has_valid_check(text):
        return None
    return f"{found[1]}-F-{found[2]}-{found[3]}"


def _build(site_code: str, middle: str, sequence: int) -> str:
    if not _SITE_CODE.fullmatch(site_code):
        raise ValueError(f"a site code is 2 to 8 capital letters, not {site_code!r}")
    if not 0 < sequence <= _LARGEST:
        raise ValueError(f"a running number lies between 1 and {_LARGEST}, not {sequence}")
    body = f"{site_code}-{middle}-{sequence:06}"
    return f"{body}-{compute_check_character(to_key(body))}"


def parse_case_number(text: str) -> CaseNumber:
    """Read a case number, any case, with or without dashes. Raises IdentifierMalformed."""
    found = _match(text, _CASE_NUMBER, _LOOSE_CASE_NUMBER)
    if found is None:
        raise IdentifierMalformed(
            Sentence(N_("A case number looks like NBO-26-000123-C; compare it with the label."))
        )
    site_code, year, sequence, _ = found
    return CaseNumber(site_code, 2000 + int(year), int(sequence))


def parse_applicant_number(text: str) -> ApplicantNumber:
    """Read an applicant number, any case, with or without dashes. Raises IdentifierMalformed."""
    found = _match(text, _APPLICANT_NUMBER, _LOOSE_APPLICANT_NUMBER)
    if found is None:
        raise IdentifierMalformed(
            Sentence(N_("An applicant number looks like NBO-P-000123-C; compare it with the label."))
        )
    site_code, sequence, _ = found
    return ApplicantNumber(site_code, int(sequence))


def build_specimen_number(site_code: str, sequence: int) -> str:
    """`NBO-S-000123-C`; its key stands in the bars of the label."""
    return _build(site_code, "S", sequence)


def build_order_number(site_code: str, sequence: int) -> str:
    """`NBO-L-000123-C`: one test asked of a laboratory."""
    return _build(site_code, "L", sequence)


def build_referral_number(site_code: str, sequence: int) -> str:
    """`NBO-G-000123-C`: all that a case asks of laboratories."""
    return _build(site_code, "G", sequence)


def list_specimen_numbers(text: str) -> list[str]:
    """What a text typed or scanned off a tube may be, any case, with or without dashes; empty for others.

    Besides today's numbers those of before, `NBO-S000123` without a check character; a text may be read as both.
    """
    characters = to_key(text)
    found = _OLD_SPECIMEN_NUMBER.fullmatch(characters)
    numbers = [f"{found[1]}-S{found[2]}"] if found else []
    return [*numbers, *_find_laboratory_number(characters, "S")]


def list_order_numbers(text: str) -> list[str]:
    """The same for the number of an order or of a referral: none or one."""
    return _find_laboratory_number(to_key(text), "LG")


def _find_laboratory_number(characters: str, letters: str) -> list[str]:
    found = _LABORATORY_NUMBER.fullmatch(characters)
    if found is None or found[2] not in letters or not has_valid_check(characters):
        return []
    return ["-".join(found.groups())]


def _match(text: str, strict: re.Pattern[str], loose: re.Pattern[str]) -> tuple[str, ...] | None:
    """The parts of one of our numbers; None for another text. A wrong check character raises."""
    plain = re.sub(r"[\s_‐-―−]+", "-", text.strip()).upper()
    found = strict.fullmatch(plain) or loose.fullmatch(plain)
    if found is None:
        return None
    if not has_valid_check(plain):
        raise IdentifierMalformed(
            Sentence(N_("One character of this number is wrong; compare it with the label."))
        )
    return found.groups()


def has_valid_check(text: str) -> bool:
    """Whether the last character of one of our numbers fits the others."""
    characters = to_key(text)
    return len(characters) > 1 and compute_check_character(characters[:-1]) == characters[-1]


# Authority patterns over `to_key` of what was typed, to guess what a number typed into the search field may be.
_PATTERNS: dict[IdentifierKind, re.Pattern[str]] = {
    IdentifierKind.CEAC_CASE: re.compile(r"[A-Z]{3}\d{10}"),  # us.md 4.6
    IdentifierKind.DIVERSITY_CASE: re.compile(r"(\d{4}(?:AF|AS|EU|OC|SA|NA))(\d{1,8})"),
    IdentifierKind.A_NUMBER: re.compile(r"A?(\d{7,9})"),
    IdentifierKind.REFUGEE_CASE: re.compile(r"[A-Z]{2}\d{6,8}"),
    IdentifierKind.UMI: re.compile(r"U\d{9}"),  # ca-au-nz-uk-iom.md 1.3
    IdentifierKind.IME_NUMBER: re.compile(r"\d{8}"),
    IdentifierKind.UCI: re.compile(r"\d{8}|\d{10}"),
    IdentifierKind.CANADIAN_APPLICATION: re.compile(r"[EFGSW]\d{9}"),
    IdentifierKind.HAP_ID: re.compile(r"\d{6,10}"),  # ca-au-nz-uk-iom.md section 9
    IdentifierKind.NZ_CASE: re.compile(r"NZ[EH]R\d+"),  # ca-au-nz-uk-iom.md 3.5
    IdentifierKind.DOCUMENT_NUMBER: re.compile(r"(?=.*\d)[A-Z0-9]{5,20}"),
}

_PROGRAMME_KINDS: dict[str, tuple[IdentifierKind, ...]] = {
    "us": (
        IdentifierKind.CEAC_CASE,
        IdentifierKind.DIVERSITY_CASE,
        IdentifierKind.A_NUMBER,
        IdentifierKind.REFUGEE_CASE,
    ),
    "ca": (
        IdentifierKind.IME_NUMBER,
        IdentifierKind.UMI,
        IdentifierKind.UCI,
        IdentifierKind.CANADIAN_APPLICATION,
    ),
    "au": (IdentifierKind.HAP_ID,),
    "nz": (IdentifierKind.NZ_CASE,),
}


def to_case_key(programme: str, number: str) -> str:
    """The key under which an authority's case number is stored and found: A-numbers as 9 digits, diversity
    numbers padded to 8, all others as `to_key` (us.md 4.6)."""
    characters = to_key(number)
    for kind in _PROGRAMME_KINDS.get(programme, ()):
        if _PATTERNS[kind].fullmatch(characters):
            return _pad(kind, characters)
    return characters


def _pad(kind: IdentifierKind, characters: str) -> str:
    if kind is IdentifierKind.A_NUMBER:
        return characters.removeprefix("A").zfill(9)
    found = _PATTERNS[kind].fullmatch(characters)
    if kind is IdentifierKind.DIVERSITY_CASE and found:
        return found[1] + found[2].zfill(8)
    return characters


def classify_identifier(text: str) -> list[Candidate]:
    """All a text typed or scanned into the search field may be, surest first; empty for a name.

    One of our own numbers with a fitting check character, or the lines of a passport, are nothing else.
    Otherwise every pattern that fits is a candidate: a bare number may belong to several authorities.
    """
    if len(text) > 2000:
        return []
    document_number = find_document_number(text) if len(text) >= 60 else None
    if document_number is not None:
        return [Candidate(IdentifierKind.MRZ, to_key(document_number))]
    own = next(_list_own_numbers(text), None)
    if own is not None:
        return [own]
    characters = to_key(text)
    if len(characters) > 40 or _has_foreign_letters(text):
        return []
    return [
        Candidate(kind, _pad(kind, characters))
        for kind, pattern in _PATTERNS.items()
        if pattern.fullmatch(characters)
    ]


def _has_foreign_letters(text: str) -> bool:
    """Letters that a key drops; such a text is a name, whatever digits stand in it."""
    return any(letter.isalnum() and letter.upper() not in _ALPHABET for letter in text)


def _list_own_numbers(text: str) -> Iterator[Candidate]:
    try:
        case = parse_case_number(text)
        yield Candidate(
            IdentifierKind.CASE_NUMBER, build_case_number(case.site_code, case.year, case.sequence)
        )
    except IdentifierMalformed:
        pass
    try:
        applicant = parse_applicant_number(text)
        number = build_applicant_number(applicant.site_code, applicant.sequence)
        yield Candidate(IdentifierKind.APPLICANT_NUMBER, number)
    except IdentifierMalformed:
        pass
