"""What a page leaves out of its words because it would tell a confidential result to somebody without reason.

One place for every page. A rule's sentence and its id, a finding that asks for an examination, an alert: shown on a
page of one case (`case_id` in its address) to a reader who has opened that case's confidential results; on other
pages, lists above all, to nobody. What somebody said of themselves (a circumstance, an answer of a form, a vaccine that
they must not have) is shown to who holds the permission. Whoever lacks it is not told that something is left out, but
for words of an authority or a laboratory: who minds their messages must know that there is more to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask, has_request_context, request
from flask_babel import gettext as _
from flask_login import current_user

from clinic.laboratory_test import list_tests
from clinic.models import Circumstance
from clinic.permissions import Permission, has_permission
from clinic.rules.confidential import (
    list_confidential_rules,
    list_confidential_sentences,
    list_confidential_words,
)
from clinic.services import confidential
from clinic.services.confidential_report import is_wording_hidden

P = Permission


def is_open_here() -> bool:
    """Whether this is a page of one case whose confidential results its reader has opened."""
    case_id = (request.view_args or {}).get("case_id") if has_request_context() else None
    return bool(case_id) and confidential.may_see(str(case_id), current_user)


def say_confidential() -> str:
    """What stands in place of words that would tell a confidential result, for who may open it."""
    return _("A confidential result asks to be seen: open it with a reason.")


def veil_reason(rule: str, says: str, source: str, edition: str | None) -> dict[str, Any]:
    """A rule as the page's “Why?” shows it; one that tells more than the reader may know, in other words."""
    if rule not in list_confidential_rules() or is_open_here():
        return {"sentence": says, "source": source, "edition": edition, "rule_id": rule}
    words = say_confidential() if has_permission(P.SEE_CONFIDENTIAL) else _("A rule of this programme asks for it.")
    return {"sentence": words, "source": "", "edition": edition, "rule_id": ""}


def veil_sentences(sentences: Iterable[str]) -> list[str]:
    """The rules' alerts without those that tell a confidential result to who has not said why they must see it."""
    kept = [text for text in sentences if text not in list_confidential_sentences() or is_open_here()]
    left_out = any(text in list_confidential_sentences() for text in sentences) and not is_open_here()
    return [*kept, say_confidential()] if left_out and has_permission(P.SEE_CONFIDENTIAL) else kept


def veil_findings(findings: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The findings that asked for an examination, without those of confidential tests."""
    guarded = {test.fact for test in list_tests().values() if test.guarded}
    return [finding for finding in findings if finding["fact"] not in guarded or is_open_here()]


def veil_said(text: str | None) -> str:
    """A remark; empty where it repeats what somebody said of themselves and the reader may not know it."""
    return "" if text in list_confidential_sentences() and not has_permission(P.SEE_CONFIDENTIAL) else text or ""


def veil_wording(text: str | None) -> str:
    """What somebody outside wrote; where it names a confidential test and the reader may not know it, a sentence."""
    if not text or not is_wording_hidden(text, current_user):
        return text or ""
    return _("It names a confidential test. Somebody whose role includes confidential results can read it.")


def veil_circumstances(rows: Iterable[Circumstance]) -> list[Circumstance]:
    """The answers that the reader may know."""
    may_know = has_permission(P.SEE_CONFIDENTIAL)
    return [row for row in rows if may_know or row.word not in list_confidential_words()]


def veil_answers(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers of a form that the reader may know; of the others nothing, whatever they are."""
    if has_permission(P.SEE_CONFIDENTIAL):
        return answers
    return {key: answer for key, answer in answers.items() if key not in confidential.list_confidential_links()}


def init_veil(app: Flask) -> None:
    """Give templates the filters of this file."""
    app.jinja_env.filters.update(veil_sentences=veil_sentences, veil_circumstances=veil_circumstances,
                                 veil_said=veil_said, veil_wording=veil_wording)
    app.jinja_env.globals["may_know_confidential"] = lambda: has_permission(P.SEE_CONFIDENTIAL)
