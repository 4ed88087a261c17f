"""What a page weighs on the wire, in bytes as Chromium received them: a slow line is the rule in many clinics."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page

from bench.population import GIVEN, name_of
from clinic.clock import now
from clinic.db import read_unit, write_unit
from clinic.key import new_id
from clinic.models import Applicant, Case, CaseState, Sex, User
from clinic.models.user import Role
from clinic.web.seek import seal_words
from tests.sign_in import sign_in

FIRST_VISIT, LATER = 60 * 1024, 10 * 1024  # bytes (screens.md, section 6)
ROWS = 60  # more than a page of a list holds
LISTS = ("/", "/cases", "/cases?state=any", "/today", "/applicants", "/applicants/new", "/laboratory", "/deliveries")
OF_A_CASE = ("", "/circumstances", "/laboratory", "/xray", "/sputum", "/vaccination", "/sign", "/consent")


class Scale:
    """Weighs what a page and everything it loads brings in."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self._bytes = 0
        session = context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._add)

    def _add(self, event: dict[str, float]) -> None:
        self._bytes += int(event["encodedDataLength"])

    def weigh(self, url: str) -> tuple[int, int]:
        """Status of the page and bytes received until the network is quiet."""
        self.page.goto("about:blank")  # going where one already is would be a reload, which asks for the icon again
        self._bytes = 0
        answer = self.page.goto(url, wait_until="networkidle")
        assert answer is not None
        return answer.status, self._bytes


@pytest.fixture
def case_id(clinic: Flask) -> str:
    """One of sixty open cases with keys and names as unlike as real ones."""
    rng, moment = random.Random(5), now()
    with clinic.app_context(), write_unit() as session:
        user = session.query(User).filter_by(email="physician@test.example").one()
        user.roles = session.query(Role).all()  # every page
        for number in range(ROWS):
            family, given = name_of(rng.randrange(GIVEN * 1000))
            person = Applicant(
                site_id=user.site_id, number=f"NBO-A-{number:06}", family_name=family.upper(),
                given_names=given.title(),
                search_name=f"{family} {given}", birth_date=f"{rng.randrange(1950, 2020)}-03-0{rng.randrange(1, 10)}",
                sex=Sex.FEMALE, citizenship="KEN", residence="KEN", language="en", registered_at=moment,
                registered_by_id=user.id,
            )  # fmt: skip
            session.add(person)
            session.flush()
            last = Case(
                id=new_id(), site_id=user.site_id, number=f"NBO-26-{rng.randrange(10**6):06}", applicant_id=person.id,
                programme="us", category="IV", authority_id="us", state=CaseState.IN_PROGRESS,
                opened_at=moment - dt.timedelta(hours=number), opened_by_id=user.id, updated_at=moment,
                progress="to-do", progress_detail=rng.choice(("chest-xray", "medical-exam", "igra")),
            )  # fmt: skip
            session.add(last)
        session.flush()
        return last.id


@pytest.fixture
def cookie(clinic: Flask, case_id: str) -> dict[str, str]:
    """Name and value of that physician's session."""
    with clinic.app_context():
        with write_unit() as session:
            user = session.query(User).filter_by(email="physician@test.example").one()
        kept = sign_in(clinic, user).get_cookie(clinic.config["SESSION_COOKIE_NAME"])
    assert kept is not None
    return {"name": kept.key, "value": kept.value}


@contextmanager
def _browse(browser: Browser, address: str, cookie: dict[str, str] | None = None) -> Iterator[Scale]:
    """A browser with an empty cache; signed in with a cookie."""
    context = browser.new_context()
    if cookie:
        context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": address}])
    yield Scale(context)
    context.close()


def test_later_visits_of_every_main_page_are_light(
    clinic: Flask, browser: Browser, address: str, cookie: dict[str, str], case_id: str
) -> None:
    heavy, seen = {}, 0
    with clinic.app_context():
        with read_unit() as session:
            user = session.query(User).filter_by(email="physician@test.example").one()
        found = "/search?q=" + seal_words(user.id, "kamo")
    with _browse(browser, address, cookie) as scale:
        for path in (*LISTS, found, *(f"/cases/{case_id}{place}" for place in OF_A_CASE)):
            scale.weigh(address + path)  # brings what this kind of page loads once
            status, weight = scale.weigh(address + path)
            seen += status == 200
            if weight > LATER:
                heavy[path] = weight
        assert scale.weigh(f"{address}/cases")[1] > 1000  # the scale does weigh
        assert scale.page.locator("tbody tr").count() == 50
    assert heavy == {}
    assert seen == len(LISTS) + 1 + len(OF_A_CASE)


def test_first_visits_are_light_wherever_they_begin(
    browser: Browser, address: str, cookie: dict[str, str], case_id: str
) -> None:
    for path in ("/cases", "/today", "/applicants/new", f"/cases/{case_id}/sign", f"/cases/{case_id}/xray"):
        with _browse(browser, address, cookie) as scale:
            status, weight = scale.weigh(address + path)
        assert status == 200, path
        assert 5000 < weight <= FIRST_VISIT, path
    with _browse(browser, address) as scale:
        status, weight = scale.weigh(f"{address}/sign-in")
    assert status == 200
    assert 5000 < weight <= FIRST_VISIT


def test_static_file_depends_on_no_cookie(clinic: Flask, cookie: dict[str, str], case_id: str) -> None:
    with clinic.app_context():
        client = clinic.test_client()
        client.set_cookie(cookie["name"], cookie["value"])
        answer = client.get("/static/clinic.css?v=1")
        assert answer.headers["Vary"] == "Accept-Encoding"  # with Cookie, a browser asks again at each new one
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" in client.get("/cases").headers["Vary"]
