"""Why an examination is asked for beyond the rules' own sentence, and why it is asked for no more, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from clinic.models import Requirement, RequirementSource, RequirementState
from clinic.result_word import label_value
from clinic.web.clinical_format import clinical_time, format_date
from clinic.web.veil import veil_findings
from clinic.xray_finding import list_all_findings


def describe_finding(finding: Mapping[str, Any]) -> str:
    """A finding as a reflex keeps it: `Chest X-ray, 05-Mar-2026: Cavitary lesion`."""
    codes = ", ".join(_label_code(code) for code in finding["codes"])
    what = _label_fact(finding["fact"])
    if finding["on"]:
        what = _("%(what)s, %(day)s", what=what, day=format_date(finding["on"]))
    return _("%(what)s: %(result)s", what=what, result=codes) if codes else what


def describe_origin(row: Requirement, names: dict[str, str]) -> str:
    """Which finding or which person asks for it; empty where only the rules do. In: names of staff by id."""
    if row.state is RequirementState.WITHDRAWN:
        return ""
    if row.source is RequirementSource.PHYSICIAN:
        return _("Asked for by %(name)s, %(moment)s: %(reason)s", name=names.get(row.added_by_id or "", ""),
                 moment=clinical_time(row.added_at), reason=row.added_reason or "")
    found = _join(row)
    if found and row.ceased_at:
        return _("Asked for because of %(findings)s. That was corrected; it stays because work on it had begun. "
                 "A physician may withdraw it.", findings=found)
    return _("Because of %(findings)s", findings=found) if found else ""


def describe_ending(row: Requirement, names: dict[str, str]) -> str:
    """Why it is not required any more; empty while it is."""
    if row.state is not RequirementState.WITHDRAWN:
        return ""
    if row.ended_at:
        return _("Withdrawn by %(name)s, %(moment)s: %(reason)s", name=names.get(row.ended_by_id or "", ""),
                 moment=clinical_time(row.ended_at), reason=row.ended_reason or "")
    found = _join(row)
    if found:
        return _("It was asked for because of %(findings)s, which does not stand any more.", findings=found)
    return _("With the facts as they are now, no rule asks for it.")


def list_people(rows: list[Requirement]) -> list[str | None]:
    """Ids of who added or withdrew any of `rows`."""
    return [each for row in rows for each in (row.added_by_id, row.ended_by_id)]


def _join(row: Requirement) -> str:
    return "; ".join(describe_finding(finding) for finding in veil_findings(row.findings or []))


def _label_fact(fact: str) -> str:
    return {
        "chest_xray": _("Chest X-ray"), "igra": _("IGRA"), "tst": _("Tuberculin skin test"), "sputum": _("Sputum"),
        "hiv_test": _("HIV test"), "syphilis": _("Syphilis test"), "gonorrhoea": _("Gonorrhoea test"),
        "creatinine": _("Creatinine"), "hba1c": _("HbA1c"), "tb_diagnosis": _("Tuberculosis diagnosis"),
        "tb_treatment": _("Tuberculosis treatment"), "hansens": _("Hansen's disease"),
        "disorders": _("Disorder"), "pregnancy_weeks": _("Pregnancy"), "dst": _("Drug susceptibility"),
    }.get(fact, fact.replace("_", " "))


def _label_code(code: str) -> str:
    """`culture:mtb` in words; a finding of the film by its label."""
    part, _colon, value = code.rpartition(":")
    words = {
        "clinical": _("diagnosed clinically"), "dot_refused": _("treatment at the clinic refused"),
        "dot_under_panel_physician": _("under the panel physician"), "current": _("in treatment"),
        "completed": _("completed"), "old-or-active-tb": _("old or active tuberculosis"),
    }
    findings = list_all_findings()
    said = findings[value].label if value in findings else words.get(value) or label_value(value)
    if part == "mm":
        return _("%(n)s mm", n=value)
    return {"smear": _("smear %(result)s", result=said), "naat": _("NAAT %(result)s", result=said),
            "culture": _("culture %(result)s", result=said)}.get(part, said)
