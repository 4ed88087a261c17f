"""Whether the zone of a document fits the name that was typed."""

from __future__ import annotations

from dataclasses import dataclass

from clinic.mrz.reader import Mrz
from clinic.mrz.transliteration import NoSpelling, is_spelled, split_name
from clinic.sentence import N_, Sentence


@dataclass(frozen=True)
class NameFit:
    """True when zone and typed name agree; otherwise `explanation` says how they differ."""

    fits: bool
    explanation: Sentence | None = None

    def __bool__(self) -> bool:
        return self.fits


def mrz_fits_name(mrz: Mrz, family_name: str, given_names: str) -> NameFit:
    """Hold the printed names against typed ones under the tables of ICAO Doc 9303-3, section 6.

    A name cut at the end of its line fits when what is printed is the beginning of what was typed.
    """
    printed = {"family": mrz.family_name, "given": mrz.given_names}
    try:
        if _is_printed(family_name, mrz.family_name, mrz) and _is_printed(given_names, mrz.given_names, mrz):
            return NameFit(True)
        if _is_printed(given_names, mrz.family_name, mrz) and _is_printed(family_name, mrz.given_names, mrz):
            text = N_("Family and given names are exchanged: the document reads %(family)s, %(given)s.")
        elif _is_joined(family_name + given_names, mrz):
            text = N_("The names are parted otherwise: the document reads %(family)s, %(given)s.")
        elif not mrz.given_names:
            text = N_(
                "The document reads the single name %(family)s; correct the name or look at the document."
            )
        else:
            text = N_("The document reads %(family)s, %(given)s; correct the name or look at the document.")
    except NoSpelling:
        text = N_("This script cannot be compared, do it by eye: the document reads %(family)s, %(given)s.")
    return NameFit(False, Sentence(text, printed))


def _is_printed(typed: str, printed: str, mrz: Mrz) -> bool:
    parts, printed_parts = split_name(typed), printed.split()
    parts = [part for part in parts if not is_spelled(part, "")]  # signs alone are not printed
    if not mrz.is_name_cut:
        return len(parts) == len(printed_parts) and all(map(is_spelled, parts, printed_parts))
    return (
        len(parts) >= len(printed_parts)
        and bool(parts) == bool(printed_parts)
        and all(is_spelled(*pair, is_cut=True) for pair in zip(parts, printed_parts, strict=False))
    )


def _is_joined(typed: str, mrz: Mrz) -> bool:
    """Whether only spaces and dashes differ."""
    return is_spelled("".join(split_name(typed)), (mrz.family_name + mrz.given_names).replace(" ", ""))
