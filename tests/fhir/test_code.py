"""The code table: check digits, sources, one place, and agreement with the clinic's catalogues."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic.config import ROOT
from clinic.egfr import list_formulas
from clinic.lab_report import ReportedValue
from clinic.laboratory_test import TITRE, list_tests
from clinic.models import ContactSetting, LineOutcome, SourceType, SpecimenKind
from clinic.models.hold import BY_PERSON
from clinic.rules import list_classes
from clinic.rules.infection import list_cause_rules
from clinic.services.code_mapping import Dictionary
from clinic.vaccine_product import list_products
from clinic.web.station_page import METHOD_WORDS
from clinic.xray_finding import XrayResult, list_all_findings, list_numbered
from fhir import laboratory
from fhir.canonical import list_local_systems
from fhir.code import list_cvx, list_rows, list_systems, unit_code
from fhir.immunization import LINES

FHIR = ROOT / "fhir"
REFERENCE = ROOT / "clinic" / "programmes" / "reference"
ROWS = list(list_rows().values())
LOINC = re.compile(r"\d{1,7}-\d")
SNOMED = re.compile(r"\d{6,18}")


def loinc_check_digit(code: str) -> int:
    """Mod 10 of LOINC (LOINC Users' Guide, appendix C): the digits at odd places from the right are doubled."""
    digits = code.split("-")[0][::-1]
    doubled = str(int("".join(digits[0::2][::-1])) * 2)
    total = sum(int(digit) for digit in doubled) + sum(int(digit) for digit in digits[1::2])
    return -total % 10


_D = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]  # fmt: skip
_P = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
for _ in range(6):
    _P.append([_P[-1][_P[1][digit]] for digit in range(10)])


def is_verhoeff(code: str) -> bool:
    """The check of SNOMED CT identifiers."""
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _D[check][_P[place % 8][int(digit)]]
    return check == 0


@pytest.mark.parametrize("code", ["154283005", "10828004", "260385009"])
def test_verhoeff_of_known_codes_holds_and_of_wrong_ones_fails(code: str) -> None:
    assert is_verhoeff(code)
    assert not is_verhoeff(code[:-1] + str((int(code[-1]) + 1) % 10))


def test_every_loinc_code_has_its_check_digit() -> None:
    assert loinc_check_digit("2345-7") == 7
    wrong = [row.name for row in ROWS if row.name.startswith("loinc.")
             and not (LOINC.fullmatch(row.code) and loinc_check_digit(row.code) == int(row.code[-1]))]
    assert wrong == []


def test_every_snomed_code_has_its_check_digit() -> None:
    wrong = [row.name for row in ROWS if row.name.startswith("snomed.") and not is_verhoeff(row.code)]
    assert wrong == []


def test_every_row_has_a_source_and_a_mark() -> None:
    assert [row.name for row in ROWS if not row.source.strip() or row.mark not in ("V", "C")] == []


def test_no_two_rows_mean_the_same_code() -> None:
    codes = [(row.system, row.code) for row in ROWS]
    assert len(codes) == len(set(codes))


def test_loinc_and_snomed_rows_carry_no_display() -> None:
    assert [row.name for row in ROWS if row.name.startswith(("loinc.", "snomed.", "cvx.")) and row.display] == []


def _literals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_code_stands_outside_the_table() -> None:
    systems = list_systems() - {"urn:ietf:rfc:3986"}
    strays = [
        (path.name, literal) for path in FHIR.glob("*.py") for literal in _literals(path)
        if LOINC.fullmatch(literal) or SNOMED.fullmatch(literal) or literal in systems
    ]
    assert strays == []


def _read_published() -> dict[str, str]:
    """LOINC code: test, or a part of one, of what laboratories send without a table of their own."""
    tests: dict[str, str] = tomllib.loads((REFERENCE / "laboratory-code.toml").read_text())["test"]
    return tests


def test_every_published_code_has_its_check_digit_and_means_something() -> None:
    dictionary = Dictionary(())
    for code, meaning in _read_published().items():
        assert LOINC.fullmatch(code) and loinc_check_digit(code) == int(code[-1]), code
        found = dictionary.find_test(ReportedValue(code, "LN"))
        assert found is not None, code
        assert "/".join(word for word in (found.test, found.part) if word) == meaning


def test_what_we_call_a_test_is_understood_when_a_laboratory_calls_it_so() -> None:
    dictionary, loinc = Dictionary(()), list_rows()["loinc.igra"].system
    asked = {name: laboratory.test_coding(name, None) for name in list_tests()}
    for name, coding in asked.items():
        if coding["system"] == loinc:
            found = dictionary.find_test(ReportedValue(coding["code"], "LN"))
            assert found is not None and found.test in (name, list_tests()[name].repeats), name
    assert sum(coding["system"] == loinc for coding in asked.values()) > 20


def test_every_test_of_the_catalogue_has_its_codes() -> None:
    catalogue = list_tests()
    assert laboratory.TESTS.keys() == catalogue.keys()
    for name, test in catalogue.items():
        assert laboratory.test_coding(name, None)["code"]
        assert set(test.values) <= laboratory.VALUES.keys() | {laboratory.PENDING}
        for parts in test.components.values():
            for part, unit in parts.items():
                assert laboratory.part_coding(name, part) and unit_code(unit)
        assert all(unit_code(unit.code) and laboratory.test_coding(name, None, None, unit.code) for unit in test.units)
        assert all(laboratory.part_coding(name, drug) for drug in test.drugs)
        assert all(laboratory.part_coding(name, part.name) for part in test.parts)
        assert set(test.answers) <= laboratory.VALUES.keys()
        assert not test.titre_for or laboratory.part_coding(name, TITRE)
        assert not test.sensitive or laboratory.get_test(name).sensitivity


def test_local_codes_are_those_of_the_clinic() -> None:
    systems = list_local_systems()
    assert set(systems["cxr-finding-us"]["code"]) == list_all_findings().keys()
    numbered = {number: finding.label for programme in ("ca", "uk")
                for number, finding in list_numbered(programme).items()}
    assert systems["cxr-finding-numbered"]["code"] == numbered
    assert set(systems["cxr-result"]["code"]) == {result.value for result in XrayResult}
    assert set(systems["requirement"]["code"]) == tomllib.loads((REFERENCE / "exam.toml").read_text()).keys()
    assert set(systems["us-tb-class"]["code"]) == set(list_classes())
    assert set(systems["infection-hold"]["code"]) == {*list_cause_rules(), BY_PERSON}
    assert set(systems["exposure-setting"]["code"]) == set(ContactSetting)
    assert set(systems["source-tuberculosis"]["code"]) == set(SourceType)
    lines = {row["name"] for row in tomllib.loads((REFERENCE / "vaccine_line.toml").read_text())["line"]}
    assert lines == LINES.keys()


def test_every_vaccine_that_can_be_recorded_has_its_code() -> None:
    assert {cvx for products in list_products().values() for cvx in products} <= list_cvx()


def test_every_row_named_in_a_mapping_exists() -> None:
    names = set(list_rows())
    for test in laboratory.TESTS.values():
        rows = {test.row, *test.by_specimen.values(), *test.by_method.values(), *test.by_unit.values()}
        assert {row for row in rows if "." in row} <= names
        assert {part for part in test.parts.values() if "." in part} <= names
        assert test.sensitivity is None or test.sensitivity in names
    assert {f"snomed.{kind.value}" for kind in SpecimenKind} | set(LINES.values()) <= names
    assert {outcome.value for outcome in LineOutcome} == set(list_local_systems()["vaccine-outcome"]["code"])


def test_method_is_said_in_words_or_by_its_name_never_by_our_code() -> None:
    """Receivers read PHENOTYPIC-LIQUID and CKD-EPI-2021."""
    names = {method for test in list_tests().values() for method in test.methods} | set(list_formulas())
    said = {name: laboratory.method_label(name) for name in names}
    worded = set(METHOD_WORDS) | set(list_formulas())
    assert {name for name, words in said.items() if words == name.upper()} == names - worded
    assert said["rpr"] == "RPR" and said["phenotypic-liquid"] == "Phenotypic, liquid medium"
    assert all("-" not in said[name] or name in list_formulas() for name in worded)
