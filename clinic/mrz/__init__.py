"""Machine readable zones of passports, cards and visas (ICAO Doc 9303): read, written, compared."""

from clinic.mrz.fit import NameFit, mrz_fits_name
from clinic.mrz.layout import Layout
from clinic.mrz.reader import (
    CheckDigit,
    DocumentKind,
    Mrz,
    MrzUnreadable,
    find_document_number,
    parse_mrz,
)
from clinic.mrz.state import IssuingState, StateKind
from clinic.mrz.writer import build_mrz

__all__ = [
    "CheckDigit",
    "DocumentKind",
    "IssuingState",
    "Layout",
    "Mrz",
    "MrzUnreadable",
    "NameFit",
    "StateKind",
    "build_mrz",
    "find_document_number",
    "mrz_fits_name",
    "parse_mrz",
]
