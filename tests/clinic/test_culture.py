"""What the cultures of one specimen say together."""

from __future__ import annotations

from datetime import date

import pytest

from clinic.culture import Clock, Culture, Medium, combine, list_clocks, list_open_media

DAY, LATER = date(2026, 5, 1), date(2026, 5, 20)


def _rows(*said: tuple[str, str | None, date]) -> list[Medium]:
    return [Medium(*each) for each in said]


@pytest.mark.parametrize(("rows", "media", "found"), [
    ([], (), Culture("pending", None)),
    (_rows(("negative", None, DAY)), (), Culture("negative", DAY)),
    (_rows(("negative", "liquid", DAY)), (), Culture("pending", None)),
    (_rows(("negative", "liquid", DAY)), ("liquid",), Culture("negative", DAY)),
    (_rows(("negative", "liquid", DAY), ("negative", "solid", LATER)), (), Culture("negative", LATER)),
    (_rows(("mtb", "liquid", DAY)), ("liquid", "solid"), Culture("mtb", DAY)),
    (_rows(("mtb", "liquid", LATER), ("negative", "solid", DAY)), (), Culture("mtb", LATER)),
    (_rows(("ntm", "liquid", DAY)), (), Culture("pending", None)),
    (_rows(("ntm", "liquid", DAY), ("contaminated", "solid", LATER)), (), Culture("ntm", LATER)),
    (_rows(("contaminated", "liquid", DAY), ("negative", "solid", LATER)), (), Culture("negative", LATER)),
    (_rows(("contaminated", "liquid", DAY), ("contaminated", "solid", DAY)), (), Culture("contaminated", DAY)),
    (_rows(("inconclusive", "liquid", DAY), ("negative", "solid", DAY)), (), Culture("inconclusive", DAY)),
    (_rows(("positive", "liquid", DAY), ("negative", "solid", DAY)), (), Culture("pending", None)),
    (_rows(("positive", None, DAY)), (), Culture("pending", None)),
])
def test_media_say_together(rows: list[Medium], media: tuple[str, ...], found: Culture) -> None:
    assert combine(rows, media) == found


def test_open_media() -> None:
    assert list_open_media([], ()) == [None]
    assert list_open_media(["liquid"], ()) == ["solid"]
    assert list_open_media([None], ("liquid", "solid")) == []
    assert list_open_media([], ("solid",)) == ["solid"]


def test_clocks_run_each_to_its_own_end() -> None:
    assert list_clocks(DAY, [], ("liquid", "solid"), LATER) == [Clock("liquid", 19, 42), Clock("solid", 19, 56)]
