"""No page offers a way that its reader may not go: every link that a role is shown opens."""

from __future__ import annotations

import re
from collections import Counter, deque
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic.db import db
from clinic.models import Case, Site
from clinic.permissions import ROLES
from tests.factory import make_user
from tests.sign_in import meet, sign_in
from tests.world import World, build_world

LINK = re.compile(r'(?:href|hx-get)="(/[^"#]*)')
ALIKE = 2  # addresses of the same route with the same arguments that are followed
ENDS_SESSION = ("security.logout", "static")


@pytest.fixture
def world(app: Flask) -> World:
    return build_world()


@pytest.mark.parametrize("role", ROLES)
def test_every_link_that_a_role_is_shown_opens(app: Flask, world: World, role: str) -> None:
    reader = make_user(role, db.session.get_one(Site, world.site_id), name=f"Reader {role}")
    meet(db.session.get_one(Case, world.case_id), reader)
    db.session.commit()
    client = sign_in(app, reader)
    assert "\n".join(_follow(app, client, _list_pages(app, world))) == ""


def _list_pages(app: Flask, world: World) -> list[str]:
    """Every page there is, of the world's cases; which of them are for the reader shows when they are opened."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())
             and rule.endpoint not in ENDS_SESSION and set(rule.arguments) <= set(world.values)]
    return sorted({world.address(app, rule) for rule in rules})


def _follow(app: Flask, client: FlaskClient, pages: list[str]) -> list[str]:
    """The links that do not open, and where they stand; on `pages`, and as far as they lead."""
    waiting, known = deque(pages), set(pages)
    answers: dict[str, int] = {}
    offered: dict[str, str] = {}
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
            found += LINK.findall(answer.get_data(as_text=True))
        for link in map(unescape, found):
            if link.startswith("/"):
                offered.setdefault(link, address)
                if link not in known:
                    known.add(link)
                    waiting.append(link)
    assert len(known) > len(pages), "no page has a link"
    return [f"{link}: {answers[link]}, offered on {page}" for link, page in offered.items()
            if answers.get(link, 0) >= 400]


def _find_kind(app: Flask, address: str) -> tuple[str, ...]:
    """The route and the names of the arguments of an address."""
    parts = urlsplit(address)
    endpoint, _given = app.url_map.bind("localhost").match(parts.path)
    return endpoint, *sorted(name for name, _value in parse_qsl(parts.query))
