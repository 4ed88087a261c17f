"""What to compare before a result is entered for somebody whom the laboratory calls otherwise, or under other numbers.

A number that was typed shows nobody's name: one wrong digit would give a person another one's result.
"""

from __future__ import annotations

from flask_babel import gettext as _

from clinic.caution import Caution
from clinic.lab_report import ReportedPanel, ReportedPerson, from_plain
from clinic.models import Case, Laboratory, ReportedResult
from clinic.partial_date import DateUnreadable, format_clinically, parse_partial_date
from clinic.services.result_match import Sign, list_against


def list_contradictions(row: ReportedResult, case: Case) -> list[Caution]:
    """What speaks against entering a reported result for a case, each to be ticked."""
    return list_cautions(row.laboratory, *from_plain(row.content), case)


def list_cautions(laboratory: Laboratory, said: ReportedPerson, panel: ReportedPanel, case: Case) -> list[Caution]:
    """What of a laboratory's words speaks against a case that a person chose, each to be ticked."""
    ours, against = case.applicant, list_against(laboratory, said, panel, case)
    cautions = []
    if against - {Sign.OTHER_ORDER}:
        cautions.append(Caution(f"other-person:{case.number}", _(
            "The laboratory speaks of %(theirs)s; case %(number)s is of %(ours)s. It is the same person: I compared "
            "them.", theirs=_describe(said.family_name, said.given_names, said.birth_date), number=case.number,
            ours=_describe(ours.family_name, ours.given_names, ours.birth_date)), "case"))
    if Sign.OTHER_ORDER in against:
        cautions.append(Caution(f"other-order:{case.number}", _(
            "The laboratory answers %(numbers)s, which is of another case than %(number)s. It is this person's all the "
            "same: I compared them.", numbers=", ".join(filter(None, (panel.placer, panel.specimen))),
            number=case.number), "case"))
    return cautions


def _describe(family_name: str, given_names: str, birth_date: str) -> str:
    try:
        born = format_clinically(parse_partial_date(birth_date)) if birth_date else ""
    except DateUnreadable:
        born = birth_date
    return ", ".join(filter(None, (family_name, given_names, born))) or _("nobody by name")
