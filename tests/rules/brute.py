"""Which unknowns matter, found the slow way: every assignment, results added one examination at a time.

Nothing here knows how the engine finds its `needs`; it only calls `decide` with facts in which everything is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from typing import Any

from clinic.rules.decision import decide

Facts = dict[str, Any]
NOT_THE_ANSWER = ("because", "id", "needs")
DOMAINS: dict[str, tuple[Any, ...]] = {
    "stay_months": (1, 5, 6, 7, 12, 13, 36), "au_schedule": (1, 2), "tb_incidence": (0, 900),
}
MOST_ADDITIONS = 7


def answer(facts: Facts) -> str:
    """The decision without its reasons, as one comparable text."""
    return json.dumps(_strip(decide(facts)), sort_keys=True)


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strip(entry) for key, entry in value.items() if key not in NOT_THE_ANSWER}
    return [_strip(entry) for entry in value] if isinstance(value, list) else value


def list_open(facts: Facts) -> list[str]:
    """Every unknown of the facts, nulls that a rule may ask for included."""
    names = list(facts["unknown"])
    if facts["stay_months"] is None:
        names.append("stay_months")
    if facts["programme"] == "au" and facts["au_schedule"] is None:
        names.append("au_schedule")
    if facts["programme"] == "us" and facts["residence"] == {"country": "ATA", "tb_incidence_per_100k": None}:
        names.append("tb_incidence")
    return names


def settle(facts: Facts, values: dict[str, Any]) -> Facts:
    """The same facts with those unknowns known."""
    known = {**facts, "unknown": [word for word in facts["unknown"] if word not in values]}
    known["yes"] = [*facts["yes"], *(word for word, value in values.items() if value is True)]
    for name in ("stay_months", "au_schedule"):
        if name in values:
            known[name] = values[name]
    if "tb_incidence" in values:
        known["residence"] = {**facts["residence"], "tb_incidence_per_100k": values["tb_incidence"]}
    return known


def is_needed(facts: Facts, word: str, thorough: bool = True) -> bool:
    """Whether some values of the other unknowns and some results to come make the answer depend on `word`."""
    others = [name for name in list_open(facts) if name != word]
    domains = [DOMAINS.get(name, (False, True)) for name in others]
    values = DOMAINS.get(word, (False, True))
    for assigned in product(*domains):
        rest = settle(facts, dict(zip(others, assigned, strict=True)))
        if _differs([settle(rest, {word: value}) for value in values], MOST_ADDITIONS, thorough):
            return True
    return False


def _differs(variants: list[Facts], additions: int, thorough: bool) -> bool:
    """Whether the variants answer differently now, or after results that all of them wait for."""
    answers = {answer(variant) for variant in variants}
    if len(answers) > 1:
        return True
    if not additions:
        return False
    for results in list_additions(variants[0], thorough):
        if _differs([{**variant, "results": results} for variant in variants], additions - 1, thorough):
            return True
    return False


def list_additions(facts: Facts, thorough: bool) -> Iterator[dict[str, Any]]:
    """The results after one outstanding examination has come in, for each way it may turn out."""
    decision = decide(facts)
    results, day = facts["results"], facts["exam_date"]
    waiting = [entry["exam"] for entry in decision["next"] if entry["exam"] != "medical-exam"]
    if decision["status"] == "not-required":
        return
    pending = [s for s in results.get("sputum", ()) if "pending" in (s["culture"], s["smear"])]
    if pending:
        yield from _report(results, thorough)
    elif waiting:
        for addition in _list_outcomes(waiting[0], results, day, thorough):
            yield {**results, **addition}
    elif decision["status"] == "not-cleared":
        yield from _treat(results, day)


def _list_outcomes(exam: str, results: dict[str, Any], day: str, thorough: bool) -> Iterator[dict[str, Any]]:
    if exam in ("igra", "igra-repeat", "igra-or-tst", "tb-screening-test"):
        for call in ("negative", "positive", "indeterminate"):
            yield {"igra": [*results.get("igra", ()), {"drawn": day, "result": call}]}
        if exam in ("igra-or-tst", "tb-screening-test"):
            for mm in (3, 6, 12):
                yield {"tst": {"read": day, "mm": mm}}
    elif exam in ("chest-xray", "tb-child-workup"):
        for finding in ("NORMAL", "RETICULAR", "CARDIAC") if thorough else ("NORMAL", "RETICULAR"):
            yield {"chest_xray": {"taken": day, "findings": [finding]}}
    elif exam in ("sputum-series", "sputum-replacement"):
        film = results.get("chest_xray", {}).get("taken") or day
        fresh = [
            {"collected": (date.fromisoformat(film) + timedelta(days=n)).isoformat(), "smear": "pending", "naat": None,
             "culture": "pending", "culture_reported": None} for n in (1, 2, 3)
        ]
        yield {"sputum": [*results.get("sputum", ()), *fresh]}
    elif exam == "dst":
        yield {"dst": {"reported": day}}
    elif exam == "hiv":
        for call in ("negative", "positive"):
            yield {"hiv_test": {"reported": day, "result": call}}
    elif exam == "tb-treatment-dot":
        for end in (None, day):
            yield {"tb_treatment": {"status": "completed", "dot_under_panel_physician": True, "dot_refused": False,
                                    "ended": day, "end_cultures_negative_reported": end}}
    elif exam == "syphilis":
        for first, second in (("reactive", "nonreactive"), ("reactive", "reactive"), ("nonreactive", "nonreactive")):
            yield {"syphilis": {"nontreponemal": first, "treponemal": second, "stage": "late"}}
    elif exam == "gonorrhoea":
        for call in ("not-detected", "detected"):
            yield {"gonorrhoea": {"naat": call, "treated": False}}
    elif exam == "creatinine":
        yield {"creatinine": {"egfr": 95}}
    elif exam == "hba1c":
        yield {"hba1c": {"mmol_per_mol": 40}}


def _report(results: dict[str, Any], thorough: bool) -> Iterator[dict[str, Any]]:
    """All that is pending comes back, the first specimen in each way."""
    calls = [("negative", "negative"), ("negative", "mtb"), ("positive", "negative"), ("negative", "ntm")]
    for smear, culture in calls if thorough else calls[:3]:
        specimens, first = [], True
        for specimen in results["sputum"]:
            if "pending" in (specimen["culture"], specimen["smear"]):
                specimen = {
                    **specimen,
                    "smear": (smear if first else "negative") if specimen["smear"] == "pending" else specimen["smear"],
                    "culture": (culture if first else "negative") if specimen["culture"] == "pending"
                    else specimen["culture"],
                    "culture_reported": specimen["culture_reported"] or specimen["collected"],
                }
                first = False
            specimens.append(specimen)
        yield {**results, "sputum": specimens}


def _treat(results: dict[str, Any], day: str) -> Iterator[dict[str, Any]]:
    """What bars the person is treated."""
    if results.get("syphilis") and not results["syphilis"].get("treated"):
        yield {**results, "syphilis": {**results["syphilis"], "treated": True}}
    elif results.get("gonorrhoea") and not results["gonorrhoea"].get("treated"):
        yield {**results, "gonorrhoea": {**results["gonorrhoea"], "treated": True}}
    elif results.get("hansens", {}).get("treated_days", 7) < 7:
        yield {**results, "hansens": {**results["hansens"], "treated_days": 7}}
    elif results.get("tb_treatment", {}).get("status") == "completed":
        treatment = results["tb_treatment"]
        if treatment["end_cultures_negative_reported"] is None and treatment["dot_under_panel_physician"]:
            yield {**results, "tb_treatment": {**treatment, "end_cultures_negative_reported": day}}
