"""A film from the radiographer's upload to the radiologist's report, in Chromium: viewer by keys, buttons, drag."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from clinic.db import db, read_unit, write_unit
from clinic.demo.film import JPEGLosslessSV1
from clinic.demo.phantom import Chest
from clinic.demo.walk import ensure_consent
from clinic.models import User, XrayReading
from clinic.services.plausibility import get_today
from tests.factory import make_applicant, make_case
from tests.features.look import look, sign_in_as
from tests.film import make_film
from tests.sign_in import meet

PERSON = {"family_name": "Wanjiru", "given_names": "Grace Achieng", "birth_date": "1991-01-05"}
MAIN = "[data-pane=main]"
# How much of the picture in the middle of the canvas is bright, 0 to 255 on average.
BRIGHTNESS = """(canvas) => {
  const { width, height } = canvas;
  const copy = Object.assign(document.createElement("canvas"), { width, height });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const data = context.getImageData(width * 0.3, height * 0.3, width * 0.4, height * 0.4).data;
  let sum = 0;
  for (let place = 0; place < data.length; place += 4) sum += data[place];
  return sum / (data.length / 4);
}"""


@pytest.fixture
def films(clinic: Flask, tmp_path: Path) -> dict[str, Any]:
    """A case, and films on disk: hers, an older one of hers, and a man's."""
    with clinic.app_context():
        with write_unit() as unit:
            clerk = unit.execute(select(User).where(User.email == "reception@test.example")).unique().scalar_one()
            radiographer = unit.execute(
                select(User).where(User.email == "radiographer@test.example")).unique().scalar_one()
            case = make_case("us", make_applicant(clerk, **PERSON), clerk)
            meet(case, radiographer)
            ensure_consent(case, clerk)
            case_id, today = case.id, get_today(case)
        db.session.remove()
    written = {
        "own": make_film(syntax=JPEGLosslessSV1, taken_on=today, side=440, chest=Chest(finding="infiltrate")),
        "prior": make_film(taken_on=today - timedelta(days=730), chest=Chest(seed=3)),
        "wrong": make_film(taken_on=today, name="OTIENO^PETER", sex="M", chest=Chest(seed=5)),
    }
    for name, content in written.items():
        (tmp_path / f"{name}.dcm").write_bytes(content)
    return {"case": case_id, **{name: str(tmp_path / f"{name}.dcm") for name in written}}


def _send(page: Page, *files: str) -> None:
    ask = page.get_by_role("link", name="Send films: confirm who is in front of you")
    if ask.is_visible():
        ask.click()
        page.get_by_role("button", name="It is this person: go on").click()
    page.set_input_files("#films", list(files))
    page.get_by_role("button", name="Send", exact=True).click()


def _wait_for_pixels(page: Page) -> None:
    expect(page.locator("[data-said]")).to_contain_text("full detail")


def _see(page: Page) -> float:
    page.wait_for_timeout(60)  # two frames
    return float(page.locator(MAIN).evaluate(BRIGHTNESS))


def test_film_travels_from_upload_to_report(
    page: Page, clinic: Flask, address: str, films: dict[str, Any], complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "radiographer")
    page.goto(f"{address}/cases/{films['case']}/xray")
    _send(page, films["own"], films["prior"])
    expect(page.get_by_text("Received as a prior film")).to_be_visible()
    look(page, "film-received")
    sign_in_as(page, address, "radiologist")
    page.goto(f"{address}/cases/{films['case']}/xray")
    expect(page.get_by_role("button", name="Sign the reading")).to_be_enabled()
    _wait_for_pixels(page)
    expect(page.locator("[data-said]")).to_contain_text("WANJIRU, GRACE ACHIENG")
    page.get_by_label("Infiltrate or consolidation").check()
    look(page, "film-reading")
    page.get_by_role("button", name="Sign the reading").click()
    expect(page.get_by_text("The reading is recorded.")).to_be_visible()
    with clinic.app_context(), read_unit() as unit:
        reading = unit.execute(select(XrayReading)).scalar_one()
        assert reading.film is not None and reading.film.taken_on == reading.taken_on
        db.session.remove()


def test_viewer_obeys_keys_buttons_and_drag(
    page: Page, address: str, films: dict[str, Any], complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "radiographer")
    page.goto(f"{address}/cases/{films['case']}/xray")
    _send(page, films["own"], films["prior"])
    _wait_for_pixels(page)
    said, film = page.locator("[data-said]"), page.locator(MAIN)
    plain = _see(page)
    film.focus()
    page.keyboard.press("]")
    lighter = _see(page)
    assert lighter > plain + 3
    page.keyboard.press("i")
    assert _see(page) < lighter - 20
    expect(said).to_contain_text("inverted")
    page.keyboard.press("r")
    expect(said).to_contain_text("turned 90°")
    page.keyboard.press("+")
    expect(said).to_contain_text("zoom 125 %")
    page.keyboard.press("Backspace")
    expect(said).to_contain_text("window 2300 / 2800 · zoom 100 %")
    assert abs(_see(page) - plain) < 1
    page.get_by_role("button", name="Darker").click()
    assert _see(page) < plain - 3
    page.get_by_label("Window", exact=True).select_option("lung")
    expect(said).to_contain_text("window 1684 / 1680")
    box = film.bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 200)
    page.mouse.up()
    expect(said).not_to_contain_text("window 1684 / 1680")


def test_single_keys_can_be_switched_off_and_act_only_on_the_film(
    page: Page, address: str, films: dict[str, Any], complaints: list[str]
) -> None:
    sign_in_as(page, address, "radiographer")
    page.goto(f"{address}/cases/{films['case']}/xray")
    _send(page, films["own"])
    _wait_for_pixels(page)
    said = page.locator("[data-said]")
    page.keyboard.press("i")
    expect(said).not_to_contain_text("inverted")
    page.get_by_role("checkbox", name="Single keys").uncheck()
    page.locator(MAIN).focus()
    page.keyboard.press("i")
    expect(said).not_to_contain_text("inverted")
    before = _see(page)
    page.keyboard.press("ArrowLeft")
    assert _see(page) != before


def test_distance_and_the_film_beside_it(
    page: Page, address: str, films: dict[str, Any], complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "radiographer")
    page.goto(f"{address}/cases/{films['case']}/xray")
    _send(page, films["own"], films["prior"])
    _wait_for_pixels(page)
    film, said = page.locator(MAIN), page.locator("[data-said]")
    page.get_by_role("button", name="Measure").click()
    expect(said).to_contain_text("Click the first point.")
    box = film.bounding_box()
    assert box
    side = min(box["width"], box["height"])  # the square phantom of 400 mm fills the shorter side
    for share in (0.25, 0.75):
        film.click(position={"x": box["width"] / 2 + (share - 0.5) * side, "y": box["height"] / 2})
    expect(said).to_contain_text("200.")
    expect(said).to_contain_text("at the detector")
    page.get_by_label("Beside it", exact=True).select_option(index=2)
    beside = page.locator("[data-pane=beside]")
    expect(beside).to_be_visible()
    page.wait_for_timeout(400)
    assert float(beside.evaluate(BRIGHTNESS)) > 40


def test_film_of_another_person_shows_its_red_bar_and_is_not_offered(
    page: Page, clinic: Flask, address: str, films: dict[str, Any], complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "radiographer")
    page.goto(f"{address}/cases/{films['case']}/xray")
    _send(page, films["wrong"])
    _wait_for_pixels(page)
    expect(page.locator("[data-said]")).to_contain_text("Not as in the case: name, sex")
    red = page.locator(MAIN).evaluate(
        "(canvas) => [...canvas.getContext('2d').getImageData(canvas.width - 12, 6, 1, 1).data].slice(0, 3)")
    assert red == [168, 30, 23]
    look(page, "film-quarantine")
    sign_in_as(page, address, "radiologist")
    page.goto(f"{address}/cases/{films['case']}/xray")
    expect(page.locator("[data-viewer]")).to_have_count(0)
    page.get_by_role("link", name="Look at the film").click()
    page.get_by_label("It is this person's film").check()
    page.get_by_label("Because").fill("photo and console compared, name typed wrong")
    page.get_by_role("button", name="Save the decision").click()
    expect(page.get_by_text("The film may be read now.")).to_be_visible()
    _wait_for_pixels(page)
    expect(page.locator("[data-said]")).to_contain_text("Not as in the case")


def test_refused_file_is_answered_in_words(
    page: Page, address: str, films: dict[str, Any], tmp_path: Path, complaints: list[str]
) -> None:
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7 not a film")
    sign_in_as(page, address, "radiographer")
    page.goto(f"{address}/cases/{films['case']}/xray")
    _send(page, str(tmp_path / "scan.pdf"), films["own"])
    expect(page.get_by_text("This is no DICOM file.")).to_be_visible()
    expect(page.get_by_text("Received; ready to be read.")).to_be_visible()
    look(page, "film-refused")


def test_report_waits_until_the_film_is_up(
    page: Page, clinic: Flask, address: str, films: dict[str, Any], complaints: list[str]
) -> None:
    sign_in_as(page, address, "radiographer")
    page.goto(f"{address}/cases/{films['case']}/xray")
    _send(page, films["own"])
    _wait_for_pixels(page)
    sign_in_as(page, address, "radiologist")
    held: list[Route] = []
    page.route("**/films/*/preview", lambda route: held.append(route))
    page.route("**/films/*/full", lambda route: held.append(route))
    page.goto(f"{address}/cases/{films['case']}/xray", wait_until="domcontentloaded")
    button = page.get_by_role("button", name="Sign the reading")
    expect(button).to_be_disabled()
    for route in held:
        route.continue_()
    expect(button).to_be_enabled()
