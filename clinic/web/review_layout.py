"""The parts of the review, grouped and ordered as each authority's printed form has them, and what stands in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import LazyString, lazy_gettext

from clinic.laboratory_test import list_tests
from clinic.models import Case
from clinic.rules import get_exam_label
from clinic.rules.programme import list_exams


@dataclass(frozen=True)
class Layout:
    """One part: `holds` names what else than forms and tests stands in it; `groups` are the form groups' linkIds."""

    code: str
    title: str | LazyString
    form: str = ""  # the printed form it belongs to
    holds: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    exams: tuple[str, ...] = ()  # examinations whose laboratory tests stand here

    @property
    def tests(self) -> frozenset[str]:
        """Names of the laboratory tests of its examinations; those of a specimen stand with the specimens."""
        return frozenset(test.name for test in list_tests().values()
                         if not test.specimen and set(test.exams) & set(self.exams))


SCREENING = ("igra", "igra-or-tst", "igra-repeat", "tb-screening-test")
# DS-2054 with its worksheets (us.md 3.1 to 3.5); a group of a form that nobody names here joins the history.
UNITED_STATES = (
    Layout("identification", lazy_gettext("Identification"), "DS-2054", ("identity", "visa")),
    Layout("history", lazy_gettext("Medical history"), "DS-3026, 1", ("circumstances", "rest")),
    Layout("vitals", lazy_gettext("Vital signs and growth"), "DS-3026, 2", groups=("vital",)),
    Layout("exam", lazy_gettext("Physical examination"), "DS-3026, 3", groups=("exam",)),
    Layout("mental", lazy_gettext("Mental health, substances and findings"), "DS-3026, 4",
           groups=("nervous", "mental", "substance", "substances", "psychiatric", "disorder", "finding")),
    Layout("film", lazy_gettext("Chest X-ray"), "DS-3030, 2 and 3", ("film",)),
    Layout("tuberculosis", lazy_gettext("Tuberculosis tests"), "DS-3030, 1 and 4", ("sputum",), exams=SCREENING),
    Layout("laboratory", lazy_gettext("Laboratory"), "DS-2054, 3", ("results",)),
    Layout("vaccination", lazy_gettext("Vaccination"), "DS-3025", ("vaccination",)),
    Layout("remarks", lazy_gettext("Remarks and plan"), "DS-2054, 4", groups=("plan",)),
)
# The certificate's fields and the record behind it, in the order of work (ca-au-nz-uk-addendum.md 2.1).
UNITED_KINGDOM = (
    Layout("identification", lazy_gettext("Applicant"), holds=("identity",)),
    Layout("visa", lazy_gettext("Visa and address"), holds=("visa",)),
    Layout("history", lazy_gettext("History and symptoms"), holds=("circumstances", "rest")),
    Layout("film", lazy_gettext("Chest X-ray"), holds=("film",)),
    Layout("tuberculosis", lazy_gettext("Sputum"), holds=("sputum",), exams=SCREENING),
    Layout("laboratory", lazy_gettext("Laboratory"), holds=("results",)),
)


def list_layout(case: Case, decision: dict[str, Any]) -> tuple[Layout, ...]:
    """The parts for the case's programme; the shared eMedical system's stand by the number of each examination."""
    if case.programme == "us":
        return UNITED_STATES
    return UNITED_KINGDOM if case.programme == "uk" else _list_emedical(decision)


def _list_emedical(decision: dict[str, Any]) -> tuple[Layout, ...]:
    """501 and 502, then each laboratory examination that is asked for (ca-au-nz-uk-iom.md 2.4)."""
    asked = [item["exam"] for item in decision["required"]]
    by_exam = [exam for exam in list_exams() if exam in asked and Layout("", "", exams=(exam,)).tests]
    return (
        Layout("identification", lazy_gettext("Client"), holds=("identity", "visa")),
        Layout("history", lazy_gettext("Medical history"), "501", ("circumstances", "rest")),
        Layout("vitals", lazy_gettext("Vital signs and growth"), "501", groups=("vital",)),
        Layout("exam", lazy_gettext("Physical examination"), "501", groups=("exam", "laboratory")),
        Layout("film", lazy_gettext("Chest X-ray"), "502", ("film",)),
        *(Layout(exam, get_exam_label(exam), str(list_exams()[exam].get("emedical", "")), exams=(exam,))
          for exam in by_exam),
        Layout("tuberculosis", lazy_gettext("Sputum"), holds=("sputum",)),
        Layout("laboratory", lazy_gettext("Other results"), holds=("results",)),
        Layout("remarks", lazy_gettext("Remarks and plan"), "501", groups=("plan",)),
    )

