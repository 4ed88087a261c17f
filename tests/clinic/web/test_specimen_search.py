"""The search field reads a tube's label."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.db import db
from clinic.errors import InvalidInput
from clinic.models import Specimen, SpecimenKind
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, NewSpecimen
from clinic.services.lab_order import place_orders
from clinic.services.plausibility import get_today
from clinic.services.specimen import take_specimen
from tests.factory import make_case, make_site, make_user
from tests.seek import seek
from tests.sign_in import sign_in


@pytest.mark.parametrize("change", [str, str.lower, lambda text: text.replace("-", "")])
def test_specimen_number_opens_its_page_at_its_own_site_only(app: Flask, change: object) -> None:
    user, other = make_user("labtech"), make_user("labtech", make_site("AMM", country="JOR"))
    case = make_case("us", user=make_user("reception"))
    row = take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, get_today(case)), user)
    db.session.commit()
    address, number = f"/cases/{case.id}/specimens/{row.id}", db.session.query(Specimen.number).scalar()
    wanted = change(number)  # type: ignore[operator]
    assert seek(sign_in(app, user), "/search", q=wanted).location == address
    elsewhere = seek(sign_in(app, other), "/search", q=wanted).get_data(as_text=True)
    assert "Nobody at this site was found." in elsewhere


def test_empty_search_says_what_can_be_searched_for(app: Flask) -> None:
    text = sign_in(app, make_user("reception")).get("/search?q=").get_data(as_text=True)
    assert "Search by case number" in text
    assert "Nobody" not in text


def test_order_and_referral_open_the_orders_of_the_case(app: Flask) -> None:
    user = make_user("labtech")
    case = make_case("us", user=make_user("reception"))
    order = place_orders(case, user)[0]
    numbers, address = [order.number, order.referral.number.lower()], f"/cases/{case.id}/orders"
    db.session.commit()
    client = sign_in(app, user)
    assert [seek(client, "/search", q=each).location for each in numbers] == [address, address]


@pytest.mark.parametrize("value", ["NBO-S-000001-U", "nbos000001u", "NBO-S000123", "NBO-L-000001-1"])
def test_scan_in_a_result_field_is_refused_with_a_sentence(app: Flask, value: str) -> None:
    for test in ("haemoglobin", "syphilis-nontreponemal"):
        with app.test_request_context(), pytest.raises(InvalidInput) as refused:
            load(LabResultIn(), {"test": test, "value": value, "performed_on": "2026-03-04"})
        assert refused.value.fields["value"] == [
            "This is the number of a label, not a result. Scan it into the search field above."]
