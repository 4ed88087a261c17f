"""The shapes of what has been found so far: every key of `results`, checked value by value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from clinic.rules.fact import FactError, refuse_unknown, take, take_choice, take_day, take_number
from clinic.rules.programme import list_findings

Check = Callable[[object, str, str], Any]

IGRA = ("positive", "negative", "indeterminate")
SMEAR = ("negative", "positive", "pending")
NAAT = ("detected", "not-detected", "trace")
CULTURE = ("pending", "negative", "mtb", "ntm", "contaminated", "inconclusive")
REACTIVE = ("reactive", "nonreactive")


def _day(value: object, name: str, _: str) -> date:
    return take_day(value, name)


def _flag(value: object, name: str, _: str) -> bool:
    return bool(take(value, bool, name))


def _text(value: object, name: str, _: str) -> str:
    return str(take(value, str, name))


def _whole(most: int) -> Check:
    return lambda value, name, _: int(take_number(value, name, most, whole=True))


def _choice(*words: str) -> Check:
    return lambda value, name, _: take_choice(value, words, name)


def _object(checks: Mapping[str, Check], must: tuple[str, ...] = ()) -> Check:
    keys = tuple(checks)

    def check(value: object, name: str, programme: str) -> dict[str, Any]:
        row = take(value, dict, name)
        refuse_unknown(row, keys, name)
        for key in must:
            if row.get(key) is None:
                raise FactError(f"{name}.{key}", "is missing")
        return {key: checks[key](row[key], f"{name}.{key}", programme) for key in row if row[key] is not None}

    return check


def _list(check_item: Check) -> Check:
    def check(value: object, name: str, programme: str) -> list[Any]:
        items = take(value, list, name)
        return [check_item(item, f"{name}[{place}]", programme) for place, item in enumerate(items)]

    return check


def _findings(value: object, name: str, programme: str) -> list[str]:
    codes = take(value, list, name)
    known = list_findings()
    for code in codes:
        if not isinstance(code, str) or code not in known or programme not in known[code].get("programmes", programme):
            raise FactError(name, f"{code!r:.40} is not a chest X-ray finding of this programme")
    if "NORMAL" in codes and len(set(codes)) > 1:
        raise FactError(name, "NORMAL excludes every other finding")
    return list(codes)


_FILM = _object({
    "taken": _day, "findings": _findings, "deferred": _choice("pregnancy"),
    "outcome": _choice("normal", "non-tb-abnormality", "old-or-active-tb"),
})


def _film(value: object, name: str, programme: str) -> dict[str, Any]:
    film: dict[str, Any] = _FILM(value, name, programme)
    if "outcome" in film and programme != "uk":
        raise FactError(f"{name}.outcome", "is for uk only; list the findings")
    if "deferred" in film:
        if len(film) > 1:
            raise FactError(name, "a deferred film has neither day nor findings")
        return film
    if "taken" not in film:
        raise FactError(f"{name}.taken", "is missing")
    if not film.get("findings") and "outcome" not in film:
        raise FactError(f"{name}.findings", "is missing or empty: write NORMAL for a normal film")
    return film


SHAPES: dict[str, Check] = {
    "igra": _list(_object({"drawn": _day, "result": _choice(*IGRA)}, must=("drawn", "result"))),
    "tst": _object({"read": _day, "mm": _whole(200)}, must=("read", "mm")),
    "chest_xray": _film,
    "sputum": _list(_object({
        "collected": _day, "smear": _choice(*SMEAR), "naat": _choice(*NAAT), "culture": _choice(*CULTURE),
        "culture_reported": _day,
    }, must=("collected",))),
    "dst": _object({"reported": _day}, must=("reported",)),
    "hiv_test": _object({"reported": _day, "result": _choice("negative", "positive")}, must=("reported", "result")),
    "tb_diagnosis": _object({"clinical": _flag}),
    "tb_treatment": _object({
        "status": _choice("none", "current", "completed"), "dot_under_panel_physician": _flag, "dot_refused": _flag,
        "ended": _day, "end_cultures_negative_reported": _day,
    }, must=("status",)),
    "tb_waiver": _object({"granted": _flag, "last_evaluation": _day}),
    "extrapulmonary_site": _text,
    "syphilis": _object({
        "nontreponemal": _choice(*REACTIVE), "treponemal": _choice(*REACTIVE), "treponemal_second": _choice(*REACTIVE),
        "stage": _choice("infectious", "late"), "treated": _flag,
    }),
    "gonorrhoea": _object({"naat": _choice("detected", "not-detected"), "treated": _flag}),
    "hansens": _object(
        {"form": _choice("multibacillary", "paucibacillary"), "treated_days": _whole(36_500)}, must=("form",)),
    "disorders": _list(_object({
        "kind": _choice("mental", "substance", "alcohol"), "scheduled_substance": _flag,
        "harmful_behaviour": _choice("none", "past", "current"), "last_event": _day, "likely_to_recur": _flag,
    }, must=("kind", "harmful_behaviour"))),
    "creatinine": _object({"egfr": _whole(1000)}, must=("egfr",)),
    "hba1c": _object({"mmol_per_mol": _whole(1000)}, must=("mmol_per_mol",)),
    "pregnancy_weeks": _whole(45),
    "other_conditions": _list(_text),
    "significant_tests": _list(_text),  # beyond the contract: tests whose result alone makes grade B (hepatitis)
}
DAYS = frozenset(("drawn", "read", "taken", "collected", "culture_reported", "reported", "ended",
                  "end_cultures_negative_reported", "last_evaluation", "last_event"))


def parse_results(raw: object, programme: str, birth_date: date) -> dict[str, Any]:
    """Check `results`; a key that is null is not done yet. Raises FactError naming the field."""
    row = take(raw, dict, "results")
    refuse_unknown(row, tuple(SHAPES), "results")
    results = {key: SHAPES[key](row[key], f"results.{key}", programme) for key in row if row[key] is not None}
    for key, value in results.items():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                for name in DAYS & entry.keys():
                    if entry[name] < birth_date:
                        raise FactError(f"results.{key}.{name}", f"{entry[name]} is before the birth_date")
    for place, specimen in enumerate(results.get("sputum", ())):
        if specimen.get("culture_reported", specimen["collected"]) < specimen["collected"]:
            raise FactError(f"results.sputum[{place}].culture_reported", "is before the specimen was collected")
    waiver = results.get("tb_waiver", {})
    if waiver.get("granted") and "last_evaluation" not in waiver:
        raise FactError("results.tb_waiver.last_evaluation", "is missing")
    return results
