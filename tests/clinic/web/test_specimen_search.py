"""The search field reads a tube's label."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.db import db
from clinic.models import Specimen, SpecimenKind
from clinic.schemas.laboratory import NewSpecimen
from clinic.services.plausibility import get_today
from clinic.services.specimen import take_specimen
from tests.factory import make_case, make_site, make_user
from tests.sign_in import sign_in


@pytest.mark.parametrize("change", [str, str.lower, lambda text: text.replace("-", "")])
def test_specimen_number_opens_its_case_at_its_own_site_only(app: Flask, change: object) -> None:
    user, other = make_user("labtech"), make_user("labtech", make_site("AMM", country="JOR"))
    case = make_case("us", user=make_user("reception"))
    take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, get_today(case)), user)
    db.session.commit()
    address, number = f"/cases/{case.id}", db.session.query(Specimen.number).scalar()
    wanted = {"q": change(number)}  # type: ignore[operator]
    assert sign_in(app, user).get("/search", query_string=wanted).location == address
    elsewhere = sign_in(app, other).get("/search", query_string=wanted).get_data(as_text=True)
    assert "Nobody at this site was found." in elsewhere


def test_empty_search_says_what_can_be_searched_for(app: Flask) -> None:
    text = sign_in(app, make_user("reception")).get("/search?q=").get_data(as_text=True)
    assert "Search by case number" in text
    assert "Nobody" not in text
