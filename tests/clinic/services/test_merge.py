"""Records merged and taken apart: everything moves, nothing is lost, undoing restores it to the letter."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.caution import NeedsConfirmation
from clinic.db import Base, db
from clinic.errors import AlreadyDone, CaseChanged, InvalidInput, NotNow, RecordMerged
from clinic.models import (
    Applicant,
    ApplicantKey,
    AuditChange,
    Case,
    CaseState,
    DocumentKind,
    IdentityMethod,
    Merge,
    MergedRow,
    Requirement,
    Sex,
    User,
)
from clinic.queries.applicant import (
    find_people_by_name,
    find_people_by_number,
    follow_merges,
    get_applicant,
    list_applicants,
)
from clinic.queries.merge import (
    find_last_change,
    get_survivor,
    list_documents_for_authority,
    list_merges_of_case,
    list_opened_since,
)
from clinic.services.applicant_link import EXEMPT, list_holdings, list_links
from clinic.services.double import find_likely_doubles
from clinic.services.identity import confirm_identity, find_confirmation, may_complete_later
from clinic.services.merge import build_fingerprint, merge_records, tell_apart, undo_merge
from clinic.services.merge_caution import list_cautions
from clinic.services.opening import open_case
from clinic.services.registration import add_document, update_applicant
from clinic.station import list_stations
from clinic.web.merge_word import LINK_WORDS
from fhir.projection import list_differences
from fhir.store import find_newest
from tests.factory import applicant_data, case_data, make_applicant, make_authority, make_case, make_site, make_user
from tests.sign_in import give_consent

REASON = "the same passport, registered twice"


def merge(survivor: Applicant, loser: Applicant, user: User, **named: Any) -> Merge:
    """As the page does it, with every caution confirmed."""
    confirmed = named.get("confirmed", [one.code for one in list_cautions(survivor, loser)])
    seen = build_fingerprint(survivor, loser, list_holdings(loser.id, survivor.id))
    return merge_records(survivor, loser, REASON, confirmed, named.get("seen", seen), user)


def make_pair(user: User, **values: Any) -> tuple[Applicant, Applicant]:
    """One person registered twice."""
    person = {"family_name": "Wanjiru", "given_names": "Grace", "birth_date": "1991-01-05", **values}
    return make_applicant(user, **person), make_applicant(user, **person | {"family_name": "Wanjeru"})


def snapshot() -> dict[str, Any]:
    """Everything that a merge may touch, but for the counters and times that only go forward."""
    forward = {"version", "updated_at", "ceased_at", "ended_at"}
    state: dict[str, Any] = {}
    for model in {link.model for link in list_links()} | {Applicant, ApplicantKey}:
        table = model.__table__
        columns = [column for column in table.columns if column.name not in forward]
        state[table.name] = sorted(map(repr, db.session.execute(select(*columns)).all()))
    state["requirement"] = sorted(db.session.execute(
        select(Requirement.case_id, Requirement.exam, Requirement.state)).all())
    return state


def test_everything_that_points_at_an_applicant_moves_or_stays_with_a_reason() -> None:
    pointing = {(column.table.name, column.name) for table in Base.metadata.tables.values() for column in table.columns
                if any(key.column.table is Applicant.__table__ for key in column.foreign_keys)}
    moved = {(link.table, link.column) for link in list_links()}
    assert moved | set(EXEMPT) == pointing
    assert moved == set(LINK_WORDS), "say in clinic/web/merge_word.py what moves, or in EXEMPT why it stays"
    assert all(EXEMPT.values())
    for link in list_links():
        assert [column.name for column in link.model.__table__.primary_key] == ["id"], link.table


def test_merge_moves_cases_and_documents_and_keeps_the_losing_record(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    case = make_case("us", loser, user)
    number, version, paper = case.number, case.version, loser.documents[0].id
    done = merge(survivor, loser, user)
    assert (case.applicant_id, case.number) == (survivor.id, number) and case.version > version
    assert paper in [one.id for one in survivor.documents] and loser.documents == []
    assert loser.merged_into_id == survivor.id and get_survivor(loser) is survivor
    rows = {(row.table_name, row.row_id, row.previous_id) for row in done.rows}
    assert rows == {("health_case", case.id, loser.id), ("identity_document", paper, loser.id)}
    audited = db.session.execute(select(AuditChange).where(AuditChange.action == "merge")).scalars().all()
    assert {row.subject_id for row in audited} == {survivor.id, loser.id, case.id}
    assert [one.id for one in list_merges_of_case(case)] == [done.id]


def test_undo_restores_the_exact_state_and_leaves_what_came_since(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    make_case("us", loser, user)
    make_case("ca", survivor, user)
    before = snapshot()
    done = merge(survivor, loser, user)
    assert snapshot() != before
    assert undo_merge(done, "two sisters after all", user) == 0
    assert snapshot() == before
    assert (done.undo_reason, done.undone_by_id) == ("two sisters after all", user.id)
    with pytest.raises(AlreadyDone):
        undo_merge(done, "once more", user)
    again = merge(survivor, loser, user)
    since = make_case("uk", survivor, user)
    assert [case.id for case in list_opened_since(again)] == [since.id]
    undo_merge(again, "two sisters after all", user)
    assert since.applicant_id == survivor.id
    assert db.session.execute(select(Case.id).where(Case.applicant_id == loser.id)).scalars().all() != []


@pytest.mark.parametrize("seed", range(4))
def test_random_merges_undone_in_any_allowed_order_restore_the_exact_state(app: Flask, seed: int) -> None:
    rng, user = Random(seed), make_user()
    people = [make_applicant(user, family_name="Wanjiru", given_names="Grace", birth_date="1991-01-05")
              for _person in range(5)]
    for _case in range(5):
        make_case(rng.choice(["us", "ca", "uk"]), rng.choice(people), user)
    same = people[0].documents[0]
    add_document(people[1], {"kind": DocumentKind.PASSPORT, "number": same.number, "issuing_country": "KEN"}, user)
    before, standing = snapshot(), []
    for _step in range(12):
        free = [person for person in people if person.merged_into_id is None]
        if len(free) > 1 and rng.random() < 0.6:
            survivor, loser = rng.sample(free, 2)
            standing.append(merge(survivor, loser, user))
        elif standing:
            done = rng.choice(standing)
            try:
                undo_merge(done, "wrongly merged", user)
            except NotNow:  # its survivor went on into another record
                assert done.survivor.merged_into_id is not None
            else:
                standing.remove(done)
    for done in reversed(standing):
        assert undo_merge(done, "wrongly merged", user) == 0
    assert snapshot() == before
    db.session.commit()
    assert list(list_differences(db.session())) == []


def test_same_document_stays_with_the_losing_record(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    mine = survivor.documents[0]
    add_document(loser, {"kind": DocumentKind.PASSPORT, "number": mine.number.lower(), "issuing_country": "KEN"}, user)
    merge(survivor, loser, user)
    assert len(survivor.documents) == 2
    assert [one.number_key for one in loser.documents] == [mine.number_key]


def test_record_that_must_not_be_merged_is_refused(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    third = make_applicant(user)
    stranger = make_applicant(make_user(site=make_site("AMM")))
    with pytest.raises(InvalidInput, match="same record"):
        merge(survivor, survivor, user)
    with pytest.raises(InvalidInput, match="two sites"):
        merge(survivor, stranger, user)
    done = merge(survivor, loser, user)
    for pair in ((survivor, loser), (loser, third), (third, loser)):
        with pytest.raises(NotNow, match="merged into another record before"):
            merge(*pair, user)
    over = merge(third, survivor, user)
    with pytest.raises(NotNow, match="Undo that merge first"):
        undo_merge(done, "wrong order", user)
    assert get_survivor(loser) is third
    undo_merge(over, "two people", user)
    undo_merge(done, "two people", user)


def test_what_speaks_against_it_must_be_confirmed(app: Flask) -> None:
    user = make_user()
    survivor = make_applicant(user, birth_date="1991-01-05", sex=Sex.FEMALE)
    loser = make_applicant(user, birth_date="1992-01-05", sex=Sex.MALE)
    cases = [make_case("us", one, user) for one in (survivor, loser)]
    station = list_stations()["reception"]
    for case in cases:
        confirm_identity(case, station, IdentityMethod.KNOWN, user)
    tell_apart(survivor, loser, "brother and sister", user)
    with pytest.raises(NeedsConfirmation) as refused:
        merge(survivor, loser, user, confirmed=["sex"])
    codes = ["same-programme", "sex", "birth-year", "both-seen-today", "told-apart"]
    assert [one.code for one in refused.value.cautions] == codes
    assert loser.merged_into_id is None
    done = merge(survivor, loser, user, confirmed=codes)
    assert done.confirmed == codes
    undo_merge(done, "they came together", user)
    assert "undone-before" in [one.code for one in list_cautions(survivor, loser)]


def test_change_since_it_was_shown_is_refused(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    seen = build_fingerprint(survivor, loser, list_holdings(loser.id, survivor.id))
    make_case("us", loser, user)
    with pytest.raises(CaseChanged, match="compare once more"):
        merge(survivor, loser, user, seen=seen)


def test_merged_record_takes_nothing_new(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    merge(survivor, loser, user)
    make_authority("us")
    with pytest.raises(RecordMerged):
        open_case(loser, case_data("us"), user)
    with pytest.raises(RecordMerged):
        add_document(loser, applicant_data()["document"], user)
    with pytest.raises(RecordMerged):
        update_applicant(loser, applicant_data(), loser.version, user)
    with pytest.raises(RecordMerged):
        get_applicant(loser.id, user)


def test_search_for_the_losing_record_finds_the_surviving_one(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    paper = loser.documents[0].number
    merge(survivor, loser, user)
    for found in (find_people_by_number(user, loser.number), find_people_by_name(user, "wanjeru")):
        people, because = follow_merges(found)
        assert [row.id for row in people] == [survivor.id] and because == {survivor.id: [loser.number]}
    people, because = follow_merges(find_people_by_number(user, paper))
    assert [row.id for row in people] == [survivor.id] and because == {}
    assert [row.id for row in list_applicants(user)[0]] == [survivor.id]
    doubles = find_likely_doubles(user.site_id, applicant_data(family_name="Wanjeru", given_names="Grace"))
    assert [double.applicant.id for double in doubles] == [survivor.id]


def test_identity_is_confirmed_again_after_a_merge_and_after_its_undoing(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, station = make_user(), list_stations()["exam"]
    survivor, loser = make_pair(user)
    cases = [make_case("us", survivor, user), make_case("ca", loser, user)]

    def confirm() -> None:
        for case in cases:
            give_consent(case)
            confirm_identity(case, station, IdentityMethod.KNOWN, user)
            assert find_confirmation(case, station, user) is not None

    confirm()
    done = merge(survivor, loser, user)
    assert not any(find_confirmation(case, station, user) for case in cases)
    confirm()
    undo_merge(done, "two people", user)
    assert not any(find_confirmation(case, station, user) for case in cases)
    assert find_last_change(loser.id) == done.undone_at
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=1))
    assert not may_complete_later(cases[0], station)


def test_moved_case_is_judged_by_the_surviving_person_and_back(app: Flask) -> None:
    user = make_user()
    survivor = make_applicant(user, birth_date="2023-01-05")
    loser = make_applicant(user, birth_date="1991-01-05")
    case = make_case("us", loser, user)

    def xray() -> str:
        return str(db.session.execute(select(Requirement.state).where(
            Requirement.case_id == case.id, Requirement.exam == "chest-xray")).scalar_one().value)

    assert xray() == "open"
    done = merge(survivor, loser, user)
    assert xray() == "withdrawn"
    undo_merge(done, "mother and child", user)
    assert xray() == "open"


def test_history_tells_of_the_merge_only_on_its_cases(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    mine, theirs, other = make_case("us", survivor, user), make_case("ca", loser, user), make_case("uk", user=user)
    done = merge(survivor, loser, user)
    later = make_case("ca", survivor, user)
    assert [list_merges_of_case(case) for case in (mine, theirs, other, later)] == [[done], [done], [], []]
    undo_merge(done, "two people", user)
    assert list_merges_of_case(theirs) == [done]


def test_authority_is_told_only_the_papers_of_the_record_its_case_was_opened_on(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    mine, theirs = make_case("us", survivor, user), make_case("ca", loser, user)
    own, other = survivor.documents[0], loser.documents[0]
    done = merge(survivor, loser, user)
    assert list_documents_for_authority(mine) == [own] and list_documents_for_authority(theirs) == [other]
    station = list_stations()["reception"]
    confirm_identity(mine, station, IdentityMethod.DOCUMENT, user, other.id)
    assert list_documents_for_authority(mine) == [own, other]
    new = add_document(survivor, applicant_data()["document"], user)
    assert list_documents_for_authority(theirs) == [other, new]
    assert list_documents_for_authority(make_case("uk", survivor, user)) == [own, other, new]
    undo_merge(done, "two people", user)
    assert list_documents_for_authority(theirs) == [other]


def test_case_keeps_the_paper_that_both_records_had(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    shared = survivor.documents[0]
    add_document(loser, {"kind": DocumentKind.PASSPORT, "number": shared.number, "issuing_country": "KEN"}, user)
    theirs = make_case("ca", loser, user)
    own = loser.documents[0]
    merge(survivor, loser, user)
    assert {one.number_key for one in list_documents_for_authority(theirs)} == {shared.number_key, own.number_key}


def test_store_follows_the_rows_through_merge_and_undoing(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    case = make_case("us", loser, user)
    give_consent(case)
    db.session.commit()
    done = merge(survivor, loser, user)
    db.session.commit()
    assert list(list_differences(db.session())) == []
    session = db.session()
    assert _read(session, "Patient", loser.id)["active"] is False
    link = _read(session, "Patient", loser.id)["link"]
    assert link == [{"other": {"reference": f"Patient/{survivor.id}"}, "type": "replaced-by"}]
    assert _read(session, "Patient", survivor.id)["link"][0]["type"] == "replaces"
    assert _read(session, "EpisodeOfCare", case.id)["patient"] == {"reference": f"Patient/{survivor.id}"}
    undo_merge(done, "two people", user)
    db.session.commit()
    assert list(list_differences(db.session())) == []
    assert "link" not in _read(session, "Patient", survivor.id) and _read(session, "Patient", loser.id)["active"]
    assert _read(session, "EpisodeOfCare", case.id)["patient"] == {"reference": f"Patient/{loser.id}"}


def test_signed_case_keeps_its_state_and_version_of_the_list(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    case = make_case("us", loser, user)
    case.state = CaseState.SIGNED
    db.session.flush()
    updated = case.updated_at
    merge(survivor, loser, user)
    assert (case.state, case.updated_at, case.applicant_id) == (CaseState.SIGNED, updated, survivor.id)


def test_merged_rows_are_written_once(app: Flask) -> None:
    user = make_user()
    survivor, loser = make_pair(user)
    make_case("us", loser, user)
    done = merge(survivor, loser, user)
    undo_merge(done, "two people", user)
    merge(survivor, loser, user)
    rows = db.session.execute(select(MergedRow.merge_id)).scalars().all()
    assert len(rows) == 4 and len(set(rows)) == 2


def _read(session: Any, kind: str, key: str) -> dict[str, Any]:
    import json

    found = find_newest(session, kind, key)
    assert found is not None
    resource: dict[str, Any] = json.loads(found.body)
    return resource
