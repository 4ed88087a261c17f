"""The words of a sputum series, and the choices of a cell: a result together with the part that belongs to it."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from clinic import culture
from clinic.laboratory_test import list_tests
from clinic.models import Collection, Purpose
from clinic.result_word import label_value

COLLECTION_WORDS: dict[Collection, LazyString] = {
    Collection.EXPECTORATED: lazy_gettext("Coughed up"), Collection.INDUCED: lazy_gettext("Induced"),
    Collection.ASPIRATE: lazy_gettext("Aspirate"),
}
PURPOSE_WORDS: dict[Purpose, LazyString] = {
    Purpose.DIAGNOSIS: lazy_gettext("For the examination"), Purpose.MONITORING: lazy_gettext("During treatment"),
    Purpose.END_OF_TREATMENT: lazy_gettext("At the end of treatment"),
}
MARK, IS = "|", "="  # `positive|grade=2+`
WITH = ("grade", "rifampicin")  # parts that are chosen together with the result


def list_choices(test: str) -> list[tuple[str, str]]:
    """(what is posted, words) of every result of a test: the graver grades stand beside the plain result."""
    found = []
    for value in list_tests()[test].values:
        words = _say(test, value)
        parts = [part for part in list_tests()[test].parts if value in part.of and part.name in WITH]
        for part in parts:
            found += [(f"{value}{MARK}{part.name}{IS}{each}", _join(words, part.name, each)) for each in part.values]
        found.append((value, _("%(result)s, no more said", result=words) if parts else words))
    return found


def split_choice(choice: str) -> tuple[str, dict[str, str]]:
    """The result and its part of what was posted."""
    value, _mark, part = choice.partition(MARK)
    name, _is, answer = part.partition(IS)
    return value, {name: answer} if answer else {}


def _say(test: str, value: str) -> str:
    if test == culture.TEST and value == "positive":
        return _("Growth, not identified yet")
    if test == "sputum-naat" and value == "inconclusive":
        return _("Error or invalid: repeat")
    words = label_value(value)
    return words[:1].upper() + words[1:]


def _join(words: str, name: str, value: str) -> str:
    if name == "grade":
        return _("%(result)s, %(grade)s", result=words, grade=label_value(value))
    return _("%(result)s, rifampicin %(answer)s", result=words, answer=label_value(value))
