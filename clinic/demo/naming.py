"""How people of an origin are named: its lists of names and the custom that joins them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

_HERE = Path(__file__).parent
_T = TypeVar("_T")


class Word(NamedTuple):
    """One name as in the passport and in its own script, paired by hand."""

    latin: str
    native: str


class Entry(NamedTuple):
    """One name of a list: its form for a man and for a woman, and the patronymics made from it."""

    male: Word
    female: Word
    patronymic: tuple[str, str]

    def form(self, sex: str) -> Word:
        """The form for that sex."""
        return self.female if sex == "female" else self.male


class Kin(NamedTuple):
    """Whom somebody is named after."""

    father: Entry
    grandfather: Entry
    paternal: Entry
    maternal: Entry


class FullName(NamedTuple):
    """A whole name; the native parts are None where the origin has no other spelling."""

    family: str
    given: str
    native_family: str | None
    native_given: str | None


@dataclass(frozen=True)
class Place:
    """Where somebody lives."""

    iso3: str
    phone: str
    cities: tuple[str, ...]
    streets: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """One file of `origin/`; shares are between 0 and 1."""

    iso3: str
    style: str
    language: str
    native_language: str | None
    passport: str
    home: Place
    residences: tuple[tuple[float, str], ...]  # cumulative share, country
    is_refugee: bool
    names: dict[str, tuple[Entry, ...]]
    single_name: float
    second_given: float
    wife_takes_name: float
    first_january: float
    year_only: float


def pick(rng: Random, choices: Sequence[_T]) -> _T:
    """One of them; quicker than Random.choice."""
    return choices[int(rng.random() * len(choices))]


@cache
def list_origins() -> tuple[Origin, ...]:
    """All origins, in the order of their file names."""
    return tuple(
        _to_origin(tomllib.loads(path.read_text("utf-8"))) for path in sorted((_HERE / "origin").glob("*.toml"))
    )


@cache
def get_place(iso3: str) -> Place:
    """The cities and streets of a country of residence; KeyError when no file knows it."""
    for origin in list_origins():
        if origin.iso3 == iso3:
            return origin.home
    return _to_place(iso3, tomllib.loads((_HERE / "place.toml").read_text("utf-8"))[iso3])


def _to_place(iso3: str, table: dict[str, Any]) -> Place:
    return Place(iso3, table["phone"], _split(table["cities"]), _split(table["streets"]))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in (part.strip() for part in text.replace("\n", " ").split(",")) if part)


def _to_origin(table: dict[str, Any]) -> Origin:
    total, residences = 0.0, []
    for country, share in table["residence"].items():
        total += share
        residences.append((total / 100, country))
    lists = ("male", "female", "family", "male_second", "female_second")
    return Origin(
        iso3=table["iso3"],
        style=table["style"],
        language=table["language"],
        native_language=table.get("native_language"),
        passport=table["passport"],
        home=_to_place(table["iso3"], table),
        residences=tuple(residences),
        is_refugee=table.get("refugee", False),
        names={key: tuple(_to_entry(text) for text in _split(table.get(key, ""))) for key in lists},
        single_name=table.get("single_name", 0),
        second_given=table.get("second_given", 0),
        wife_takes_name=table.get("wife_takes_name", 0),
        first_january=table.get("first_january", 0),
        year_only=table.get("year_only", 0),
    )


def _to_entry(text: str) -> Entry:
    """`Latin|own script|patronymics`, each `man/woman` where the two differ."""
    latin, native, patronymic = (*text.split("|"), "", "")[:3]
    latin_forms = latin.split("/") * 2
    native_forms = (native or latin).split("/") * 2
    patronymics = patronymic.split("/") * 2
    return Entry(
        Word(latin_forms[0], native_forms[0]),
        Word(latin_forms[1], native_forms[1]),
        (patronymics[0], patronymics[1]),
    )


def pick_kin(rng: Random, origin: Origin) -> Kin:
    """Forebears of somebody without known family."""
    men = origin.names["male"]
    families = origin.names["family"] or men
    father, grandfather = pick(rng, men), pick(rng, men)
    while grandfather is father:
        grandfather = pick(rng, men)
    return Kin(father, grandfather, pick(rng, families), pick(rng, families))


def pick_given(rng: Random, origin: Origin, sex: str) -> tuple[Entry, ...]:
    """The person's own names: one, or with a second where that is the custom; two to four words in Myanmar."""
    names = origin.names[sex]
    first = pick(rng, names)
    if origin.style == "burmese":
        return (first, *(pick(rng, names) for _ in range(1 + int(rng.random() * 2.4))))
    if origin.style != "vietnamese" and rng.random() >= origin.second_given:
        return (first,)
    second = pick(rng, origin.names[f"{sex}_second"] or names)
    return (first,) if second is first else (first, second)


Parts = tuple[Sequence[Word], Sequence[Word]]


def _name_by_family(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    return (kin.paternal.form(sex),), own


def _name_patrilineally(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    return (kin.grandfather.male,), (own[0], kin.father.male)


def _name_in_arabic(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    return (kin.paternal.male,), (own[0], kin.father.male)


def _name_in_spanish(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    return (kin.paternal.male, kin.maternal.male), own


def _name_in_portuguese(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    return (kin.maternal.male, kin.paternal.male), own


def _name_in_filipino(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    return (kin.paternal.male,), (*own, kin.maternal.male)


def _name_in_vietnamese(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    return (kin.paternal.male,), own[::-1]


def _name_in_burmese(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    return own, ()


def _name_with_patronymic(sex: str, own: Sequence[Word], kin: Kin) -> Parts:
    patronymic = kin.father.patronymic[sex == "female"]
    return (kin.paternal.form(sex),), (own[0], Word("", patronymic))


_STYLES: dict[str, Callable[[str, Sequence[Word], Kin], Parts]] = {
    "family": _name_by_family,
    "patrilineal": _name_patrilineally,
    "arab": _name_in_arabic,
    "spanish": _name_in_spanish,
    "portuguese": _name_in_portuguese,
    "philippine": _name_in_filipino,
    "vietnamese": _name_in_vietnamese,
    "burmese": _name_in_burmese,
    "patronymic": _name_with_patronymic,
}


def build_name(origin: Origin, sex: str, given: Sequence[Entry], kin: Kin, *, is_single: bool = False) -> FullName:
    """The whole name by the custom of the origin; a single name stands in the family name."""
    own = [entry.form(sex) for entry in given]
    family, names = (own[:1], ()) if is_single else _STYLES[origin.style](sex, own, kin)
    latin = [" ".join([word.latin for word in part if word.latin]) for part in (family, names)]
    native = [" ".join([word.native for word in part]) for part in (family, names)]
    if origin.native_language is None or native == latin:
        return FullName(latin[0], latin[1], None, None)
    return FullName(latin[0], latin[1], native[0], native[1] or None)
