"""Consent: who may sign, what a refusal holds, what follows it, and what of it becomes a FHIR Consent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from clinic.consent_text import FOLDER, choose_text, get_signer_rule, list_consent_texts
from clinic.db import db
from clinic.demo.walk import ensure_guardian
from clinic.errors import CaseChanged, InvalidInput, Misconfigured, NotNow
from clinic.models import Case, CaseState, Consent, ConsentState, DocumentKind, Relation, Signer
from clinic.rules.age import add_months
from clinic.schemas.consent import NewConsent
from clinic.schemas.laboratory import NewResult
from clinic.services.consent import (
    ensure_not_refused,
    find_consent,
    has_consent,
    is_minor,
    list_consents,
    record_consent,
    withdraw_consent,
)
from clinic.services.laboratory import enter_result
from clinic.services.plausibility import get_today
from clinic.services.related_person import add_related, record_absence
from clinic.workflow import move
from fhir.encoder import decode
from fhir.store import find_newest, list_history
from tests.factory import make_applicant, make_case, make_user


def _new(case: Case, language: str | None = None, **values: Any) -> NewConsent:
    text = choose_text(case.applicant.language, language)
    shown = {"decision": ConsentState.GIVEN, "language": text.language, "text_sha256": text.sha256}
    return NewConsent(**shown | values)  # type: ignore[arg-type]


def _case(programme: str = "us", **person: Any) -> Case:
    user = make_user("reception")
    return make_case(programme, applicant=make_applicant(user, **person), user=user)


def _faults(case: Case, new: NewConsent) -> set[str]:
    with pytest.raises(InvalidInput) as refused:
        record_consent(case, new, make_user("reception"))
    return set(refused.value.fields)


def test_every_language_has_every_part_of_the_same_version() -> None:
    texts = list_consent_texts()
    assert {"en", "fr", "ar", "es", "ru", "uk", "sw"} <= set(texts)
    assert len({text.version for text in texts.values()}) == 1
    assert {len(text.parts) for text in texts.values()} == {5}
    assert texts["ar"].direction == "rtl" and texts["uk"].direction == "ltr"
    for text in texts.values():
        words = " ".join(part for _heading, part in text.parts)
        assert words.count("{authority}") >= 3 and "{clinic}" in words, text.language


def test_half_translated_text_is_refused_and_an_older_one_not_shown(tmp_path: Any) -> None:
    for name in ("en", "fr"):
        (tmp_path / f"{name}.toml").write_text((FOLDER / f"{name}.toml").read_text())
    half = (FOLDER / "es.toml").read_text()
    (tmp_path / "es.toml").write_text(half[:half.index("[part.choice]")] + half[half.index("[labels]"):])
    with pytest.raises(Misconfigured, match=r"es\.toml.*part\.choice\.heading"):
        list_consent_texts(tmp_path)
    (tmp_path / "es.toml").write_text(half.replace('version = "2026-1"', 'version = "2025-3"'))
    assert set(list_consent_texts.__wrapped__(tmp_path)) == {"en", "fr"}


@pytest.mark.parametrize(("spoken", "shown"), [("ar", "ar"), ("fr-CA", "fr"), ("am", "en"), ("fa-AF", "en")])
def test_text_is_in_the_own_language_or_wholly_in_english(spoken: str, shown: str) -> None:
    assert choose_text(spoken).language == shown


def test_adult_signs_and_the_shown_text_is_remembered(app: Flask) -> None:
    case, user = _case(), make_user("reception")
    row = record_consent(case, _new(case, signer_name="ignored"), user)
    assert (row.text_language, row.spoken_language, row.signer, row.signer_name) == (
        "sw", "sw", Signer.APPLICANT, None)
    assert row.text_sha256 == list_consent_texts()["sw"].sha256 and has_consent(case)
    assert case.state is CaseState.REGISTERED


@pytest.mark.parametrize(("programme", "years", "minor"), [
    ("us", 17, True), ("us", 18, False), ("ca", 15, True), ("au", 16, False), ("uk", 17, True), ("uk", 18, False)])
def test_age_of_signing_follows_the_destination(app: Flask, programme: str, years: int, minor: bool) -> None:
    case = _case(programme)
    today = get_today(case)
    case.applicant.birth_date = (add_months(today, -12 * years) - timedelta(days=1)).isoformat()
    assert is_minor(case) is minor
    assert get_signer_rule(programme, today).source


def test_child_needs_a_guardian_first_and_the_guardian_signs(app: Flask) -> None:
    case, clerk = _case(birth_date="2020-05-01"), make_user("reception")
    assert _faults(case, _new(case)) == {"guardian_id"}
    guardian = ensure_guardian(case.applicant, clerk)
    assert _faults(case, _new(case)) == {"guardian_id"}
    assert _faults(case, _new(case, guardian_id="somebody-else")) == {"guardian_id"}
    row = record_consent(case, _new(case, guardian_id=guardian.id, signer_name="Another Woman"), clerk)
    assert (row.signer, row.signer_relation, row.signer_name) == (Signer.PARENT, "mother", guardian.name)
    assert row.guardian_id == guardian.id


def test_minor_without_a_guardian_is_signed_for_by_who_is_named_and_the_reason_stands(app: Flask) -> None:
    case, clerk = _case(birth_date="2012-05-01"), make_user("reception")
    record_absence(case.applicant, "parents lost on the way, tracing by the agency", clerk)
    assert _faults(case, _new(case)) == {"signer_name", "signer_relation"}
    row = record_consent(case, _new(case, signer_name="Leyla Omar", signer_relation="case worker"), clerk)
    assert (row.signer, row.signer_name, row.guardian_id) == (Signer.GUARDIAN, "Leyla Omar", None)


def test_seventeen_year_old_for_canada_signs_but_the_guardian_is_recorded_first(app: Flask) -> None:
    case, clerk = _case("ca"), make_user("reception")
    today = get_today(case)
    case.applicant.birth_date = (add_months(today, -12 * 17) - timedelta(days=1)).isoformat()
    assert _faults(case, _new(case, witness_name="Ann Otieno")) == {"guardian_id"}
    ensure_guardian(case.applicant, clerk)
    row = record_consent(case, _new(case, witness_name="Ann Otieno"), clerk)
    assert (row.signer, row.guardian_id) == (Signer.APPLICANT, None)


def test_mark_needs_a_witness_and_canada_always_does(app: Flask) -> None:
    marked, case = _case(), _case("ca")
    assert _faults(marked, _new(marked, by_mark=True)) == {"witness_name"}
    assert _faults(case, _new(case)) == {"witness_name"}
    assert record_consent(case, _new(case, witness_name="Ann Otieno"), make_user("reception")).witness_name


def test_other_language_needs_an_interpreter_or_that_it_is_understood(app: Flask) -> None:
    case = _case(language="am")
    assert _faults(case, _new(case)) == {"interpreter_name"}
    row = record_consent(case, _new(case, interpreter_name="Hanna Tesfaye"), make_user("reception"))
    assert (row.text_language, row.spoken_language, row.interpreter_name) == ("en", "am", "Hanna Tesfaye")
    own = _case(language="fr")
    assert _faults(own, _new(own, language="ar")) == {"interpreter_name"}
    assert record_consent(own, _new(own, language="ar", understands=True), make_user("reception"))


def test_refusal_needs_its_reason_and_holds_the_case(app: Flask) -> None:
    case, technician = _case(), make_user("labtech")
    assert _faults(case, _new(case, decision=ConsentState.REFUSED, reason="no")) == {"reason"}
    record_consent(case, _new(case, decision=ConsentState.REFUSED, reason="fears the X-ray"), make_user("reception"))
    assert case.state is CaseState.ON_HOLD and "fears the X-ray" in (case.state_reason or "")
    with pytest.raises(NotNow):
        enter_result(case, NewResult(test="syphilis-nontreponemal", value="nonreactive", performed_on=get_today(case)),
                     technician)
    with pytest.raises(NotNow, match="Record a consent first"):
        ensure_not_refused(case)
    record_consent(case, _new(case), make_user("reception"))
    assert case.state is CaseState.IN_PROGRESS
    ensure_not_refused(case)
    assert [row.state for row in list_consents(case)] == [ConsentState.GIVEN, ConsentState.REFUSED]


def test_withdrawal_ends_the_consent_and_holds_the_case(app: Flask) -> None:
    case, user = _case(), make_user("nurse")
    with pytest.raises(NotNow):
        withdraw_consent(case, "changed her mind", user)
    record_consent(case, _new(case), user)
    withdraw_consent(case, "changed her mind", user)
    row = find_consent(case)
    assert row is not None and row.state is ConsentState.WITHDRAWN and row.end_reason == "changed her mind"
    assert case.state is CaseState.ON_HOLD and not has_consent(case)


def test_consent_after_another_kind_of_hold_leaves_the_hold(app: Flask) -> None:
    case, user = _case(), make_user("reception")
    move(case, CaseState.ON_HOLD, "waits for the passport", user)
    record_consent(case, _new(case), user)
    assert case.state is CaseState.ON_HOLD and case.state_reason == "waits for the passport"


def test_text_renewed_meanwhile_is_shown_again(app: Flask) -> None:
    case = _case()
    with pytest.raises(CaseChanged):
        record_consent(case, _new(case, text_sha256="0" * 64), make_user("reception"))


def test_ended_case_takes_no_consent(app: Flask) -> None:
    case, user = _case(), make_user("reception")
    move(case, CaseState.WITHDRAWN, "left the country", user)
    with pytest.raises(NotNow):
        record_consent(case, _new(case), user)


def test_decision_becomes_a_fhir_consent_with_its_history(app: Flask) -> None:
    case, user = _case("ca", birth_date="2019-03-01"), make_user("reception")
    guardian = add_related(case.applicant, {
        "registered_id": None, "name": "Noor Said", "organisation": None, "relation": Relation.AUNT,
        "is_guardian": True, "is_emergency": False, "phone": None, "document_kind": DocumentKind.PASSPORT,
        "document_number": "N7711"}, user)
    row = record_consent(case, _new(case, guardian_id=guardian.id, witness_name="Ann Otieno"), user)
    db.session.commit()
    stored = find_newest(db.session, "Consent", row.id)
    assert stored is not None
    resource = decode(stored.body)
    assert resource["status"] == "active" and resource["scope"]["coding"][0]["code"] == "patient-privacy"
    assert resource["policy"][0]["uri"].endswith(f"consent/{row.text_version}/sw")  # ppc-1
    assert resource["performer"] == [{"reference": f"RelatedPerson/{guardian.id}", "display": "Noor Said, aunt"}]
    assert resource["verification"][0]["verifiedWith"] == {"display": "Ann Otieno"}
    withdraw_consent(case, "guardian took it back", user)
    db.session.commit()
    versions = [decode(one.body)["status"] for one in list_history(db.session, "Consent", row.id)]
    assert sorted(versions) == ["active", "inactive"]
    assert db.session.get_one(Consent, row.id).ended_at is not None
