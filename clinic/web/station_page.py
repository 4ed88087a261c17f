"""What every page of a station shares: the case, who may do what on it, the people behind entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask, render_template, request
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from clinic import workflow
from clinic.audit import record_case_read
from clinic.db import db
from clinic.egfr import list_formulas
from clinic.errors import InvalidInput
from clinic.laboratory_test import DETAIL, TITRE, list_tests
from clinic.models import Case, LabComponent, LabResult, Recorded, RequirementReason, ResultStatus
from clinic.queries.case import get_case
from clinic.questionnaire import Condition
from clinic.questionnaire.unit import say_unit
from clinic.result_word import label_part, label_value
from clinic.services.confidential import is_hidden
from clinic.services.form_contradiction import list_words
from clinic.services.plausibility import get_today
from clinic.services.release import entries_differ, is_blind_for
from clinic.web.case import banner_case, list_flags
from clinic.web.gate import is_looking
from clinic.web.staff_name import list_names as list_names  # for the pages of the stations
from clinic.web.veil import veil_reason

Answer = tuple[str, int] | str


def open_case(case_id: str) -> Case:
    """The case of a page; looking at it is written down. Raises NotFound beyond the user's site."""
    case = get_case(case_id, current_user)
    if request.method == "GET":
        record_case_read(case)
    return case


def is_recording(case: Case) -> bool:
    """Whether anything may still be recorded, and the reader did not come to look only."""
    return case.state in workflow.RECORDING and not is_looking()


def show(template: str, case: Case, problem: InvalidInput | None = None, **values: Any) -> Answer:
    """The page; after a refused input with its errors, its cautions to tick, and status 422."""
    page = render_template(
        template, case=case, banner=banner_case(case), flags=list_flags(case), recording=is_recording(case),
        today=get_today(case), errors=_errors_of(problem), cautions=getattr(problem, "cautions", []), **values,
    )
    return (page, 422) if problem else page


def forget(case_id: str) -> Case:
    """Undo what a refused input began to write, and read the case anew for the page that says so."""
    db.session.rollback()
    return get_case(case_id, current_user)


def describe_status(row: Recorded) -> tuple[str, str]:
    """Where a recorded result stands, in words, and the tone that repeats them."""
    if row.superseded_at is not None and row.status is not ResultStatus.ENTERED_IN_ERROR:
        return _("Replaced"), "off"
    if isinstance(row, LabResult) and entries_differ(row):
        return _("The two entries differ"), "warn"
    words = {
        ResultStatus.PRELIMINARY: (_("Needs second person"), "wait"), ResultStatus.FINAL: (_("Final"), "good"),
        ResultStatus.CORRECTED: (_("Corrected"), "good"),
        ResultStatus.ENTERED_IN_ERROR: (_("Sent back") if row.is_sent_back else _("Withdrawn"), "bad"),
    }
    return words[row.status]


def test_word(test: str) -> str:
    """A laboratory test's name."""
    return list_tests()[test].label


def list_parts(row: LabResult) -> list[LabComponent]:
    """The measured parts of a result in the order of the laboratory's report."""
    test = list_tests()[row.test]
    order = [name for parts in test.components.values() for name in parts]
    order += [TITRE, *(part.name for part in test.parts)]
    order += [name for drug in test.drugs for name in (drug, drug + DETAIL)]
    return sorted(row.components, key=lambda part: order.index(part.name))


def to_requirement_reasons(reasons: Iterable[RequirementReason]) -> list[dict[str, Any]]:
    """Why a requirement stands, as the page's “Why?” shows it."""
    return [veil_reason(row.rule, row.says, row.source, row.edition) for row in reasons]


METHOD_WORDS: dict[str, LazyString] = {
    "laboratory": _l("laboratory test"), "rapid": _l("rapid test"), "confirmatory": _l("confirmatory test"),
    "phenotypic-liquid": _l("culture, liquid"), "phenotypic-solid": _l("culture, solid"), "molecular": _l("molecular"),
    "liquid": _l("liquid medium"), "solid": _l("solid medium"),
}
MARK_WORDS: dict[str, LazyString] = {
    "normal": _l("normal"), "low": _l("low"), "high": _l("high"), "abnormal": _l("abnormal"),
    "critical": _l("critical"),
}


def igra_word(part: str) -> str:
    """A part of a result in words: of an IGRA as the form calls it (DS-3030 section 1), a titre, a drug."""
    if part.endswith(DETAIL):
        return _("%(drug)s, tested", drug=igra_word(part.removesuffix(DETAIL)))
    return label_part(part)


def method_word(method: str) -> str:
    """How a test was made; names of methods stand as laboratories write them."""
    if method in list_formulas():
        return _("computed by %(formula)s", formula=list_formulas()[method].label)
    return str(METHOD_WORDS[method]) if method in METHOD_WORDS else method.upper()


def mark_word(mark: str) -> str:
    """How the laboratory marked a number."""
    return str(MARK_WORDS[mark]) if mark in MARK_WORDS else mark


def prefix_errors(problem: InvalidInput, prefix: str, fallback: str) -> dict[str, Any]:
    """A problem's field errors with `prefix` before each name; without any, its sentence at `fallback`."""
    if not problem.fields:
        return {prefix + fallback: [problem.message]}
    return {prefix + name: sentences for name, sentences in problem.fields.items()}


def find_veil(row: LabResult) -> str:
    """Why the reader does not see a value: `guarded`, `blind` (they are to type it a second time); empty: they do."""
    if is_hidden(row, current_user):
        return "guarded"
    return "blind" if is_blind(row) else ""


def is_blind(row: LabResult) -> bool:
    """Whether the reader is to type this value a second time, and must not see it yet."""
    return is_blind_for(row, current_user)


def init_station_words(app: Flask) -> None:
    """Give templates the filters of this file."""
    app.jinja_env.filters.update(
        recorded_status=describe_status, result_word=label_value, unit_word=say_unit, igra_word=igra_word,
        circumstance_words=list_words, condition=_to_script, test_word=test_word, parts=list_parts,
        requirement_reasons=to_requirement_reasons, method_word=method_word, mark_word=mark_word, is_blind=is_blind,
        veil=find_veil)
    app.jinja_env.tests["has_digit"] = lambda text: any(sign.isdigit() for sign in str(text))


def _to_script(condition: Condition) -> dict[str, str]:
    """A condition as clinic/static/form.js reads it."""
    answer = condition.answer
    return {"question": condition.question, "operator": condition.operator,
            "answer": ("true" if answer else "false") if isinstance(answer, bool) else answer}


def _errors_of(problem: InvalidInput | None) -> dict[str, Any]:
    if problem is None:
        return {}
    if problem.fields:
        return dict(problem.fields)
    return {} if getattr(problem, "cautions", None) else {"_schema": [problem.message]}
