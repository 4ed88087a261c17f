"""Contacts of tuberculosis: which test says infected, and what was signed before the source was known as resistant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, exists, func, literal, or_, select, type_coerce
from sqlalchemy.orm import aliased

from clinic import workflow
from clinic.contact_table import read_table
from clinic.laboratory_test import list_tests
from clinic.models import (
    Case,
    Conclusion,
    ContactSetting,
    ContactState,
    LabComponent,
    LabResult,
    ResultStatus,
    SignedExam,
    SourceType,
    Task,
    TbCase,
    TbContact,
    TbOutcome,
    Treatment,
)
from clinic.queries.due_source import Moment, columns, is_in_force, last_moment, led_at_sites
from clinic.queries.index_choice import LED_CASE
from clinic.treatment_catalogue import list_treatables

KIND, LATE, TESTS, RESISTANT = "contact-resistance", "contact-after-signature", ("dst", "sputum-naat"), "resistant"
CLASS, DISEASE = '%"B3"%', "latent-tuberculosis"
COUNTING = (ResultStatus.FINAL, ResultStatus.CORRECTED)
# How long ago a contact may have been recorded, so that not every one there ever was is read each minute.
LONGEST = timedelta(days=3 * 365)


def is_infected() -> ColumnElement[bool]:
    """The result says so of a contact: a positive IGRA, or a skin test of enough millimetres (us.md 1.6)."""
    said: list[ColumnElement[bool]] = []
    for test, found in list_treatables()[DISEASE].found_by.items():
        # A number of these is whole and written without a sign, as the tests' table has it.
        words = [found] if isinstance(found, str) else [
            str(number) for number in range(found, int(list_tests()[test].units[0].maximum) + 1)]
        said.append(and_(LabResult.test == test, LabResult.value.in_(words)))
    return or_(*said)


def has_tuberculosis(contact: Any) -> ColumnElement[bool]:
    """The contact has become a case: what follows is that case's to say. Who was cured before is a contact like any."""
    own, exposed = aliased(Case), func.coalesce(contact.last_exposed_on, func.date(contact.recorded_at))
    return exists(select(TbCase.id).join(own, own.id == TbCase.case_id).where(
        own.applicant_id == contact.applicant_id, TbCase.outcome.is_distinct_from(TbOutcome.NOT_TB),
        or_(TbCase.outcome_on.is_(None), TbCase.outcome_on >= exposed)))


def select_late_resistance(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the confirmation of the source's result. What was known when the exam was signed stands in it."""
    key = SignedExam.id.concat(":").concat(LabResult.id)
    return select(*columns(key, SignedExam.id, LabResult.confirmed_at)).select_from(TbContact).join(
        LabResult, LabResult.case_id == TbContact.source_case_id).join(
        Case, Case.applicant_id == TbContact.applicant_id).join(SignedExam, SignedExam.case_id == LED_CASE).join(
        Conclusion, Conclusion.id == SignedExam.conclusion_id).where(
        TbContact.recorded_at >= moment.now - LONGEST, LabResult.confirmed_at <= last_moment(KIND, moment),
        or_(SignedExam.valid_until.is_(None), SignedExam.valid_until >= moment.today), _is_unsigned(),
        led_at_sites(moment))


def is_late_resistance() -> ColumnElement[bool]:
    """The signed version stands as it was, and so do the result and the contact."""
    return exists(select(SignedExam.id).select_from(SignedExam).join(Case, Case.id == SignedExam.case_id).join(
        Conclusion, Conclusion.id == SignedExam.conclusion_id).join(
        TbContact, TbContact.applicant_id == Case.applicant_id).join(
        LabResult, LabResult.case_id == TbContact.source_case_id).where(
        SignedExam.id == Task.subject_id,
        Task.key == literal(f"{KIND}:").concat(SignedExam.id).concat(":").concat(LabResult.id), _is_unsigned()))


def select_late_contacts(moment: Moment) -> Select[*tuple[Any, ...]]:
    """By the day somebody confirmed the contact: the exam was signed before, as of who was exposed to nobody."""
    key = SignedExam.id.concat(":").concat(TbContact.id)
    return select(*columns(key, SignedExam.id, TbContact.recorded_at)).select_from(TbContact).join(
        Case, Case.applicant_id == TbContact.applicant_id).join(SignedExam, SignedExam.case_id == LED_CASE).where(
        TbContact.recorded_at >= moment.now - LONGEST, TbContact.recorded_at <= last_moment(LATE, moment),
        or_(SignedExam.valid_until.is_(None), SignedExam.valid_until >= moment.today), _is_untold(),
        led_at_sites(moment))


def is_late_contact() -> ColumnElement[bool]:
    """The signed version stands as it was, and so does the contact."""
    return exists(select(SignedExam.id).select_from(SignedExam).join(Case, Case.id == SignedExam.case_id).join(
        TbContact, TbContact.applicant_id == Case.applicant_id).where(
        SignedExam.id == Task.subject_id,
        Task.key == literal(f"{LATE}:").concat(SignedExam.id).concat(":").concat(TbContact.id), _is_untold()))


def _is_untold() -> ColumnElement[bool]:
    asks = (and_(Case.programme == programme, TbContact.setting.in_(window.get("settings", list(ContactSetting))))
            for programme, words in read_table().items() if isinstance(words, dict) for window in words.values())
    return and_(TbContact.state == ContactState.CONFIRMED, TbContact.recorded_at > SignedExam.signed_at, or_(*asks),
                Case.state.in_(workflow.SIGNED), is_in_force())


def _is_unsigned() -> ColumnElement[bool]:
    """The exam says B3, or of a latent infection treated, without the resistance that came in after its signature."""
    earlier, part, before = aliased(LabResult), aliased(LabComponent), aliased(LabComponent)
    # Counting still, or known to who signed: what says the same again is nothing new.
    is_news = ~exists(select(earlier.id).join(before, before.result_id == earlier.id).where(
        earlier.case_id == LabResult.case_id, earlier.test.in_(TESTS), earlier.status.in_(COUNTING),
        earlier.confirmed_at < LabResult.confirmed_at, before.name == part.name, before.value == RESISTANT,
        or_(earlier.superseded_at.is_(None), and_(earlier.confirmed_at <= SignedExam.signed_at,
                                                  earlier.superseded_at > SignedExam.signed_at))).correlate(
        LabResult, SignedExam, part))
    return and_(
        TbContact.state == ContactState.CONFIRMED, TbContact.source_type != SourceType.MDR,
        LabResult.test.in_(TESTS), LabResult.status.in_(COUNTING), LabResult.superseded_at.is_(None),
        LabResult.confirmed_at > SignedExam.signed_at, Case.state.in_(workflow.SIGNED), is_in_force(),
        exists(select(part.name).where(part.result_id == LabResult.id, part.value == RESISTANT, is_news)),
        or_(type_coerce(Conclusion.conclusion, Text).like(CLASS), exists(select(Treatment.id).where(
            Treatment.case_id == Case.id, Treatment.disease == DISEASE, Treatment.superseded_at.is_(None),
            Treatment.status.in_(COUNTING)))))
