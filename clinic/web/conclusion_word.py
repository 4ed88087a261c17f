"""The words of conclusions: classes, results, grades and how a conclusion came about."""

from __future__ import annotations

from flask_babel import LazyString, gettext, lazy_gettext

from clinic.models import ConclusionKind
from clinic.services.conclusion import NotIssued

# The words of Form DS-2054 and DS-3030, last section (us.md 1.6, 2, 3.5).
CLASS_WORDS: dict[str, LazyString] = {
    "NONE": lazy_gettext("No TB class"), "A": lazy_gettext("Class A TB"),
    "A-W": lazy_gettext("Class A TB with waiver"), "B0": lazy_gettext("Class B0 TB, pulmonary"),
    "B1P": lazy_gettext("Class B1 TB, pulmonary"), "B1E": lazy_gettext("Class B1 TB, extrapulmonary"),
    "B2": lazy_gettext("Class B2 TB, LTBI evaluation"), "B3": lazy_gettext("Class B3 TB, contact evaluation"),
}
OTHER_CLASS_WORDS: dict[str, LazyString] = {
    "syphilis": lazy_gettext("Syphilis"), "gonorrhoea": lazy_gettext("Gonorrhoea"),
    "hansens": lazy_gettext("Hansen's disease"), "substance": lazy_gettext("Substance use disorder"),
    "alcohol": lazy_gettext("Alcohol use disorder"), "mental": lazy_gettext("Physical or mental disorder"),
    "pregnancy": lazy_gettext("Pregnancy"), "other": lazy_gettext("Other condition"),
}
OVERALL_WORDS: dict[str, tuple[LazyString, str]] = {
    "no-apparent-defect": (lazy_gettext("No apparent defect, disease or disability"), "good"),
    "class-b": (lazy_gettext("Class B"), "warn"), "class-a": (lazy_gettext("Class A"), "bad"),
}
NOT_ISSUED_WORDS: dict[str, LazyString] = {
    NotIssued.TUBERCULOSIS: lazy_gettext("Confirmed or suspected tuberculosis"),
    NotIssued.POSTPONED: lazy_gettext("Testing is postponed"),
    NotIssued.WITHDREW: lazy_gettext("The applicant withdrew"),
}
KIND_WORDS: dict[str, LazyString] = {
    ConclusionKind.ACCEPTED: lazy_gettext("Accepted as the rules propose"),
    ConclusionKind.CHOSEN: lazy_gettext("Chosen among the classes left open"),
    ConclusionKind.OVERRIDDEN: lazy_gettext("Concluded otherwise"),
}


def label_class(code: str) -> str:
    """A tuberculosis class, or the name of another class such as `syphilis:B`, in words."""
    name, _, letter = code.partition(":")
    if letter:
        return gettext("Class %(letter)s: %(disease)s", letter=letter, disease=OTHER_CLASS_WORDS.get(name, name))
    return str(CLASS_WORDS.get(name, name))


# What templates/sign/_conclusion.html needs.
RESULT_WORDS = {"class_words": CLASS_WORDS, "other_words": OTHER_CLASS_WORDS, "overall_words": OVERALL_WORDS,
                "not_issued_words": NOT_ISSUED_WORDS, "kind_words": KIND_WORDS}
