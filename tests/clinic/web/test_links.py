"""No page offers what its reader may not do: every link that a role is shown opens, every form may be sent."""

from __future__ import annotations

import re
from collections import Counter, deque
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from clinic.db import db
from clinic.models import Case, Site
from clinic.permissions import ROLES, Permission, permissions_of
from tests.factory import make_user
from tests.kept_world import KeptWorld
from tests.sign_in import meet, sign_in
from tests.world import World

FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)
BUTTON = re.compile(r"<button\b([^>]*)>")
PLACE = re.compile(r'\b(?:form)?action="([^"#?]*)')
LINK = re.compile(r'(?:href|hx-get)="(/[^"#]*)')
ALIKE = 2  # addresses of the same route with the same arguments that are followed
ENDS_SESSION = ("security.logout", "static")


@pytest.fixture(scope="module")
def kept_world(
    prepared_database: str, database_kind: str, test_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> KeptWorld:
    url = prepared_database if database_kind == "postgresql" else ""
    return KeptWorld(test_folder, tmp_path_factory.mktemp("world") / "kept", url)


@pytest.fixture
def world(app: Flask, kept_world: KeptWorld) -> World:
    """The same for each role, and nothing that another role's reader left behind."""
    return kept_world.give()


@pytest.mark.parametrize("role", ROLES)
def test_every_link_that_a_role_is_shown_opens_and_every_form_may_be_sent(app: Flask, world: World, role: str) -> None:
    reader = make_user(role, db.session.get_one(Site, world.site_id), name=f"Reader {role}")
    meet(db.session.get_one(Case, world.case_id), reader)
    db.session.commit()
    held = permissions_of(reader)
    client = sign_in(app, reader)
    assert "\n".join(_follow(app, client, _list_pages(app, world), held)) == ""


def _list_pages(app: Flask, world: World) -> list[str]:
    """Every page there is, of the world's cases; which of them are for the reader shows when they are opened."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())
             and rule.endpoint not in ENDS_SESSION and set(rule.arguments) <= set(world.values)]
    return sorted({world.address(app, rule) for rule in rules})


def _follow(app: Flask, client: FlaskClient, pages: list[str], held: frozenset[Permission]) -> list[str]:
    """The links that do not open and the forms that are not for the reader, on `pages` and as far as links lead."""
    waiting, known = deque(pages), set(pages)
    answers: dict[str, int] = {}
    offered: dict[str, str] = {}
    sent: dict[str, str] = {}
    followed: Counter[tuple[str, ...]] = Counter()
    while waiting:
        address = waiting.popleft()
        kind = _find_kind(app, address)
        followed[kind] += 1
        if kind[0] in ENDS_SESSION or (address in offered and followed[kind] > ALIKE):
            continue
        answer = client.get(address)
        answers[address] = answer.status_code
        found = [answer.location] if answer.location else []
        if answer.mimetype == "text/html":
            text = answer.get_data(as_text=True)
            found += LINK.findall(text)
            for place in _list_places(text, urlsplit(address).path) if answer.status_code == 200 else ():
                sent[place] = address
        for link in map(unescape, found):
            if link.startswith("/"):
                offered.setdefault(link, address)
                if link not in known:
                    known.add(link)
                    waiting.append(link)
    assert len(known) > len(pages) and sent, "no page has a link, or a form"
    refused = [f"{link}: {answers[link]}, offered on {page}" for link, page in offered.items()
               if answers.get(link, 0) >= 400]
    return refused + [f"{place}: a form for others, on {page}" for place, page in sent.items()
                      if not _may_send(app, place, held)]


def _list_places(text: str, path: str) -> set[str]:
    """Where the buttons that a reader sees send the forms of a page to."""
    places = set()
    for form, content in FORM.findall(text):
        if 'method="post"' in form:
            for button in BUTTON.findall(content):
                if 'type="button"' not in button and not re.search(r"\bhidden\b", button):
                    place = PLACE.search(button) or PLACE.search(form)
                    places.add(unescape(place[1]) if place and place[1] else path)
    return places


def _may_send(app: Flask, place: str, held: frozenset[Permission]) -> bool:
    try:
        endpoint, _given = app.url_map.bind("localhost").match(place, method="POST")
    except HTTPException:
        return False
    needed = getattr(app.view_functions[endpoint], "permission", ())
    return isinstance(needed, str) or not needed or not held.isdisjoint(needed)


def _find_kind(app: Flask, address: str) -> tuple[str, ...]:
    """The route and the names of the arguments of an address."""
    parts = urlsplit(address)
    endpoint, _given = app.url_map.bind("localhost").match(parts.path)
    return endpoint, *sorted(name for name, _value in parse_qsl(parts.query))
