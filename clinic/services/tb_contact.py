"""Contacts of tuberculosis: proposed from the family or travel group, confirmed by a person, tested twice.

A confirmed contact answers the circumstance of the rules by itself (clinic/services/derivation.py): there is one truth.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.contact_table import read_table
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound, NotNow
from clinic.models import (
    Answer,
    Applicant,
    Case,
    CaseState,
    ContactSetting,
    ContactState,
    FamilyKind,
    InfectionHold,
    LabResult,
    Relation,
    ResultStatus,
    SourceType,
    TbCase,
    TbContact,
    User,
)
from clinic.partial_date import parse_partial_date
from clinic.queries.due_contact import has_tuberculosis, is_infected
from clinic.queries.due_contact_test import UNCLEAR, needs_second_test, was_tested
from clinic.rules.age import add_months, completed_years
from clinic.rules.record import SPECIMENS
from clinic.schemas.tb_contact import NewContact
from clinic.services.family import find_family, list_members
from clinic.services.task import close_tasks_about, open_task
from clinic.tb_course import Resistance, find_resistance

_GRAVITY = (SourceType.UNKNOWN, SourceType.CULTURE_NEGATIVE, SourceType.PANSUSCEPTIBLE, SourceType.OTHER_RESISTANT,
            SourceType.MDR)  # the last is the gravest
SOURCE_TESTS = ("dst", "sputum-culture", "sputum-naat")  # what says of which tuberculosis the source is ill
TASKS = ("contact-test", "contact-retest", "contact-review")


@dataclass(frozen=True)
class Proposal:
    """Somebody of the source's group of whom nobody has said yet whether they shared the air."""

    applicant: Applicant
    relation: Relation | None  # to the source, where the family says it
    setting: ContactSetting


def list_proposals(source: Case) -> list[Proposal]:
    """Who travels or lives with the person of `source` and was not spoken of yet."""
    family = find_family(source.applicant)
    if family is None:
        return []
    known = {row.applicant_id for row in list_contacts(source) if row.state is not ContactState.WITHDRAWN}
    # To whom the person was exposed is no contact of theirs.
    known |= {row.source_case.applicant_id for row in list_exposures(source.applicant_id) if row.source_case}
    members = list_members(family)
    is_principal = any(one.is_principal and one.applicant_id == source.applicant_id for one in members)
    setting = ContactSetting.HOUSEHOLD if family.kind is FamilyKind.FAMILY else ContactSetting.TRAVEL_GROUP
    return [Proposal(one.applicant, one.relation if is_principal else None, setting) for one in members
            if one.applicant_id != source.applicant_id and one.applicant_id not in known]


def list_contacts(source: Case) -> list[TbContact]:
    """Whatever was said of contacts of a case, oldest first."""
    return list(db.session.execute(
        select(TbContact).where(TbContact.source_case_id == source.id).order_by(TbContact.id)).unique().scalars())


def list_exposures(applicant_id: str) -> list[TbContact]:
    """To whom a person was exposed, as confirmed, oldest first."""
    return list(db.session.execute(select(TbContact).where(
        TbContact.applicant_id == applicant_id, TbContact.state == ContactState.CONFIRMED).order_by(TbContact.id)
    ).unique().scalars())


def list_for_second_test(rows: Collection[TbContact]) -> set[str]:
    """The ids of those of these contacts whose second test is still to come (us.md 1.8, 3)."""
    return set(db.session.execute(select(TbContact.id).where(
        TbContact.id.in_([row.id for row in rows]), needs_second_test(TbContact))).scalars())


def list_ill(rows: Collection[TbContact]) -> set[str]:
    """The ids of those of these contacts who have become a tuberculosis case."""
    return set(db.session.execute(select(TbContact.id).where(
        TbContact.id.in_([row.id for row in rows]), has_tuberculosis(TbContact))).scalars())


def end_tasks_of(applicant_id: str, actor: User) -> None:
    """The person has become a case: nobody is asked any more to test them as a contact."""
    for row in list_exposures(applicant_id):
        for kind in TASKS:
            close_tasks_about(kind, row.id, "became-case", actor)


def trace_withdrawn(case: Case, actor: User) -> None:
    """Nobody draws blood on a case that was withdrawn: who traces calls the contact, until another case is opened."""
    for row in list_exposures(case.applicant_id):
        ended = close_tasks_about("contact-test", row.id, "case-ended", actor, case)
        close_tasks_about("contact-retest", row.id, "case-ended", actor, case)
        if ended and row.source_case is not None:
            _ask_to_trace(row, row.source_case, actor)


def _ask_to_trace(row: TbContact, source: Case, actor: User) -> None:
    """Nobody draws blood from the source: who traces contacts sees whom to call."""
    open_task("contact-test", source, f"traced:{row.id}", role="tbteam", subject_id=row.id, actor=actor,
              detail=row.last_exposed_on.isoformat() if row.last_exposed_on else "")


def is_source(case: Case) -> bool:
    """Whether contacts of the person are to be asked for: held as infectious, or a tuberculosis case, now or once."""
    held = select(InfectionHold.id).where(InfectionHold.case_id == case.id).limit(1)
    known = select(TbCase.id).where(TbCase.case_id == case.id).limit(1)
    return any(db.session.execute(query).first() for query in (held, known)) or bool(list_contacts(case))


def confirm_contact(applicant: Applicant, new: NewContact, actor: User, source: Case | None = None) -> TbContact:
    """Somebody shared air with the person of `source`, or with a source in words; tests become tasks.

    Raises NotFound beyond the site, AlreadyDone, InvalidInput for impossible days or without any source.
    """
    if source is not None and (source.site_id != applicant.site_id):
        raise NotFound(_("There is no such person at your site. Search again."), applicant=applicant.id)
    if source is not None and source.applicant_id == applicant.id:
        raise _invalid("number", _("Nobody is their own contact."))
    if source is None and not (new.source_name or new.source_number):
        raise _invalid("source_name", _("Name the source, or give its number."))
    _ensure_possible(applicant, new)
    if source is not None and any(row.applicant_id == applicant.id and row.state is ContactState.CONFIRMED
                                  for row in list_contacts(source)):
        raise AlreadyDone(_("This person is recorded as a contact already."), applicant=applicant.id, case=source.id)
    row = _write(applicant, new, source, ContactState.CONFIRMED, "", actor)
    _follow(row, actor)
    return row


def dismiss_contact(applicant: Applicant, source: Case, reason: str, actor: User) -> TbContact:
    """They travel or live together on paper and shared no air; the proposal does not come back."""
    if applicant.site_id != source.site_id:
        raise NotFound(_("There is no such person at your site. Search again."), applicant=applicant.id)
    new = NewContact(Relation.UNRELATED, ContactSetting.OTHER)
    return _write(applicant, new, source, ContactState.DISMISSED, reason, actor)


def end_exposure(row: TbContact, last_on: date, actor: User) -> None:
    """The exposure has ended: the second test counts from that day.

    Raises InvalidInput for a day that cannot be, NotNow for one that was withdrawn or is none.
    """
    if row.state is not ContactState.CONFIRMED:
        raise NotNow(_("This contact does not stand any more: look at the list again."), contact=row.id)
    _ensure_possible(row.applicant, NewContact(row.relation, row.setting, row.first_exposed_on, last_on))
    row.last_exposed_on = last_on
    row.retest_on = last_on + timedelta(days=read_table()["retest_days"])
    _audit(row, "end-exposure", actor, {"last": last_on.isoformat()})
    close_tasks_about("contact-review", row.id, "exposure-ended", actor)
    close_tasks_about("contact-retest", row.id, "other-day", actor)
    _follow(row, actor)


def withdraw_contact(row: TbContact, reason: str, actor: User) -> None:
    """It was recorded by mistake; it stays to be read and counts for nothing."""
    if row.state is ContactState.WITHDRAWN:
        raise AlreadyDone(_("This contact was withdrawn already."), contact=row.id)
    row.state, row.reason = ContactState.WITHDRAWN, reason
    _audit(row, "withdraw-contact", actor, {"reason": reason})
    for kind in TASKS:
        close_tasks_about(kind, row.id, "not-needed", actor)
    _judge_again(row.applicant_id, actor)


def get_contact(contact_id: str, user: User) -> TbContact:
    """One of the user's site. Raises NotFound."""
    row = db.session.execute(select(TbContact).where(
        TbContact.id == contact_id, TbContact.site_id == user.site_id)).unique().scalar_one_or_none()
    if row is None:
        raise NotFound(_("There is no such contact at your site."), contact=contact_id)
    return row


def propose_source_type(source: Case) -> SourceType:
    """What the counting results of a case say of its tuberculosis; the person who confirms decides.

    A NAAT tells of rifampicin. Pansusceptible is said only when isoniazid and rifampicin were both tested, culture
    negative only when a whole series is final and no NAAT found anything.
    """
    rows = list(db.session.execute(select(LabResult).where(
        LabResult.case_id == source.id, LabResult.superseded_at.is_(None),
        LabResult.status.in_((ResultStatus.FINAL, ResultStatus.CORRECTED)),
        LabResult.test.in_(SOURCE_TESTS))).unique().scalars())
    resistant = {part.name for row in rows for part in row.components if part.value == "resistant"}
    if {"rifampicin", "isoniazid"} <= resistant:
        return SourceType.MDR
    if resistant or any(row.test == "dst" and row.value == "resistant" for row in rows):
        return SourceType.OTHER_RESISTANT
    if find_resistance((part.name, part.value) for row in rows for part in row.components) is Resistance.NONE:
        return SourceType.PANSUSCEPTIBLE
    if {"mtb", "detected", "trace"} & {row.value for row in rows}:
        return SourceType.UNKNOWN
    negative = {row.specimen_id for row in rows if row.test == "sputum-culture" and row.value in ("negative", "ntm")}
    return SourceType.CULTURE_NEGATIVE if len(negative) >= SPECIMENS else SourceType.UNKNOWN


def find_source_type(row: TbContact) -> SourceType:
    """The source's tuberculosis: as somebody said at the contact's confirmation, or as its results say meanwhile, the
    graver of both. Susceptibility comes weeks after the contacts are asked about."""
    if row.source_case is None:
        return row.source_type
    return max(row.source_type, propose_source_type(row.source_case), key=_GRAVITY.index)


def list_tests_of(applicant_ids: Collection[str]) -> dict[str, LabResult]:
    """The newest confirmed IGRA or skin test of each of these."""
    rows = db.session.execute(select(LabResult).join(Case, Case.id == LabResult.case_id).where(
        Case.applicant_id.in_(applicant_ids), LabResult.test.in_(("igra", "tst")), LabResult.superseded_at.is_(None),
        LabResult.status.in_((ResultStatus.FINAL, ResultStatus.CORRECTED))).order_by(
            LabResult.performed_on, LabResult.id)).unique().scalars()
    return {row.case.applicant_id: row for row in rows}


def find_conversion(applicant_id: str) -> tuple[LabResult, LabResult] | None:
    """The confirmed test of a contact that found nothing, and the first later one of its kind that says infected."""
    kept = (LabResult.test.in_(("igra", "tst")), LabResult.superseded_at.is_(None),
            LabResult.status.in_((ResultStatus.FINAL, ResultStatus.CORRECTED)), LabResult.value != UNCLEAR)
    rows = db.session.execute(select(LabResult, is_infected().label("is_infected")).join(
        Case, Case.id == LabResult.case_id).where(Case.applicant_id == applicant_id, *kept).order_by(
            LabResult.performed_on, LabResult.id)).unique()
    clear: dict[str, LabResult] = {}
    for row, infected in rows:
        if infected:
            return (clear[row.test], row) if row.test in clear else None
        clear[row.test] = row
    return None


def list_cases_of(applicant_ids: Collection[str]) -> dict[str, str]:
    """The newest case of each of these."""
    rows = db.session.execute(select(Case.applicant_id, Case.id).where(
        Case.applicant_id.in_(applicant_ids)).order_by(Case.opened_at, Case.id))
    return {row.applicant_id: row.id for row in rows}


def is_for_prevention(row: TbContact, on: date) -> bool:
    """Whether preventive treatment is recommended to the contact for their age (us.md 1.8, 4)."""
    born = parse_partial_date(row.applicant.birth_date).estimated_on
    return completed_years(born, on) < read_table()["preventive_below_years"]


def find_exposure_words(programme: str, applicant_id: str, on: date) -> dict[str, TbContact]:
    """The circumstances of a programme that follow from confirmed contacts at an exam day, each with its contact."""
    found: dict[str, TbContact] = {}
    windows: dict[str, Any] = read_table().get(programme, {})
    for row in list_exposures(applicant_id) if windows else []:
        for word, window in windows.items():
            is_recent = row.last_exposed_on is None or on <= add_months(row.last_exposed_on, window["months"])
            if is_recent and row.setting.value in window.get("settings", [row.setting.value]):
                found[word] = row
    return found


def _ensure_possible(applicant: Applicant, new: NewContact) -> None:
    today = clock.today(applicant.site.time_zone)
    for name in ("first_exposed_on", "last_exposed_on"):
        day = getattr(new, name)
        if day is not None and day > today:
            raise _invalid(name, _("This day lies in the future."))
    if new.first_exposed_on and new.last_exposed_on and new.last_exposed_on < new.first_exposed_on:
        raise _invalid("last_exposed_on", _("The last day cannot be before the first."))


def _write(applicant: Applicant, new: NewContact, source: Case | None, state: ContactState, reason: str,
           actor: User) -> TbContact:
    last = new.last_exposed_on
    row = TbContact(
        site_id=applicant.site_id, applicant_id=applicant.id, applicant=applicant,
        source_case_id=source.id if source else None, source_name=new.source_name, source_number=new.source_number,
        source_type=new.source_type, relation=new.relation, setting=new.setting, first_exposed_on=new.first_exposed_on,
        last_exposed_on=last, retest_on=last + timedelta(days=read_table()["retest_days"]) if last else None,
        state=state, reason=reason, recorded_at=clock.now(), recorded_by_id=actor.id)
    db.session.add(row)
    db.session.flush()
    _audit(row, f"{'confirm' if state is ContactState.CONFIRMED else 'dismiss'}-contact", actor,
           {"source": source.id if source else None})
    return row


def _follow(row: TbContact, actor: User) -> None:
    """What a confirmed contact asks for: the rules judge again, and the first test is due now."""
    db.session.flush()
    cases = _judge_again(row.applicant_id, actor)
    detail = row.last_exposed_on.isoformat() if row.last_exposed_on else ""
    if (not cases and row.source_case is None) or _was_tested(row):
        return
    if cases:
        open_task("contact-test", cases[-1], row.id, subject_id=row.id, actor=actor, detail=detail)
    elif row.source_case is not None:
        _ask_to_trace(row, row.source_case, actor)


def _was_tested(row: TbContact) -> bool:
    return db.session.execute(
        select(TbContact.id).where(TbContact.id == row.id, was_tested(TbContact))).first() is not None


def catch_up(case: Case, actor: User) -> None:
    """A signed case is open again: what became known of exposures meanwhile, or was withdrawn, counts from now on."""
    if list_exposures(case.applicant_id) or _list_stale(case):
        _judge_anew(case, actor)


def _judge_anew(case: Case, actor: User) -> None:
    """Let what is known of exposures by now answer the circumstances of an open case, and the rules judge it."""
    from clinic.services.assessment import refresh
    from clinic.services.circumstance import write_answers

    # What a contact answered and no contact answers any more is to be asked again.
    changed = write_answers(case, _list_stale(case), actor)
    if case.state in workflow.RECORDING:
        if changed:
            workflow.mark_touched(case)
        refresh(case)


def _list_stale(case: Case) -> dict[str, Answer]:
    from clinic.services.derivation import BY_CONTACT

    return {row.word: Answer.UNKNOWN for row in case.circumstances if (row.derived_from or "").startswith(BY_CONTACT)}


def _judge_again(applicant_id: str, actor: User) -> list[Case]:
    """The person's open cases, oldest first, with the circumstance that follows and what the rules make of it; one on
    hold has it when it goes on."""
    cases = list(db.session.execute(select(Case).where(
        Case.applicant_id == applicant_id, Case.state.in_(workflow.RECORDING | {CaseState.ON_HOLD})).order_by(
            Case.id)).unique().scalars())
    for case in cases:
        _judge_anew(case, actor)
    return [case for case in cases if case.state in workflow.RECORDING]


def _audit(row: TbContact, action: str, actor: User, detail: dict[str, Any]) -> None:
    record_change(action, "tb-contact", row.id, case_id=row.source_case_id, site_id=row.site_id, actor_id=actor.id,
                  detail={"applicant": row.applicant_id, **detail})


def _invalid(name: str, sentence: str) -> InvalidInput:
    return InvalidInput(_("Please correct what is marked."), fields={name: [sentence]})
