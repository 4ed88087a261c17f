"""A scanner types wherever the focus happens to be and ends with Enter: it confirms, presses and chooses nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic.db import db, read_unit, write_unit
from clinic.models import Case, IdentityCheck, LabOrder, LabResult, Specimen, User
from clinic.services import draw, lab_order
from tests.factory import make_applicant, make_case
from tests.features.look import sign_in_as
from tests.sign_in import give_consent

pytestmark = pytest.mark.browser
TEST = "syphilis-nontreponemal"


def _person(role: str) -> User:
    return db.session.execute(select(User).where(User.email == f"{role}@test.example")).scalar_one()


def _order(clinic: Flask, count: int, drawn: bool) -> list[tuple[str, str]]:
    """(id, number) of cases with one test whose answers stand in a list."""
    found = []
    for number in range(count):
        with clinic.app_context(), write_unit():
            case = make_case("us", make_applicant(_person("reception"), given_names=f"Grace{number}"),
                             _person("reception"))
            lab_order.order_test(case, TEST, _person("physician"), "contact")
            give_consent(case)
            if drawn:
                draw.draw(case, ["serum"], None, "", _person("phlebotomist"))
            found.append((case.id, case.number))
    return found


def _scan(page: Page, number: str) -> None:
    page.keyboard.type(number, delay=5)
    page.keyboard.press("Enter")


def test_scan_confirms_nobody_and_goes_to_its_own_record(
    page: Page, complaints: list[str], clinic: Flask, address: str
) -> None:
    (shown, first), (other, second) = _order(clinic, 2, drawn=False)
    sign_in_as(page, address, "phlebotomist")
    page.goto(f"{address}/cases/{shown}/draw")
    expect(page.get_by_role("button", name="It is this person: go on")).to_be_focused()
    _scan(page, second)  # the label of the next in the queue
    page.wait_for_url(f"{address}/cases/{other}")
    with clinic.app_context(), read_unit() as unit:
        assert unit.execute(select(IdentityCheck)).first() is None, f"a scan said that {first} was there"
    page.goto(f"{address}/cases/{shown}/draw")
    expect(page.get_by_role("button", name="It is this person: go on")).to_be_focused()
    page.keyboard.press("Enter")  # a hand's Enter does what it did
    page.wait_for_url(f"{address}/cases/{shown}/draw")
    assert complaints == []


def test_scan_chooses_no_result_in_a_list_and_goes_to_its_row(
    page: Page, complaints: list[str], clinic: Flask, address: str
) -> None:
    _order(clinic, 3, drawn=True)
    with clinic.app_context(), read_unit() as unit:
        tubes = list(unit.execute(select(Specimen.number).order_by(Specimen.id)).scalars())
        orders = list(unit.execute(select(LabOrder.id).where(LabOrder.test == TEST).order_by(LabOrder.id)).scalars())
    sign_in_as(page, address, "labtech")
    page.goto(f"{address}/laboratory/bench/{TEST}")
    page.wait_for_load_state("networkidle")
    fields = [page.locator(f"#v-{order}") for order in orders]
    expect(fields[0]).to_be_focused()
    assert tubes[0].startswith("N"), "as Nonreactive does"
    _scan(page, tubes[2])
    expect(fields[2]).to_be_focused()
    page.keyboard.press("r")  # the first letter chooses, and Enter goes on
    page.keyboard.press("Enter")
    expect(page.locator(f"#f-{orders[2]}")).to_contain_text("Saved")
    expect(fields[0]).to_have_value("")
    with clinic.app_context(), read_unit() as unit:
        assert [row.value for row in unit.execute(select(LabResult)).scalars()] == ["reactive"]
    fields[2].focus()
    _scan(page, tubes[0])
    expect(fields[0]).to_be_focused()
    expect(fields[2]).to_have_value("reactive")
    assert complaints == []


def test_grid_warns_of_what_is_not_saved_and_of_nothing_else(
    page: Page, complaints: list[str], clinic: Flask, address: str
) -> None:
    """It asked whoever left whether to lose what was saved long ago, until nobody read the question."""
    _order(clinic, 1, drawn=True)
    with clinic.app_context(), write_unit():
        case = db.session.execute(select(Case)).unique().scalars().one()
        lab_order.order_test(case, "creatinine", _person("physician"), "contact")
        draw.draw(case, ["serum"], None, "", _person("phlebotomist"))
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    sign_in_as(page, address, "labtech")
    for value, unit, warns in (("88", "umol/L", False), ("abc", "umol/L", True), ("88", "umol/L", False)):
        page.goto(f"{address}/laboratory/bench/creatinine")
        page.wait_for_load_state("networkidle")
        page.get_by_label("Unit of the values to come").select_option(unit)
        field = page.locator(".grid__value")
        field.focus()
        field.press("Control+a")
        page.keyboard.type(value)
        page.keyboard.press("Enter")
        expect(page.locator("[id^=f-]")).to_contain_text("figures" if warns else "Saved")
        page.get_by_role("link", name="Laboratory by test").click()
        page.wait_for_url(f"{address}/laboratory/bench")
        assert asked == (["beforeunload"] if warns else []), value
        asked.clear()
    assert complaints == []
