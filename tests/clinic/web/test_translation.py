"""Catalogues: every text of the frame, the macros and the sign-in pages is extracted and translated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from clinic.config import ROOT
from clinic.web.language import TRANSLATIONS, list_languages
from tests.browser.gallery import create_gallery

LANGUAGES = [language for language in list_languages() if language != "en"]
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "_l": None, "N_": None, "ngettext": (1, 2)}
METHODS = [("**.html", "jinja2")]
FRAME = ("base.html", "public.html", "error.html", "macros/", "security/")


def list_texts() -> Iterator[tuple[str, object]]:
    """(template, text) for everything marked for translation under templates/."""
    options = {"**.html": {"extensions": "jinja2.ext.do", "silent": "false"}}
    for name, _line, text, _comments, _context in extract_from_dir(
        ROOT / "templates", METHODS, options, KEYWORDS  # type: ignore[arg-type]
    ):
        yield name, text


def read_catalogue(language: str) -> Catalog:
    """The catalogue as translators edit it."""
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def test_two_languages_beside_english_are_there_and_one_runs_right_to_left() -> None:
    assert {"ar", "fr"} <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_frame_and_macros_are_translated(language: str) -> None:
    catalogue = read_catalogue(language)
    texts = [text for name, text in list_texts() if name.startswith(FRAME)]
    assert len(texts) > 60
    missing = [text for text in texts if not (found := catalogue.get(text)) or not found.string]  # type: ignore[arg-type]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_is_that_of_the_source(language: str) -> None:
    source = {_key(message.id): _key(message.string) for message in read_catalogue(language) if message.id}
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        compiled = {_key(message.id): _key(message.string) for message in read_mo(file) if message.id}
    assert compiled == source


def _key(text: object) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_places_for_values(language: str) -> None:
    catalogue = read_catalogue(language)
    assert [(message.id, errors) for message, errors in catalogue.check()] == []


def test_page_speaks_the_users_language_before_the_browsers() -> None:
    client = create_gallery().test_client()
    assert 'lang="ar" dir="rtl"' in client.get("/list?language=ar", headers={"Accept-Language": "fr"}).text
    assert 'lang="fr" dir="ltr"' in client.get("/list", headers={"Accept-Language": "fr-CH, en;q=0.5"}).text
    assert 'lang="en" dir="ltr"' in client.get("/list", headers={"Accept-Language": "xx"}).text


def test_right_to_left_page_takes_the_mirrored_style_sheet() -> None:
    client = create_gallery().test_client()
    assert "app.rtl.css" in client.get("/list?language=ar").text
    assert "app.rtl.css" not in client.get("/list").text
