"""Sputum and gastric aspirates: numbered when taken, replaced when contaminated, withdrawn when recorded by mistake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, culture, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.identifier import build_specimen_number
from clinic.laboratory_test import list_tests
from clinic.models import Case, LabResult, Purpose, ResultStatus, Specimen, SpecimenKind, User
from clinic.partial_date import format_clinically
from clinic.rules.programme import Rule
from clinic.rules.united_kingdom import judge_series
from clinic.schemas.laboratory import NewSpecimen
from clinic.services import assessment, lab_order
from clinic.services.fact import find_counting_reading, get_edition
from clinic.services.plausibility import ensure_order, ensure_possible_dates, get_today, list_date_cautions

RESPIRATORY = (SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE)
UNUSABLE = ("contaminated", "inconclusive")
GAP = timedelta(hours=24)  # between two specimens of a series (us.md 1.5)
UK_DAYS = 7  # the first morning after the film (ca-au-nz-uk-addendum.md 2.1)
SERIES = 3


def take_specimen(case: Case, new: NewSpecimen, actor: User) -> Specimen:
    """Record a specimen and give it the site's next number.

    Raises InvalidInput for an impossible date or replacement, NeedsConfirmation when two were taken the same day.
    """
    workflow.ensure_recording(case)
    ensure_possible_dates(case, collected_on=new.collected_on)
    collected_at = _build_moment(case, new)
    replaced = _get_replaced(case, new) if new.replaces_id else None
    confirmed = ensure_confirmed(_list_cautions(case, new), new.confirmed)
    workflow.mark_touched(case)
    specimen = Specimen(
        case_id=case.id, case=case, number=give_number(case), kind=new.kind, collected_on=new.collected_on,
        recorded_at=clock.now(), recorded_by_id=actor.id, replaces_id=replaced.id if replaced else None,
        collected_at=collected_at, collection=new.collection, observed_by_id=_find_observer(case, new),
        purpose=new.purpose, treatment_month=new.treatment_month,
    )
    db.session.add(specimen)
    db.session.flush()
    lab_order.order_for_specimen(specimen, _list_tests_of(specimen), actor)
    _finish(specimen, "take-specimen", actor, confirmed)
    return specimen


def _list_tests_of(specimen: Specimen) -> list[str]:
    """What is made of every sputum: smear and culture, of the first one a NAAT as well where the programme asks it."""
    others = [row for row in list_specimens(specimen.case) if row.id != specimen.id and not row.is_lost]
    has_naat = not others and get_series_rule(specimen.case).numbers["naat_of_first"]
    return ["sputum-smear", *(["sputum-naat"] if has_naat else []), "sputum-culture"]


def get_series_rule(case: Case) -> Rule:
    """How the programme has the three specimens taken."""
    return get_edition(case).rules[f"{case.programme}-sputum-timing"]


def withdraw_specimen(specimen: Specimen, reason: str, actor: User) -> None:
    """Take back a specimen that was recorded by mistake. Raises NotNow while it has results."""
    workflow.mark_touched(specimen.case)
    if tests := list_tests_on(specimen):
        raise NotNow(_("This specimen has results (%(tests)s): withdraw those first, each with its reason.",
                       tests=", ".join(tests)), specimen=specimen.id)
    if specimen.withdrawn_at is None:
        specimen.withdrawn_at = clock.now()
        lab_order.lose_specimen(specimen, reason, actor)
        _finish(specimen, "withdraw-specimen", actor, reason=reason)


def list_tests_on(specimen: Specimen) -> list[str]:
    """The names of the tests of which a result rests on a specimen: it would count on when that is none any more."""
    return list(dict.fromkeys(list_tests()[row.test].label for row in lab_order.list_results_on(specimen)))


def give_number(case: Case) -> str:
    """The site's next specimen number."""
    return build_specimen_number(case.site.code, next_number(case.site_id, "specimen"))


def get_specimen(case: Case, specimen_id: str) -> Specimen:
    """A specimen of `case`. Raises NotFound."""
    specimen = db.session.get(Specimen, specimen_id)
    if specimen is None or specimen.case_id != case.id:
        raise NotFound(_("There is no such specimen on this case."), case=case.id, specimen=specimen_id)
    return specimen


def list_specimens(case: Case) -> list[Specimen]:
    """Sputum and gastric aspirates of the case, in the order they were taken; withdrawn ones too."""
    return list(db.session.execute(
        select(Specimen).where(Specimen.case_id == case.id, Specimen.kind.in_(RESPIRATORY))
        .order_by(Specimen.collected_on, Specimen.number)
    ).scalars())


def list_series(case: Case) -> list[Specimen]:
    """Those of them that the examination itself asks for, without those taken during treatment."""
    return [each for each in list_specimens(case) if each.purpose is Purpose.DIAGNOSIS]


def inoculate(specimen: Specimen, day: date, media: tuple[str, ...], actor: User) -> None:
    """Record on which media a specimen was inoculated, and when: the cultures' clocks run from that day.

    Raises InvalidInput for an impossible day, and for leaving out a medium that has a result; NotNow when withdrawn.
    """
    workflow.mark_touched(specimen.case)
    ensure_possible_dates(specimen.case, inoculated_on=day)
    ensure_order(specimen.collected_on, day, "inoculated_on",
                 _("The cultures cannot begin before the specimen was collected."))
    if specimen.withdrawn_at is not None:
        raise NotNow(_("This specimen was withdrawn: choose another."), specimen=specimen.id)
    if specimen.rejected_at is not None:
        raise NotNow(_("%(number)s was rejected: a new one is to be taken.", number=specimen.number),
                     specimen=specimen.id)
    grown = {row.method for row in specimen.results if row.test == culture.TEST and row.is_current and row.method}
    if grown - set(media):
        raise InvalidInput(_("Please correct what is marked."), fields={"media": [
            _("A medium that has a result was inoculated: tick it.")]})
    specimen.inoculated_on, specimen.media = day, " ".join(media)
    _finish(specimen, "inoculate-specimen", actor, more={"on": day.isoformat(), "media": list(media)})


def find_current_result(specimen: Specimen, test: str, method: str | None = None) -> LabResult | None:
    """The newest result of one test, by that method where one is given, that was not withdrawn."""
    return next((row for row in specimen.results if row.test == test and row.is_current
                 and method in (None, row.method)), None)


def find_culture(specimen: Specimen, confirmed_only: bool = False) -> culture.Culture:
    """What its media say together, unconfirmed reports too unless `confirmed_only`."""
    rows = [row for row in specimen.results if row.test == culture.TEST and row.is_current
            and (row.counts or not confirmed_only)]
    return culture.combine(rows, specimen.list_media)


def needs_replacement(specimen: Specimen, others: list[Specimen]) -> bool:
    """Whether its culture is unusable and no other specimen stands in for it yet."""
    return (
        not specimen.is_lost and find_culture(specimen).value in UNUSABLE
        and all(other.replaces_id != specimen.id or other.is_lost for other in others)
    )


def find_result_error(specimen: Specimen, row: LabResult) -> tuple[str, str] | None:
    """(field, sentence) of what cannot be of a result on a specimen: a culture older than its inoculation, a medium
    that was not inoculated, a susceptibility by growth where nothing grew."""
    if row.test == culture.TEST:
        if row.method and specimen.media and row.method not in specimen.list_media:
            return "method", _("This medium was not inoculated: correct the inoculation first, or choose the other.")
        if row.reported_on and specimen.inoculated_on and row.reported_on < specimen.inoculated_on:
            return "reported_on", _("The culture was inoculated after this day. Check both dates.")
    if row.test == "dst" and row.method != "molecular" and find_culture(specimen).value in ("negative", "ntm"):
        return "value", _("The culture of this specimen is final without M. tuberculosis: there was nothing to test. "
                          "Check the specimen's number.")
    return None


def list_culture_cautions(specimen: Specimen, row: LabResult) -> list[Caution]:
    """Timing of a culture that is possible but unusual (us.md 1.5)."""
    if row.test == "dst":
        return _list_susceptibility_cautions(specimen, row)
    if row.test != culture.TEST or row.reported_on is None:
        return []
    found = []
    days = culture.DAYS.get(row.method or "", culture.SHORTEST)
    if row.value == "negative" and row.reported_on < specimen.culture_began_on + timedelta(days=days):
        found.append(Caution("early-negative", _(
            "A final negative culture before day %(days)s is unusual: make sure that this is not an interim report.",
            days=days), "reported_on"))
    smear = find_current_result(specimen, "sputum-smear")
    if smear is not None and smear.reported_on is not None and smear.reported_on > row.reported_on:
        found.append(Caution("smear-after-culture", _("The smear was reported after the culture."), "reported_on"))
    return found


def _list_susceptibility_cautions(specimen: Specimen, row: LabResult) -> list[Caution]:
    """Grown bacilli are what is tested, unless the test is molecular (us.md 1.5)."""
    if row.method == "molecular" or find_culture(specimen).value == "mtb":
        return []
    return [Caution("no-growth", _(
        "No culture of this specimen grew M. tuberculosis: check the specimen's number."), "value")]


def _build_moment(case: Case, new: NewSpecimen) -> datetime | None:
    """The minute of the collection. Raises InvalidInput for one that has not come yet."""
    if new.collected_time is None:
        return None
    moment = datetime.combine(new.collected_on, new.collected_time, ZoneInfo(case.site.time_zone))
    if moment > clock.now():
        raise InvalidInput(_("Please correct what is marked."), fields={"collected_time": [
            _("This time has not come yet. Check the day and the hour.")]})
    return moment.astimezone(UTC)


def _find_observer(case: Case, new: NewSpecimen) -> str | None:
    """Who watched: somebody of the case's site. Raises InvalidInput for anybody else."""
    if not new.observed_by_id:
        return None
    who = db.session.get(User, new.observed_by_id)
    if who is None or who.site_id != case.site_id:
        raise InvalidInput(_("Please correct what is marked."), fields={"observed_by_id": [
            _("Choose who of this site watched.")]})
    return who.id


def _get_replaced(case: Case, new: NewSpecimen) -> Specimen:
    replaced = get_specimen(case, new.replaces_id or "")
    others = list_specimens(case)
    if not needs_replacement(replaced, others):
        raise InvalidInput(_("Please correct what is marked."), specimen=replaced.id, fields={"replaces_id": [
            _("Only a specimen whose culture was contaminated or inconclusive is replaced, and only once.")]})
    if new.collected_on < replaced.collected_on:
        raise InvalidInput(_("Please correct what is marked."), fields={"collected_on": [
            _("The replacement cannot be older than the specimen it replaces.")]})
    return replaced


def _list_cautions(case: Case, new: NewSpecimen) -> list[Caution]:
    """One caution for each thing: a day long ago says no less than a day of last week, and takes its place."""
    found = list_date_cautions(case, new.collected_on, "collected_on")
    if not found and new.collected_on < get_today(case) - timedelta(days=7):
        found.append(Caution("late-entry", _("This specimen was taken more than a week ago."), "collected_on"))
    if new.purpose is not Purpose.DIAGNOSIS:
        return found
    if new.is_unwatched:
        found.append(Caution("unwatched", _(
            "Nobody watched: specimens of the examination are taken under supervision. Choose who watched, or confirm "
            "that nobody did."), "observed_by_id"))
    series = [other for other in list_series(case) if not other.is_lost]
    found += _list_gap_cautions(case, new, series)
    latest_hour = get_series_rule(case).numbers.get("before_hour")
    if latest_hour is not None and new.collected_time is not None and new.collected_time.hour >= latest_hour:
        found.append(Caution("not-morning", _("This programme asks for early morning specimens."), "collected_time"))
    if case.programme == "uk":
        found += _list_morning_cautions(case, new, series)
    if len(series) >= SERIES and not new.replaces_id:
        found.append(Caution("fourth", _(
            "The series has its three specimens already. Choose which one this replaces, or confirm that it is one "
            "more."), "replaces_id"))
    return found


def _list_gap_cautions(case: Case, new: NewSpecimen, series: list[Specimen]) -> list[Caution]:
    """Less than a day between two specimens: by the hour where both are known, else by the day (us.md 1.5). Where a
    programme asks for mornings, each has a day of its own, whatever the hour (ca-au-nz-uk-iom.md 2.8; addendum 2.1)."""
    is_of_mornings = "before_hour" in get_series_rule(case).numbers
    moment = None if is_of_mornings else _build_moment(case, new)
    for other in series:
        if moment is not None and other.collected_at is not None:
            gap = abs(moment - other.collected_at)
            if gap < GAP:
                return [Caution("same-day", _(
                    "Specimen %(number)s was taken %(hours)s hours before or after. The three are taken at least 24 "
                    "hours apart.", number=other.number, hours=int(gap.total_seconds() // 3600)), "collected_time")]
        elif other.collected_on == new.collected_on:
            return [Caution("same-day", _(
                "Another specimen was taken on this day. Each of the three has a day of its own."), "collected_on")]
    return []


def _list_morning_cautions(case: Case, new: NewSpecimen, series: list[Specimen]) -> list[Caution]:
    """Consecutive mornings that begin within seven days of the film (ca-au-nz-uk-addendum.md 2.1)."""
    found: list[Caution] = []
    if new.replaces_id:
        return found
    film, latest = find_counting_reading(case), find_last_begin(case)
    if not series and film is not None and film.taken_on is not None and latest is not None and (
            new.collected_on > latest):
        found.append(Caution("late-series", _(
            "The series begins more than %(days)s days after the film of %(day)s: by the United Kingdom's rules such a "
            "series gives no certificate.", days=UK_DAYS, day=format_clinically(film.taken_on)), "collected_on"))
    if series and len(series) < SERIES and (new.collected_on - series[-1].collected_on).days > 1:
        found.append(Caution("not-consecutive", _(
            "The morning before this one has no specimen: the United Kingdom asks for three consecutive mornings."),
            "collected_on"))
    return found


def find_last_begin(case: Case) -> date | None:
    """The last morning on which the United Kingdom's series can begin; None before there is a film."""
    film = find_counting_reading(case)
    return None if film is None or film.taken_on is None else film.taken_on + timedelta(days=UK_DAYS)


def find_series_fault(case: Case) -> str | None:
    """Why the United Kingdom's series is to be given again, as the rules judge it, known before any result is; also a
    morning that has passed without a specimen. None while it stands."""
    entries: list[dict[str, Any]] = [
        {"collected": each.collected_on, "culture": find_culture(each).value}
        for each in list_series(case) if not each.is_lost]
    fault = judge_series(entries, find_last_begin(case))
    if fault is None and 0 < len(entries) < SERIES and (
            get_today(case) - max(one["collected"] for one in entries)).days > 1:
        return "consecutive"
    return fault


def _finish(
    specimen: Specimen, action: str, actor: User, confirmed: list[str] | None = None, reason: str = "",
    more: dict[str, object] | None = None,
) -> None:
    detail: dict[str, object] = {"number": specimen.number, "kind": specimen.kind.value} | (more or {})
    if confirmed:
        detail["confirmed"] = confirmed
    if reason:
        detail["reason"] = reason
    record_change(action, "specimen", specimen.id, case_id=specimen.case_id, site_id=specimen.case.site_id,
                  detail=detail, actor_id=actor.id, actor_kind="user")
    db.session.flush()
    assessment.refresh(specimen.case)


def has_waiting_result(specimen: Specimen) -> bool:
    """Whether a result of it waits for its second person."""
    return any(row.is_current and row.status is ResultStatus.PRELIMINARY for row in specimen.results)
