"""The committed fonts cover what the demo, the catalogues and the forms may say; what they lack is refused by name."""

from __future__ import annotations

import hashlib

import pytest
from babel import Locale
from flask import Flask

from clinic.config import ROOT
from clinic.documents.font import HERE, list_faces, list_families, select_faces
from clinic.documents.glyph import UnprintableCharacter, ensure_printable, list_missing

FONTS = HERE / "fonts"


def test_committed_fonts_match_the_manifest_and_stay_small() -> None:
    expected = dict(line.split("  ")[::-1] for line in (FONTS / "MANIFEST.sha256").read_text().splitlines())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FONTS.iterdir()
             if path.name != "MANIFEST.sha256"}
    assert found == expected
    assert sum(path.stat().st_size for path in FONTS.glob("*.woff2")) < 2_000_000
    assert all((FONTS / f"LICENSE-{name}.txt").exists() for name in ("noto-sans", "noto-sans-sc", "noto-sans-math"))


def test_fonts_cover_every_name_of_the_demo() -> None:
    for path in sorted((ROOT / "clinic" / "demo").rglob("*.toml")):
        assert list_missing(path.read_text("utf-8")) == [], path.name


def test_fonts_cover_forms_catalogues_and_countries() -> None:
    for path in sorted((ROOT / "clinic" / "programmes").rglob("*")):
        if path.suffix in (".toml", ".json", ".csv"):
            assert list_missing(path.read_text("utf-8")) == [], path.name
    assert list_missing("".join(Locale("en").territories.values())) == []


def test_fonts_cover_nearly_all_common_chinese_characters() -> None:
    common = [bytes([row, cell]).decode("gb2312", "ignore") for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF)]
    assert len(list_missing("".join(common))) < 10


@pytest.mark.parametrize("character", ["ꦲ", "𓀀", "🙂", "\x07", "毖"])
def test_character_without_a_font_is_named(app: Flask, character: str) -> None:
    assert list_missing(f"Grace {character}{character}") == [character]
    with pytest.raises(UnprintableCharacter) as refused:
        ensure_printable({"the site": ["Clinic"], "the applicant's name": [None, "Grace", f"Wan{character}jiru"]})
    assert f"U+{ord(character):04X}" in refused.value.message
    assert "the applicant's name" in refused.value.message
    assert "Grace" not in refused.value.message and "Wan" not in refused.value.message


def test_signs_that_only_steer_text_pass() -> None:
    assert list_missing("a\u200db\u2067c\u2069\n\tव\u094d\u200dय") == []


def test_only_faces_that_a_text_needs_are_chosen_latin_first() -> None:
    assert {face.family for face in select_faces("Grace 1991")} == {"Clearway Latin"}
    chosen = [face.family for face in select_faces("Łucja 李明 ✓")]
    assert chosen[0] == "Clearway Latin" and chosen[-1] == "Clearway Sc"
    assert list_families()[0] == "Clearway Latin"
    assert len({(face.family, face.weight) for face in list_faces()}) == len(list_faces())
