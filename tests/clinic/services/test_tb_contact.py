"""Contacts of tuberculosis: proposed from the group, confirmed by a person, one truth with the rules, tested twice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask

from clinic import clock, workflow
from clinic.caution import NeedsConfirmation
from clinic.contact_table import read_table
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound, NotNow
from clinic.models import (
    Answer,
    Case,
    CaseState,
    Circumstance,
    Conclusion,
    ContactSetting,
    ContactState,
    DiagnosisBasis,
    DiseaseSite,
    FamilyKind,
    LabComponent,
    LabResult,
    Relation,
    ResultStatus,
    SignedExam,
    SourceType,
    Task,
    TbCase,
    TbContact,
    TbHistory,
    TbOutcome,
    Treatment,
    TreatmentOutcome,
    User,
)
from clinic.rules.programme import list_programmes
from clinic.schemas.door import load
from clinic.schemas.tb_contact import ContactIn, NewContact
from clinic.schemas.treatment import TreatmentIn
from clinic.schemas.tuberculosis import NewTbCase
from clinic.services.assessment import assess
from clinic.services.family import found_family, join_family
from clinic.services.signing import find_current_exam, open_amendment
from clinic.services.task import close_task, list_receiving_roles
from clinic.services.tb_contact import (
    confirm_contact,
    dismiss_contact,
    end_exposure,
    find_exposure_words,
    find_source_type,
    is_for_prevention,
    list_exposures,
    list_for_second_test,
    list_ill,
    list_proposals,
    propose_source_type,
    trace_withdrawn,
    withdraw_contact,
)
from clinic.services.treatment import report_treatment
from clinic.services.tuberculosis import open_tb_case
from clinic.web.task_word import find_place
from clinic.workflow import move
from tests.clinic.services.test_recall import BEGIN, DAY, add_culture, add_specimen, find_tasks, hand, sweep
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.integrations.factory import Hand, make_delivery

assert hand  # the fixture of the clock


@pytest.fixture
def physician(app: Flask) -> User:
    """Who traces."""
    return make_user("physician")


@pytest.fixture
def source(physician: User) -> Case:
    """The mother of a family, with a case of her own."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def child(source: Case) -> Case:
    """Her child of four, in the same family."""
    reception = make_user("reception")
    facts = {"kind": FamilyKind.FAMILY, "name": "", "authority_number": None}
    family = found_family(source.applicant, facts, reception)
    person = make_applicant(reception, birth_date="2022-01-05")
    join_family(family, person, Relation.CHILD, reception)
    return make_case("us", applicant=person, user=reception)


def new(last: date | None = DAY, **values: object) -> NewContact:
    return NewContact(**{"relation": Relation.CHILD, "setting": ContactSetting.HOUSEHOLD,  # type: ignore[arg-type]
                         "first_exposed_on": DAY - timedelta(days=90), "last_exposed_on": last} | values)


def add_igra(case: Case, value: str, day: date, status: ResultStatus = ResultStatus.FINAL) -> LabResult:
    row = LabResult(case_id=case.id, performed_on=day, test="igra", value=value, status=status,
                    entered_at=clock.now(), entered_by_id=case.opened_by_id)
    db.session.add(row)
    db.session.flush()
    return row


def answer_of(case: Case) -> Circumstance:
    return db.session.get_one(Circumstance, (case.id, "tb_contact"), populate_existing=True)


def test_words_of_the_table_are_those_the_programmes_know() -> None:
    for programme, words in read_table().items():
        if isinstance(words, dict):
            assert set(words) <= set(list_programmes()[programme].circumstances), programme
            assert all(row["source"] and row["months"] > 0 for row in words.values())


def test_family_is_proposed_and_a_person_decides(hand: Hand, source: Case, child: Case, physician: User) -> None:
    (proposal,) = list_proposals(source)
    assert (proposal.applicant.id, proposal.relation, proposal.setting) == (
        child.applicant_id, Relation.CHILD, ContactSetting.HOUSEHOLD)
    assert [one.applicant.id for one in list_proposals(child)] == [source.applicant_id]
    dismissed = dismiss_contact(child.applicant, source, "lives with the grandmother", physician)
    assert (dismissed.state, list_proposals(source), list_exposures(child.applicant_id)) == (
        ContactState.DISMISSED, [], [])
    assert answer_of(child).answer is Answer.NO


def test_confirmed_contact_answers_the_circumstance_and_asks_for_the_test(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    assert "B3" not in assess(child)["classes"]
    row = confirm_contact(child.applicant, new(), physician, source)
    circumstance = answer_of(child)
    assert (circumstance.answer, circumstance.derived_from) == (Answer.YES, "contact:household:2026-03-02")
    assert source.number not in (circumstance.derived_from or "")
    assert {item["exam"] for item in assess(child)["required"]} >= {"igra"}
    (task,) = find_tasks("contact-test")
    assert (task.case_id, task.role, task.due_on) == (child.id, "nurse", DAY)
    assert row.retest_on == DAY + timedelta(days=56)
    with pytest.raises(AlreadyDone):
        confirm_contact(child.applicant, new(), physician, source)


def test_withdrawn_contact_is_asked_about_again(hand: Hand, source: Case, child: Case, physician: User) -> None:
    row = confirm_contact(child.applicant, new(), physician, source)
    withdraw_contact(row, "another child of the same name", physician)
    circumstance = answer_of(child)
    assert (circumstance.answer, circumstance.derived_from) == (Answer.UNKNOWN, None)
    assert [task.outcome for task in find_tasks("contact-test")] == ["not-needed"]
    with pytest.raises(AlreadyDone):
        withdraw_contact(row, "once more", physician)


def test_second_test_is_due_from_the_eighth_week_unless_the_first_was_positive(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    confirm_contact(child.applicant, new(), physician, source)
    other = make_case("us", user=make_user("reception"))
    confirm_contact(other.applicant, new(), physician, source)
    negative = add_igra(child, "negative", DAY).id
    add_igra(other, "positive", DAY)
    assert sweep().settled == 2, "both were tested at once"
    hand.turn(days=48)
    sweep()
    assert not find_tasks("contact-retest")
    hand.turn(days=1)
    assert sweep().opened == 1
    (task,) = find_tasks("contact-retest")
    assert (task.case_id, task.due_on, task.role) == (child.id, DAY + timedelta(days=56), "nurse")
    assert find_place(task.kind, task.key) == "orders", "the rules' order is done: nobody would draw the second one"
    hand.turn(days=7 + 13)
    sweep()
    assert find_tasks("contact-retest")[0].level == 0
    hand.turn(days=1)
    sweep()
    assert find_tasks("contact-retest")[0].escalated_role == "tbteam", "the tenth week has passed"
    assert db.session.get_one(LabResult, negative).value == "negative"
    add_igra(db.session.get_one(Case, child.id), "negative", DAY + timedelta(days=70))
    assert sweep().settled == 1


@pytest.mark.database
@pytest.mark.parametrize(("test", "value", "asked"), [
    ("tst", "4", True), ("tst", "5", False), ("tst", "12", False), ("igra", "indeterminate", True)])
def test_skin_test_is_read_in_millimetres_and_one_that_says_nothing_is_no_second_test(
    hand: Hand, source: Case, child: Case, physician: User, test: str, value: str, asked: bool
) -> None:
    """A child with twelve millimetres was called for a second test, “the first test was negative”."""
    confirm_contact(child.applicant, new(), physician, source)
    add_igra(child, value, DAY).test = test
    db.session.flush()
    assert bool(list_for_second_test(list_exposures(child.applicant_id))) is asked
    child_id = child.id
    hand.turn(days=56)
    sweep()
    assert bool(find_tasks("contact-retest")) is asked
    add_igra(db.session.get_one(Case, child_id), "indeterminate", DAY + timedelta(days=56))
    sweep()
    assert {task.closed_at is None for task in find_tasks("contact-retest")} <= {True}


@pytest.mark.database
def test_contact_without_an_open_case_is_called_by_who_traces_and_drawn_once_one_is_opened(
    hand: Hand, source: Case, physician: User
) -> None:
    """The task stood in the nurse's list under the source's name: it asked for the source's blood."""
    reception = make_user("reception")
    person = make_applicant(reception, birth_date="2022-01-05")
    row = confirm_contact(person, new(), physician, source)
    (task,) = find_tasks("contact-test")
    assert (task.case_id, task.role, find_place(task.kind, task.key)) == (source.id, "tbteam", "contacts")
    assert list_receiving_roles(task.kind, task.key, source.site_id) == ["physician"], "a nurse sees no contacts"
    hand.turn(days=1)
    case_id, row_id = make_case("us", applicant=person, user=reception).id, row.id
    sweep()
    (drawn,) = [task for task in find_tasks("contact-test") if task.case_id == case_id]
    assert (drawn.role, drawn.subject_id, find_place(drawn.kind, drawn.key)) == ("nurse", row_id, "draw")
    add_igra(db.session.get_one(Case, case_id), "negative", clock.today())
    assert sweep().settled == 2


@pytest.mark.parametrize(("resists", "regimen", "outcome", "asked"), [
    ((), "isoniazid-6", "current", []), (("ethambutol",), "isoniazid-6", "current", ["source-resistant"]),
    (("isoniazid", "rifampicin"), "isoniazid-6", "completed", ["source-mdr"]),
    (("isoniazid", "rifampicin"), "isoniazid-6", "stopped", []), (("isoniazid", "rifampicin"), "other", "current", []),
])
def test_preventive_treatment_that_the_source_resists_is_asked_about(
    hand: Hand, source: Case, child: Case, physician: User, resists: tuple[str, ...], regimen: str, outcome: str,
    asked: list[str]
) -> None:
    confirm_contact(child.applicant, new(), physician, source)
    if resists:
        add_resistance(source.id, *resists)
    given = {"disease": "latent-tuberculosis", "regimen": regimen, "outcome": outcome, "detail": "as advised",
             "started_on": DAY.isoformat()} | ({} if outcome == "current" else {"ended_on": DAY.isoformat()})
    if not asked:
        assert report_treatment(child, load(TreatmentIn(), given), None, physician).regimen == regimen
        return
    with pytest.raises(NeedsConfirmation) as refused:
        report_treatment(child, load(TreatmentIn(), given), None, physician)
    assert [one.code for one in refused.value.cautions] == asked
    report_treatment(child, load(TreatmentIn(), given | {"confirmed": asked}), None, physician)


@pytest.mark.database
def test_contact_who_becomes_a_case_is_no_more_asked_to_be_tested_and_no_contact_of_their_source(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    """A child with a culture of M. tuberculosis was called for the second test of a contact, and to be kept from it."""
    row = confirm_contact(child.applicant, new(last=None), physician, source)
    add_culture(add_specimen(child), value="mtb")
    tb = open_tb_case(child, NewTbCase(DAY, DiagnosisBasis.CULTURE, DiseaseSite.PULMONARY, TbHistory.NEW,
                                       confirmed=["hiv-untested", "not-notified"]), physician)
    assert [task.outcome for task in find_tasks("contact-test")] == ["became-case"]
    assert list_ill([row]) == {row.id}
    assert list_proposals(child) == [], "their own source"
    child_id, row_id, tb_id = child.id, row.id, tb.id
    hand.turn(days=90)
    sweep()
    assert not find_tasks("contact-review")
    end_exposure(db.session.get_one(TbContact, row_id), DAY, make_user("physician"))
    add_igra(db.session.get_one(Case, child_id), "negative", DAY)
    sweep()
    assert not find_tasks("contact-retest")
    db.session.get_one(TbCase, tb_id).outcome = TbOutcome.NOT_TB
    sweep()
    assert [task.outcome for task in find_tasks("contact-retest")] == [None], "it was none"
    contact, tb = db.session.get_one(TbContact, row_id), db.session.get_one(TbCase, tb_id)
    tb.outcome, tb.outcome_on = TbOutcome.CURED, DAY - timedelta(days=1)
    assert not list_ill([contact]), "exposed again since"
    tb.outcome_on = DAY + timedelta(days=200)
    assert list_ill([contact]) == {row_id}


@pytest.mark.database
def test_contact_whose_tuberculosis_was_none_is_to_be_tested_again(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    """The task had ended with the diagnosis, and did not come back when the diagnosis was wrong."""
    confirm_contact(child.applicant, new(), physician, source)
    tb = open_tb_case(child, NewTbCase(DAY, DiagnosisBasis.CLINICAL, DiseaseSite.PULMONARY, TbHistory.NEW, confirmed=[
        "hiv-untested", "not-notified", "clinical-only"]), physician)
    tb_id = tb.id
    sweep()
    assert [task.outcome for task in find_tasks("contact-test")] == ["became-case"]
    db.session.get_one(TbCase, tb_id).outcome = TbOutcome.NOT_TB
    sweep()
    (task,) = find_tasks("contact-test")
    assert (task.closed_at, task.due_on, task.role) == (None, DAY, "nurse")
    assert sweep().opened == 0, "once"


@pytest.mark.database
def test_contact_whose_case_is_withdrawn_is_called_by_who_traces_and_tested_on_the_next_case(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    """The task stood in the nurse's list, on a case of which nothing is drawn any more."""
    row = confirm_contact(child.applicant, new(DAY - timedelta(days=3)), physician, source)
    other = confirm_contact(make_case("us", user=make_user("reception")).applicant, new(), physician, source)
    reception, person = make_user("reception"), child.applicant
    move(child, CaseState.WITHDRAWN, "travels no more", reception)
    trace_withdrawn(child, reception)
    assert {(task.subject_id, task.role, task.case_id == source.id, task.outcome) for task in find_tasks(
        "contact-test")} == {(row.id, "nurse", False, "case-ended"), (row.id, "tbteam", True, None),
                             (other.id, "nurse", False, None)}
    again_id, row_id = make_case("us", applicant=person, user=reception).id, row.id
    sweep()
    assert [(task.case_id, task.closed_at, task.detail) for task in find_tasks("contact-test")
            if (task.subject_id, task.role) == (row_id, "nurse")] == [(again_id, None, "2026-02-27")]


@pytest.mark.database
def test_first_test_of_an_exposure_without_a_first_day_is_one_of_an_open_exam(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    before = make_case("us", applicant=child.applicant, user=make_user("reception"))
    add_igra(before, "negative", DAY - timedelta(days=900))
    before.state = CaseState.CLOSED
    confirm_contact(child.applicant, new(first_exposed_on=None), physician, source)
    sweep()
    (task,) = find_tasks("contact-test")
    assert task.closed_at is None, "the test of an exam of years ago says nothing"
    add_igra(db.session.get_one(Case, child.id), "negative", DAY)
    assert sweep().settled == 1


@pytest.mark.database
def test_who_was_positive_before_the_exposure_is_not_tested_again(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    add_igra(child, "positive", DAY - timedelta(days=400))
    confirm_contact(child.applicant, new(), physician, source)
    sweep()
    hand.turn(days=60)
    sweep()
    assert not find_tasks("contact-test") and not find_tasks("contact-retest")


def test_contact_that_was_withdrawn_has_no_end_of_exposure(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    row = confirm_contact(child.applicant, new(last=None), physician, source)
    withdraw_contact(row, "another child of the same name", physician)
    with pytest.raises(NotNow, match="does not stand any more"):
        end_exposure(row, DAY, physician)
    assert {task.closed_at is not None for task in find_tasks("contact-test")} == {True}


def test_exposure_that_goes_on_is_reviewed_and_counts_from_its_end(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    row = confirm_contact(child.applicant, new(last=None), physician, source)
    add_igra(child, "negative", DAY)
    contact_id = row.id
    hand.turn(days=83)
    sweep()
    assert [task.kind for task in find_tasks() if task.closed_at is None and task.kind.startswith("contact")] == [
        "contact-review"]
    row = db.session.get_one(TbContact, contact_id)
    end_exposure(row, DAY + timedelta(days=80), db.session.get_one(User, physician.id))
    assert row.retest_on == DAY + timedelta(days=136)
    assert {task.outcome for task in find_tasks("contact-review")} == {"exposure-ended"}


def test_contact_of_somebody_unknown_here_names_the_source(hand: Hand, child: Case, physician: User) -> None:
    with pytest.raises(InvalidInput) as refused:
        confirm_contact(child.applicant, new(), physician)
    assert list(refused.value.fields) == ["source_name"]
    row = confirm_contact(child.applicant, new(source_name="Uncle Otieno", source_type=SourceType.MDR), physician)
    assert (row.source_case_id, row.source_name) == (None, "Uncle Otieno")
    with pytest.raises(InvalidInput):
        confirm_contact(child.applicant, new(last=DAY + timedelta(days=1), source_name="x"), physician)


def test_contacts_stay_within_the_site_and_nobody_is_their_own(hand: Hand, source: Case, physician: User) -> None:
    elsewhere = make_applicant(make_user("reception", make_site("KLA")))
    with pytest.raises(NotFound):
        confirm_contact(elsewhere, new(), physician, source)
    with pytest.raises(InvalidInput):
        confirm_contact(source.applicant, new(), physician, source)


def test_windows_differ_by_programme_and_setting(hand: Hand, source: Case, child: Case, physician: User) -> None:
    confirm_contact(child.applicant, new(setting=ContactSetting.DORMITORY), physician, source)
    person = child.applicant_id

    def words(programme: str, days: int) -> set[str]:
        return set(find_exposure_words(programme, person, DAY + timedelta(days=days)))

    assert words("uk", 365) == {"tb_contact"} and words("uk", 366) == set()
    assert words("us", 700) == {"tb_contact"} and words("ca", 1800) == {"tb_contact_5y"}
    assert words("au", 1) == set() and words("nz", 1) == set()


def test_source_type_is_proposed_from_its_results(hand: Hand, source: Case) -> None:
    assert propose_source_type(source) is SourceType.UNKNOWN
    cultures = []
    for pot in [add_specimen(source) for _ in range(3)]:
        assert propose_source_type(source) is SourceType.UNKNOWN, "one negative culture is no series"
        cultures.append(add_culture(pot))
    assert propose_source_type(source) is SourceType.CULTURE_NEGATIVE
    naat = add_igra(source, "detected", DAY)
    naat.test, naat.components = "sputum-naat", []
    db.session.flush()
    assert propose_source_type(source) is SourceType.UNKNOWN, "something was detected"
    naat.components = [LabComponent(name="rifampicin", value="resistant")]
    db.session.flush()
    assert propose_source_type(source) is SourceType.OTHER_RESISTANT
    naat.components = []
    cultures[0].value = "mtb"
    dst = add_igra(source, "susceptible", DAY)
    dst.test = "dst"
    dst.components = [LabComponent(name="rifampicin", value="susceptible")]
    db.session.flush()
    assert propose_source_type(source) is SourceType.UNKNOWN, "a molecular test says nothing of isoniazid"
    dst.components.append(LabComponent(name="isoniazid", value="susceptible"))
    db.session.flush()
    assert propose_source_type(source) is SourceType.PANSUSCEPTIBLE
    dst.components = [LabComponent(name=name, value="resistant") for name in ("isoniazid",)]
    db.session.flush()
    assert propose_source_type(source) is SourceType.OTHER_RESISTANT
    dst.components.append(LabComponent(name="rifampicin", value="resistant"))
    db.session.flush()
    assert propose_source_type(source) is SourceType.MDR


def test_contact_learns_what_the_results_of_the_source_say_later(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    """Contacts are confirmed weeks before anybody knows what the bacilli resist, and stayed “not known” for ever."""
    row = confirm_contact(child.applicant, new(), physician, source)
    said = confirm_contact(make_applicant(physician), new(source_type=SourceType.MDR), physician, source)
    assert find_source_type(row) is SourceType.UNKNOWN
    add_culture(add_specimen(source), value="mtb")
    dst = add_igra(source, "resistant", DAY)
    dst.test, dst.components = "dst", [
        LabComponent(name=name, value="resistant") for name in ("isoniazid", "rifampicin")]
    db.session.flush()
    assert find_source_type(row) is SourceType.MDR
    dst.value = dst.components[0].value = dst.components[1].value = "susceptible"
    db.session.flush()
    assert find_source_type(row) is SourceType.PANSUSCEPTIBLE, "corrected"
    assert find_source_type(said) is SourceType.MDR, "somebody knew more than our laboratory"
    assert is_for_prevention(row, DAY) and not is_for_prevention(said, DAY)


def test_what_comes_in_says_until_when(app: Flask) -> None:
    plain = {"relation": "child", "setting": "household"}
    for more, fields in (({}, ["last_exposed_on"]), ({"last_exposed_on": "2026-03-02", "goes_on": "true"},
                                                      ["last_exposed_on"]),
                         ({"relation": "wizard", "goes_on": "true"}, ["relation"])):
        with pytest.raises(InvalidInput) as refused:
            load(ContactIn(), plain | more)
        assert list(refused.value.fields) == fields
    assert load(ContactIn(), plain | {"goes_on": "true"}) == NewContact(Relation.CHILD, ContactSetting.HOUSEHOLD)
    assert db.session.query(Task).count() == 0 and BEGIN


def test_contact_with_a_positive_test_and_a_clear_film_is_b2_and_b3(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    from clinic.rules import decide
    from clinic.services.fact import build_facts

    confirm_contact(child.applicant, new(), physician, source)
    add_igra(child, "positive", DAY)
    facts = build_facts(child)
    facts["results"]["chest_xray"] = {"taken": DAY.isoformat(), "findings": ["NORMAL"]}
    assert decide(facts)["classes"] == ["B2", "B3"]


def add_resistance(source_id: str, *drugs: str, test: str = "dst") -> LabResult:
    case = db.session.get_one(Case, source_id)
    row = LabResult(case_id=case.id, specimen_id=add_specimen(case).id, performed_on=DAY, test=test, value="resistant",
                    status=ResultStatus.FINAL, entered_at=clock.now(), entered_by_id=case.opened_by_id,
                    confirmed_at=clock.now(), confirmed_by_id=case.opened_by_id)
    row.components = [LabComponent(name=drug, value="resistant") for drug in drugs]
    db.session.add(row)
    db.session.flush()
    return row


def sign_as(case: Case, *classes: str) -> str:
    """Its exam is signed now, with these classes; the id of the exam."""
    case.state = CaseState.SIGNED
    before = find_current_exam(case.id)
    exam_id = make_delivery(case, version=before.version + 1 if before else 1).signed_exam_id
    exam = db.session.get_one(SignedExam, exam_id)
    exam.replaces_id = before.id if before else None
    exam.valid_until = DAY + timedelta(days=180)
    db.session.get_one(Conclusion, exam.conclusion_id).conclusion = {"classes": list(classes)}
    db.session.flush()
    return exam_id


def list_outcomes() -> list[str | None]:
    return [task.outcome for task in find_tasks("contact-resistance")]


@pytest.mark.database
def test_resistance_of_the_source_after_the_signature_is_told_until_the_exam_is_opened(
    hand: Hand, source: Case, child: Case, physician: User
) -> None:
    """The signed DS-3030 of a contact said “not known” for ever, and nobody was asked to amend it."""
    other = make_case("us", user=make_user("reception"))
    confirm_contact(child.applicant, new(), physician, source)
    confirm_contact(other.applicant, new(source_type=SourceType.MDR), physician, source)
    add_resistance(source.id, "ethambutol")
    hand.turn(days=1)
    source_id, child_id, exam_id, doctor_id = source.id, child.id, sign_as(child, "B2", "B3"), physician.id
    sign_as(other, "B3")
    sweep()
    assert not find_tasks("contact-resistance"), "known when it was signed"
    hand.turn(days=30)
    add_resistance(source_id, "ethambutol")
    sweep()
    assert not find_tasks("contact-resistance"), "the same again is nothing new"
    hand.turn(minutes=1)
    mistaken = add_resistance(source_id, "rifampicin", test="sputum-naat").id
    sweep()
    (task,) = find_tasks("contact-resistance")
    assert (task.role, task.due_on, task.case_id, task.subject_id) == ("physician", clock.today(), child_id, exam_id)
    assert source_id not in task.detail
    doctor = db.session.get_one(User, doctor_id)
    for outcome, words in (("no-amendment", ""), ("reopened", "done")):
        with pytest.raises(InvalidInput):
            close_task(task, outcome, doctor, words)
    db.session.get_one(LabResult, mistaken).status = ResultStatus.ENTERED_IN_ERROR
    sweep()
    assert list_outcomes() == ["reopened"], "it was not right"
    hand.turn(minutes=1)
    add_resistance(source_id, "rifampicin", "isoniazid")
    sweep()
    assert list_outcomes() == ["reopened", None]
    close_task(find_tasks("contact-resistance")[-1], "no-amendment", db.session.get_one(User, doctor_id), "has left")
    hand.turn(minutes=1)
    add_resistance(source_id, "rifampicin", "fluoroquinolone")
    sweep()
    assert list_outcomes() == ["reopened", "no-amendment", None], "another medicine is asked about once more"
    open_amendment(db.session.get_one(Case, child_id), "the source's tuberculosis", db.session.get_one(User, doctor_id))
    assert list_outcomes() == ["reopened", "no-amendment", "reopened"], "at once"
    hand.turn(minutes=1)
    sign_as(db.session.get_one(Case, child_id), "B2", "B3")
    sweep()
    assert len(list_outcomes()) == 3, "it stands in the new version"


@pytest.mark.database
@pytest.mark.parametrize(("classes", "treated", "valid_days", "asked"), [
    (["B3"], False, 180, 1), (["NONE"], False, 180, 0), (["NONE"], True, 180, 1), (["B3"], False, 5, 0),
])
def test_only_a_signed_exam_that_tells_of_the_source_is_asked_about(
    hand: Hand, source: Case, child: Case, physician: User, classes: list[str], treated: bool, valid_days: int,
    asked: int
) -> None:
    confirm_contact(child.applicant, new(), physician, source)
    if treated:
        db.session.add(Treatment(
            case_id=child.id, disease="latent-tuberculosis", status=ResultStatus.FINAL, entered_at=clock.now(),
            entered_by_id=physician.id, outcome=TreatmentOutcome.CURRENT, is_supervised=False, regimen="isoniazid-6"))
    exam_id, source_id = sign_as(child, *classes), source.id
    db.session.get_one(SignedExam, exam_id).valid_until = DAY + timedelta(days=valid_days)
    hand.turn(days=10)
    add_resistance(source_id, "isoniazid")
    sweep()
    assert len(find_tasks("contact-resistance")) == asked


@pytest.mark.database
@pytest.mark.parametrize(("programme", "setting", "asked"), [
    ("us", ContactSetting.OTHER, 1), ("au", ContactSetting.OTHER, 0), ("au", ContactSetting.HOUSEHOLD, 1),
    ("nz", ContactSetting.HOUSEHOLD, 0),
])
def test_contact_recorded_after_the_signature_is_told_while_it_stands(
    hand: Hand, source: Case, physician: User, programme: str, setting: ContactSetting, asked: int
) -> None:
    """Who was found to be exposed after the signature stayed signed as exposed to nobody."""
    signed = make_case(programme, user=make_user("reception"))
    early = confirm_contact(signed.applicant, new(setting=setting, source_name="A neighbour"), physician)
    hand.turn(minutes=1)
    exam_id, signed_id, doctor_id, source_id = sign_as(signed, "NONE"), signed.id, physician.id, source.id
    sweep()
    assert not find_tasks("contact-after-signature") and early, "known when it was signed"
    hand.turn(days=3)
    doctor = db.session.get_one(User, doctor_id)
    row_id = confirm_contact(db.session.get_one(Case, signed_id).applicant, new(setting=setting), doctor,
                             db.session.get_one(Case, source_id)).id
    sweep()
    tasks = find_tasks("contact-after-signature")
    assert [(one.role, one.subject_id, one.case_id, one.due_on) for one in tasks] == [
        ("physician", exam_id, signed_id, clock.today())] * asked
    doctor = db.session.get_one(User, doctor_id)
    withdraw_contact(db.session.get_one(TbContact, row_id), "another person", doctor)
    sweep()
    assert [one.outcome for one in find_tasks("contact-after-signature")] == ["reopened"] * asked, "it was not right"


@pytest.mark.parametrize("state", [CaseState.SIGNED, CaseState.ON_HOLD])
def test_contact_confirmed_while_nothing_is_recorded_counts_when_the_case_goes_on(
    hand: Hand, source: Case, child: Case, physician: User, state: CaseState
) -> None:
    """Opened to be amended for the exposure, the exam said once more that there was none."""
    if state is CaseState.SIGNED:
        sign_as(child, "NONE")
    child.state = state
    hand.turn(minutes=1)
    confirm_contact(child.applicant, new(), physician, source)
    if state is CaseState.SIGNED:
        assert answer_of(child).answer is Answer.NO, "what is signed stays"
        open_amendment(child, "an exposure", physician)
    else:
        workflow.move(child, CaseState.IN_PROGRESS, "goes on", physician)
    assert answer_of(child).answer is Answer.YES
    assert {item["exam"] for item in assess(child)["required"]} >= {"igra"}
