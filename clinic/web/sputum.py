"""Sputum: the series of an examination on one page, specimens as they are taken and each test as it is reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import culture
from clinic.caution import Caution
from clinic.errors import InvalidInput
from clinic.laboratory_test import list_tests
from clinic.models import (
    MEDIA,
    Case,
    Collection,
    LabComponent,
    LabResult,
    Purpose,
    RequirementState,
    Specimen,
    SpecimenKind,
)
from clinic.permissions import Permission, has_permission, requires
from clinic.progress import say_moment
from clinic.queries.tuberculosis import list_observers
from clinic.result_word import label_value
from clinic.schemas.door import load
from clinic.schemas.laboratory import InoculationIn, LabResultIn, SpecimenIn
from clinic.schemas.reason import ReasonIn
from clinic.services import laboratory, specimen, tb_check
from clinic.services.assessment import list_requirements
from clinic.services.fact import get_edition
from clinic.services.handover import rejection_word
from clinic.services.plausibility import get_today
from clinic.services.tb_summary import find_tb_case
from clinic.web.clinical_format import format_date
from clinic.web.form import read_form
from clinic.web.gate import address_check, is_present
from clinic.web.laboratory import Problems
from clinic.web.sputum_word import COLLECTION_WORDS, PURPOSE_WORDS, list_choices, split_choice
from clinic.web.station_page import (
    Answer,
    forget,
    igra_word,
    is_recording,
    list_names,
    list_parts,
    open_case,
    prefix_errors,
    show,
)

blueprint = Blueprint("sputum", __name__, url_prefix="/cases/<case_id>/sputum")
P = Permission
SPECIMEN_FIELDS: tuple[str, ...] = ("kind", "collected_on", "collected_time", "collection", "observed_by_id", "purpose",
                                    "treatment_month", "replaces_id", "confirmed")
SPECIES, GENUS = "species", "ntm"


@dataclass(frozen=True)
class Column:
    """One test of the series: what its fields are called, and the medium of a culture."""

    test: str
    medium: str | None = None

    @property
    def key(self) -> str:
        """The stem of its fields' names."""
        return f"{self.test}-{self.medium}" if self.medium else self.test


SMEAR, NAAT, WHOLE = Column("sputum-smear"), Column("sputum-naat"), Column(culture.TEST)
COLUMNS = (SMEAR, NAAT, *(Column(culture.TEST, medium) for medium in MEDIA))
EVERY = (*COLUMNS, WHOLE)  # a report that names no medium has a column where there is one


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """The specimens of a case with their results."""
    return _show(open_case(case_id), {})


@blueprint.post("/specimens")
@requires(P.RECORD_SPUTUM)
def take(case_id: str) -> Answer | Response:
    """Record a specimen and give it its number."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    try:
        plain = {name: typed[name] for name in SPECIMEN_FIELDS if name in typed}
        plain["is_unwatched"] = request.form.get("observed_by_id") == ""
        made = specimen.take_specimen(case, load(SpecimenIn(), plain), current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed | {"step": "take"}, problem)
    flash(_("Specimen %(number)s is recorded: label the pot with this number.", number=made.number), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/inoculation")
@requires(P.ENTER_RESULT)
def inoculate(case_id: str) -> Answer | Response:
    """Record for the ticked specimens on which media they were inoculated, and when."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("media", "pots"))
    try:
        if not typed["pots"]:
            raise InvalidInput(_("Please correct what is marked."), fields={"pots": [_("Tick at least one specimen.")]})
        day, media = load(InoculationIn(), {name: typed[name] for name in ("inoculated_on", "media") if name in typed})
        for pot in typed["pots"]:
            specimen.inoculate(specimen.get_specimen(case, pot), day, media, current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed | {"step": "inoculate"}, problem)
    flash(_("The cultures' clocks run from this day."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/results")
@requires(P.ENTER_RESULT)
def enter(case_id: str) -> Answer | Response:
    """Record every result of the table that was filled in: all of them, or none."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    problems = Problems()
    count = 0
    try:
        for each in specimen.list_specimens(case):
            for column in EVERY:
                choice = typed.get(f"{each.id}.{column.key}.value")
                if choice:
                    count += 1
                    _enter_one(case, each.id, column, choice, typed, problems)
            if typed.get(f"{each.id}.{SPECIES}") and not any(_is_other(typed, each.id, column) for column in EVERY):
                problems.errors[f"{each.id}.{SPECIES}"] = [_(
                    "A species belongs to nontuberculous mycobacteria: choose these as the culture's result, or empty "
                    "this box.")]
        if not count and not problems.errors:
            problems.errors["results"] = [_("Enter at least one result.")]
        problems.raise_any()
    except InvalidInput as problem:
        return _show(forget(case_id), typed | {"step": "results"}, problem)
    flash(_("Saved. Another person must confirm before it counts."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/specimens/<specimen_id>/withdraw")
@requires(P.RECORD_SPUTUM)
def withdraw(case_id: str, specimen_id: str) -> Answer | Response:
    """Take back a specimen that was recorded by mistake."""
    case = open_case(case_id)
    row = specimen.get_specimen(case, specimen_id)
    typed = read_form(request.form)
    try:
        specimen.withdraw_specimen(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        stem = f"withdraw-{specimen_id}-"
        problem.fields = prefix_errors(problem, stem, "reason")
        return _show(forget(case_id), {f"{stem}reason": typed.get("reason", "")}, problem)
    flash(_("Withdrawn; it stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id))


def _enter_one(
    case: Case, specimen_id: str, column: Column, choice: str, typed: dict[str, Any], problems: Problems
) -> None:
    """One cell of the table; what is wrong with it is kept under the name of its field."""
    name = f"{specimen_id}.{column.key}"
    value, parts = split_choice(choice)
    species = typed.get(f"{specimen_id}.{SPECIES}")
    if species and _is_other(typed, specimen_id, column):
        parts[SPECIES] = species
    plain = {"test": column.test, "value": value, "specimen_id": specimen_id, "confirmed": typed["confirmed"]}
    plain |= {"components": parts} if parts else {}
    plain |= {"method": column.medium} if column.medium else {}
    own = f"{name}.reported_on"
    day = typed.get(own) or typed.get("reported_on")
    if day:
        plain["reported_on"] = day
    try:
        laboratory.enter_result(case, load(LabResultIn(), plain), current_user)
    except InvalidInput as problem:
        found = Problems()
        found.add(problem, column.test, "")
        _merge_cautions(problems.cautions, found.cautions, specimen.get_specimen(case, specimen_id).number)
        for place, sentences in found.errors.items():
            is_day = place == "reported_on" and own not in typed and "reported_on" not in typed
            problems.errors["reported_on" if is_day else f"{name}.value"] = sentences


def _is_other(typed: dict[str, Any], specimen_id: str, column: Column) -> bool:
    """Whether nontuberculous mycobacteria are chosen in that cell: to them belongs the species."""
    choice = typed.get(f"{specimen_id}.{column.key}.value") or ""
    return column.test == culture.TEST and split_choice(choice)[0] == GENUS


def _merge_cautions(said: list[Caution], more: list[Caution], number: str) -> None:
    """Add what is unusual of one specimen, by its number; the same of several is one tick that names them all."""
    for caution in more:
        text = f"{number}: {caution.text}"
        place = next((at for at, one in enumerate(said) if one.code == caution.code), None)
        if place is None:
            said.append(replace(caution, text=text))
        elif text not in said[place].text:
            said[place] = replace(said[place], text=f"{said[place].text} {text}")


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    rows = specimen.list_specimens(case)
    people = [who for each in rows for who in (each.recorded_by_id, each.observed_by_id) if who]
    people += [who for each in rows for row in each.results for who in (row.entered_by_id, row.confirmed_by_id) if who]
    columns = [*COLUMNS, *([WHOLE] if any(_find(each, WHOLE) for each in rows) else [])]
    results = laboratory.list_results(case) if rows else []
    sent_back = {f"{each.id}.{column.key}": row for each in rows for column in columns
                 if (row := laboratory.pick_sent_back(results, column.test, each.id, column.medium))}
    takes = is_recording(case) and has_permission(P.RECORD_SPUTUM)
    series = [each for each in rows if each.purpose is Purpose.DIAGNOSIS and not each.is_lost]
    today = get_today(case)
    purpose, month = tb_check.suggest_purpose(case)
    return show(
        "sputum/view.html", case, problem, rows=rows, typed=typed, names=list_names(people), tests=list_tests(),
        columns=columns, find=_find,
        takes_species=lambda each, column: column is _find_last_open(each, today),
        clock=lambda each, column: _find_clock(each, column, today), say_parts=_say_parts,
        choices={column.key: list_choices(column.test) for column in columns}, culture_of=specimen.find_culture,
        ticked=typed.get("confirmed", []), collections=COLLECTION_WORDS, purposes=PURPOSE_WORDS, media=MEDIA,
        replaceable=[each for each in rows if specimen.needs_replacement(each, rows)],
        rejection_word=rejection_word, numbers={each.id: each.number for each in rows},
        kinds=(SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE),
        observers=list_observers(case.site_id) if takes else [], missing=max(specimen.SERIES - len(series), 0),
        heading=_say_series(case), next_at=_find_next(series),
        uk=_say_mornings(case, series, today) if _is_uk_series(case) else None,
        to_inoculate=[each for each in rows if not each.is_lost and not each.media],
        may_take=takes and is_present(case, "sputum"), may_ask=takes,
        ask_url=address_check(case.id, "sputum", url_for(".view", case_id=case.id)),
        sent_back=sent_back, waiting=len(laboratory.list_waiting(case)),
        may_confirm=is_recording(case) and has_permission(P.CONFIRM_RESULT),
        may_enter=is_recording(case) and has_permission(P.ENTER_RESULT),
        proven=any(row.is_current and row.test == "sputum-naat" and row.value == "detected"
                   for each in rows for row in each.results),
        grew=any(row.is_current and row.value == "mtb" for each in rows for row in each.results),
        is_tested=any(row.test == "dst" and row.is_current for row in results),
        is_diagnosed=find_tb_case(case) is not None,
        on_treatment=purpose is not Purpose.DIAGNOSIS or any(each.purpose is not Purpose.DIAGNOSIS for each in rows),
        purpose=purpose.value, month=month,
        expectorated=Collection.EXPECTORATED.value,
    )


def _find(each: Specimen, column: Column) -> LabResult | None:
    """The current result of a cell."""
    return next((row for row in each.results if row.test == column.test and row.is_current
                 and (column.test != culture.TEST or row.method == column.medium)), None)


def _find_clock(each: Specimen, column: Column, today: date) -> culture.Clock | None:
    """How far a culture that has no result is; none for a medium that was not inoculated."""
    if column.medium is None or each.is_lost or (each.media and column.medium not in each.list_media):
        return None
    passed = max((today - each.culture_began_on).days, 0)
    return culture.Clock(column.medium, passed, culture.DAYS[column.medium])


def _find_last_open(each: Specimen, today: date) -> Column | None:
    """The last culture of a specimen that still takes a result: beside it the species is written."""
    return next((column for column in reversed(COLUMNS)
                 if _find(each, column) is None and _find_clock(each, column, today) is not None), None)


def _find_next(series: list[Specimen]) -> str:
    """From when the next specimen may be taken, in words; empty where nothing hinders."""
    if not series or len(series) >= specimen.SERIES:
        return ""
    last = max(series, key=lambda each: (each.collected_on, each.number))
    zone = last.case.site.time_zone
    if last.collected_at is not None:
        return say_moment(last.collected_at + specimen.GAP, zone)
    return format_date(last.collected_on + timedelta(days=1))


def _is_uk_series(case: Case) -> bool:
    """Whether three mornings of sputum are asked for."""
    return case.programme == "uk" and "sputum-series" in _list_asked(case)


def _list_asked(case: Case) -> set[str]:
    return {row.exam for row in list_requirements(case) if row.state is not RequirementState.WITHDRAWN}


def _say_series(case: Case) -> str:
    """What the programme's rules say of the specimens; of a child's work-up that sputum is one way of three."""
    asked = _list_asked(case)
    if "tb-child-workup" in asked and "sputum-series" not in asked:
        return get_edition(case).rules[f"{case.programme}-child-workup"].says
    return specimen.get_series_rule(case).says


def _say_mornings(case: Case, series: list[Specimen], today: date) -> tuple[str, bool]:
    """What the United Kingdom's mornings ask for now, and whether the series as it is gives no certificate."""
    latest, fault = specimen.find_last_begin(case), specimen.find_series_fault(case)
    is_late = latest is not None and today > latest
    if fault == "late" or (is_late and (fault == "consecutive" or not series)):
        return _("A series that begins after %(day)s, more than seven days after the film, gives no certificate: take "
                 "a new film first, and three consecutive mornings after it. Who does not come back for that "
                 "withdraws.", day=format_date(latest) if latest else ""), True
    if fault == "consecutive":
        return _("The specimens are not of three consecutive mornings: three new ones are needed, begun by %(day)s.",
                 day=format_date(latest) if latest else _("the day that the rules give")), True
    last = max((each.collected_on for each in series), default=None)
    if last is None:
        words = _("The first specimen is due by the morning of %(day)s.", day=format_date(latest)) if latest else ""
        return words, False
    mornings = [format_date(last + timedelta(days=n + 1)) for n in range(specimen.SERIES - len(series))]
    if len(mornings) == 2:
        words = _("Two specimens are still to be taken, on the mornings of %(first)s and %(second)s.",
                  first=mornings[0], second=mornings[1])
    else:
        words = _("One specimen is still to be taken, on the morning of %(day)s.", day=mornings[0]) if mornings else ""
    return words, False


def _say_parts(row: LabResult) -> str:
    return " · ".join(part.value if part.name == "grade" else _say_part(part) for part in list_parts(row))


def _say_part(part: LabComponent) -> str:
    return f"{igra_word(part.name)}: {label_value(part.value)}"
