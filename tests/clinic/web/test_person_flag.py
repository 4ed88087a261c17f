"""What the banner of a person warns of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from clinic import clock
from clinic.web.person_flag import has_expired_document
from tests.factory import make_applicant, make_user


@pytest.mark.parametrize(("days", "expired"), [((-1,), True), ((0,), False), ((-1, 300), False), ((None,), False)])
def test_person_whose_every_document_has_expired_is_flagged(
    app: Flask, days: tuple[int | None, ...], expired: bool
) -> None:
    person = make_applicant(make_user())
    today = clock.today(person.site.time_zone)
    document = person.documents[0]
    ends = [None if count is None else today + timedelta(days=count) for count in days]
    document.expires_on = ends[0]
    for end in ends[1:]:
        person.documents.append(type(document)(kind=document.kind, number="X1", number_key="X1", expires_on=end,
                                               issuing_country="KEN", recorded_at=clock.now()))
    assert has_expired_document(person) is expired
