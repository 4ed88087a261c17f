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
PART_WORDS: dict[str, LazyString] = {
    "nil": _l("Nil"), "tb1": _l("TB antigen 1"), "tb2": _l("TB antigen 2"), "mitogen": _l("Mitogen"),
    "panel_a": _l("Panel A"), "panel_b": _l("Panel B"), "positive_control": _l("Positive control"),
    "titre": _l("Titre"), "isoniazid": _l("Isoniazid"), "rifampicin": _l("Rifampicin"), "ethambutol": _l("Ethambutol"),
    "pyrazinamide": _l("Pyrazinamide"), "fluoroquinolone": _l("Fluoroquinolone"), "amikacin": _l("Amikacin"),
    "ethionamide": _l("Ethionamide"), "bedaquiline": _l("Bedaquiline"), "linezolid": _l("Linezolid"),
    "levofloxacin": _l("Levofloxacin"), "moxifloxacin": _l("Moxifloxacin"), "clofazimine": _l("Clofazimine"),
    "delamanid": _l("Delamanid"), "pretomanid": _l("Pretomanid"), "kanamycin": _l("Kanamycin"),
    "capreomycin": _l("Capreomycin"), "pas": _l("Para-aminosalicylic acid"), "grade": _l("Grade"),
    "species": _l("Species"), "identified-by": _l("Identified by"),
}


def label_value(value: str) -> str:
    """A result's code in words."""
    return str(VALUE_WORDS[value]) if value in VALUE_WORDS else value


def label_part(part: str) -> str:
    """A measured part of a result, or a drug, in words."""
    return str(PART_WORDS[part]) if part in PART_WORDS else part
