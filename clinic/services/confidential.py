"""Confidential results (HIV): opened for a short while with a stated reason, told to the applicant after counselling.

Which tests are confidential in this sense says `guarded` in clinic/programmes/reference/test.toml.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import cache

from flask import g, has_request_context
from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput, NotAllowed, NotNow
from clinic.laboratory_test import list_tests
from clinic.models import (
    Case,
    ContactState,
    Counselling,
    CounsellingKind,
    LabResult,
    Requirement,
    SensitiveAccess,
    SensitiveReason,
    Task,
    TbContact,
    User,
)
from clinic.permissions import Permission, permissions_of
from clinic.questionnaire.loader import list_questionnaires
from clinic.rules.confidential import list_confidential_words
from clinic.services.form_contradiction import list_words
from clinic.services.task import close_tasks_about, open_task

OPEN_FOR = timedelta(minutes=30)
COUNSELLORS = ("nurse", "physician", "tbteam", "labsupervisor", "labtech")  # whose task it is where who told is gone
CORRECTED = "corrected-result"  # the kind of the task to tell a result anew
K = CounsellingKind


class NotAgreed(InvalidInput):
    """The applicant did not agree to the test; the message says where to read why, no more: it may stand on a list."""


def open_results(case: Case, reason: SensitiveReason, words: str, actor: User) -> SensitiveAccess:
    """Let `actor` see the confidential results of one case for a while; the reason stands in the audit.

    Raises NotAllowed without the permission, InvalidInput without a few words where the reason is the applicant's.
    """
    if Permission.SEE_CONFIDENTIAL not in permissions_of(actor) or case.site_id != actor.site_id:
        raise NotAllowed(_("Your role does not include confidential results."), user=actor.id, case=case.id)
    row = SensitiveAccess(case_id=case.id, user_id=actor.id, reason=reason, words=words.strip(), opened_at=clock.now(),
                          until_at=clock.now() + OPEN_FOR)
    db.session.add(row)
    db.session.flush()
    record_change("open-confidential", "case", case.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  actor_kind="user", detail={"reason": reason.value})
    if has_request_context():
        g.pop("confidential_open", None)
    return row


def may_see(case_id: str, user: User) -> bool:
    """Whether `user` has the confidential results of a case open now; asked once a request."""
    if Permission.SEE_CONFIDENTIAL not in permissions_of(user):
        return False
    known: dict[str, bool] = g.setdefault("confidential_open", {}) if has_request_context() else {}
    if case_id not in known:
        known[case_id] = db.session.execute(
            select(SensitiveAccess.id).where(
                SensitiveAccess.case_id == case_id, SensitiveAccess.user_id == user.id,
                SensitiveAccess.until_at > clock.now()).limit(1)).first() is not None
    return known[case_id]


def is_hidden(row: LabResult, user: User) -> bool:
    """Whether `row` is confidential and `user` has not said why they must see it."""
    return list_tests()[row.test].guarded and not may_see(row.case_id, user)


def list_guarded(case: Case) -> list[LabResult]:
    """The current confidential results of a case, confirmed or not."""
    names = [test.name for test in list_tests().values() if test.guarded]
    rows = db.session.execute(
        select(LabResult).where(LabResult.case_id == case.id, LabResult.test.in_(names)).order_by(LabResult.id)
    ).unique().scalars()
    return [row for row in rows if row.is_current]


@cache
def list_confidential_links() -> frozenset[str]:
    """The linkIds of forms' questions that establish a confidential circumstance, and of what is asked after them."""
    return frozenset(inner.link_id for form in list_questionnaires().values()
                     for item in form.list_questions().values() if set(list_words(item)) & list_confidential_words()
                     for inner in item.walk())


def holds_guarded(case: Case) -> bool:
    """Whether a confidential test is asked for on the case or was made, whatever came of it."""
    guarded = [test for test in list_tests().values() if test.guarded]
    exams = {exam for test in guarded for exam in test.exams}
    return bool(list_guarded(case)) or db.session.execute(
        select(Requirement.id).where(Requirement.case_id == case.id, Requirement.exam.in_(exams)).limit(1)
    ).first() is not None


def may_read_exam(case: Case, user: User) -> bool:
    """Whether `user` may read the signed exam and what is sent of it: it holds the confidential results too, and names
    to whom a contact was exposed; an emergency opens neither to another site."""
    if case.site_id != user.site_id:
        return not holds_guarded(case) and not _was_exposed(case)
    return Permission.SEE_CONFIDENTIAL in permissions_of(user) or not holds_guarded(case)


def _was_exposed(case: Case) -> bool:
    return db.session.execute(select(TbContact.id).where(
        TbContact.applicant_id == case.applicant_id, TbContact.state == ContactState.CONFIRMED).limit(1)
    ).first() is not None


def ensure_may_read_exam(case: Case, user: User) -> None:
    """Raise NotAllowed unless `user` may read the whole signed exam of `case`."""
    if may_read_exam(case, user):
        return
    words = _("The signed exam holds a confidential test, and your role does not include its result.")
    if case.site_id != user.site_id:
        words = _("The signed exam holds a confidential test or names another person, which an emergency does not "
                  "open. Call the case's own site, %(site)s.", site=case.site.name)
    raise NotAllowed(words, user=user.id, case=case.id)


def record_counselling(
    case: Case, test: str, kind: CounsellingKind, is_agreed: bool, remark: str, actor: User
) -> Counselling:
    """Write down a conversation about a confidential test: before it, after it, or that the result was told.

    Raises InvalidInput for a test that is not confidential, NotNow out of turn: the result is told only when it
    counts, both conversations took place with the applicant's agreement, and the one after it was about the result as
    it is now.
    """
    known = list_tests().get(test)
    if known is None or not known.guarded:
        raise InvalidInput(_("Please correct what is marked."), fields={"test": [_("Choose a test of the list.")]})
    before = list_counselling(case, test)
    last = {row.kind: row for row in before}  # what was said last counts: consent is taken back
    done = {kind for kind, row in last.items() if row.is_agreed}
    result = next((row for row in list_guarded(case) if row.test == test and row.counts), None)
    if kind is K.AFTER and (K.BEFORE not in done or result is None):
        raise NotNow(_("Counselling after the test comes when counselling before it is recorded and the result is "
                       "confirmed."), case=case.id)
    if kind is K.RELEASED and (K.BEFORE not in done or K.AFTER not in done or result is None):
        raise NotNow(_("The result is told to the applicant only when it is confirmed and counselling before and after "
                       "the test is recorded."), case=case.id)
    if kind is K.RELEASED and result is not None and not _is_about(last[K.AFTER], result):
        raise NotNow(_("The result was corrected or made anew since the counselling after the test. Counsel once more, "
                       "record it, and then that the result was told."), case=case.id)
    if kind is not K.RELEASED and not is_agreed and len(remark.strip()) < 3:
        raise InvalidInput(_("Please correct what is marked."), fields={
            "remark": [_("Say in a few words why the applicant did not agree.")]})
    row = Counselling(case_id=case.id, test=test, kind=kind, happened_at=clock.now(), by_id=actor.id,
                      is_agreed=is_agreed or kind is K.RELEASED, remark=remark.strip(),
                      series_id=result.series_id if result is not None and kind is not K.BEFORE else None)
    db.session.add(row)
    db.session.flush()
    record_change(f"counselling-{kind.value}", "case", case.id, case_id=case.id, site_id=case.site_id,
                  actor_id=actor.id, actor_kind="user", detail={"counselling": row.id})
    if kind is K.RELEASED:
        for told in before:
            close_tasks_about(CORRECTED, told.id, "told-anew", actor)
    return row


def find_refusal(case: Case, test: str) -> Counselling | None:
    """The conversation in which the applicant did not agree to the test, unless they have agreed since."""
    last = next((row for row in reversed(list_counselling(case, test)) if row.kind is K.BEFORE), None)
    return last if last is not None and not last.is_agreed else None


def list_refused(case_ids: Collection[str]) -> dict[str, set[str]]:
    """The tests, by case, to which the applicants did not agree: nothing is drawn for them meanwhile."""
    last: dict[tuple[str, str], bool] = {}
    for row in db.session.execute(
        select(Counselling.case_id, Counselling.test, Counselling.is_agreed)
        .where(Counselling.case_id.in_(case_ids), Counselling.kind == K.BEFORE)
        .order_by(Counselling.happened_at, Counselling.id)
    ):
        last[row.case_id, row.test] = row.is_agreed
    refused: dict[str, set[str]] = {}
    for (case_id, test), is_agreed in last.items():
        if not is_agreed:
            refused.setdefault(case_id, set()).add(test)
    return refused


def ensure_agreed(case: Case, test: str) -> None:
    """Raise NotAgreed for a test to which the applicant did not agree."""
    if list_tests()[test].guarded and find_refusal(case, test) is not None:
        raise NotAgreed(_("Please correct what is marked."), case=case.id, fields={"value": [
            _("Not entered, not confirmed: read first what was said, under “Confidential results and counselling” of "
              "the case.")]})


def ask_to_tell_anew(row: LabResult, actor: User) -> None:
    """A confidential result that was told counts otherwise now (`row` was confirmed) or no more (`row` was taken back).

    Who told it, or who may counsel at the site, has a task until the applicant knows; nothing where none was told.
    """
    told = find_told(row.case, row.test) if list_tests()[row.test].guarded else None
    if told is None or (row.counts and _is_about(told, row)) or db.session.execute(select(Task.id).where(
            Task.kind == CORRECTED, Task.subject_id == told.id, Task.closed_at.is_(None)).limit(1)).first():
        return
    role, teller = _find_counsellor(row.case, told)
    if row.counts:
        open_task(CORRECTED, row.case, f"{told.id}:{row.id}", role=role, assignee=teller, subject_id=told.id,
                  actor=actor)
    else:
        open_task("follow-up", row.case, f"told:{row.id}", role=role, assignee=teller, actor=actor, detail=_(
            "A confidential result that was told to the applicant was taken back: tell them, and test again."))


def find_told(case: Case, test: str) -> Counselling | None:
    """When a confidential result was told to the applicant last."""
    return next((row for row in reversed(list_counselling(case, test)) if row.kind is K.RELEASED), None)


def find_outdated(case: Case, test: str) -> Counselling | None:
    """When it was told last, where the result that was told counts no more as it was."""
    told = find_told(case, test)
    known = told is not None and any(
        _is_about(told, row) for row in list_guarded(case) if row.test == test and row.counts)
    return None if known else told


def _find_counsellor(case: Case, told: Counselling) -> tuple[str, User | None]:
    """A role that may counsel and that somebody at the site has, and who told it, if they may still."""
    people = db.session.execute(
        select(User).where(User.site_id == case.site_id, User.active).order_by(User.id)).unique().scalars().all()
    held = {role.name for user in people for role in user.roles}
    teller = next((user for user in people if user.id == told.by_id
                   and Permission.SEE_CONFIDENTIAL in permissions_of(user)), None)
    return next((role for role in COUNSELLORS if role in held), COUNSELLORS[0]), teller


def _is_about(talk: Counselling, result: LabResult) -> bool:
    """Whether a conversation after the test was about the result as it counts now."""
    return talk.series_id == result.series_id and (
        result.confirmed_at is None or talk.happened_at >= result.confirmed_at)


def list_counselling(case: Case, test: str) -> list[Counselling]:
    """The conversations about a test, oldest first."""
    return list(db.session.execute(
        select(Counselling).where(Counselling.case_id == case.id, Counselling.test == test)
        .order_by(Counselling.happened_at, Counselling.id)).scalars())
