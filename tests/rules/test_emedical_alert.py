"""What Canada, Australia and New Zealand tell the physician of the lungs: apart, again, and after arrival."""

from __future__ import annotations

from typing import Any

import pytest

from clinic.rules.decision import decide

POTS = [{"collected": f"2026-01-{day}", "smear": "negative", "naat": None, "culture": "negative",
         "culture_reported": "2026-03-20"} for day in (11, 12, 13)]
FILM = {"taken": "2026-01-10", "findings": ["CAVITY"]}
TREATED = {"status": "completed", "dot_under_panel_physician": True, "dot_refused": False, "ended": "2026-08-10",
           "end_cultures_negative_reported": "2026-10-10"}


def _tell(programme: str, yes: tuple[str, ...] = (), birth: str = "1990-05-05", **results: Any) -> str:
    """The alerts of one person, every other examination done and unremarkable."""
    done = {"hiv_test": {"reported": "2026-01-10", "result": "negative"}, "creatinine": {"egfr": 90},
            "syphilis": {"nontreponemal": "nonreactive"}, "hba1c": {"mmol_per_mol": 35},
            "chest_xray": {"taken": "2026-01-10", "findings": ["NORMAL"]}}
    decision = decide({
        "id": "x", "programme": programme, "category": {"ca": "PR", "au": "PERM", "nz": "RES_GENERAL"}[programme],
        "stay_months": None, "au_schedule": 2 if programme == "au" else None, "exam_date": "2026-01-10",
        "birth_date": birth, "residence": {"country": "IND", "tb_incidence_per_100k": None}, "lived_in": [],
        "yes": list(yes), "unknown": [], "results": done | results})
    assert decision["status"] == "final", decision["next"]
    return " ".join(decision["alerts"])


@pytest.mark.parametrize("programme", ["ca", "au", "nz"])
def test_nobody_is_kept_apart_whose_three_cultures_are_negative(programme: str) -> None:
    """A cavity said so for good, beside a case that was ready to sign and held by nothing."""
    said = _tell(programme, chest_xray=FILM, sputum=POTS)
    assert "keep apart" not in said and "Repeat the chest X-ray" in said


@pytest.mark.parametrize("programme", ["ca", "au", "nz"])
def test_film_that_was_repeated_or_treated_is_not_asked_for_again(programme: str) -> None:
    again = {"chest_xray": FILM | {"taken": "2026-04-12"}, "sputum": POTS}
    assert "Repeat the chest X-ray" not in _tell(programme, **again)
    grown = [POTS[0] | {"culture": "mtb"}, *POTS[1:]]
    assert "Repeat the chest X-ray" not in _tell(
        programme, chest_xray=FILM, sputum=grown, dst={"reported": "2026-04-01"}, tb_treatment=TREATED)


@pytest.mark.parametrize(("programme", "yes", "results", "birth"), [
    ("ca", ("tb_history",), {}, "1990-05-05"), ("ca", ("extrapulmonary_tb",), {}, "1990-05-05"),
    ("ca", ("tb_contact_5y",), {"igra": [{"drawn": "2026-01-10", "result": "negative"}]}, "1990-05-05"),
    ("au", ("tb_history",), {}, "1990-05-05"), ("au", ("prior_confirmed_tb",), {}, "1990-05-05"),
    ("au", (), {"igra": [{"drawn": "2026-01-10", "result": "positive"}]}, "2020-05-05"),
])
def test_who_is_followed_after_arrival_is_told_so(
    programme: str, yes: tuple[str, ...], results: dict[str, Any], birth: str
) -> None:
    """Canada's surveillance was told of nobody, Australia's undertaking of a film alone (1.8, 2.8)."""
    form = {"ca": "IMM 0535", "au": "Form 815"}[programme]
    assert form in _tell(programme, yes, birth, **results)
    assert form not in _tell(programme)
