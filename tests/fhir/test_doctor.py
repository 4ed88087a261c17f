"""What the doctor says of FHIR: the base of our code systems."""

from __future__ import annotations

import pytest

from clinic.config import Settings
from clinic.doctor.finding import Verdict
from fhir.doctor import check_canonical_base


@pytest.mark.parametrize(("base", "demo", "verdict"), [
    ("https://clinic.test/fhir/", False, Verdict.GOOD), ("https://clearway.example/fhir/", True, Verdict.GOOD),
    ("https://clearway.example/fhir/", False, Verdict.WARNING), ("https://clinic.test/fhir", False, Verdict.WRONG),
    ("clinic", False, Verdict.WRONG),
])
def test_base_of_code_systems_is_judged(base: str, demo: bool, verdict: Verdict) -> None:
    assert [one.verdict for one in check_canonical_base(Settings(canonical_base=base, demo=demo))] == [verdict]
