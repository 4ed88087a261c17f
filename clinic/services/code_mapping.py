"""What a laboratory's codes, words and units mean here: its own table first, published codes where that has no line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound
from clinic.lab_report import ReportedValue
from clinic.laboratory_test import TITRE, LaboratoryTest, list_tests
from clinic.models import CodeMapping, Laboratory, MapKind, User

CATALOGUE = Path(__file__).resolve().parent.parent / "programmes" / "reference" / "laboratory-code.toml"
LOINC = frozenset({"ln", "loinc", "http://loinc.org", "2.16.840.1.113883.6.1"})  # as HL7, people, FHIR and OIDs name it
OWN = ("99CW", "CLEARWAY", "")
ANY = "*"  # a line of this code holds where no other does


@dataclass(frozen=True)
class Meaning:
    """A test of the catalogue, or one part of it."""

    test: str
    part: str = ""


class Dictionary:
    """One laboratory's table, read once for a whole message."""

    def __init__(self, lines: Iterable[CodeMapping]) -> None:
        self._lines = {(line.kind, line.test, fold(line.system), fold(line.code)): line.ours for line in lines}

    def find_test(self, value: ReportedValue) -> Meaning | None:
        """What a line of a report is about; None when nobody has said so.

        The second code of a line (OBX-3.4) is asked about where the first means nothing. A published code is known
        where nothing says whose code it is, too: a table (CSV) has no column for that, and no other code looks so.
        """
        return self._mean(value.system, value.code) or self._mean(value.second_system, value.second_code)

    def _mean(self, system: str, code: str) -> Meaning | None:
        found = self._find(MapKind.TEST, "", system, code)
        if found is None and (not system or fold(system) in LOINC):
            found = _read_catalogue()["test"].get(code)
        if found is None and system in OWN:
            found = code
        test, _stroke, part = (found or "").partition("/")
        return Meaning(test, part) if test in list_tests() else None

    def find_value(self, test: LaboratoryTest, value: ReportedValue) -> str | None:
        """The code of a result; None when nobody has said so. Digits are never asked about."""
        found = self._find_word(MapKind.VALUE, test.name, value.value, value.value_text)
        if found is not None:
            return found if found in test.values else None
        for word in (value.value, value.value_text):
            if word.lower() in test.values:
                return word.lower()
            for candidate in _read_catalogue()["value"].get(fold(word), ()):
                if candidate in test.values:
                    return str(candidate)
        return None

    def find_drug_answer(self, test: LaboratoryTest, value: ReportedValue) -> str | None:
        """Susceptible or resistant: what the line says, or its interpretation (OBX-8)."""
        for word in (value.value, value.value_text, *value.flags):
            found = self._find_word(MapKind.VALUE, test.name, word) or _read_catalogue()["drug"].get(fold(word))
            if found in test.answers:
                return str(found)
        return None

    def find_unit(self, test: LaboratoryTest, unit: str) -> str | None:
        """The UCUM code of a unit that the test may have; never converted."""
        found = self._find_word(MapKind.UNIT, test.name, unit) or unit
        return found if any(one.code == found for one in test.units) else None

    def find_method(self, test: LaboratoryTest, method: str) -> str | None:
        """A method of the test; with a line for any, that."""
        found = self._find_word(MapKind.METHOD, test.name, method, ANY) or method
        return found if found in test.methods else None

    def _find_word(self, kind: MapKind, test: str, *words: str) -> str | None:
        for word in words:
            found = self._find(kind, test, "", word) if word else None
            if found is not None:
                return found
        return None

    def _find(self, kind: MapKind, test: str, system: str, code: str) -> str | None:
        for scope in dict.fromkeys((test, "")):
            found = self._lines.get((kind, scope, fold(system), fold(code)))
            if found is not None:
                return found
        return None


def read_dictionary(laboratory_id: str) -> Dictionary:
    """The table of a laboratory."""
    return Dictionary(list_lines(laboratory_id))


def list_lines(laboratory_id: str) -> list[CodeMapping]:
    """Every line of a laboratory's table, by kind and code."""
    return list(db.session.execute(
        select(CodeMapping).where(CodeMapping.laboratory_id == laboratory_id)
        .order_by(CodeMapping.kind, CodeMapping.test, CodeMapping.system, CodeMapping.code)).scalars())


def add_line(
    laboratory: Laboratory, kind: MapKind, code: str, ours: str, actor: User, system: str = "", test: str = "",
    text: str = "",
) -> CodeMapping:  # fmt: skip
    """Say what a code means; raises InvalidInput for what is none of ours, AlreadyDone when the code has a line.

    For a code of a whole test it is enough to choose that test.
    """
    if kind is MapKind.TEST and not ours:
        ours = test
    _ensure_ours(kind, test, ours)
    row = CodeMapping(laboratory_id=laboratory.id, kind=kind, test=test if kind is not MapKind.TEST else "",
                      system=system, code=code, text=text, ours=ours, changed_at=clock.now(), changed_by_id=actor.id)
    same = [line for line in list_lines(laboratory.id) if (line.kind, line.test, fold(line.system), fold(line.code))
            == (row.kind, row.test, fold(system), fold(code))]
    if same:
        raise AlreadyDone(_("This code has a line already. Take that away first."), laboratory=laboratory.id)
    db.session.add(row)
    db.session.flush()
    _record("map-code", laboratory, row, actor)
    return row


def remove_line(laboratory: Laboratory, line_id: str, actor: User) -> None:
    """Take a line away; what was applied by it stays. Raises NotFound."""
    row = db.session.get(CodeMapping, line_id)
    if row is None or row.laboratory_id != laboratory.id:
        raise NotFound(_("There is no such line."), line=line_id)
    _record("unmap-code", laboratory, row, actor)
    db.session.delete(row)
    db.session.flush()


def list_test_targets() -> list[tuple[str, str]]:
    """(target, words) of everything a laboratory's test code may mean: tests, and parts of tests."""
    found = []
    for test in list_tests().values():
        found.append((test.name, test.label))
        parts = [*test.drugs, *(part.name for part in test.parts), *({TITRE} if test.titre_for else ())]
        parts += [name for kind in test.components.values() for name in kind]
        found += [(f"{test.name}/{part}", f"{test.label}: {part}") for part in dict.fromkeys(parts)]
    return found


def list_allowed(kind: MapKind, test: LaboratoryTest) -> tuple[str, ...]:
    """The words, units or methods that a test of ours may have."""
    return {MapKind.VALUE: (*test.values, *test.answers), MapKind.METHOD: tuple(test.methods),
            MapKind.UNIT: tuple(unit.code for unit in test.units), MapKind.TEST: ()}[kind]


def _ensure_ours(kind: MapKind, test: str, ours: str) -> None:
    if kind is MapKind.TEST:
        good, field = ours in dict(list_test_targets()), "ours"
    else:
        row = list_tests().get(test)
        if row is None:
            raise InvalidInput(_("Please correct what is marked."), fields={"test": [_("Choose the test.")]})
        allowed = list_allowed(kind, row)
        good, field = ours in allowed, "ours"
        if not good:
            raise InvalidInput(_("Please correct what is marked."), fields={field: [
                _("This test may have: %(values)s", values=", ".join(allowed) or "–")]})
    if not good:
        raise InvalidInput(_("Please correct what is marked."), fields={field: [_("Choose what it means here.")]})


def _record(action: str, laboratory: Laboratory, row: CodeMapping, actor: User) -> None:
    record_change(action, "laboratory", laboratory.id, site_id=laboratory.site_id, actor_id=actor.id,
                  actor_kind="user", detail={"kind": row.kind.value, "test": row.test, "system": row.system,
                                             "code": row.code, "result": f"{row.code} → {row.ours}"})


def fold(text: str) -> str:
    """A code or word as it is compared: neither capitals nor spaces tell two apart."""
    return " ".join(text.casefold().split())


@cache
def _read_catalogue() -> dict[str, Any]:
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
