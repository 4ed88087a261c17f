"""A laboratory result as a form has it: read from one, filled into one, and what was wrong with several together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from clinic.caution import Caution, NeedsConfirmation
from clinic.errors import InvalidInput
from clinic.laboratory_test import DETAIL, TITRE, LaboratoryTest, list_tests
from clinic.models import LabResult
from clinic.schemas.laboratory import find_resistance

SHEET = ("performed_on", "reported_on")  # given once for all results of one sheet
OWN = ("unit", "method", "mark")  # beside the value, of each result


@dataclass
class Problems:
    """What was wrong with the results of one sheet, together."""

    errors: dict[str, Any] = field(default_factory=dict)
    cautions: list[Caution] = field(default_factory=list)

    def add(self, problem: InvalidInput, test: str, kind: str) -> None:
        """Keep one result's problem; dates belong to the sheet, everything else to the test's row."""
        if isinstance(problem, NeedsConfirmation):
            self.cautions += [caution for caution in problem.cautions if caution not in self.cautions]
            return
        for name, sentences in (problem.fields or {"value": [problem.message]}).items():
            if name == "components" and isinstance(sentences, dict):
                stem = f"{test}.{kind}-" if kind else f"{test}."
                self.errors |= {stem + part: each for part, each in sentences.items()}
            else:
                self.errors[name if name in SHEET else f"{test}.{name}"] = sentences

    def raise_any(self) -> None:
        """Raise what was found, errors before cautions."""
        if self.errors:
            raise InvalidInput(_("Please correct what is marked."), fields=self.errors)
        if self.cautions:
            raise NeedsConfirmation(self.cautions)


def read_row(test: LaboratoryTest, typed: dict[str, Any]) -> dict[str, Any]:
    """One row of the sheet as the schema takes it; parts of an IGRA only of the chosen kind."""
    plain: dict[str, Any] = {"test": test.name, "confirmed": typed.get("confirmed", [])}
    plain["value"] = typed.get(f"{test.name}.value", "")
    plain |= {name: typed[name] for name in SHEET if typed.get(name)}
    plain |= {name: typed[f"{test.name}.{name}"] for name in OWN if typed.get(f"{test.name}.{name}")}
    if typed.get(f"{test.name}.titre"):
        plain["components"] = {TITRE: typed[f"{test.name}.titre"]}
    if test.drugs:
        names = [name for drug in test.drugs for name in (drug, drug + DETAIL)]
        answers = {name: typed[f"{test.name}.{name}"] for name in names if typed.get(f"{test.name}.{name}")}
        plain |= {"components": answers, "value": find_resistance(answers)}
    if test.parts:  # of another value they are left out: a correction from positive to negative has no grade
        plain["components"] = {part.name: typed[f"{test.name}.{part.name}"] for part in test.parts
                               if typed.get(f"{test.name}.{part.name}") and plain["value"] in part.of}
    kind = typed.get(f"{test.name}.kind")
    if kind:
        plain["kind"] = kind
        plain["components"] = {part: typed[f"{test.name}.{kind}-{part}"]
                               for part in test.components.get(kind, {}) if f"{test.name}.{kind}-{part}" in typed}
    return plain


def values_of(row: LabResult) -> dict[str, Any]:
    """The fields of a correction as the result stands."""
    kind = next((kind for kind, parts in list_tests()[row.test].components.items()
                 if row.components and {part.name for part in row.components} == set(parts)), "")
    parts = {f"{row.test}.{kind}-{part.name}" if kind else f"{row.test}.{part.name}": part.value
             for part in row.components}
    own = {f"{row.test}.{name}": getattr(row, name) for name in OWN}
    return parts | own | {f"{row.test}.value": row.value, f"{row.test}.kind": kind, "performed_on": row.performed_on,
                          "reported_on": row.reported_on}
