"""What comes next in a tuberculosis case, in one line with the way there: from the first dose back to the exam."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from clinic import workflow
from clinic.models import Case, PhaseName, RequirementState, TbCase, TbPhase
from clinic.permissions import Permission, has_permission
from clinic.queries.signed_exam import list_exams
from clinic.services.amendment import list_open_requests, may_ask
from clinic.services.assessment import list_requirements
from clinic.services.tb_summary import EndCultures
from clinic.tb_course import Count

P = Permission


@dataclass(frozen=True)
class Step:
    """One sentence, its tone, and what leads there: empty where somebody else does it, or nothing but time."""

    words: str
    tone: str = "info"
    label: str = ""
    url: str = ""


def find_next_steps(
    case: Case, tb: TbCase, current: TbPhase | None, given: Count | None, ends: EndCultures
) -> list[Step]:
    """What is to be done now, the first thing first; `current` is the last phase that counts, `given` its doses.

    A signed exam comes first: sputum and results are recorded only when it is opened again.
    """
    if tb.refused_on is not None:
        return [_follow_refusal(case, tb)]
    found = [_amend(case, tb, ends)] if case.state in workflow.SIGNED else []
    if current is None or given is None:
        return found
    if tb.outcome is None:
        step = _follow_phase(case, current, given, ends)
    else:
        step = _follow_outcome(case, ends) if tb.outcome.is_success else None
    return found + ([step] if step else [])


def _follow_refusal(case: Case, tb: TbCase) -> Step:
    """The exam ends as it is; what was treated elsewhere is written down, also after the signature."""
    if tb.elsewhere_ended_on is not None:
        return Step(_("The treatment elsewhere is written down. The person comes to a whole new examination, with the "
                      "papers of the treatment; this exam stays as it was signed."))
    words = _("When the treatment elsewhere has ended, write down its last dose below, under “Treatment elsewhere”: "
              "from that day on is counted when the person can be examined again.")
    if case.state not in workflow.RECORDING:
        return Step(words)
    words = _("Tuberculosis is not treated here: the exam is signed as not cleared.") + " " + words
    if has_permission(P.SIGN):
        return Step(words, "warn", _("Review and sign"), url_for("sign.review", case_id=case.id))
    return Step(words)


def _amend(case: Case, tb: TbCase, ends: EndCultures) -> Step:
    over = tb.outcome is not None and tb.outcome.is_success and ends.is_negative
    words = _say_amend(case.programme) if over else _(
        "The exam is signed. Doses, months and side effects are recorded on; for sputum and results, and for what is "
        "concluded at the end, the exam is amended. What was signed stands until then.")
    tone = "warn" if over else "info"
    exams = list_exams(case)
    if has_permission(P.SIGN) and exams:
        return Step(words, tone, _("Open the signed exam to amend it"), url_for("sign.exam", exam_id=exams[0].id))
    if list_open_requests(case):
        return Step(words + " " + _("The physician has been asked."), tone)
    if may_ask(case, current_user):
        return Step(words, tone, _("Ask the physician to amend it"), url_for("amendment.new", case_id=case.id))
    return Step(words, tone)


def _say_amend(programme: str) -> str:
    """What an amendment after the treatment gives, in the words of the programme."""
    match programme:
        case "us":
            return _("The treatment is over, and the exam stands signed as it was before. Amend it: the rules propose "
                     "the new class, and the physician signs it as the next version.")
        case "uk":
            return _("The treatment is over, and the screening stands signed as it was before. Amend it: the person is "
                     "screened again with a new film, and the certificate is signed as the next version.")
        case _:
            return _("The treatment is over, and the exam stands signed as it was before. Amend it: the rules propose "
                     "its grades anew, and the physician signs it as the next version.")


def _say_return(programme: str) -> str:
    """How the exam goes on after the treatment, in the words of the programme."""
    match programme:
        case "us":
            return _("The treatment is over and the cultures at its end are negative: the exam goes on with its new "
                     "class. Before it is signed, the film at the end is taken and the medical form brought up to "
                     "date.")
        case "uk":
            return _("The treatment is over and the cultures at its end are negative: the person is screened again. A "
                     "new film is taken and the interview brought up to date; the certificate counts from that film.")
        case _:
            return _("The treatment is over and the cultures at its end are negative: the exam goes on. Before it is "
                     "signed, the film at the end is taken and the medical form brought up to date.")


def _follow_phase(case: Case, current: TbPhase, given: Count, ends: EndCultures) -> Step | None:
    if given.given < given.planned:
        return None
    if current.name is PhaseName.INTENSIVE:
        return Step(_("The doses of the intensive phase are given: the continuation phase begins, with the weight of "
                      "today."), *_lead(P.MANAGE_TUBERCULOSIS, _("Begin the continuation phase"),
                                        url_for("tuberculosis.phase", case_id=case.id)))
    step = _follow_cultures(case, ends)
    if step is not None and not ends.is_positive:
        return step
    return Step(_("The doses are given and the cultures at the end are in: how did the treatment end?"),
                *_lead(P.MANAGE_TUBERCULOSIS, _("Record the outcome"), "#end"))


def _follow_outcome(case: Case, ends: EndCultures) -> Step | None:
    step = _follow_cultures(case, ends)
    if step is not None or case.state in workflow.SIGNED:
        return step
    words = _say_return(case.programme)
    is_open = any(row.state is RequirementState.OPEN for row in list_requirements(case))
    if has_permission(P.SIGN) and case.state in workflow.RECORDING and not is_open:
        return Step(words, "good", _("Review and sign"), url_for("sign.review", case_id=case.id))
    return Step(words, "good", _("Go on with the exam"), url_for("case.show", case_id=case.id))


def _follow_cultures(case: Case, ends: EndCultures) -> Step | None:
    """What the specimens at the end of treatment still want; None when all are negative."""
    lead = ("warn", _("Sputum"), url_for("sputum.view", case_id=case.id))
    if ends.is_positive:
        return Step(_("A specimen at the end of treatment is positive: the person is not cleared. Ask the programme "
                      "how to go on."), *lead)
    lacking = ends.needed - ends.negative - ends.pending
    if lacking > 0:
        return Step(ngettext("%(num)s specimen is to be taken, as one at the end of treatment.",
                             "%(num)s specimens are to be taken, as those at the end of treatment.", lacking), *lead)
    if not ends.is_negative:
        return Step(_("Cultures at the end: %(negative)s of %(needed)s negative, %(pending)s pending.",
                      negative=ends.negative, needed=ends.needed, pending=ends.pending), *lead)
    return None


def _lead(permission: Permission, label: str, url: str) -> tuple[str, str, str]:
    """Tone, label and address for who may do it; for everybody else the words alone."""
    return ("warn", label, url) if has_permission(permission) else ("info", "", "")
