"""A minute of `make fuzz`: a fixed seed and a fixed number of inputs for every door, and nothing may break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask

from tests.fuzz.doors import DOORS, SHARES, load_door
from tests.fuzz.harness import Door, Finding, cut, only_loopback, run_door
from tests.fuzz.screen import BEFORE, NO_FORM, QUERIES, list_rules
from tests.postgresql import start_postgresql

SEED = 20261129
ON_DATABASE = ("decisions", "fhir", "lines", "results", "screens")


def _open(name: str, folder: Path, url: str = "") -> Any:
    door = load_door(name)(folder, url)
    tally = None
    with only_loopback(), door.opened():
        tally = run_door(door, SEED, iter(range(door.count)))
    assert not tally.found, "\n".join(str(found) for found in tally.found)
    assert door.least <= set(tally.words), f"the inputs are too much alike: {tally}"
    return door


@pytest.fixture
def server(database_kind: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, or nothing for SQLite."""
    if database_kind == "sqlite":
        yield ""
    else:
        with start_postgresql(tmp_path) as url:
            yield url


@pytest.mark.parametrize("name", [name for name in DOORS if name not in ON_DATABASE])
def test_door_withstands(name: str, tmp_path: Path) -> None:
    assert not load_door(name).on_database
    _open(name, tmp_path)


@pytest.mark.parametrize("name", ON_DATABASE)
def test_door_with_database_withstands(name: str, server: str, tmp_path: Path) -> None:
    assert load_door(name).on_database
    _open(name, tmp_path, server)


def test_every_form_of_the_house_is_aimed_at(app: Flask) -> None:
    """By name, in the door `screens`, unless another door tries it or nobody's page has a form for it."""
    posts = {rule.endpoint for rule in list_rules(app, "POST")}
    elsewhere = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())} - posts
    assert elsewhere == {"fhir.search_by_form", "smart.grant_token", "api_decision.create",
                         "api_laboratory_result.create"}, "which door tries it?"
    assert set(NO_FORM) <= posts
    assert set(BEFORE) | set(BEFORE.values()) <= posts
    assert set(QUERIES) <= {rule.endpoint for rule in list_rules(app, "GET")}


def test_every_door_has_its_time_in_a_run_over_all() -> None:
    assert sorted(name for share in SHARES for name in share) == sorted(DOORS)


class Trap(Door):
    """Breaks over one letter."""

    name = "trap"

    def draw(self, chance: Random, number: int) -> Any:
        return "".join(chance.choices("abc", k=200))

    def ask(self, given: Any) -> str:
        if "abca" in given:
            raise Finding("abca")
        return "well"


def test_finding_is_told_once_small_and_repeatable(tmp_path: Path) -> None:
    tally = run_door(Trap(tmp_path), 1, iter(range(50)))
    assert [found.given for found in tally.found] == ["'abca'"]
    again = run_door(Trap(tmp_path), 1, iter((tally.found[0].number,)))
    assert again.found == tally.found
    assert "--door trap --seed 1 --number" in tally.found[0].command


def test_input_that_never_ends_is_a_finding(tmp_path: Path) -> None:
    class Endless(Trap):
        hang = 0.05

        def ask(self, given: Any) -> str:
            while given:
                pass
            return "over"

    assert "no answer within" in run_door(Endless(tmp_path), 1, iter(range(1))).found[0].what


def test_pieces_of_every_kind_are_left_out() -> None:
    assert list(cut("abc")) == ["c", "ab", "bc", "ac", "ab"]
    assert {"a": "x"} in list(cut({"a": "x", "b": [1]}))
    assert [("a", "b")] in list(cut([("a", "b"), ("c", "d")]))
