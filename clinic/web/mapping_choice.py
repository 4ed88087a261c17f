"""What a laboratory's code may mean here, as the form of its mapping table offers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from clinic.laboratory_test import list_tests
from clinic.models import CodeMapping, MapKind
from clinic.questionnaire.unit import say_unit
from clinic.result_word import label_value
from clinic.services.code_mapping import list_allowed, list_test_targets
from clinic.web.station_page import method_word

KIND_WORDS: dict[MapKind, LazyString] = {
    MapKind.TEST: lazy_gettext("Test"), MapKind.VALUE: lazy_gettext("Word for a result"),
    MapKind.UNIT: lazy_gettext("Unit"), MapKind.METHOD: lazy_gettext("Method"),
}
SAY: dict[MapKind, Callable[[str], str]] = {
    MapKind.VALUE: label_value, MapKind.UNIT: say_unit, MapKind.METHOD: method_word}


@dataclass(frozen=True)
class Choices:
    """What may be chosen for one kind and one test; `fits` when these are the ones that the form has chosen."""

    kind: str
    test: str
    label: str
    options: list[tuple[str, str]]  # our code, in words
    fits: bool


def list_choices(typed: Mapping[str, object]) -> list[Choices]:
    """All that a form which was filled in so far may mean, what fits it first: without a script nothing is hidden."""
    groups = _list_targets(typed)
    for test in list_tests().values():
        for kind, say in SAY.items():
            if allowed := list_allowed(kind, test):
                groups.append(Choices(kind.value, test.name, _("%(test)s: %(kind)s", test=test.label, kind=KIND_WORDS[
                    kind]), [(one, say(one)) for one in allowed], _fits(typed, kind, test.name)))
    return sorted(groups, key=lambda one: not one.fits)


def say_line(line: CodeMapping) -> tuple[str, str]:
    """What a line of the table says a code means, in words, and of which test; the code where it has no words."""
    if line.kind is MapKind.TEST:
        return dict(list_test_targets()).get(line.ours, line.ours), ""
    test = list_tests().get(line.test)
    return SAY[line.kind](line.ours), test.label if test else line.test


def _list_targets(typed: Mapping[str, object]) -> list[Choices]:
    """The tests and their parts, a group for each test."""
    found: dict[str, list[tuple[str, str]]] = {}
    for target, words in list_test_targets():
        found.setdefault(target.partition("/")[0], []).append((target, words))
    return [Choices(MapKind.TEST.value, name, list_tests()[name].label, options, _fits(typed, MapKind.TEST, name))
            for name, options in found.items()]


def _fits(typed: Mapping[str, object], kind: MapKind, test: str) -> bool:
    wanted = typed.get("test")
    return typed.get("kind", MapKind.TEST.value) == kind.value and (
        wanted == test or (not wanted and kind is MapKind.TEST))
