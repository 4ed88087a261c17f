"""Blood from the chair to a validated result, and a correction after the signature; each on the real screens."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from clinic.db import db, write_unit
from clinic.models import Case, LabOrder, LabResult, ResultStatus, Specimen, User
from clinic.services import lab_order
from tests.factory import make_applicant, make_case
from tests.features.look import go_to, look, sign_in_as
from tests.fhir import story
from tests.sign_in import give_consent

pytestmark = pytest.mark.browser


def _person(role: str) -> User:
    return db.session.execute(select(User).where(User.email == f"{role}@test.example")).scalar_one()


def _open_cases(clinic: Flask, count: int) -> list[tuple[str, str]]:
    """(id, number) of cases for which a physician asked for haemoglobin, with consent."""
    found = []
    for number in range(count):
        with clinic.app_context(), write_unit():
            case = make_case("us", make_applicant(_person("reception"), given_names=f"Grace{number}"),
                             _person("reception"))
            lab_order.order_test(case, "haemoglobin", _person("physician"), "pale")
            give_consent(case)
            found.append((case.id, case.number))
    return found


def test_blood_from_the_draw_to_the_validated_result(
    page: Page, complaints: list[str], clinic: Flask, address: str
) -> None:
    cases = _open_cases(clinic, 3)
    sign_in_as(page, address, "phlebotomist")
    page.goto(f"{address}/laboratory/collection")
    look(page, "collection")
    for case_id, number in cases:
        page.goto(f"{address}/laboratory/collection")
        page.get_by_label("Scan or type").fill(number)
        page.keyboard.press("Enter")  # as the scanner ends
        page.get_by_role("button", name="It is this person: go on").click()
        page.wait_for_url(f"{address}/cases/{case_id}/draw")
        if case_id == cases[0][0]:
            look(page, "draw")
        page.get_by_role("button", name="Record and give numbers").click()
        expect(page.get_by_role("heading", name="Specimens", exact=True)).to_be_visible()
    look(page, "specimens")
    with page.expect_download() as download:
        page.get_by_role("button", name="Print labels").click()
    assert download.value.suggested_filename.endswith(".pdf")
    expect(page.get_by_text("were made: print the file.")).to_be_visible()
    expect(page.get_by_text("not yet")).to_have_count(0)  # the page is shown anew
    _tick_by_scanning(page, clinic, address)

    with clinic.app_context():
        tubes = [row.number for row in db.session.query(Specimen).filter(Specimen.tube == "edta").order_by(Specimen.id)]
        orders = [row.id for row in db.session.query(LabOrder).filter(LabOrder.test == "haemoglobin")
                  .order_by(LabOrder.id)]
    _receive(page, address, tubes)
    _enter(page, address, tubes, orders)
    _validate(page, address)
    with clinic.app_context():
        rows = db.session.query(LabResult).order_by(LabResult.id).all()
        assert [(row.value, row.status) for row in rows if row.is_current] == [
            ("13.0", ResultStatus.FINAL), ("12.8", ResultStatus.FINAL), ("6.1", ResultStatus.FINAL)]
    assert complaints == []


def _tick_by_scanning(page: Page, clinic: Flask, address: str) -> None:
    """Labels are ticked by scanning them; one that is not in the list says so and loses nothing."""
    with clinic.app_context():
        numbers = [row.number for row in db.session.query(Specimen).order_by(Specimen.id)][:2]
    page.goto(f"{address}/laboratory/specimens")
    word = page.locator("[data-tick-word]")
    for number, said in ((numbers[0], "is ticked."), ("NBO-S-999999", "is not in this list"),
                         (numbers[1].replace("-", "").lower(), "is ticked."), (numbers[0], "was ticked already.")):
        expect(page.get_by_label("Scan a label to tick it")).to_be_focused()
        page.keyboard.insert_text(number)
        page.keyboard.press("Enter")  # as the scanner ends
        expect(word).to_contain_text(said)
        if number == "NBO-S-999999":
            look(page, "specimens-scanned")
    for number in numbers:
        expect(page.get_by_role("checkbox", name=number)).to_be_checked()
    expect(page.locator("input.tick:checked")).to_have_count(2)
    page.get_by_role("link", name="On to the hand-over").press("Enter")
    expect(page.get_by_label("To whom, or where")).to_be_focused()
    page.keyboard.press("Enter")  # hands over, which is refused without a place; it does not tick
    expect(page.locator(".govuk-error-summary")).to_contain_text("Say to whom they go.")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    expect(page.locator("input.tick:checked")).to_have_count(2)


def _lose_one_answer(page: Page, address: str) -> None:
    """The second scan finds no connection at first."""
    lost: list[Route] = []

    def answer(route: Route) -> None:
        if route.request.method == "POST" and "NBOS999999X" in (route.request.post_data or "") and not lost:
            lost.append(route)
            route.abort()
        else:
            route.continue_()

    page.route(f"{address}/laboratory/receipt", answer)


def _receive(page: Page, address: str, tubes: list[str]) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{address}/laboratory/receipt")
    _lose_one_answer(page, address)
    scans = [tubes[0], "NBOS999999X", *tubes[1:], tubes[0].lower()]
    for scan in scans:  # as fast as a scanner types: nobody waits for an answer
        page.keyboard.type(scan.replace("-", ""))
        page.keyboard.press("Enter")
    lines = page.locator(".scans__line")
    expect(page.get_by_text("3 received, 2 not")).to_be_visible(timeout=20_000)
    expect(lines).to_have_count(len(scans))
    expect(lines.first).to_contain_text(f"{tubes[0]} was received already.")  # newest first
    expect(lines.nth(len(scans) - 2)).to_contain_text("No specimen of this site has this number")
    for place, tube in ((1, tubes[2]), (2, tubes[1]), (4, tubes[0])):
        expect(lines.nth(place)).to_contain_text(tube)
        expect(lines.nth(place)).to_contain_text("Received.")
    expect(page.get_by_label("Scan the label")).to_be_focused()
    expect(page.get_by_role("row", name=re.compile(tubes[2]))).to_be_visible()  # the table below follows by itself
    page.get_by_role("heading", name="Receipt").click()  # whoever clicked beside the field scans on all the same
    page.keyboard.type("NBOS999998")
    expect(page.get_by_label("Scan the label")).to_have_value("NBOS999998")
    page.get_by_label("Scan the label").fill("")
    look(page, "receipt")
    page.get_by_role("row", name=re.compile(tubes[0])).get_by_role("link", name=re.compile("Look")).click()
    expect(page.get_by_role("table", name="Hand-overs").get_by_role("row")).to_have_count(3)
    look(page, "specimen")


def _enter(page: Page, address: str, tubes: list[str], orders: list[str]) -> None:
    """Three rows without the mouse; a scan goes to its row, and never into a value."""
    page.goto(f"{address}/laboratory/bench")
    look(page, "bench")
    page.get_by_role("link", name="Haemoglobin", exact=True).click()
    page.wait_for_load_state()  # before the scripts are there, Enter saves the whole form
    unit = page.get_by_label("Unit of the values to come")
    expect(unit).to_be_focused()
    page.set_viewport_size({"width": 320, "height": 900})
    lines = page.locator("td[data-label='Range'] bdi").evaluate_all(
        "(ranges) => ranges.map((one) => one.getClientRects().length)")
    assert lines == [1] * 6, "a number and its unit stay together"
    page.set_viewport_size({"width": 1366, "height": 900})
    fields = [page.locator(f"#v-{order}") for order in orders]
    fields[0].focus()
    page.keyboard.type("13.0")
    page.keyboard.press("Enter")
    expect(fields[1]).to_be_focused()
    expect(page.locator(f"#f-{orders[0]}")).to_contain_text("Choose the unit")
    unit.select_option("g/dL")  # what was refused for want of it is saved now
    expect(page.locator(f"#f-{orders[0]}")).to_contain_text("Saved")
    fields[1].focus()
    expect(page.locator(f"#f-{orders[0]}")).to_contain_text("Saved")
    page.keyboard.type(tubes[2].replace("-", ""))
    page.keyboard.press("Enter")
    expect(page.locator(f"#f-{orders[1]}")).to_contain_text("number of a label, not a result")
    expect(fields[1]).to_be_focused()
    page.keyboard.type("12.8")  # in place of the number, which is chosen
    expect(fields[1]).to_have_value("12.8")
    page.keyboard.press("ArrowDown")
    expect(fields[2]).to_be_focused()
    expect(page.locator(f"#f-{orders[1]}")).to_contain_text("Saved")
    page.keyboard.type("6.1")
    page.keyboard.press("ArrowUp")
    expect(fields[1]).to_be_focused()
    caution = page.locator(f"#f-{orders[2]}")
    expect(caution).to_contain_text("very unusual")
    look(page, "grid")
    caution.get_by_role("checkbox").click()  # it is gone as soon as the row is saved
    expect(caution).to_contain_text("Call now")
    page.get_by_label("Scan a label to go to its row").fill(tubes[0].replace("-", "").lower())
    page.keyboard.press("Enter")
    expect(fields[0]).to_be_focused()
    page.reload()
    assert [field.input_value() for field in fields] == ["13.0", "12.8", "6.1"], "each row its own value"


def _validate(page: Page, address: str) -> None:
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{address}/laboratory/bench/haemoglobin?state=confirm")
    look(page, "grid-confirm")
    page.get_by_role("button", name="Tick every normal result").click()
    page.get_by_role("button", name="Confirm the ticked results").click()
    expect(page.get_by_text("2 results are confirmed.")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Open")).click()
    look(page, "critical")
    page.get_by_label("Whom you told").fill("Dr N. Wambui, ward 2")
    page.get_by_label("The value was read back to me").check()
    page.get_by_role("button", name="Record the call").click()
    page.get_by_role("button", name="Confirm: it agrees with the report").click()
    expect(page.get_by_text("Haemoglobin is confirmed.")).to_be_visible()


def test_correction_after_the_signature_reaches_the_physician(
    page: Page, complaints: list[str], clinic: Flask, address: str
) -> None:
    with clinic.app_context(), write_unit():
        case_id = story.sign_clean({role: _person(role) for role in (
            "reception", "nurse", "phlebotomist", "labtech", "labsupervisor", "radiographer", "radiologist",
            "physician", "tbteam")}, "us").id
    case = f"{address}/cases/{case_id}"
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/laboratory")
    page.get_by_role("link", name="Syphilis, nontreponemal").click()
    page.get_by_role("link", name="Correct this result").click()
    page.get_by_label("Reactive", exact=True).check()
    page.get_by_label("Why is it corrected?").fill("two tubes were exchanged")
    page.get_by_role("button", name="Save the correction").click()
    expect(page.get_by_text("it stands until a physician amends it")).to_be_visible()
    look(page, "correction-after-signing")
    sign_in_as(page, address, "physician")
    page.goto(case)
    expect(page.get_by_text("two tubes were exchanged")).to_be_visible()
    page.goto(f"{address}/tasks")
    expect(page.get_by_role("link", name="Signed exam to amend", exact=True)).to_be_visible()
    with clinic.app_context():
        signed = db.session.get_one(Case, case_id)
        assert signed.state.value in ("signed", "submitted", "acknowledged")
    assert complaints == []


def test_confidential_result_is_opened_with_a_reason(
    page: Page, complaints: list[str], clinic: Flask, address: str
) -> None:
    with clinic.app_context(), write_unit():
        case_id = make_case("ca", user=_person("reception")).id
    go_to(page, f"{address}/sign-in")
    sign_in_as(page, address, "nurse")
    page.goto(f"{address}/cases/{case_id}/confidential")
    look(page, "confidential")
    page.get_by_label("Counselling before the test").check()
    page.get_by_label("Yes", exact=True).check()
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("table", name=re.compile("Counselling"))).to_contain_text("agreed")
    page.get_by_label("To counsel the applicant").check()
    page.get_by_role("button", name="Open for half an hour").click()
    assert complaints == []
