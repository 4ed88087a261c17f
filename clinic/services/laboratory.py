"""Laboratory results: entered by one person, confirmed by another, corrected and withdrawn in the open."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select, true

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.egfr import EGFR, UNIT
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.laboratory_test import LaboratoryTest, list_tests, to_decimal
from clinic.models import Case, LabComponent, LabResult, Purpose, ResultStatus, Specimen, User
from clinic.questionnaire.unit import say_unit
from clinic.result_word import label_value
from clinic.rules import interpret_igra
from clinic.schemas.laboratory import NewResult
from clinic.services import assessment, confidential, egfr, lab_order, put_back, release, revision, tb_summary
from clinic.services.abnormality import is_normal
from clinic.services.plausibility import ensure_order, ensure_possible_dates, list_date_cautions
from clinic.services.specimen import find_result_error, get_specimen, list_culture_cautions

REPORTED = ("sputum-culture", "dst")  # whose day of report decides


def enter_result(case: Case, new: NewResult, actor: User) -> LabResult:
    """Record a result as preliminary.

    Raises InvalidInput for impossible dates and without the applicant's agreement, NeedsConfirmation for unusual ones
    and for an IGRA whose values say something else than the laboratory, NotNow when the same is recorded already.
    """
    workflow.ensure_recording(case)
    confidential.ensure_agreed(case, new.test)
    row = _build(case, new, actor)
    revision.ensure_not_recorded(_find_same(case, row))
    refused = find_sent_back(case, row.test, row.specimen_id, row.method)
    if refused is not None:  # entered anew: the next version of the same result, so that both stay to be seen
        _ensure_usual(case, row, new)
        revision.replace_refused(refused, row)
    made = _record(case, row, new, actor, "enter-result")
    if refused is not None:
        release.drop_call(refused, actor)
    return made


def enter_computed_egfr(
    case: Case, actor: User, on: date | None = None, confirmed: Collection[str] = ()
) -> LabResult:
    """Record what the case's newest creatinine (of the day `on`) gives as its filtration rate, as preliminary.

    Raises InvalidInput saying why nothing is computed, or that a rate stands already: it is never replaced.
    """
    workflow.ensure_recording(case)
    found = egfr.propose(case, on)
    if found is None or found.formula is None:
        raise InvalidInput(_("Please correct what is marked."), case=case.id, fields={"value": [
            found.sentence if found else _("There is no creatinine from which it could be computed.")]})
    if any(row.test == EGFR and row.is_current for row in list_results(case)):
        raise InvalidInput(_("Please correct what is marked."), case=case.id, fields={"value": [
            _("There is an eGFR already; a computed one never replaces it.")]})
    return enter_result(case, NewResult(
        EGFR, found.value, found.creatinine.performed_on, unit=UNIT, method=found.formula.name,
        confirmed=list(confirmed)), actor)


def correct_result(row: LabResult, new: NewResult, reason: str, actor: User) -> LabResult:
    """Record the next revision of a result, which another person must confirm again; the old one stays to be seen."""
    case = row.case
    revision.ensure_current(row)
    counted = row.counts
    if counted:
        workflow.ensure_correcting(case)
    else:
        workflow.ensure_recording(case)
    if new.test != row.test:
        raise InvalidInput(_("A correction stays with the same test."), fields={"test": [_("Choose the same test.")]})
    made = _build(case, new, actor)
    same = _find_same(case, made)
    revision.ensure_not_recorded(None if same is row else same)
    made.remark = reason
    _ensure_usual(case, made, new)
    revision.supersede(row, made)
    recorded = _record(case, made, new, actor, "correct-result")
    release.drop_call(row, actor)
    if counted:
        release.tell_correction(recorded, reason, actor)
    return recorded


def confirm_result(row: LabResult, actor: User) -> None:
    """The second person confirms; see revision.confirm for what is refused.

    NotNow for a critical value of which nobody was told, for a value that must be typed twice and was not, and for one
    computed from another that is not confirmed; InvalidInput without the applicant's agreement.
    """
    workflow.mark_corrected(row.case)
    revision.ensure_waiting(row)
    if egfr.waits_for_creatinine(row):
        raise NotNow(_("The creatinine from which this was computed is confirmed first."), result=row.id)
    if not revision.was_confirmed_before(row):  # one that counted is corrected all the same: an authority may have it
        confidential.ensure_agreed(row.case, row.test)
    release.ensure_releasable(row, actor)
    revision.confirm(row, actor)
    _finish(row, "confirm-result", actor)
    confidential.ask_to_tell_anew(row, actor)


def confirm_normal_results(case: Case, ids: Collection[str], actor: User) -> list[LabResult]:
    """The second person confirms several rows at once: all of them, or none.

    Raises InvalidInput when none is named, NotNow for a result that must be looked at by itself (positive, abnormal,
    without a range to judge it by, or unusual), else as `confirm_result` does.
    """
    if not ids:
        raise InvalidInput(_("Tick at least one result."), fields={"results": [_("Tick at least one result.")]})
    rows = [get_result(case, each) for each in ids]
    for row in rows:
        if not may_confirm_together(row):
            raise NotNow(_("%(test)s is confirmed by itself: open it and compare it with the report.",
                           test=list_tests()[row.test].label), case=case.id, result=row.id)
    for row in rows:
        confirm_result(row, actor)
    return rows


def confirm_normal_of_site(ids: Collection[str], actor: User) -> list[LabResult]:
    """The same for results of several cases of the actor's site, from the list of one test."""
    if not ids:
        raise InvalidInput(_("Tick at least one result."), fields={"results": [_("Tick at least one result.")]})
    rows = list(db.session.execute(
        select(LabResult).join(Case, Case.id == LabResult.case_id)
        .where(LabResult.id.in_(list(ids)), Case.site_id == actor.site_id).order_by(LabResult.id)
    ).unique().scalars())
    if len(rows) != len(set(ids)):
        raise NotFound(_("One of these results is not here any more: look at the list again."))
    by_case: dict[str, list[LabResult]] = {}
    for row in rows:
        by_case.setdefault(row.case_id, []).append(row)
    for group in by_case.values():
        confirm_normal_results(group[0].case, [row.id for row in group], actor)
    return rows


def may_confirm_together(row: LabResult) -> bool:
    """Whether a result may be confirmed together with others: normal, and nothing unusual about it.

    Never a confidential one: the list hides its value, and a tick beside it would tell that it is negative.
    """
    if list_tests()[row.test].sensitive or release.needs_second_entry(row) or egfr.waits_for_creatinine(row):
        return False
    return is_normal(row) and not list_result_cautions(row.case, row, row.specimen)


def list_waiting(case: Case) -> list[LabResult]:
    """What waits for its second person on a case, in the order of the catalogue, sputum by specimen."""
    order = list(list_tests())
    rows = [row for row in list_results(case) if row.is_current and row.status is ResultStatus.PRELIMINARY]
    return sorted(rows, key=lambda row: (row.specimen.number if row.specimen else "", order.index(row.test)))


def find_sent_back(
    case: Case, test: str, specimen_id: str | None = None, method: str | None = None
) -> LabResult | None:
    """The result that the second person sent back last and that nobody has entered anew; by that method where the
    test's methods stand beside one another."""
    return pick_sent_back(list_results(case), test, specimen_id, method)


def pick_sent_back(
    results: Iterable[LabResult], test: str, specimen_id: str | None = None, method: str | None = None
) -> LabResult | None:
    """The same among the results of a case, as list_results gives them."""
    rows = [row for row in results
            if row.test == test and row.specimen_id == specimen_id and row.is_sent_back
            and (not list_tests()[test].by_method or method in (None, row.method))]
    return rows[-1] if rows and rows[-1].superseded_at is None else None


def refuse_result(row: LabResult, reason: str, actor: User) -> None:
    """The second person sends it back with a reason; after the signature what counted before stands again."""
    workflow.mark_corrected(row.case)
    revision.refuse(row, reason, actor)
    row.refused_at = row.confirmed_at
    stands = put_back.put_back(row) if row.case.state in workflow.SIGNED else None
    if stands is not None:
        put_back.end_request(row, reason, actor)
        put_back.tell_author(row, reason, actor)
    _finish(row, "refuse-result", actor, stands=stands)


def withdraw_result(row: LabResult, reason: str, actor: User) -> None:
    """Take a result back that should never have been here; it stays to be seen as entered in error.

    One that counts is taken back after the signature too, as it is corrected: the physician is asked to amend the exam.
    What nobody has confirmed then is taken back by its author alone, and what counted before it stands again.
    """
    counted, unseen = row.counts, put_back.may_take_back(row, actor)
    if counted or unseen:
        workflow.ensure_correcting(row.case)
        workflow.mark_corrected(row.case)
    else:
        workflow.mark_touched(row.case)
    revision.withdraw(row, reason)
    release.drop_call(row, actor)
    stands = put_back.put_back(row) if unseen else None
    if counted:
        release.tell_correction(row, reason, actor, is_gone=True)
        confidential.ask_to_tell_anew(row, actor)
    elif unseen:
        put_back.end_request(row, reason, actor)
    _finish(row, "withdraw-result", actor, stands=stands)


def get_result(case: Case, result_id: str) -> LabResult:
    """A result of `case`. Raises NotFound."""
    row = db.session.get(LabResult, result_id)
    if row is None or row.case_id != case.id:
        raise NotFound(_("There is no such result on this case."), case=case.id, result=result_id)
    return row


def list_results(case: Case) -> list[LabResult]:
    """Every result of the case, replaced and withdrawn ones too, oldest first."""
    return list(db.session.execute(
        select(LabResult).where(LabResult.case_id == case.id)
        .order_by(LabResult.performed_on, LabResult.series_id, LabResult.revision)
    ).scalars())


def list_result_cautions(case: Case, row: LabResult, specimen: Specimen | None) -> list[Caution]:
    """What is unusual about a result, for the one who enters it and again for the one who confirms it."""
    found = list_date_cautions(case, row.performed_on, "performed_on")
    computed = compute_igra(row)
    if computed and computed != row.value:
        found.append(Caution(
            f"igra-{computed}",
            _("The values give “%(computed)s” by the test's own criteria, the laboratory says “%(stated)s”. The "
              "laboratory's result stands if you confirm it.",
              computed=label_value(computed), stated=label_value(row.value)),
            "value"))
    if specimen is not None:
        found += list_culture_cautions(specimen, row)
    found += egfr.list_egfr_cautions(case, row)
    return found + _list_number_cautions(row) + _list_syphilis_cautions(case, row)


def _list_number_cautions(row: LabResult) -> list[Caution]:
    """A number that is possible and very unusual: more often a slip of the hand or of the unit."""
    unit = list_tests()[row.test].find_unit(row.unit) if row.unit else None
    if unit is None or unit.low is None or unit.high is None:
        return []
    if Decimal(unit.low) <= to_decimal(row.value) <= Decimal(unit.high):
        return []
    return [Caution(f"unusual-{row.test}", _(
        "%(test)s %(value)s is very unusual: check the decimal point and the unit.", test=list_tests()[row.test].label,
        value=f"{row.value} {say_unit(row.unit)}"), "value")]


def _list_syphilis_cautions(case: Case, row: LabResult) -> list[Caution]:
    """All on the same blood sample, and the second treponemal test another than the first (us.md 2.2)."""
    if not row.test.startswith("syphilis-"):
        return []
    others = [other for other in list_results(case) if other.is_current and other.test.startswith("syphilis-")
              and other.series_id != row.series_id and other.test != row.test]
    found = []
    if any(other.performed_on != row.performed_on for other in others):
        found.append(Caution("syphilis-sample", _(
            "The other syphilis test was drawn on another day: all of them are made on the same blood sample."),
            "performed_on"))
    treponemal = {"syphilis-treponemal", "syphilis-treponemal-second"}
    if row.method and any(other.method == row.method and {other.test, row.test} == treponemal for other in others):
        found.append(Caution("syphilis-method", _(
            "Both treponemal tests name the same method: the second must be another test."), "method"))
    return found


def compute_igra(row: LabResult) -> str | None:
    """What the measured parts of an IGRA say by the manufacturer's criteria (us.md 1.3); None without parts."""
    if row.test != "igra" or not row.components:
        return None
    parts: dict[str, object] = {part.name: to_decimal(part.value) for part in row.components}
    said = interpret_igra({"kind": "qft-plus" if "tb1" in parts else "t-spot", **parts})
    # The form has one group for everything that is neither positive nor negative (us.md R12).
    return said if said in ("positive", "negative") else "indeterminate"


def _build(case: Case, new: NewResult, actor: User) -> LabResult:
    test = list_tests()[new.test]
    specimen = get_specimen(case, new.specimen_id) if new.specimen_id else None
    performed_on = _find_performed_on(new, specimen)
    ensure_possible_dates(case, performed_on=performed_on, reported_on=new.reported_on)
    ensure_order(performed_on, new.reported_on, "reported_on",
                 _("The report cannot be older than the specimen. Check both dates."))
    row = LabResult(
        case_id=case.id, case=case, specimen_id=specimen.id if specimen else None, performed_on=performed_on,
        test=test.name, value=new.value, unit=_get_unit(test, new), method=new.method, mark=new.mark,
        reported_on=new.reported_on, status=ResultStatus.PRELIMINARY, entered_at=clock.now(),
        entered_by_id=actor.id, remark=new.remark,
    )
    if specimen is not None:
        if wrong := find_result_error(specimen, row):
            raise InvalidInput(_("Please correct what is marked."), fields={wrong[0]: [wrong[1]]}, specimen=specimen.id)
        row.parent_series_id = _find_parent(specimen, row)
    if egfr.is_computed(row) and (found := egfr.propose(case, performed_on)) is not None:
        row.parent_series_id = found.creatinine.series_id
    units = test.components.get("qft-plus" if "tb1" in new.components else "t-spot", {})
    row.components = [LabComponent(name=name, value=value, unit=units.get(name))
                      for name, value in new.components.items()]
    return row


def _find_parent(specimen: Specimen, row: LabResult) -> str | None:
    """The result a susceptibility test was made on: the growth, or for a molecular test what detected the bacilli."""
    if row.test != "dst":
        return None
    wanted = [("sputum-culture", "mtb")] if row.method != "molecular" else [
        ("sputum-naat", "detected"), ("sputum-culture", "mtb"), ("sputum-naat", "trace")]
    found = {(one.test, one.value): one.series_id for one in specimen.results if one.is_current}
    return next((found[each] for each in wanted if each in found), None)


def _get_unit(test: LaboratoryTest, new: NewResult) -> str | None:
    if not test.units:
        return None
    unit = test.find_unit(new.unit)
    if unit is None:
        raise InvalidInput(_("Please correct what is marked."), fields={
            "unit": [_("Choose the unit of the laboratory's report; nothing is converted.")]})
    return unit.code


def _find_performed_on(new: NewResult, specimen: Specimen | None) -> date:
    if specimen is not None:
        if specimen.withdrawn_at:
            raise InvalidInput(_("This specimen was withdrawn: choose another."), specimen=specimen.id)
        if specimen.is_lost:
            raise InvalidInput(_("%(number)s was rejected: a new one is to be taken.", number=specimen.number),
                               specimen=specimen.id)
        if new.test in REPORTED and new.reported_on is None:
            raise InvalidInput(_("Please correct what is marked."), fields={
                "reported_on": [_("Give the day the laboratory reported it: the validity counts from it.")]})
        return specimen.collected_on
    if new.performed_on is None:
        raise InvalidInput(_("Please correct what is marked."), fields={"performed_on": [_("Give the date.")]})
    return new.performed_on


def _find_same(case: Case, row: LabResult) -> LabResult | None:
    """The current result of the same test on the same specimen or of the same day, if there is one."""
    return db.session.execute(
        select(LabResult).where(
            LabResult.case_id == case.id, LabResult.test == row.test, LabResult.superseded_at.is_(None),
            LabResult.status != ResultStatus.ENTERED_IN_ERROR,
            LabResult.specimen_id == row.specimen_id if row.specimen_id
            else LabResult.performed_on == row.performed_on,
            LabResult.method == row.method if list_tests()[row.test].by_method else true(),
        ).limit(1)
    ).scalar_one_or_none()


def _ensure_usual(case: Case, row: LabResult, new: NewResult) -> None:
    """Raise NeedsConfirmation before anything of what is replaced was touched."""
    specimen = get_specimen(case, row.specimen_id) if row.specimen_id else None
    ensure_confirmed(list_result_cautions(case, row, specimen), new.confirmed)


def _record(case: Case, row: LabResult, new: NewResult, actor: User, action: str) -> LabResult:
    specimen = get_specimen(case, row.specimen_id) if row.specimen_id else None
    confirmed = ensure_confirmed(list_result_cautions(case, row, specimen), new.confirmed)
    workflow.mark_corrected(case)
    lab_order.attach_result(row)
    db.session.add(row)
    db.session.flush()
    if specimen is not None:
        db.session.expire(specimen, ["results"])  # its list was perhaps read before this row existed
    _finish(row, action, actor, confirmed)
    release.tell_critical(row, actor)
    return row


def _finish(row: LabResult, action: str, actor: User, confirmed: list[str] | None = None,
            stands: LabResult | None = None) -> None:
    """Write it down, and bring in line what rests on it, or on what stands in its place."""
    detail: dict[str, object] = {"test": row.test, "series": row.series_id, "revision": row.revision}
    if confirmed:
        detail["confirmed"] = confirmed
    record_change(action, "lab-result", row.id, case_id=row.case_id, site_id=row.case.site_id, detail=detail,
                  actor_id=actor.id, actor_kind="user")
    db.session.flush()
    lab_order.follow_result(stands or row, actor)
    if row.specimen is not None and row.specimen.purpose is not Purpose.DIAGNOSIS:
        tb_summary.publish(row.case, actor)  # cultures of the treatment are part of how it stands
    assessment.refresh(row.case)
