"""Why a case is where it is: ordered predicates, the first match wins, and every list says the same words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from clinic import clock, culture
from clinic.laboratory_test import list_tests
from clinic.models import Case, CaseState, FilmState, LabOrderState, Requirement, ResultStatus
from clinic.models.requirement import RequirementState
from clinic.partial_date import format_clinically, from_date
from clinic.queries.standing import Mark, ResultMark, Standing, load_standings
from clinic.rules.record import SPECIMENS
from clinic.tube import list_tubes
from clinic.workflow import SIGNED

REVOKED = "revoked"  # key of a signed case whose newest version is (clinic/services/revocation.py)
CULTURE_DAYS = culture.LONGEST  # eight weeks; what applicants are told to expect (us-addendum.md section 2, Q12)
XRAY = ("chest-xray", "tb-child-workup")
SPUTUM = ("sputum-series", "sputum-replacement")

Found = tuple[str, str | None]
Predicate = Callable[[Case, dict[str, Any], Standing], Found | None]


@dataclass(frozen=True)
class State:
    """Where one examination stands: its code, the words, and who, when or why in addition."""

    code: str
    words: str
    detail: str = ""

    @property
    def sentence(self) -> str:
        """Everything in one line."""
        if self.code == "sent-back":
            return f"{self.words} {self.detail}"
        return f"{self.words} ({self.detail})" if self.detail else self.words

    @property
    def tone(self) -> str:
        """What repeats the words by shape and colour (templates/macros/state.html)."""
        return TONES.get(self.code, "neutral")


TONES = {"done": "good", "not-required": "off", "second-person": "wait", "draft": "active", "awaiting": "wait",
         "film-waits": "active", "film-held": "warn", "unconfirmed-report": "wait", "deferred": "wait",
         "sent-back": "bad", "drawn": "wait", "no-consent": "wait"}


def find_progress(case: Case, decision: dict[str, Any]) -> Found:
    """The key of why `case` is where it is, and the variable part of its sentence."""
    standing = load_standings([case.id])[case.id]
    for predicate in PREDICATES:
        found = predicate(case, decision, standing)
        if found is not None:
            return found
    return "in-progress", None


def describe_progress(
    state: CaseState, key: str | None, detail: str | None, today: date, standing: Standing | None = None,
    programme: str = "", zone: str = "UTC",
) -> str:
    """The words of a progress line, the same on every list; `detail` as find_progress gave it.

    With `standing` the line about one examination also says who did what, and when.
    """
    if key == REVOKED and state in SIGNED:
        return _("Revoked; no other version is signed")
    if state in SETTLED:
        return SETTLED[state]()
    if key == "culture" and detail:
        return _say_culture(date.fromisoformat(detail), today)
    if standing is not None and key in ABOUT_EXAM and detail in standing.exams:
        found = describe_exam(detail, standing, programme, today, zone)
        line = f"{found.words}: {label_exam(detail)}"
        return f"{line} ({found.detail})" if found.detail else line
    say = WORDS.get(key or "")
    return say(detail) if say else _("In progress")

# Each sentence is a function: a list of fifty rows translates fifty sentences, not all of them fifty times.
SETTLED: dict[CaseState, Callable[[], str]] = {
    CaseState.SIGNED: lambda: _("Signed; waits to be delivered"),
    CaseState.SUBMITTED: lambda: _("Delivered; the authority has not answered yet"),
    CaseState.ACKNOWLEDGED: lambda: _("Acknowledged by the authority"),
    CaseState.CLOSED: lambda: _("Closed"),
    CaseState.ON_HOLD: lambda: _("On hold"),
    CaseState.WITHDRAWN: lambda: _("Withdrawn"),
    CaseState.EXPIRED: lambda: _("Expired"),
}
ABOUT_EXAM = ("second-person", "draft", "to-do")
WORDS: dict[str, Callable[[str | None], str]] = {
    "not-required": lambda detail: _("No examination required"),
    "facts": lambda detail: _("Circumstances to establish: %(n)s", n=detail or "1"),
    "not-cleared": lambda detail: _("Not cleared; waits for the physician"),
    "second-person": lambda detail: _("Needs second person: %(exam)s", exam=label_exam(detail)),
    "draft": lambda detail: _("In progress: %(exam)s", exam=label_exam(detail)),
    "to-do": lambda detail: _("To do: %(exam)s", exam=label_exam(detail)),
    "physician": lambda detail: _("The physician decides"),
    "ready": lambda detail: _("Ready to sign"),
}


def label_exam(exam: str | None) -> str:
    """The examination's name in words; empty without one."""
    from clinic.rules import get_exam_label

    return str(get_exam_label(exam)) if exam else ""


def describe_requirement(
    requirement: Requirement, case: Case, decision: dict[str, Any], standing: Standing | None = None
) -> State:
    """Where a requirement stands; `standing` is read when it is not given."""
    if requirement.state is RequirementState.DONE:
        return State("done", _("Done"))
    if requirement.state is RequirementState.WITHDRAWN:
        return State("not-required", _("Not required any more"))
    if standing is None:
        standing = load_standings([case.id])[case.id]
    zone = case.site.time_zone
    return describe_exam(requirement.exam, standing, case.programme, clock.today(zone), zone)


def describe_exam(exam: str, standing: Standing, programme: str, today: date, zone: str) -> State:
    """Where an open examination stands; `today` and the IANA name `zone` are the site's."""
    if exam in XRAY:
        return _describe_film(standing, zone)
    entered = _describe_entered([mark for mark in standing.results if exam in list_tests()[mark.test].exams], zone)
    if entered is not None:
        return entered
    if exam in SPUTUM:
        return _describe_sputum(exam, standing, today)
    if any(exam in test.exams for test in list_tests().values()):
        return _describe_draw(exam, standing, {mark.test for mark in standing.results
                                               if exam in list_tests()[mark.test].exams
                                               and mark.status is not ResultStatus.ENTERED_IN_ERROR})
    return _describe_form(exam, standing, programme, zone)


def list_unasked(standing: Standing, zone: str) -> list[tuple[State, str]]:
    """Where each entered result stands that serves no open examination, and the name of its test."""
    found = []
    for name in dict.fromkeys(mark.test for mark in standing.results):
        test = list_tests()[name]
        state = None if set(test.exams) & set(standing.exams) else _describe_entered(
            [mark for mark in standing.results if mark.test == name], zone)
        if state is not None:
            found.append((state, test.label))
    return found


def _describe_entered(marks: list[ResultMark], zone: str) -> State | None:
    """That one of these results waits for its second person, or was sent back; None where all are as they should be."""
    for mark in marks:
        if mark.status is ResultStatus.PRELIMINARY:
            return State("second-person", _("Needs second person"), _(
                "entered by %(name)s, %(time)s", name=mark.entered.by, time=say_moment(mark.entered.at, zone)))
    refused = find_sent_back(marks)
    if refused is None or refused.checked is None:
        return None
    if list_tests()[refused.test].guarded:  # the reason may tell what a list must not
        return State("sent-back", _("Sent back"), _(
            "by %(name)s, %(time)s", name=refused.checked.by, time=say_moment(refused.checked.at, zone)))
    return State("sent-back", _("Sent back"), _(
        "by %(name)s, %(time)s: %(reason)s", name=refused.checked.by, time=say_moment(refused.checked.at, zone),
        reason=refused.remark))


def find_sent_back(marks: list[ResultMark]) -> ResultMark | None:
    """The newest result that was sent back and not entered again for the same test and specimen."""
    newest: dict[tuple[str, str | None], ResultMark] = {}
    for mark in marks:
        if mark.status is not ResultStatus.ENTERED_IN_ERROR or mark.is_sent_back:
            newest[mark.test, mark.specimen_id] = mark
    return next((mark for mark in reversed(newest.values()) if mark.is_sent_back), None)


def say_moment(at: datetime, zone: str) -> str:
    """The time of day for a moment of today, else day and time; held left to right inside other scripts."""
    local = at.astimezone(ZoneInfo(zone))
    day = "" if local.date() == clock.today(zone) else f"{format_clinically(from_date(local.date()))} "
    return f"\u2066{day}{local:%H:%M}\u2069"


def split_unknowns(unknown: list[str], needs: list[str]) -> tuple[list[str], list[str]]:
    """(what must be established because it could change something, what is not known and changes nothing).

    `unknown` as build_facts gives it, `needs` of the decision on the same facts.
    """
    return needs, [word for word in unknown if word not in needs]


def _describe_film(standing: Standing, zone: str) -> State:
    reading, films = standing.reading, standing.films
    if reading is not None and reading.what == ResultStatus.PRELIMINARY.value:
        return State("unconfirmed-report", _("Report to be confirmed"),
                     _("read by %(name)s, %(time)s", name=reading.by, time=say_moment(reading.at, zone)))
    if FilmState.ACCEPTED in films:
        return State("film-waits", _("Film awaiting reading"), _say_received(films[FilmState.ACCEPTED], zone))
    if FilmState.QUARANTINED in films:
        return State("film-held", _("Film held: second look"), _say_received(films[FilmState.QUARANTINED], zone))
    if reading is not None and reading.what:
        return State("deferred", _("Put off"), _("by %(name)s, %(time)s", name=reading.by,
                                                 time=say_moment(reading.at, zone)))
    return State("to-do", _("To be taken"))


def _describe_draw(exam: str, standing: Standing, entered: set[str]) -> State:
    """What is really waited for: the draw, the way to the laboratory, or its result."""
    from clinic.services.lab_order import match_tests

    orders = {test.name: standing.orders[test.name] for test in list_tests().values()
              if exam in test.exams and test.name in standing.orders}
    due = [test for test, _exam in match_tests([exam], orders, entered)]
    due += [list_tests()[name] for name, state in orders.items() if state is LabOrderState.ORDERED]
    if kinds := {list_tubes()[test.tube].kind for test in due if test.tube}:
        if "urine" not in kinds:
            return State("to-do", _("Blood to be drawn"))
        return State("to-do", _("Urine to be taken") if kinds == {"urine"} else _("Blood and urine to be taken"))
    if LabOrderState.COLLECTED in orders.values():
        return State("drawn", _("Taken, not in the laboratory yet"))
    if LabOrderState.SENT in orders.values():
        return State("drawn", _("Specimen on its way"))
    return State("drawn" if orders else "to-do", _("Result to be entered"))


def _say_received(film: Mark, zone: str) -> str:
    return _("received %(time)s from %(name)s", time=say_moment(film.at, zone), name=film.by)


def _describe_sputum(exam: str, standing: Standing, today: date) -> State:
    taken = len(standing.specimens)
    started = find_culture_start(standing)
    if started is None:
        return State("to-do", _("To be taken"))
    if exam == SPUTUM[0] and taken < SPECIMENS:  # a series that nobody completes is how an applicant is lost
        return State("to-do", _("Specimen %(next)s of %(all)s to be taken", next=taken + 1, all=SPECIMENS),
                     _say_culture(started, today))
    return State("awaiting", _say_culture(started, today), _("specimens taken: %(n)s", n=taken))


def _say_culture(started: date, today: date) -> str:
    day = max((today - started).days, 0)
    if day > CULTURE_DAYS:
        return _("Culture day %(day)s, due since day %(days)s", day=day, days=CULTURE_DAYS)
    return _("Culture day %(day)s of %(days)s", day=day, days=CULTURE_DAYS)


def _describe_form(exam: str, standing: Standing, programme: str, zone: str) -> State:
    from clinic.services.completion import find_form_name

    draft = standing.drafts.get(find_form_name(exam, programme) or "")
    if draft is None:
        return State("to-do", _("To do"))
    return State("draft", _("In progress"), _("%(name)s, %(time)s", name=draft.by, time=say_moment(draft.at, zone)))


def find_culture_start(standing: Standing) -> date | None:
    """The first day of the oldest specimen of which a culture is outstanding, on whatever medium."""
    unsettled = list_tests()[culture.TEST].open_values
    reported: dict[str | None, list[str | None]] = {}
    for mark in standing.results:
        if mark.test == culture.TEST and mark.status is not ResultStatus.ENTERED_IN_ERROR and (
                mark.value not in unsettled):
            reported.setdefault(mark.specimen_id, []).append(mark.method)
    return next((row.began_on for specimen, row in standing.specimens.items()
                 if culture.list_open_media(reported.get(specimen, ()), row.media)), None)


def _facts_missing(case: Case, decision: dict[str, Any], standing: Standing) -> Found | None:
    return ("facts", str(len(decision["needs"]))) if decision["status"] == "undecided" else None


def _not_required(case: Case, decision: dict[str, Any], standing: Standing) -> Found | None:
    return ("not-required", None) if decision["status"] == "not-required" else None


def _not_cleared(case: Case, decision: dict[str, Any], standing: Standing) -> Found | None:
    return ("not-cleared", None) if decision["status"] == "not-cleared" else None


def _second_person(case: Case, decision: dict[str, Any], standing: Standing) -> Found | None:
    exams = [exam for mark in standing.results if mark.status is ResultStatus.PRELIMINARY
             for exam in list_tests()[mark.test].exams]
    return ("second-person", exams[0]) if exams else None


def _to_do(case: Case, decision: dict[str, Any], standing: Standing) -> Found | None:
    waiting = [exam for exam in standing.exams if exam not in SPUTUM]
    if waiting:
        zone = case.site.time_zone
        state = describe_exam(waiting[0], standing, case.programme, clock.today(zone), zone)
        return ("draft" if state.code == "draft" else "to-do"), waiting[0]
    if standing.exams:
        started = find_culture_start(standing)
        return ("culture", started.isoformat()) if started else ("to-do", standing.exams[0])
    return None


def _pending_culture(case: Case, decision: dict[str, Any], standing: Standing) -> Found | None:
    if decision["status"] != "pending-culture":
        return None
    started = find_culture_start(standing)
    return ("culture", started.isoformat() if started else None)


def _ready(case: Case, decision: dict[str, Any], standing: Standing) -> Found | None:
    if decision["status"] == "physician-decision":
        return "physician", None
    return ("ready", None) if decision["status"] == "final" else None


PREDICATES: tuple[Predicate, ...] = (
    _not_required, _not_cleared, _second_person, _facts_missing, _to_do, _pending_culture, _ready,
)
