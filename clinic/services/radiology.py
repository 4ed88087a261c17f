"""Readings of chest films: final when the radiologist enters them, corrected and withdrawn in the open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.errors import InvalidInput, NotFound
from clinic.models import Answer, Case, Film, FilmState, ResultStatus, Sex, User, XrayReading
from clinic.partial_date import age_on, parse_partial_date
from clinic.schemas.imaging import NewReading
from clinic.services import assessment, film_repeat, revision
from clinic.services.fact import get_edition
from clinic.services.film import get_film, list_films
from clinic.services.plausibility import ensure_possible_dates, get_today, list_date_cautions
from clinic.xray_finding import (
    NORMAL,
    RESULT_PROGRAMMES,
    FindingCategory,
    XrayResult,
    list_all_findings,
    list_findings,
    list_numbered,
)

# "Female 10-55 must have pregnancy answered before CXR" (us.md 3.4, Validation).
PREGNANCY_AGES = range(10, 56)
ELSEWHERE = "film-elsewhere"  # the caution about a film that only the reader has seen
LATERAL = "lateral"  # the rule of a programme, or its alert, that says below which age two views are taken


def record_reading(case: Case, new: NewReading, actor: User) -> XrayReading:
    """Record a reading, final at once: the radiologist signs it alone.

    Raises InvalidInput for impossible input, NeedsConfirmation for unusual, NotNow when this film has a reading.
    """
    row = _build(case, new, actor)
    revision.ensure_not_recorded(_find_same(case, new))
    confirmed = ensure_confirmed(_list_cautions(case, new), new.confirmed)
    return _record(case, row, actor, "record-reading", confirmed)


def correct_reading(row: XrayReading, new: NewReading, reason: str, actor: User) -> XrayReading:
    """Record the next revision of a reading; the old one stays to be seen with its own remark."""
    case = row.case
    revision.ensure_current(row)
    made = _build(case, new, actor)
    same = _find_same(case, new)
    revision.ensure_not_recorded(None if same is row else same)
    confirmed = ensure_confirmed(_list_cautions(case, new), new.confirmed)
    revision.supersede(row, made)
    made.status = ResultStatus.CORRECTED
    return _record(case, made, actor, "correct-reading", confirmed, reason)


def withdraw_reading(row: XrayReading, reason: str, actor: User) -> None:
    """Take a reading back that should never have been here, for example of another person's film."""
    workflow.mark_touched(row.case)
    revision.withdraw(row, reason)
    _finish(row, actor, "withdraw-reading", None, reason)


def get_reading(case: Case, reading_id: str) -> XrayReading:
    """A reading of `case`. Raises NotFound."""
    row = db.session.get(XrayReading, reading_id)
    if row is None or row.case_id != case.id:
        raise NotFound(_("There is no such reading on this case."), case=case.id, reading=reading_id)
    return row


def list_readings(case: Case) -> list[XrayReading]:
    """Every reading of the case, replaced and withdrawn ones too, newest first."""
    return list(db.session.execute(
        select(XrayReading).where(XrayReading.case_id == case.id).order_by(XrayReading.entered_at.desc(),
                                                                          XrayReading.revision.desc())
    ).scalars())


def find_pregnancy(case: Case) -> Answer | None:
    """What is known of pregnancy on this case; None when nobody answered."""
    return next((row.answer for row in case.circumstances if row.word == "pregnant"), None)


def needs_pregnancy_answer(case: Case) -> bool:
    """Whether pregnancy must still be asked before a film of this person may be read."""
    today = get_today(case)
    age = age_on(parse_partial_date(case.applicant.birth_date), case.exam_date or today).years
    return (
        case.applicant.sex is not Sex.MALE and age in PREGNANCY_AGES
        and find_pregnancy(case) not in (Answer.YES, Answer.NO)
    )


def find_lateral_age(case: Case) -> int:
    """Below which age in years the programme has a lateral view taken as well; 0 where it asks for none."""
    rules, programme = get_edition(case).rules, case.programme
    rule = rules.get(f"{programme}-{LATERAL}") or rules.get(f"{programme}-alert-{LATERAL}")
    return rule.numbers["below_age_years"] if rule else 0


def needs_lateral(case: Case, day: date) -> bool:
    """Whether a lateral view belongs to a film of this person taken on `day`."""
    return age_on(parse_partial_date(case.applicant.birth_date), day).years < find_lateral_age(case)


def _build(case: Case, new: NewReading, actor: User) -> XrayReading:
    workflow.ensure_recording(case)
    ensure_possible_dates(case, taken_on=new.taken_on)
    findings = to_common(case.programme, new.findings, new.numbered)
    film = get_film(case, new.film_id) if new.film_id else None
    problems = _check_findings(case, new, findings) | _check_film(film, new)
    if new.deferred == "pregnancy" and find_pregnancy(case) is not Answer.YES:
        problems["deferred"] = [_("Pregnancy is not recorded on this case: record it first.")]
    if not new.deferred and needs_pregnancy_answer(case):
        problems["taken_on"] = [_("Pregnancy has not been answered on this case: ask and record it before the film.")]
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems, case=case.id)
    return XrayReading(
        case_id=case.id, case=case, taken_on=new.taken_on, view=new.view, findings=list(findings),
        numbered=list(new.numbered) or None, result=new.result, film_id=new.film_id, film=film,
        deferred=new.deferred, remark=new.remark.strip(), status=ResultStatus.FINAL, entered_at=clock.now(),
        entered_by_id=actor.id,
    )


def to_common(programme: str, findings: Sequence[str], numbered: Sequence[str]) -> tuple[str, ...]:
    """The common codes of both kinds of findings, in the form's order; unknown numbers add nothing."""
    known = list_numbered(programme)
    wanted = {*findings, *(known[number].common for number in numbered if number in known)}
    return tuple(code for code in list_all_findings() if code in wanted) or tuple(findings)


def _check_findings(case: Case, new: NewReading, findings: Sequence[str]) -> dict[str, list[str]]:
    if set(findings) - set(list_findings(case.programme)) or set(new.numbered) - set(list_numbered(case.programme)):
        return {"findings": [_("Choose findings of this destination's list.")]}
    if NORMAL in findings and len(findings) > 1:
        return {"findings": [_("“Normal findings” excludes every other finding.")]}
    if new.deferred or case.programme not in RESULT_PROGRAMMES:
        return {}
    if new.result is None:
        return {"result": [_("Choose the result.")]}
    if (new.result == XrayResult.NORMAL) != (NORMAL in findings):
        return {"result": [_("The result and the findings do not fit: normal goes with normal.")]}
    if new.result == XrayResult.TB and not _suggests_tb(findings):
        return {"findings": [_("Tick the finding that shows old or active tuberculosis.")]}
    return {}


def _check_film(film: Film | None, new: NewReading) -> dict[str, list[str]]:
    if film is None:
        return {}
    if new.deferred:
        return {"deferred": [_("There is a film to read: it cannot be put off as well.")]}
    if film.state is not FilmState.ACCEPTED:
        return {"film_id": [_("This film may not be read: it is in quarantine, older than the exam, or rejected.")]}
    if film.taken_on is not None and film.taken_on != new.taken_on:
        return {"taken_on": [_("The film shown says another day. Choose the film that you read, or correct the day.")]}
    return {}


def _suggests_tb(findings: Sequence[str]) -> bool:
    known = list_all_findings()
    return any(known[code].category is FindingCategory.SUGGESTS_TB for code in findings)


def _list_cautions(case: Case, new: NewReading) -> list[Caution]:
    if new.taken_on is None:
        return []
    found = list_date_cautions(case, new.taken_on, "taken_on")
    if not new.film_id and not new.deferred:
        found.append(Caution(ELSEWHERE, _(
            "No film in this system is named: confirm that you read it elsewhere, and that name and birth date on it "
            "are this applicant's."), "film_id"))
    if find_pregnancy(case) is Answer.YES:
        found.append(Caution("pregnant", _(
            "This applicant is pregnant: confirm that consent was signed and abdomen and pelvis were double shielded."),
            "taken_on"))
    if needs_lateral(case, new.taken_on) and new.view in ("pa", "ap"):
        found.append(Caution("lateral", _("Under %(age)s years a lateral view is taken too: confirm that there is "
                                          "none.", age=find_lateral_age(case)),
                             "view"))
    if any(film.state is FilmState.QUARANTINED for film in list_films(case)):
        found.append(Caution("quarantined-film", _(
            "A film of this case is in quarantine: confirm that this reading is of another film, and of this person."),
            "film_id"))
    if new.result == XrayResult.NON_TB and _suggests_tb(to_common(case.programme, new.findings, new.numbered)):
        found.append(Caution("not-tb", _(
            "A finding suggests tuberculosis, but the result says it is none: sputum will still be asked for."),
            "result"))
    return found


def _find_same(case: Case, new: NewReading) -> XrayReading | None:
    """The current reading of the same film, or the current deferral."""
    return db.session.execute(
        select(XrayReading).where(
            XrayReading.case_id == case.id, XrayReading.superseded_at.is_(None),
            XrayReading.status != ResultStatus.ENTERED_IN_ERROR,
            XrayReading.taken_on == new.taken_on if new.taken_on else XrayReading.taken_on.is_(None),
        ).limit(1)
    ).scalar_one_or_none()


def _record(case: Case, row: XrayReading, actor: User, action: str, confirmed: list[str],
            reason: str = "") -> XrayReading:
    workflow.mark_touched(case)
    db.session.add(row)
    db.session.flush()
    _finish(row, actor, action, confirmed, reason)
    return row


def _finish(row: XrayReading, actor: User, action: str, confirmed: list[str] | None, reason: str) -> None:
    detail: dict[str, object] = {"series": row.series_id, "revision": row.revision}
    if confirmed:
        detail["confirmed"] = confirmed
    if reason:
        detail["reason"] = reason
    record_change(action, "xray-reading", row.id, case_id=row.case_id, site_id=row.case.site_id, detail=detail,
                  actor_id=actor.id, actor_kind="user")
    film_repeat.follow_readings(row.case, list_readings(row.case), actor)
    assessment.refresh(row.case)
