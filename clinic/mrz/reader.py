"""Reads a machine readable zone as pasted or scanned: tolerant of white space, inventing no character."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from clinic.errors import InvalidInput
from clinic.mrz.layout import (
    DOCUMENT_CODE,
    FILLER,
    ISSUING_STATE,
    PLANS,
    Layout,
    Plan,
    Span,
    compute_check_digit,
)
from clinic.mrz.state import IssuingState, StateKind, to_state
from clinic.partial_date import PartialDate
from clinic.sentence import N_, Sentence


class MrzUnreadable(InvalidInput):
    """The text is no machine readable zone, or too much of it is lost."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


class DocumentKind(StrEnum):
    """What the zone stands on; the values of `clinic.models.applicant.DocumentKind`, and `visa`."""

    PASSPORT = "passport"
    IDENTITY_CARD = "identity-card"
    REFUGEE_DOCUMENT = "refugee-document"
    VISA = "visa"
    OTHER = "other"


_CHECK_WORDS = {
    "number": N_("Document number: check digit printed %(printed)s, computed %(computed)s. Compare it."),
    "birth": N_("Birth date: check digit printed %(printed)s, computed %(computed)s. Compare the date."),
    "expiry": N_("Expiry date: check digit printed %(printed)s, computed %(computed)s. Compare the date."),
    "optional": N_("Personal number: check digit printed %(printed)s, computed %(computed)s. Compare it."),
    "composite": N_("Whole zone: check digit printed %(printed)s, computed %(computed)s. Compare it all."),
}  # fmt: skip


@dataclass(frozen=True)
class CheckDigit:
    """One check digit: `which` is number, birth, expiry, optional or composite."""

    which: str
    printed: str
    computed: str
    ok: bool

    @property
    def explanation(self) -> Sentence:
        """What was printed and computed, for a digit that does not fit."""
        return Sentence(_CHECK_WORDS[self.which], {"printed": self.printed, "computed": self.computed})


@dataclass(frozen=True)
class Mrz:
    """What the zone says. Names are as printed; `sex` is male, female, other (X) or unknown (blank)."""

    layout: Layout
    kind: DocumentKind
    document_code: str
    issuing_state: IssuingState
    family_name: str
    given_names: str
    number: str
    citizenship: IssuingState
    birth: PartialDate | None
    sex: str
    expires_on: date | None
    optional_data: tuple[str, ...]
    is_name_cut: bool
    checks: tuple[CheckDigit, ...]
    notes: tuple[Sentence, ...]
    lines: tuple[str, ...]

    @property
    def mismatches(self) -> tuple[CheckDigit, ...]:
        """The check digits that do not fit."""
        return tuple(check for check in self.checks if not check.ok)

    @property
    def text(self) -> str:
        """The lines as read, one below the other."""
        return "\n".join(self.lines)


@dataclass
class _Zone:
    """The lines with their plan while they are read."""

    layout: Layout
    lines: tuple[str, ...]
    notes: list[Sentence] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return PLANS[self.layout]

    def cut(self, span: Span) -> str:
        return span.cut(self.lines)


def parse_mrz(text: str, today: date) -> Mrz:
    """Read two lines of 44 or 36 characters, or three of 30; `today` decides the century of the birth date.

    Check digits that do not fit are listed in the answer. Raises MrzUnreadable, whose one sentence says
    what to do, when the lines are too short or long, hold characters no zone has, or no check digit fits.
    """
    zone = _split(text)
    plan = zone.plan
    number, number_check, optional = _read_number(zone)
    checks = [number_check, _check(zone, "birth", plan.birth), _check(zone, "expiry", plan.expiry)]
    if plan.optional_has_check:
        checks.append(_check(zone, "optional", plan.optional[0]))
    if plan.composite_check:
        over = "".join(zone.cut(span) for span in plan.composite)
        checks.append(_compare("composite", zone.cut(plan.composite_check), over))
    if not any(check.ok and check.which != "optional" for check in checks):
        raise MrzUnreadable(
            Sentence(
                N_("No check digit fits, so too much was misread; scan again or type the details by hand.")
            )
        )
    family, given = _read_name(zone)
    citizenship = to_state(zone.cut(plan.citizenship))
    return Mrz(
        layout=zone.layout,
        kind=_to_kind(zone, citizenship),
        document_code=zone.cut(DOCUMENT_CODE).rstrip(FILLER),
        issuing_state=to_state(zone.cut(ISSUING_STATE)),
        family_name=family,
        given_names=given,
        number=number,
        citizenship=citizenship,
        birth=_read_birth(zone, today),
        sex={"M": "male", "F": "female", "X": "other"}.get(zone.cut(plan.sex), "unknown"),
        expires_on=_read_expiry(zone, today),
        optional_data=tuple(part.strip(FILLER) for part in optional if part.strip(FILLER)),
        is_name_cut=not zone.cut(plan.name).endswith(FILLER),
        checks=tuple(checks),
        notes=tuple(zone.notes),
        lines=zone.lines,
    )


def find_document_number(text: str) -> str | None:
    """The document number of a zone typed into a search field; None if the text is no zone."""
    try:
        return _read_number(_split(text))[0] or None
    except MrzUnreadable:
        return None


# What OCR and web pages make of the filler; a double one stands for two.
_FILLER_LIKE = {
    "&lt;": "<",
    "&LT;": "<",
    "«": "<<",
    "⟪": "<<",
    "≪": "<<",
    "‹": "<",
    "⟨": "<",
    "〈": "<",
    "˂": "<",
}
_PLAIN = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full-width forms of ASCII
_PLAIN |= {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}
_INVISIBLE = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")
_LINE_END = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_FOREIGN = re.compile(r"[^A-Z0-9<]")
_LONGEST = 2000  # characters; a pasted page is no zone


def _split(text: str) -> _Zone:
    if len(text) > _LONGEST:
        raise MrzUnreadable(Sentence(N_("That is too long; paste only the two or three lines of the zone.")))
    for printed, plain in _FILLER_LIKE.items():
        text = text.replace(printed, plain)
    parts = [_INVISIBLE.sub("", part).translate(_PLAIN).translate(_PLAIN) for part in _LINE_END.split(text)]
    parts = [part for part in parts if part]
    if not parts:
        raise MrzUnreadable(
            Sentence(N_("Scan or type the lines of letters, figures and < at the foot of the photo page."))
        )
    foreign = sorted(set(_FOREIGN.findall("".join(parts))))
    if foreign:
        raise MrzUnreadable(
            Sentence(N_("Only A to Z, 0 to 9 and < can stand here; replace %(characters)s and try again."),
                     {"characters": " ".join(foreign[:5])})
        )  # fmt: skip
    zone = _fit_lines(parts)
    if not zone.lines[0][0].isalpha():
        raise MrzUnreadable(
            Sentence(N_("The first line begins with a letter such as P; check that the lines are in order."))
        )
    return zone


def _fit_lines(parts: list[str]) -> _Zone:
    joined = "".join(parts)
    is_visa = joined.startswith("V")
    for layout, plan in PLANS.items():
        if is_visa != (layout in (Layout.VISA_A, Layout.VISA_B)):
            continue
        if [len(part) for part in parts] == [plan.width] * plan.line_count:
            return _Zone(layout, tuple(parts))
        mended = _mend_name_line(parts, plan)
        if mended:
            note = N_(
                "The < at the end of the name line were counted anew; compare the names with the document."
            )
            return _Zone(layout, mended, [Sentence(note)])
    for layout, plan in PLANS.items():
        if (
            is_visa == (layout in (Layout.VISA_A, Layout.VISA_B))
            and len(joined) == plan.width * plan.line_count
        ):
            width = plan.width
            return _Zone(layout, tuple(joined[at : at + width] for at in range(0, len(joined), width)))
    raise MrzUnreadable(
        Sentence(
            N_("A passport has two lines of 44 characters, a card 3 of 30 or 2 of 36, but here are "
               "%(lengths)s; scan again or add what is missing."),
            {"lengths": " + ".join(str(len(part)) for part in parts[:6])},
        )
    )  # fmt: skip


def _mend_name_line(parts: list[str], plan: Plan) -> tuple[str, ...] | None:
    """Set the run of fillers that ends the name line to its length; nothing else may differ from the plan."""
    if len(parts) != plan.line_count:
        return None
    at = plan.name.line
    if any(len(part) != plan.width for n, part in enumerate(parts) if n != at) or not parts[at].endswith(
        FILLER
    ):
        return None
    name_line = parts[at].rstrip(FILLER)
    if len(name_line) >= plan.width:
        return None
    return (*parts[:at], name_line.ljust(plan.width, FILLER), *parts[at + 1 :])


def _compare(which: str, printed: str, over: str) -> CheckDigit:
    computed = compute_check_digit(over)
    is_blank = printed == FILLER and not over.strip(FILLER)  # an empty field may go without its digit
    return CheckDigit(which, printed, computed, printed == computed or is_blank)


def _check(zone: _Zone, which: str, span: Span) -> CheckDigit:
    return _compare(which, zone.cut(zone.plan.check_after(span)), zone.cut(span))


def _read_number(zone: _Zone) -> tuple[str, CheckDigit, list[str]]:
    """Number, its check digit, and what is left of the optional data.

    A number of more than nine characters goes on in the optional data of a card: filler in place of the check
    digit, the rest, the check digit, a filler (Doc 9303-5, 4.2.2.1 note j; 9303-6 likewise).
    """
    plan = zone.plan
    printed = zone.cut(plan.number)
    check = zone.cut(plan.check_after(plan.number))
    optional = [zone.cut(span) for span in plan.optional]
    rest = optional[0].split(FILLER)[0]
    if (
        zone.layout in (Layout.TD1, Layout.TD2)
        and check == FILLER
        and len(rest) >= 2
        and not printed.endswith(FILLER)
    ):
        printed, check = printed + rest[:-1], rest[-1]
        optional[0] = optional[0][len(rest) :]
    number = " ".join(printed.strip(FILLER).split(FILLER))
    return number, _compare("number", check, printed), optional


def _read_name(zone: _Zone) -> tuple[str, str]:
    """Family and given names; a single name stands in the family name."""
    primary, _, secondary = zone.cut(zone.plan.name).strip(FILLER).partition(FILLER * 2)
    family, given = (" ".join(part.replace(FILLER, " ").split()) for part in (primary, secondary))
    if not family:
        zone.notes.append(Sentence(N_("The zone holds no name; type it from the document.")))
    elif any(letter.isdigit() for letter in family + given):
        zone.notes.append(
            Sentence(N_("The name holds figures, probably misread (0 for O, 1 for I); correct it."))
        )
    return family, given


def _read_birth(zone: _Zone, today: date) -> PartialDate | None:
    """The birth date in the latest century that is not in the future; fillers leave month or day unknown."""
    printed = zone.cut(zone.plan.birth)
    if not printed.strip(FILLER):
        zone.notes.append(Sentence(N_("The document states no birth date; ask and record what is known.")))
        return None
    year, month, day = (_to_number(printed[at : at + 2]) for at in (0, 2, 4))
    century = today.year // 100 * 100
    if printed[:2] != FILLER * 2 and year is not None and month is not None and day is not None:
        for start in (century, century - 100):
            try:
                birth = PartialDate(start + year, month or None, (month and day) or None)
            except ValueError:
                continue
            if birth.earliest <= today:
                return birth
    text = N_("The birth date reads %(printed)s, which is no date (0 and O are often exchanged); type it.")
    zone.notes.append(Sentence(text, {"printed": printed}))
    return None


def _read_expiry(zone: _Zone, today: date) -> date | None:
    """The expiry date, at most 50 years past; None when it states none."""
    printed = zone.cut(zone.plan.expiry)
    if not printed.strip(FILLER):
        return None
    year, month, day = (_to_number(printed[at : at + 2]) for at in (0, 2, 4))
    if printed[:2] != FILLER * 2 and year is not None and month and day:
        oldest = today.year - 50
        try:
            return date(oldest + (year - oldest) % 100, month, day)
        except ValueError:
            pass
    text = N_("The expiry date reads %(printed)s, which is no date (0 and O are often exchanged); type it.")
    zone.notes.append(Sentence(text, {"printed": printed}))
    return None


def _to_number(two: str) -> int | None:
    """Two figures; 0 for two fillers (unknown), None for anything else."""
    if two == FILLER * 2:
        return 0
    return int(two) if two.isdecimal() else None


def _to_kind(zone: _Zone, citizenship: IssuingState) -> DocumentKind:
    first = zone.lines[0][0]
    if first == "V":
        return DocumentKind.VISA
    if first == "P" and citizenship.kind in (StateKind.REFUGEE, StateKind.STATELESS):
        return DocumentKind.REFUGEE_DOCUMENT
    if first == "P":
        return DocumentKind.PASSPORT
    return DocumentKind.IDENTITY_CARD if first in "IAC" else DocumentKind.OTHER
