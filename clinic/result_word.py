"""The codes of laboratory results in words."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

VALUE_WORDS: dict[str, LazyString] = {
    "positive": _l("positive"), "negative": _l("negative"), "indeterminate": _l("indeterminate"),
    "reactive": _l("reactive"), "nonreactive": _l("nonreactive"), "detected": _l("detected"),
    "not-detected": _l("not detected"), "trace": _l("trace"), "mtb": _l("M. tuberculosis complex"),
    "ntm": _l("nontuberculous mycobacteria"), "contaminated": _l("contaminated"), "inconclusive": _l("inconclusive"),
    "normal": _l("normal"), "abnormal": _l("abnormal"), "susceptible": _l("susceptible"), "resistant": _l("resistant"),
    "scanty": _l("scanty"), "pending": _l("pending"), "mpt64": _l("MPT64 antigen"),
    "line-probe": _l("line probe assay"), "naat": _l("NAAT"), "sequencing": _l("sequencing"),
}


def label_value(value: str) -> str:
    """A result's code in words."""
    return str(VALUE_WORDS[value]) if value in VALUE_WORDS else value
