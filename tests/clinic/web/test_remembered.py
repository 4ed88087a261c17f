"""Pieces of pages that are kept: what one reader got never stands in another's page, and no token is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clinic.memo import Memo
from clinic.services.visit import check_in
from clinic.web.presentation import TEMPLATES
from clinic.web.remembered import REMEMBERED
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.seek import seek
from tests.sign_in import sign_in

PATHS = ("/", "/cases", "/cases?state=any", "/today", "/tasks", "/search", "/my-sign-in", "/laboratory")
VARYING = re.compile(r'nonce="[^"]*"|value="Im[^"]*"|data-(?:page|csrf|id)="[^"]*"')
BLOCK = re.compile(r'call remembered\("([^"]+)"(.*?)%}(.*?){%-? endcall', re.DOTALL)
INCLUDED = re.compile(r'{% include "([^"]+)" %}')
FRESH = re.compile(r'fresh\("\w+"\)|fresh_csrf_field\(\)')  # put in anew for each page
# Words of templates that stand for something of this request, this person or this moment.
OF_THE_MOMENT = ("csrf", "nonce", "token", "flash", "session_id", "mark_page", "rows", "count",
                 "request.", "current_user")


def read(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    return VARYING.sub("", f"{answer.status_code} {answer.get_data(as_text=True)}")


@pytest.fixture
def readers(app: Flask) -> list[FlaskClient]:
    """People who differ in everything that a page's frame says of its reader."""
    home, far = make_site(), make_site("KSM", name="Kisumu <annex>")
    clerk = make_user("reception", home)
    case = make_case("us", make_applicant(clerk, family_name="Wanjiru"), clerk)
    check_in(case, clerk)
    people = [make_user("reception", home, name="Ann"), make_user("physician reception", home, name="Ann"),
              make_user("labtech", home, name="Bea", language="fr"), make_user("labsupervisor", far, language="ar"),
              make_user("admin", far, name="Ann"), make_user("quality", home, name="D\"Arc & <b>")]
    return [sign_in(app, one) for one in people]


def test_page_is_the_same_as_one_made_anew_whoever_came_before(app: Flask, readers: list[FlaskClient]) -> None:
    app.extensions[REMEMBERED] = Memo(1000)
    for client in (*readers, *reversed(readers)):  # everybody after everybody else's pieces are kept
        for path in PATHS:
            client.get(path)
    kept = [[read(client, path) for path in PATHS] for client in readers]
    del app.extensions[REMEMBERED]
    assert kept == [[read(client, path) for path in PATHS] for client in readers]
    assert len({pages[1] for pages in kept}) == len(readers)


def test_kept_pieces_hold_nothing_typed_and_no_token(app: Flask, readers: list[FlaskClient]) -> None:
    memo = app.extensions[REMEMBERED] = Memo(1000)
    client = readers[1]
    for page, typed in (("/cases", {"from": "nonsense"}), ("/cases", {"programme": "us", "category": "IV"}),
                        ("/search", {})):
        assert "Zanzibar" in seek(client, page, q="Zanzibar", **typed).get_data(as_text=True)
    client.get("/cases")
    kept = " ".join(f"{key} {text}" for key, text in memo._kept.items())
    assert "Find a case" in kept and "Zanzibar" not in kept
    assert "nonce=" in kept and "data-page=" in kept
    assert not re.search(r'(?:nonce|csrf_token" value|data-page|data-csrf|data-id)="(?!%\()', kept)
    assert not re.search(r'"\.?[\w-]+\.[\w-]{5,8}\.[\w-]{20,}"', kept)


def test_what_is_fresh_is_asked_for_each_page_in_a_piece_within_a_piece_too(app: Flask) -> None:
    numbers = iter(range(100))
    app.jinja_env.globals["draw"] = lambda: f"{next(numbers)}<%"
    source = ('{% call remembered("out", 1) %}100% {{ fresh("draw") }}'
              '{% call remembered("in", 1) %} {{ fresh("draw") }}{% endcall %}{% endcall %}')
    with app.test_request_context():
        said = [app.jinja_env.from_string(source).render() for _turn in range(3)]
    assert said == [f"100% {number}&lt;% {number}&lt;%" for number in range(3)]


def list_blocks() -> Iterator[tuple[str, str, str]]:
    for path in sorted(Path(TEMPLATES).rglob("*.html")):
        for found in BLOCK.finditer(path.read_text()):
            body = INCLUDED.sub(lambda one: (TEMPLATES / one[1]).read_text(), found[3])
            yield found[1], found[2], FRESH.sub("", body)


def test_every_piece_has_a_name_of_its_own_and_names_nothing_of_the_moment() -> None:
    blocks = list(list_blocks())
    names = [name for name, _inputs, _body in blocks]
    assert len(names) > 6 and len(names) == len(set(names))
    for name, inputs, body in blocks:
        codes = re.findall(r"{[{%].*?[}%]}", body)
        found = [word for word in OF_THE_MOMENT if word not in inputs and any(word in code for code in codes)]
        assert not found, f"{name} names {found}"
