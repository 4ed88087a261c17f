"""The texts people consent to, one file a language (clinic/programmes/reference/consent), and who must sign them."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale

from clinic.errors import Misconfigured

FOLDER = Path(__file__).resolve().parent / "programmes" / "reference" / "consent"
SIGNERS = FOLDER.with_name("consent_signer.toml")
SOURCE_LANGUAGE = "en"
DEMONSTRATION = "Demonstration text"  # begins the notice of the text that nobody has approved
_SENTENCES = ("notice", "title", "declaration", "declaration_for")


@dataclass(frozen=True)
class ConsentText:
    """One language's whole text; `{clinic}` and `{authority}` in it are filled in on the page."""

    language: str  # BCP 47
    version: str
    approved_on: date
    notice: str
    title: str
    declaration: str
    declaration_for: str  # by a parent, guardian or representative
    parts: tuple[tuple[str, str], ...]  # heading, text
    labels: dict[str, str]
    sha256: str  # of the file

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return str(Locale.parse(self.language, sep="-").text_direction)


@dataclass(frozen=True)
class SignerRule:
    """Who signs for a destination, with its source."""

    rule: str
    minor_below: int  # completed years
    witness: bool
    says: str
    source: str
    since: date


@cache
def list_consent_texts(folder: Path = FOLDER) -> dict[str, ConsentText]:
    """Every language in which the whole present text exists; one of an older version is not offered any more.

    Raises Misconfigured naming the file that lacks a part: half a translation is never shown.
    """
    source = _read(folder / f"{SOURCE_LANGUAGE}.toml")
    texts = {SOURCE_LANGUAGE: _build(folder / f"{SOURCE_LANGUAGE}.toml", source)}
    for path in sorted(folder.glob("*.toml")):
        found = _read(path)
        if path.stem == SOURCE_LANGUAGE or found.get("version") != source["version"]:
            continue
        _ensure_whole(path, found, source)
        texts[path.stem] = _build(path, found)
    return texts


def find_own_text(spoken: str) -> ConsentText | None:
    """The text in a spoken language (BCP 47), regions aside; None when there is no whole one."""
    texts = list_consent_texts()
    return texts.get(spoken) or texts.get(spoken.split("-")[0])


def choose_text(spoken: str, wanted: str | None = None) -> ConsentText:
    """The text to show: the `wanted` one, else in the spoken language, else wholly in English."""
    return list_consent_texts().get(wanted or "") or find_own_text(spoken) or list_consent_texts()[SOURCE_LANGUAGE]


def get_signer_rule(programme: str, on: date) -> SignerRule:
    """Who signs for this destination on a day. Raises Misconfigured when no row says so."""
    rows = [row for row in _list_rules("signer") if programme in row["programmes"] and row["from"] <= on]
    if not rows:
        raise Misconfigured(f"Add who signs the consent for {programme} to consent_signer.toml.")
    row = max(rows, key=lambda one: one["from"])
    return SignerRule(row["rule"], row["minor_below"], row["witness"], row["says"], row["source"], row["from"])


@dataclass(frozen=True)
class GuardianRule:
    """Below which age a guardian must be recorded, with its source."""

    rule: str
    below: int  # completed years
    says: str
    source: str
    since: date


def get_guardian_rule(on: date) -> GuardianRule:
    """The rule of a day. Raises Misconfigured when no row says so."""
    rows = [row for row in _list_rules("guardian") if row["from"] <= on]
    if not rows:
        raise Misconfigured("Add from which age a guardian is recorded to consent_signer.toml.")
    row = max(rows, key=lambda one: one["from"])
    return GuardianRule(row["rule"], row["below"], row["says"], row["source"], row["from"])


@cache
def _list_rules(kind: str) -> tuple[dict[str, Any], ...]:
    return tuple(tomllib.loads(SIGNERS.read_text(encoding="utf-8"))[kind])


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _ensure_whole(path: Path, found: dict[str, Any], source: dict[str, Any]) -> None:
    missing = [name for name in _SENTENCES if not str(found.get(name, "")).strip()]
    missing += [f"labels.{name}" for name in source["labels"] if not found.get("labels", {}).get(name, "").strip()]
    for name in source["part"]:
        part = found.get("part", {}).get(name, {})
        missing += [f"part.{name}.{field}" for field in ("heading", "text") if not part.get(field, "").strip()]
    if missing or found.get("language") != path.stem or set(found["part"]) != set(source["part"]):
        raise Misconfigured(f"Complete {path.name}: {', '.join(missing) or 'language or parts differ'}.")


def _build(path: Path, found: dict[str, Any]) -> ConsentText:
    order = list(_read(path.with_name(f"{SOURCE_LANGUAGE}.toml"))["part"])
    return ConsentText(
        language=found["language"], version=found["version"], approved_on=found["approved_on"],
        **{name: found[name] for name in _SENTENCES}, labels=found["labels"],
        parts=tuple((found["part"][name]["heading"], found["part"][name]["text"]) for name in order),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
