"""A physician's second factor outside the demonstration, from the first sign-in to a signature, in Chromium.

The phone is pyotp, the key Chromium's virtual authenticator (a USB key with a PIN).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from clinic import clock
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import db, write_unit
from tests.browser.server import serve
from tests.factory import PASSWORD
from tests.features.look import look
from tests.us_case import make_complete_case, make_staff
from wsgi import create_app

pytestmark = pytest.mark.browser
KEY = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True,
       "isUserVerified": True, "automaticPresenceSimulation": True}
LIE_OVER_EACH_OTHER = """() => {
  const boxes = [...document.querySelectorAll('.recovery-codes code')].map((code) => code.getBoundingClientRect());
  const card = document.querySelector('.card').getBoundingClientRect();
  const markers = 30;  // a list's numbers stand before its lines, in no box of their own
  return boxes.some((one) => one.right > card.right || boxes.some((other) => one !== other &&
    one.left < other.right + markers && other.left - markers < one.right && one.top < other.bottom - 1 &&
    other.top + 1 < one.bottom));
}"""


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """No demonstration; a case waits for its signature."""
    made = create_app(settings)
    yield made
    with made.app_context():
        db.engine.dispose()
        audit_engine().dispose()


@pytest.fixture
def work(app: Flask) -> tuple[str, str]:
    """(the physician's address, the case)."""
    with app.app_context(), write_unit():
        staff = make_staff()
        return staff.physician.email, make_complete_case(staff).id


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """Its address, by a name: passkeys belong to names."""
    with serve(app) as where:
        named = where.replace("127.0.0.1", "localhost")
        app.config["CLEARWAY"] = replace(app.config["CLEARWAY"], base_url=named)
        yield named


def give_password(page: Page, site: str, email: str) -> None:
    page.goto(f"{site}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_from_the_first_sign_in_to_a_signature(
    page: Page, browser: Browser, complaints: list[str], site: str, work: tuple[str, str]
) -> None:
    email, case_id = work
    page.goto(f"{site}/sign-in")
    look(page, "second-factor-sign-in")

    with clock.stopped_at(clock.now()):  # a code is good for its half minute, however busy the machine
        give_password(page, site, email)
        expect(page.get_by_role("heading", level=1)).to_have_text("Set up your second factor")
        look(page, "second-factor-first")
        page.goto(f"{site}/cases/{case_id}/sign")
        expect(page.get_by_role("heading", level=1)).to_have_text("Set up your second factor")
        page.get_by_role("button", name="Set up an app").click()
        look(page, "second-factor-app")
        phone = pyotp.TOTP(page.locator(".sign-in__key").inner_text().replace(" ", ""))
        page.get_by_label("Code that the app shows now").fill(phone.at(clock.now() - timedelta(seconds=30)))
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".recovery-codes li")).to_have_count(10)
        assert not page.evaluate(LIE_OVER_EACH_OTHER), "shown this once, so each can be read"
        codes = page.locator(".recovery-codes code").all_inner_texts()
        look(page, "second-factor-recovery-codes")
        page.get_by_role("link", name="I have kept them: go on").click()
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()

        page.get_by_role("button", name="Sign out").click()
        give_password(page, site, email)
        look(page, "second-factor-second-step")
        code = phone.at(clock.now())
        page.get_by_label("Code of your authenticator app").fill(code)
        page.keyboard.press("Enter")
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()

        other = browser.new_context().new_page()
        give_password(other, site, email)
        other.get_by_label("Code of your authenticator app").fill(code)
        other.keyboard.press("Enter")
        expect(other.locator(".govuk-error-summary")).to_contain_text("was used already")
        look(other, "second-factor-replay")
        other.context.close()

    tool = page.context.new_cdp_session(page)
    tool.send("WebAuthn.enable")
    stick = tool.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]
    page.get_by_role("link", name="Test Physician").click()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("Fill in the field above first.")).to_be_visible()
    assert not tool.send("WebAuthn.getCredentials", {"authenticatorId": stick})["credentials"], "none is left"
    expect(page.get_by_label("Name of the new passkey")).to_be_focused()
    page.keyboard.type("blue key")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    page.get_by_label("Name of the new passkey").fill("the same key")
    page.keyboard.press("Enter")  # beside a button that removes the first
    expect(page.get_by_text("This key is registered for you already.")).to_be_visible()
    expect(page.locator(".passkeys bdi").first).to_have_text("blue key")
    expect(page.locator(".passkeys li")).to_have_count(1)
    look(page, "second-factor-own")
    tool.send("WebAuthn.setUserVerified", {"authenticatorId": stick, "isUserVerified": False})  # the PIN is not given
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("Nothing was read: the question was closed")).to_be_visible()
    tool.send("WebAuthn.setUserVerified", {"authenticatorId": stick, "isUserVerified": True})
    with clock.stopped_at(clock.now() + timedelta(minutes=6)):  # who acts is asked again, before a key is made
        page.reload()
        page.get_by_label("Name of the new passkey").fill("third key")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_text("Fill in the field above first.")).to_be_visible()
        expect(page.locator("#key_password")).to_be_focused()
        page.keyboard.type(PASSWORD)
        page.locator("form", has=page.locator("#key_password")).get_by_text("No phone or key at hand?").click()
        page.locator("#key_recovery_code").fill(codes[0])  # instead of the code: the key is asked for next
        page.keyboard.press("Enter")
        expect(page.get_by_text("This key is registered for you already.")).to_be_visible()
    page.reload()
    link = page.get_by_role("link", name="Where I am signed in").bounding_box()
    card = page.locator(".card", has=page.get_by_role("heading", name="Recovery codes")).bounding_box()
    assert link and card and card["y"] - link["y"] - link["height"] >= 12, "the link keeps off the card below it"
    page.get_by_role("link", name="Change your password").click()
    look(page, "second-factor-password")
    page.goto(site)

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()

    page.goto(f"{site}/cases/{case_id}/sign")
    page.get_by_label("I accept the proposal").check()
    page.get_by_label("I declare this").check()
    page.get_by_role("button", name="Sign the exam").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("Enter your password.")
    page.get_by_label("I accept the proposal").check()
    page.get_by_label("I declare this").check()
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_text("Your passkey was read.")).to_be_visible()
    look(page, "second-factor-signing")
    page.get_by_role("button", name="Sign the exam").click(timeout=120_000)  # the answer comes once the PDF is printed
    expect(page.get_by_text("The exam is signed and queued for delivery.")).to_be_visible(timeout=60_000)
    page.keyboard.press("Alt+l")
    expect(page.get_by_role("heading", name="The screen is locked")).to_be_visible()
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("heading", name="Signed exam")).to_be_visible()


def test_new_password_page_is_accessible(page: Page, complaints: list[str], site: str) -> None:
    page.goto(f"{site}/sign-in")
    page.get_by_role("link", name="I forgot my password, or have a code").click()
    word = page.locator(".strength")
    page.get_by_label("E-mail address").fill("jane.otieno@clinic.example")
    for typed, said in (("short", "at least 12 characters"), ("password1234", "common or easy to guess"),
                        ("jane.otieno12", "contains your name or address"),
                        ("seven brass lamps on a river", "Very hard to guess.")):
        page.get_by_label("New password", exact=True).fill(typed)
        expect(word).to_contain_text(said)
        assert typed not in page.url
    look(page, "second-factor-new-password")
    page.get_by_label("New password", exact=True).fill("")
    expect(word).to_be_hidden()
