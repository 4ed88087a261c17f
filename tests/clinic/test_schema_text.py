"""What a text field refuses, and in which words."""

from __future__ import annotations

import pytest
from flask import Flask
from marshmallow import ValidationError

from clinic.errors import InvalidInput
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn
from clinic.schemas.registration import NewApplicant
from clinic.schemas.vaccination import DoseIn
from tests.factory import applicant_data


@pytest.mark.parametrize("name", ["A\u202eB", "Testa\u2067", "Testa 😀", "<b>Testa", "Test=a"])
def test_name_with_a_sign_no_name_holds_is_refused(app: Flask, name: str) -> None:
    with app.test_request_context(), pytest.raises(ValidationError) as refused:
        NewApplicant().load(_typed(family_name=name))
    assert list(refused.value.messages_dict) == ["family_name"]


@pytest.mark.parametrize("name", ["O'Brien-Núñez", "Abdul S/O Rahman", "Tan @ Lim", "ʻAwlaqī", "Jr. de la Cruz"])
def test_name_as_passports_print_it_is_taken(app: Flask, name: str) -> None:
    with app.test_request_context():
        assert NewApplicant().load(_typed(family_name=name))["family_name"] == name


def test_too_long_lot_is_refused_in_our_own_words(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(InvalidInput) as refused:
        load(DoseIn(), {"line": "MMR", "cvx": "03", "given_on": "2026-03-01", "source": "given-here", "lot": "L" * 41,
                        "expires_on": "2027-03-01"})
    assert refused.value.fields["lot"] == ["At most 40 letters fit here."]


def test_day_that_does_not_exist_is_told_once(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(InvalidInput) as refused:
        load(LabResultIn(), {"test": "igra", "value": "negative", "performed_on": "31-Feb-2026"})
    assert refused.value.fields["performed_on"] == ["There is no such day; check day and month."]


def _typed(**values: str) -> dict[str, str]:
    data = applicant_data()
    plain = {key: data[key] for key in ("given_names", "birth_date", "sex", "citizenship", "residence", "language")}
    return {key: str(value) for key, value in plain.items()} | values
