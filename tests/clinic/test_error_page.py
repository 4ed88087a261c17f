"""Addresses that nothing can be found by are answered, on either database."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.factory import make_user
from tests.sign_in import sign_in


@pytest.mark.parametrize("address", ["/cases/a%00b", "/search?q=%00", "/applicants?after=x%00", "/fhir/Patient/%00"])
def test_address_with_a_nul_is_refused(app: Flask, address: str) -> None:
    answer = sign_in(app, make_user("reception")).get(address)
    assert answer.status_code == 400
    assert ("OperationOutcome" in answer.text) == address.startswith("/fhir")
