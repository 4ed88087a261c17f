"""Checks what rule files refer to: the reference tables, an authority's numbered findings, and the forms."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from clinic.rules.programme import FOREVER, LONG_AGO
from clinic.rules.shape import NESTED, NUMBERED_FINDING, REFERENCE, is_kind, list_faults, list_tables
from clinic.rules.source import Problem, Reference, Source

CATEGORIES_OF_FINDING = ("normal", "suggests-tb", "follow-up", "minor")
BY_HAND = "by hand"  # a test that nothing orders by itself


def check_reference(folder: Path, root: Path) -> tuple[Reference, list[Problem]]:
    """The reference files, and the problems in them."""
    coded = Source(folder / "country_code.csv", root)
    countries = frozenset(line.strip() for line in coded.lines[1:])
    problems: list[Problem] = list(coded.problems)
    sound: dict[str, dict[str, Any]] = {}
    for name, (table, keys) in REFERENCE.items():
        source = Source(folder / name, root)
        sound[name] = _list_sound_rows(source, table, keys)
        if name == "finding.toml":
            _check_findings(source, sound[name])
        elif name == "test.toml":
            _check_tests(source, sound[name])
        elif name == "vaccine_line.toml":
            _check_vaccines(source, sound[name])
        problems += source.problems
    for name, ways in NESTED.items():
        problems += _check_nested(Source(folder / name, root), ways)
    for name in ("tb_incidence_who.csv", "uk_tb_country.csv", "ca_designated_event.csv", "au_schedule.csv"):
        problems += _check_countries(Source(folder / name, root), countries)
    return Reference(frozenset(sound["exam.toml"]), frozenset(sound["finding.toml"]), countries), problems


def _list_sound_rows(source: Source, table: str, keys: str) -> dict[str, Any]:
    """The rows of a reference file without a fault of shape, by their table's name or their place; faults are noted."""
    data = source.parse_toml() or {}
    rows: Any = data.get(table, []) if table else data
    if not isinstance(rows, list if table else dict) or not rows:
        source.add(1, f"has no [[{table}]]" if table else "is empty")
        return {}
    if table and len(data) > 1:
        source.add(1, f"unknown tables or keys {', '.join(sorted(data.keys() - {table}))}")
    sound: dict[str, Any] = {}
    named: Iterable[tuple[Any, Any]] = rows.items() if isinstance(rows, dict) else enumerate(rows)
    for place, (name, row) in enumerate(named):
        faults = list(list_faults(row, keys))
        for key, fault in faults:
            line = source.find_line(table or name, place if table else 0, key)
            source.add(line, f"{table or 'table'} {name}: {fault}")
        if not faults:
            sound[str(name)] = row
    return sound


def _check_nested(source: Source, ways: Mapping[str, str]) -> list[Problem]:
    """Every table that a way leads to has the keys of that way."""
    data = source.parse_toml()
    for way, keys in ways.items() if data is not None else ():
        for name, place, table in list_tables(data or {}, way):
            for key, fault in list_faults(table, keys):
                line = source.find_line(name, place, key) if name else _find_top_line(source, key)
                source.add(line, f"{name or 'file'}: {fault}")
    return source.problems


def _find_top_line(source: Source, key: str) -> int:
    """The line of a key, or of a table of that name or within it; the first line for what is missing."""
    return next((number for number, line in enumerate(source.lines, 1)
                 if re.match(rf"(\[\[?)?{re.escape(key)}\b", line)), 1)


def _check_findings(source: Source, rows: dict[str, Any]) -> None:
    for code, row in rows.items():
        if row["category"] not in CATEGORIES_OF_FINDING or row["grade"] not in ("A", "B"):
            source.add(source.find_line(code, 0), f"finding {code} has an unknown category or grade")


def _check_tests(source: Source, rows: dict[str, Any]) -> None:
    """A test that follows another, or has its codes, names one that there is, and a value that it can have."""
    for name, row in rows.items():
        if row.get("repeats", name) not in rows:
            source.add(source.find_line(name, 0, "repeats"), f"test {name}: unknown test {row['repeats']}")
        if not set(row.get("significant", ())) <= set(row.get("values", ())):
            source.add(source.find_line(name, 0, "significant"), f"test {name}: significant is no value of it")
        after = row.get("asked_after", [BY_HAND])
        if after != [BY_HAND] and not (len(after) == 2 and after[1] in rows.get(str(after[0]), {}).get("values", ())):
            source.add(source.find_line(name, 0, "asked_after"), f"test {name}: asked_after is no test with its value")


def _check_countries(source: Source, countries: frozenset[str]) -> list[Problem]:
    for number, row in enumerate(csv.DictReader(source.lines), 2):
        if row.get("iso3") not in countries:
            source.add(number, f"unknown country code {row.get('iso3')}")
        if "source" in row and not row["source"]:
            source.add(number, f"{row['iso3']} has no source")
        if "valid_from" in row and not _is_day(row["valid_from"]):
            source.add(number, f"{row['valid_from']} is not a day")
    return source.problems


def _is_day(text: str | None) -> bool:
    try:
        return date.fromisoformat(text or "") is not None
    except ValueError:
        return False


def _check_vaccines(source: Source, rows: dict[str, Any]) -> None:
    """On no day and at no age may two rows of one line hold; ages are whole days, months or years."""
    seen: list[tuple[Any, ...]] = []
    for place, row in rows.items():
        line = source.find_line("line", int(place))
        for key in ("at_least", "below", "through"):
            for unit, count in row.get(key, {}).items():
                if unit not in ("days", "months", "years") or not is_kind(count, int):
                    source.add(line, f"vaccine line {row['name']}: {key} is not a number of days, months or years")
        first, last, ages = row.get("from", LONG_AGO), row.get("until", FOREVER), str(row["at_least"])
        for name, other_first, other_last, other_ages in seen:
            if name == row["name"] and ages == other_ages and first <= other_last and other_first <= last:
                source.add(line, f"vaccine line {name} overlaps itself")
        seen.append((row["name"], first, last, ages))


def check_numbered_findings(source: Source, reference: Reference) -> list[Problem]:
    """An authority's own numbered findings: each once, each read as a known common code."""
    seen: set[str] = set()
    for place, row in _list_sound_rows(source, "finding", NUMBERED_FINDING).items():
        if row["common"] not in reference.findings:
            source.add(source.find_line("finding", int(place), "common"), f"unknown code {row['common']}")
        if row["code"] in seen:
            source.add(source.find_line("finding", int(place), "code"), f"code {row['code']} is given twice")
        seen.add(row["code"])
    return source.problems


def check_form(source: Source) -> list[Problem]:
    """A form is a FHIR Questionnaire whose linkIds are all there and all different."""
    try:
        data = json.loads(source.text)
    except json.JSONDecodeError as error:
        source.add(error.lineno, f"is not JSON: {error.msg}")
        return source.problems
    except (ValueError, RecursionError):
        source.add(1, "is not JSON that can be read")
        return source.problems
    if not isinstance(data, dict) or data.get("resourceType") != "Questionnaire":
        source.add(1, "is not a FHIR Questionnaire")
        return source.problems
    seen: set[str] = set()
    for item in _list_items(data):
        link = item.get("linkId")
        if link is not None and not isinstance(link, str):
            source.add(1, f"linkId {link!r} is no text")
        elif not link or link in seen:
            line = next((n for n, text in enumerate(source.lines, 1) if f'"{link}"' in text), 1)
            source.add(line, f"linkId {link} is given twice" if link else "an item has no linkId")
        seen.add(str(link))
    return source.problems


def _list_items(node: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    items = node.get("item", ())
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item
            yield from _list_items(item)
