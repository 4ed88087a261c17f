"""Checks every rule and form file of the programmes before anything is decided by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from clinic.rules.check_reference import check_form, check_numbered_findings, check_reference
from clinic.rules.decision import list_code_rules
from clinic.rules.programme import FOREVER, LONG_AGO, PROGRAMMES, to_age_range
from clinic.rules.requirement import COMPARE
from clinic.rules.shape import is_kind
from clinic.rules.signal import SIGNALS
from clinic.rules.source import Problem, Reference, Source

KINDS = ("require", "suggest", "follow-up", "gate", "exempt", "grade", "class", "validity", "number", "alert")
# table -> keys it must have, keys it may have
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "edition": (("id", "from", "change"), ("until",)),
    "category": (("code", "label", "source"), ("asks_stay", "vaccines", "confirmed")),
    "circumstance": (("word", "label", "question", "window", "rule", "source"), ("confirmed", "confidential")),
    "rule": (
        ("id", "kind", "says", "source"),
        ("confirmed", "from", "until", "exams", "category", "all", "any", "none", "found", "unless_found",
         "stay_months", "schedule", "burden", "numbers", "confidential"),
    ),
}
TYPES: dict[str, type | tuple[type, ...]] = {
    "from": date, "until": date, "exams": dict, "category": list, "all": list, "any": list, "none": list,
    "found": list, "unless_found": list, "stay_months": dict, "schedule": int, "burden": str, "numbers": dict,
    "confirmed": bool, "confidential": bool, "asks_stay": bool, "vaccines": bool,
}


def check_programmes(path: str | Path | None = None) -> list[Problem]:
    """Every problem in the files under `path` (default: the programmes shipped), by file and line."""
    root = Path(path) if path is not None else PROGRAMMES
    reference_folder = root / "reference" if (root / "reference").is_dir() else PROGRAMMES / "reference"
    if not root.is_dir():
        return [Problem(str(root), 1, "is not a folder")]
    reference, problems = check_reference(reference_folder, root)
    for folder in sorted(p for p in root.iterdir() if p.is_dir() and p.name not in ("reference", "__pycache__")):
        if not (folder / "rules.toml").exists():
            problems.append(Problem(f"{folder.name}/rules.toml", 1, "is missing"))
            continue
        problems += check_rule_file(Source(folder / "rules.toml", root), folder.name, reference)
        if (folder / "findings.toml").exists():
            problems += check_numbered_findings(Source(folder / "findings.toml", root), reference)
        for form in sorted(folder.glob("forms/*.json")):
            problems += check_form(Source(form, root))
    return sorted(problems)


# ------------------------------------------------------------------------------------------------------- rule files


def check_rule_file(source: Source, folder: str, reference: Reference) -> list[Problem]:
    """The problems of one `rules.toml`."""
    data = source.parse_toml()
    if data is None:
        return source.problems
    for key in ("programme", "name", "authority"):
        if not isinstance(data.get(key), str):
            source.add(1, f"lacks {key}")
    if data.get("programme") != folder:
        line = next((n for n, text in enumerate(source.lines, 1) if text.startswith("programme")), 1)
        source.add(line, f"programme is {data.get('programme')!r} but the folder is {folder}")
    for key in data:
        if key not in (*TABLES, "programme", "name", "authority"):
            source.add(source.find_line(key, 0), f"unknown table or key {key}")
    unsound = [table for table in TABLES if not _check_table(source, table, data.get(table, []))]
    if not unsound:
        _check_once(source, "category", "code", data["category"])
        _check_once(source, "circumstance", "word", data["circumstance"])
        _check_once(source, "edition", "id", data["edition"])
        _check_editions(source, data["edition"])
        for place, row in enumerate(data["rule"]):
            _check_rule(source, folder, place, row, data, reference)
        _check_versions(source, data["rule"])
        _check_code_rules(source, folder, data)
    return source.problems


def _check_table(source: Source, table: str, rows: Any) -> bool:
    must, may = TABLES[table]
    if not isinstance(rows, list) or not rows:
        source.add(1, f"has no [[{table}]]")
        return False
    sound = True
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            source.add(source.find_line(table, 0), f"{table}: {row!r} is no table")
            sound = False
            continue
        for key in must:
            value = row.get(key)
            if value is None or (isinstance(value, str) and not value.strip()):
                source.add(source.find_line(table, place, key), f"{_name(table, row)} has no {key}")
                sound = False
        for key, value in row.items():
            wrong = None
            if key not in must and key not in may:
                wrong = f"unknown key {key}"
            elif not is_kind(value, TYPES.get(key, str)):
                wrong = f"{key} has the wrong type"
            if wrong is not None:
                source.add(source.find_line(table, place, key), f"{_name(table, row)}: {wrong}")
                sound = False
    return sound


def _name(table: str, row: Mapping[str, Any]) -> str:
    name = next((row[key] for key in ("id", "code", "word", "name") if key in row), "")
    return f"{table} {name}".strip()


def _check_once(source: Source, table: str, key: str, rows: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for place, row in enumerate(rows):
        if row[key] in seen:
            source.add(source.find_line(table, place, key), f"{table} {row[key]} is given twice")
        seen.add(row[key])


def _check_editions(source: Source, rows: list[dict[str, Any]]) -> None:
    """Editions follow each other without overlap or gap; only the last is open."""
    for place, row in enumerate(rows):
        line = source.find_line("edition", place)
        if row.get("until", FOREVER) < row["from"]:
            source.add(line, f"edition {row['id']} ends before it begins")
        if place == 0:
            continue
        before = rows[place - 1].get("until")
        if before is None or row["from"] <= before:
            source.add(line, f"edition {row['id']} overlaps {rows[place - 1]['id']}")
        elif row["from"] != before + timedelta(days=1):
            source.add(line, f"edition {row['id']} leaves a gap after {rows[place - 1]['id']}")


def _check_rule(
    source: Source, folder: str, place: int, row: dict[str, Any], data: dict[str, Any], reference: Reference
) -> None:
    """One rule: every word, exam, category, signal and day it names must be known."""
    def note(key: str, message: str) -> None:
        source.add(source.find_line("rule", place, key), f"rule {row['id']}: {message}")

    if row["kind"] not in KINDS:
        note("kind", f"unknown kind {row['kind']}")
    if not row["id"].startswith(f"{folder}-"):
        note("id", f"the id must begin with {folder}-")
    words = {circumstance["word"] for circumstance in data["circumstance"]}
    for key in ("all", "any", "none"):
        for word in _list_unknown(row.get(key, ()), words):
            note(key, f"unknown circumstance {word}")
    for code in _list_unknown(row.get("category", ()), {c["code"] for c in data["category"]}):
        note("category", f"unknown category {code}")
    for key in ("found", "unless_found"):
        for name in _list_unknown(row.get(key, ()), SIGNALS):
            note(key, f"unknown signal {name}")
    for exam in _list_unknown(row.get("exams", {}), reference.exams):
        note("exams", f"unknown exam {exam}")
    for ages in row.get("exams", {}).values():
        try:
            to_age_range(ages)
        except (TypeError, ValueError):
            note("exams", f"{ages!r} is not an age range: write all, 15+ or 2-14")
    if row["kind"] in ("require", "suggest", "follow-up") and not row.get("exams"):
        note("kind", "asks for no exam")
    for compare, months in row.get("stay_months", {}).items():
        if compare not in COMPARE or not is_kind(months, int):
            note("stay_months", f"{compare} = {months} is not gt, gte, lt or lte and a number of months")
    for name, number in row.get("numbers", {}).items():
        if not is_kind(number, int):
            note("numbers", f"{name} is not a whole number")
    if row.get("burden", "high") not in ("high", "low"):
        note("burden", "burden is high or low")
    if row.get("schedule", 1) not in (1, 2):
        note("schedule", "schedule is 1 or 2")
    firsts = {edition["from"] for edition in data["edition"]} | {LONG_AGO}
    lasts = {edition.get("until") for edition in data["edition"]} | {FOREVER}
    if row.get("from", LONG_AGO) not in firsts:
        note("from", f"{row['from']} is not the first day of an edition")
    if row.get("until", FOREVER) not in lasts:
        note("until", f"{row['until']} is not the last day of an edition")


def _list_unknown(names: Iterable[Any], known: Iterable[str]) -> list[Any]:
    known = set(known)
    return [name for name in names if not isinstance(name, str) or name not in known]


def _check_versions(source: Source, rows: list[dict[str, Any]]) -> None:
    """A rule may have several dated versions; on no day may two of them hold."""
    seen: dict[str, list[tuple[date, date]]] = {}
    for place, row in enumerate(rows):
        first, last = row.get("from", LONG_AGO), row.get("until", FOREVER)
        if last < first:
            source.add(source.find_line("rule", place, "id"), f"rule {row['id']} ends before it begins")
        for other_first, other_last in seen.get(row["id"], ()):
            if first <= other_last and other_first <= last:
                wrong = "is given twice" if (first, last) == (other_first, other_last) else "overlaps itself"
                source.add(source.find_line("rule", place, "id"), f"rule {row['id']} {wrong}")
        seen.setdefault(row["id"], []).append((first, last))


def _check_code_rules(source: Source, programme: str, data: dict[str, Any]) -> None:
    """Rules the algorithm names must exist in every edition, with the figures it reads."""
    for edition in data["edition"]:
        rules = {
            row["id"]: row for row in data["rule"]
            if row.get("from", LONG_AGO) <= edition["from"] <= row.get("until", FOREVER)
        }
        for name, numbers in list_code_rules(programme).items():
            rule = rules.get(f"{programme}-{name}")
            if rule is None:
                source.add(1, f"edition {edition['id']} lacks the rule {programme}-{name}")
            else:
                for number in numbers:
                    if number not in rule.get("numbers", {}):
                        place = data["rule"].index(rule)
                        source.add(source.find_line("rule", place), f"rule {rule['id']} lacks the number {number}")
