"""Which examinations are demanded only because something was found, and by which finding.

No medical rule stands here: the decision function is asked again with the findings left out, one kind at a time.
"""

from __future__ import annotations

from typing import Any

from clinic.rules import decide

Facts = dict[str, Any]
Finding = dict[str, Any]  # {"fact": key under `results`, "on": ISO day or None, "codes": what was found}

# Of a result's parts: its day; what says nothing; what says that nothing was found (decide-contract.md, "results").
_DAYS = ("taken", "drawn", "read", "collected", "reported")
_SILENT = {None, "", "pending", "NORMAL", "none"}
_HARMLESS = ("negative", "nonreactive", "not-detected", "normal")


def list_reflexes(facts: Facts, decision: dict[str, Any]) -> dict[str, list[Finding]]:
    """By each examination that without results nobody would ask for: the findings that ask for it."""
    demanded = _list_demanded(decision)
    if not demanded or not facts["results"]:
        return {}
    unasked = demanded - _list_demanded(decide(facts | {"results": {}}))
    return {exam: _find_findings(facts, exam) for exam in demanded if exam in unasked}


def describe_finding(fact: str, value: Any) -> Finding:
    """What a result says, as codes: of a series, the last entry that found something, else the last of all."""
    entries = [(_find_day(entry), _list_codes(entry)) for entry in (value if isinstance(value, list) else [value])]
    notable = [(day, kept) for day, codes in entries if (kept := [one for one in codes if not _is_harmless(one)])]
    day, codes = (notable or entries)[-1]
    return {"fact": fact, "on": day, "codes": codes}


def _list_demanded(decision: dict[str, Any]) -> set[str]:
    return {item["exam"] for name in ("required", "next") for item in decision[name]}


def _find_findings(facts: Facts, exam: str) -> list[Finding]:
    """Each finding that alone asks for `exam`; where none does, those without which nobody would."""
    results = facts["results"]

    def asks(kept: Facts) -> bool:
        return exam in _list_demanded(decide(facts | {"results": kept}))

    causes = [fact for fact in results if asks({fact: results[fact]})]
    if not causes:
        causes = [fact for fact in results if not asks({key: results[key] for key in results if key != fact})]
    return [describe_finding(fact, results[fact]) for fact in causes]


def _list_codes(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return [str(entry)]
    codes: list[str] = []
    for name, value in entry.items():
        if name in _DAYS or name.endswith("_reported") or value is False:
            continue
        values = [name] if value is True else value if isinstance(value, list) else [value]
        bare = value is True or name in ("findings", "result")
        codes += [str(one) if bare else f"{name}:{one}" for one in values if one not in _SILENT]
    return codes


def _is_harmless(code: str) -> bool:
    return code.rpartition(":")[2] in _HARMLESS


def _find_day(entry: Any) -> str | None:
    return next((entry[name] for name in _DAYS if entry.get(name)), None) if isinstance(entry, dict) else None
