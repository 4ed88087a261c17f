"""The words of tuberculosis cases: diagnosis, phases, doses, interruptions, outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from clinic.models import (
    DiagnosisBasis,
    DiseaseSite,
    DosePlace,
    DoseState,
    InterruptionDecision,
    PhaseName,
    TbHistory,
    TbOutcome,
    TbPhase,
)
from clinic.services.tb_given import Course, MedicineChange
from clinic.tb_course import Resistance
from clinic.treatment_catalogue import list_treatables
from clinic.web.clinical_format import format_date
from clinic.web.station_page import igra_word

BASIS_WORDS: dict[DiagnosisBasis, LazyString] = {
    DiagnosisBasis.CULTURE: lazy_gettext("Culture"), DiagnosisBasis.NAAT: lazy_gettext("NAAT"),
    DiagnosisBasis.SMEAR: lazy_gettext("Smear"), DiagnosisBasis.HISTOLOGY: lazy_gettext("Histology"),
    DiagnosisBasis.CLINICAL: lazy_gettext("Clinical, with the film"),
}
SITE_WORDS: dict[DiseaseSite, LazyString] = {
    DiseaseSite.PULMONARY: lazy_gettext("Pulmonary (lung, pleura, larynx, nodes in the chest)"),
    DiseaseSite.EXTRAPULMONARY: lazy_gettext("Extrapulmonary"), DiseaseSite.BOTH: lazy_gettext("Both"),
}
SITE_SHORT: dict[DiseaseSite, LazyString] = SITE_WORDS | {DiseaseSite.PULMONARY: lazy_gettext("Pulmonary")}
HISTORY_WORDS: dict[TbHistory, LazyString] = {
    TbHistory.NEW: lazy_gettext("New"), TbHistory.RELAPSE: lazy_gettext("Relapse"),
    TbHistory.AFTER_FAILURE: lazy_gettext("After failure"),
    TbHistory.AFTER_LOSS: lazy_gettext("After loss to follow-up"),
    TbHistory.ON_TREATMENT: lazy_gettext("Came while on treatment"), TbHistory.UNKNOWN: lazy_gettext("Not known"),
}
OUTCOME_WORDS: dict[TbOutcome, LazyString] = {
    TbOutcome.CURED: lazy_gettext("Cured"), TbOutcome.COMPLETED: lazy_gettext("Treatment completed"),
    TbOutcome.FAILED: lazy_gettext("Treatment failed"), TbOutcome.DIED: lazy_gettext("Died"),
    TbOutcome.LOST: lazy_gettext("Lost to follow-up"),
    TbOutcome.NOT_EVALUATED: lazy_gettext("Not evaluated (moved elsewhere)"),
    TbOutcome.NOT_TB: lazy_gettext("Not tuberculosis after all: the diagnosis was wrong"),
}
PHASE_WORDS: dict[PhaseName, LazyString] = {
    PhaseName.INTENSIVE: lazy_gettext("Intensive phase"), PhaseName.CONTINUATION: lazy_gettext("Continuation phase"),
}
DOSE_WORDS: dict[DoseState, LazyString] = {
    DoseState.GIVEN: lazy_gettext("Given"), DoseState.MISSED: lazy_gettext("Missed"),
    DoseState.HELD: lazy_gettext("Held back"),
}
PLACE_WORDS: dict[DosePlace, LazyString] = {
    DosePlace.CLINIC: lazy_gettext("At the clinic"), DosePlace.HOME: lazy_gettext("At home"),
    DosePlace.VIDEO: lazy_gettext("By video"),
}
DECISION_WORDS: dict[InterruptionDecision, LazyString] = {
    InterruptionDecision.CONTINUE: lazy_gettext("Go on as planned"),
    InterruptionDecision.EXTEND: lazy_gettext("Extend the phase"),
    InterruptionDecision.RESTART: lazy_gettext("Begin the phase anew"),
}
RESISTANCE_WORDS: dict[Resistance, LazyString] = {
    Resistance.NONE: lazy_gettext("Susceptible to isoniazid and rifampicin"),
    Resistance.HR: lazy_gettext("Isoniazid-resistant"), Resistance.RR: lazy_gettext("Rifampicin-resistant"),
    Resistance.MDR: lazy_gettext("Multidrug-resistant (MDR)"), Resistance.PRE_XDR: lazy_gettext("Pre-XDR"),
    Resistance.XDR: lazy_gettext("Extensively drug-resistant (XDR)"),
}
# One letter for each state of a day, as it is typed into the calendar; the legend beside it says what they mean.
LETTERS = {DoseState.GIVEN: "G", DoseState.MISSED: "M", DoseState.HELD: "H"}


def name_drugs(drugs: Iterable[str]) -> str:
    """Medicines in one line, as inside a sentence."""
    return ", ".join(igra_word(drug).lower() for drug in drugs)


def label_regimen(name: str) -> str:
    """A regimen's name in words."""
    regimens = list_treatables()["tuberculosis"].regimens
    return regimens[name].label if name in regimens else name


def label_side_effect(code: str) -> str:
    """A kind of side effect in words."""
    words = {"hepatitis": _("Liver injury"), "nausea": _("Nausea, vomiting"), "rash": _("Rash, itching"),
             "neuropathy": _("Neuropathy"), "vision": _("Loss of vision or of colours"), "joints": _("Joint pain"),
             "hearing": _("Loss of hearing, dizziness"), "mood": _("Depression, psychosis"),
             "kidney": _("Kidney injury"), "blood": _("Low platelets or white cells"), "other": _("Other")}
    return words.get(code, code)


def say_change(change: MedicineChange) -> str:
    """What was done about the medicines, and for which side effect."""
    effect = change.effect
    words = _("%(done)s: %(what)s", done=label_action(effect.action), what=label_side_effect(effect.kind))
    return f"{words}, {effect.remark}" if effect.remark else words


def say_days(phase: TbPhase, course: Course) -> dict[str, str]:
    """From when to when a phase was given, as a cell of its table; below it what was prescribed where that differs."""
    began, ended = course.first_on, course.last_on
    goes_on = phase.ended_on is None
    if began is None or ended is None:
        text = _("No dose given")
    elif goes_on:
        text = _("From %(first)s, last on %(last)s", first=format_date(began), last=format_date(ended))
    else:
        text = _("%(first)s to %(last)s", first=format_date(began), last=format_date(ended))
    said = []
    if phase.ended_on is not None and (began != phase.started_on or ended != phase.ended_on):
        said.append(_("prescribed from %(first)s to %(last)s", first=format_date(phase.started_on),
                      last=format_date(phase.ended_on)))
    elif goes_on and began != phase.started_on:
        said.append(_("prescribed from %(first)s", first=format_date(phase.started_on)))
    return {"text": text, "sub": " · ".join([*said, _("%(n)s days a week", n=phase.days_per_week)])}


def say_changes(phase: TbPhase, course: Course) -> list[str]:
    """Each change of the medicines meanwhile, with its days within the phase."""
    found = []
    for one in course.changes:
        first = max(one.from_on, phase.started_on)
        last = one.until and one.until - timedelta(days=1)
        if last is None:
            days = _("since %(first)s", first=format_date(first))
        elif last == first:
            days = format_date(first)
        else:
            days = _("%(first)s to %(last)s", first=format_date(first), last=format_date(last))
        found.append(f"{say_change(one)} ({days})")
    return found


def label_action(code: str) -> str:
    """What was done about a side effect, in words."""
    words = {"none": _("Medicines unchanged"), "dose-changed": _("Dose changed"),
             "drug-stopped": _("One medicine stopped"), "all-stopped": _("All medicines stopped")}
    return words.get(code, code)
