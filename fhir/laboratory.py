"""Which codes a laboratory test of ours carries outside the house; keyed by the names of the test catalogue.

Source of the codes: fhir/codes.toml. A test compares this table with the catalogue, so that no test lacks its codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clinic.egfr import list_formulas
from clinic.errors import Misconfigured
from clinic.models import SpecimenKind
from fhir.canonical import local_coding
from fhir.code import coding
from fhir.element import Element

_IGRA_PARTS = {
    "nil": "loinc.igra-nil",
    "mitogen": "loinc.igra-mitogen",
    "tb1": "tb1",
    "tb2": "tb2",
    "panel_a": "panel-a",
    "panel_b": "panel-b",
    "positive_control": "positive-control",
}


@dataclass(frozen=True)
class TestCode:
    """`row` is the code for any specimen, `by_specimen` a narrower one; `parts` name a row or a code of ours."""

    label: str
    row: str
    by_specimen: Mapping[SpecimenKind, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    sensitivity: str | None = None  # a row put into meta.security
    by_method: Mapping[str, str] = field(default_factory=dict)
    by_unit: Mapping[str, str] = field(default_factory=dict)  # the same quantity by mass and by substance


TESTS: dict[str, TestCode] = {
    "igra": TestCode("Interferon gamma release assay", "loinc.igra", parts=_IGRA_PARTS),
    "tst": TestCode("Tuberculin skin test", "loinc.tst"),
    "sputum-smear": TestCode(
        "Acid-fast smear", "loinc.smear", {SpecimenKind.SPUTUM: "loinc.smear-sputum"}, parts={"grade": "smear-grade"}
    ),
    "sputum-naat": TestCode(
        "M. tuberculosis complex NAAT", "loinc.mtb-dna", parts={"rifampicin": "loinc.rifampicin-resistance"}
    ),
    "sputum-culture": TestCode(
        "Mycobacterial culture", "loinc.culture", {SpecimenKind.SPUTUM: "loinc.culture-sputum"},
        parts={"species": "ntm-species", "identified-by": "identified-by"},
    ),
    "syphilis-nontreponemal": TestCode(
        "Syphilis, nontreponemal test", "loinc.rpr", parts={"titre": "loinc.rpr-titre"}, sensitivity="act-code.std",
        by_method={"vdrl": "loinc.vdrl"},
    ),
    "syphilis-treponemal": TestCode(
        "Syphilis, treponemal test", "loinc.treponemal-immunoassay", sensitivity="act-code.std"
    ),
    "syphilis-treponemal-second": TestCode(
        "Syphilis, second treponemal test", "loinc.treponemal-agglutination", sensitivity="act-code.std"
    ),
    "gonorrhoea-naat": TestCode(
        "Gonorrhoea NAAT", "loinc.gonorrhoea-dna", {SpecimenKind.URINE: "loinc.gonorrhoea-rna-urine"},
        sensitivity="act-code.std",
    ),
    "hiv": TestCode("HIV antigen and antibody", "loinc.hiv", sensitivity="act-code.hiv"),
    "creatinine": TestCode("Creatinine, serum", "loinc.creatinine", by_unit={"umol/L": "loinc.creatinine-molar"}),
    "creatinine-egfr": TestCode(
        "Estimated glomerular filtration rate", "loinc.egfr", by_method={"schwartz-bedside": "loinc.egfr-schwartz"}),
    "hba1c": TestCode("HbA1c", "loinc.hba1c-ifcc"),
    "hbsag": TestCode("Hepatitis B surface antigen", "loinc.hbsag", sensitivity="confidentiality.restricted"),
    "anti-hcv": TestCode("Hepatitis C antibody", "loinc.anti-hcv", sensitivity="confidentiality.restricted"),
    "hbeag": TestCode("Hepatitis B e antigen", "hbeag", sensitivity="confidentiality.restricted"),
    "hbv-dna": TestCode("Hepatitis B DNA", "hbv-dna", sensitivity="confidentiality.restricted"),
    "hcv-rna": TestCode("Hepatitis C RNA", "hcv-rna", sensitivity="confidentiality.restricted"),
    "dst": TestCode("Drug susceptibility of M. tuberculosis complex", "dst", parts={
        "rifampicin": "loinc.rifampicin-resistance", **{drug: drug for drug in (
            "isoniazid", "ethambutol", "pyrazinamide", "fluoroquinolone", "levofloxacin", "moxifloxacin", "amikacin",
            "kanamycin", "capreomycin", "ethionamide", "pas", "bedaquiline", "linezolid", "clofazimine", "delamanid",
            "pretomanid")}}),
    "urine-protein": TestCode("Urine protein, dipstick", "loinc.urine-protein"),
    "urine-glucose": TestCode("Urine glucose, dipstick", "loinc.urine-glucose"),
    "urine-blood": TestCode("Urine blood, dipstick", "loinc.urine-blood"),
    "urine-microscopy": TestCode("Urine microscopy, red cells", "urine-microscopy"),
    "urine-acr": TestCode("Urine albumin to creatinine ratio", "urine-acr"),
    "haemoglobin": TestCode("Haemoglobin", "loinc.haemoglobin"),
    "white-cells": TestCode("White cells", "loinc.white-cells"),
    "platelets": TestCode("Platelets", "loinc.platelets"),
    "alt": TestCode("Alanine aminotransferase", "loinc.alt"),
    "ast": TestCode("Aspartate aminotransferase", "loinc.ast"),
    "bilirubin": TestCode("Bilirubin, total", "loinc.bilirubin", by_unit={"umol/L": "loinc.bilirubin-molar"}),
}

# Our result codes (decide-contract.md): the value's row and, where there is one, the interpretation's.
VALUES: dict[str, tuple[str, str | None]] = {
    "positive": ("snomed.positive", "interpretation.positive"),
    "negative": ("snomed.negative", "interpretation.negative"),
    "indeterminate": ("snomed.indeterminate", "interpretation.indeterminate"),
    "reactive": ("snomed.reactive", "interpretation.reactive"),
    "nonreactive": ("snomed.nonreactive", "interpretation.nonreactive"),
    "detected": ("snomed.detected", "interpretation.detected"),
    "not-detected": ("snomed.not-detected", "interpretation.not-detected"),
    "trace": ("snomed.trace", None),
    "mtb": ("snomed.mtb-complex", "interpretation.positive"),
    "ntm": ("snomed.ntm", None),
    "contaminated": ("snomed.unsatisfactory", None),
    "inconclusive": ("snomed.inconclusive", "interpretation.indeterminate"),
    "normal": ("snomed.normal", "interpretation.normal"),
    "abnormal": ("snomed.abnormal", "interpretation.abnormal"),
    "susceptible": ("interpretation.susceptible", "interpretation.susceptible"),
    "resistant": ("interpretation.resistant", "interpretation.resistant"),
}
# How the laboratory marked a number.
MARKS = {"normal": "interpretation.normal", "low": "interpretation.low", "high": "interpretation.high",
         "abnormal": "interpretation.abnormal", "critical": "interpretation.critical"}
PENDING = "pending"

_METHODS = {
    "laboratory": "Laboratory test", "rapid": "Rapid test", "confirmatory": "Confirmatory test",
    "phenotypic-liquid": "Phenotypic, liquid medium", "phenotypic-solid": "Phenotypic, solid medium",
    "molecular": "Molecular", "liquid": "Culture in liquid medium", "solid": "Culture on solid medium",
}
_LABELS = {
    "mtb": "M. tuberculosis complex",
    "ntm": "Nontuberculous mycobacteria",
    "nonreactive": "Nonreactive",
    "not-detected": "Not detected",
    PENDING: "Pending",
}


def get_test(test: str) -> TestCode:
    """The codes of a test; Misconfigured when our table lacks it."""
    try:
        return TESTS[test]
    except KeyError:
        raise Misconfigured(f"Add the test “{test}” to fhir/laboratory.py; nothing was saved.", test=test) from None


def test_coding(
    test: str, specimen: SpecimenKind | None, method: str | None = None, unit: str | None = None
) -> Element:
    """The Coding of a test on that kind of specimen, by that method and in that unit, or on any."""
    found = get_test(test)
    row = found.by_specimen.get(specimen, found.row) if specimen else found.row
    return _to_coding(found.by_method.get(method or "", found.by_unit.get(unit or "", row)))


def list_codings(test: str) -> list[Element]:
    """Every Coding under which a result of the test may stand."""
    found = get_test(test)
    rows = {found.row, *found.by_specimen.values(), *found.by_method.values(), *found.by_unit.values()}
    return [_to_coding(row) for row in sorted(rows)]


def _to_coding(row: str) -> Element:
    return coding(row) if "." in row else local_coding("observation", row)


def part_coding(test: str, part: str) -> Element:
    """The Coding of one measured part of a test; Misconfigured when our table lacks it."""
    row = get_test(test).parts.get(part)
    if row is None:
        raise Misconfigured(f"Add the part “{part}” of “{test}” to fhir/laboratory.py; nothing was saved.", test=test)
    return _to_coding(row)


def value_label(value: str) -> str:
    """A result code in English words, as it stands in documents."""
    return _LABELS.get(value, value.replace("-", " ").capitalize())


def method_label(method: str) -> str:
    """How a test was made in English words; names of methods stand as laboratories write them (RPR, TP-PA)."""
    formula = list_formulas().get(method)
    return f"Computed by {formula.label}" if formula else _METHODS.get(method, method.upper())
