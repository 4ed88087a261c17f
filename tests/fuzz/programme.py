"""Programme files: rules, findings and forms, changed as a tired editor or a bad merge changes them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from clinic.errors import Misconfigured
from clinic.questionnaire import read_questionnaire
from clinic.rules.check import TABLES, check_rule_file
from clinic.rules.check_reference import check_form, check_numbered_findings, check_reference
from clinic.rules.programme import PROGRAMMES, read_programme
from clinic.rules.shape import NESTED, NUMBERED_FINDING, PARTS, REFERENCE
from clinic.rules.source import Problem, Source
from tests.fuzz.harness import Door, Finding
from tests.fuzz.hostile import draw_text, mutate_json, mutate_text

COUNTRIES = "reference/country_code.csv"
# Read by parts of the house that check them themselves when they are loaded.
UNCHECKED = ("vaccine_series.toml", "vaccine_product.toml", "consent_signer.toml", "declaration.toml", "source.toml")
KNOWN = {
    word.split(":")[0]
    for spec in (NUMBERED_FINDING, *PARTS.values(), *(keys for _, keys in REFERENCE.values()),
                 *(keys for ways in NESTED.values() for keys in ways.values()))
    for word in spec.split()
} | {key for must, may in TABLES.values() for key in (*must, *may)}
# From here to the end of the file, keys are words of their own and none is misspelt.
FREE = {"reference/laboratory-code.toml": "[test]", "reference/tb_regimen.toml": "[side_effect]"}
KEY = re.compile(r"^([a-z_]+)\s*=", re.MULTILINE)


class ProgrammeDoor(Door):
    """One file changed in one place. The check names the file and a line of it, and never falls over it.

    A change that always means something else (a key misspelt, a key taken away that a table needs, a file cut off) must
    be named.
    """

    name, count = "programmes", 90
    least = frozenset({"named", "harmless"})

    @contextmanager
    def opened(self) -> Iterator[None]:
        self.root = self.folder / "programmes"
        shutil.copytree(PROGRAMMES / "reference", self.root / "reference")
        self.reference, problems = check_reference(self.root / "reference", self.root)
        assert not problems
        self.files = sorted(
            str(file.relative_to(PROGRAMMES))
            for file in PROGRAMMES.rglob("*")
            if file.suffix in (".toml", ".json", ".csv")
            and file.name not in UNCHECKED
            and file.parent.name != "consent"
        )
        yield

    def draw(self, chance: Random, number: int) -> Any:
        file = self.files[number % len(self.files)]
        text = (PROGRAMMES / file).read_text(encoding="utf-8")
        kind = chance.choice(("misspelt", "spoilt", "spoilt", "typed"))
        if file.endswith(".json"):
            body = json.loads(text)
            for _ in range(chance.choice((1, 1, 3))):
                body = mutate_json(chance, body)
            return file, "spoilt", json.dumps(body)
        keys = list(KEY.finditer(text))
        if kind == "misspelt" and (known := _list_known(file, text, keys)):
            key = chance.choice(known)
            return file, kind, text[: key.start(1)] + key[1] + chance.choice(("x", "s", "_")) + text[key.end(1) :]
        if kind == "typed" and keys:
            key = chance.choice(keys)
            end = text.find("\n", key.end())
            value = chance.choice(
                (
                    "1",
                    "1.5",
                    "true",
                    '"x"',
                    "[]",
                    "{}",
                    "[1]",
                    "[[]]",
                    "{ a = 1 }",
                    "nan",
                    "2026-01-01",
                    "2026-01-01T10:00:00Z",
                    "9" * 400,
                    '["a", 1]',
                )
            )
            return file, kind, text[: key.end()] + " " + value + text[end:]
        at = chance.randrange(len(text))
        end = min(len(text), at + chance.choice((1, 10, 200)))
        return (
            file,
            "spoilt",
            text[:at] + chance.choice(("", draw_text(chance), mutate_text(chance, text[at:end]))) + text[end:],
        )

    def ask(self, given: Any) -> str:
        file, kind, text = given
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            problems = self._check(path, file)
            for problem in problems:
                if problem.file != file and file != COUNTRIES:  # the other tables name countries
                    raise Finding(f"{file} is broken and {problem.file} is named")
                if not 1 <= problem.line <= len(text.splitlines()) + 1 and problem.file == file:
                    raise Finding(f"{problem.file}:{problem.line} is no line of the file")
            if not problems and kind == "misspelt":
                raise Finding(f"{file}: a misspelt key is taken")
            if not problems and path.name == "rules.toml":
                read_programme(path.parent)
        finally:
            shutil.copy(PROGRAMMES / file, path)
        return "named" if problems else "harmless"

    def _check(self, path: Path, file: str) -> list[Problem]:
        """What `check-programmes` does with this file."""
        source = Source(path, self.root)
        if path.name == "rules.toml":
            return check_rule_file(source, path.parent.name, self.reference)
        if path.name == "findings.toml":
            return check_numbered_findings(source, self.reference)
        if path.suffix == ".json":
            problems = check_form(source)
            try:
                read_questionnaire(source.text, path.stem)
            except Misconfigured as named:
                problems = [*problems, Problem(file, 1, named.message)]
            return problems
        return check_reference(self.root / "reference", self.root)[1]


def _list_known(file: str, text: str, keys: list[re.Match[str]]) -> list[re.Match[str]]:
    end = text.index(FREE[file]) if file in FREE else len(text)
    return [key for key in keys if file.endswith(".toml") and key[1] in KNOWN and key.start() < end]
