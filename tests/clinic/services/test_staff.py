"""Who may change whose account, what a change of roles gives and takes, and that somebody can always administer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.errors import AlreadyDone, ClearwayError, InvalidInput, NotAllowed, NotFound, NotNow
from clinic.models import AuditChange, User
from clinic.permissions import Permission
from clinic.services.authorisation import authorise, end_authorisation
from clinic.services.recovery import issue_recovery, reset_second_factor
from clinic.services.role_change import change_roles, compare_roles
from clinic.services.staff import (
    MemberFacts,
    SignRight,
    add_member,
    change_member,
    disable_member,
    disable_user,
    enable_member,
)
from clinic.services.task import close_task, open_task
from tests.factory import make_case, make_site, make_user

P = Permission
DAY = timedelta(days=1)


@pytest.fixture
def people(app: Flask) -> dict[str, User]:
    """Two sites with an administrator and a nurse each; the first site's administers the organisation."""
    here, there = make_site("NBO"), make_site("AMM", city="Amman", country="JOR", time_zone="Asia/Amman")
    return {"wide": make_user("admin", here), "narrow": make_user("siteadmin", there),
            "nurse here": make_user("nurse", here), "nurse there": make_user("nurse", there),
            "wide there": make_user("admin", there)}


def facts_of(user: User, **values: Any) -> MemberFacts:
    return MemberFacts(**{"name": user.name, "email": user.email, "site_id": user.site_id, "language": user.language,
                          "licence_number": user.licence_number} | values)


def find_details(action: str) -> list[Any]:
    return list(db.session.execute(select(AuditChange.detail).where(AuditChange.action == action)).scalars())


def list_acts(user: User, actor: User) -> list[Any]:
    """Every act on an account, as something to be tried."""
    own = sorted(role.name for role in user.roles)
    return [
        lambda: change_member(user, facts_of(user, name="Other Name"), actor),
        lambda: change_roles(user, ["nurse", "phlebotomist"], own, actor),
        lambda: disable_member(user, actor), lambda: enable_member(user, actor),
        lambda: authorise(user, "us", clock.today(), None, actor),
        lambda: end_authorisation(user, "none", clock.today(), actor),
        lambda: reset_second_factor(user, actor), lambda: issue_recovery(user, actor),
    ]


@pytest.mark.parametrize(("target", "actor", "error"), [
    ("wide", "wide", NotAllowed), ("narrow", "narrow", NotAllowed),  # oneself
    ("nurse here", "narrow", NotFound), ("wide", "narrow", NotFound),  # another site
    ("wide there", "narrow", NotAllowed),  # who reaches further, although of the own site
])
def test_every_act_out_of_reach_is_refused(
    people: dict[str, User], target: str, actor: str, error: type[ClearwayError]
) -> None:
    before = len(db.session.execute(select(AuditChange.id)).all())
    for act in list_acts(people[target], people[actor]):
        with pytest.raises(error):
            act()
    assert len(db.session.execute(select(AuditChange.id)).all()) == before


def test_within_reach_each_act_goes(people: dict[str, User]) -> None:
    for target, actor in (
        ("nurse there", "narrow"), ("nurse there", "wide"), ("narrow", "wide"), ("wide there", "wide"),
    ):
        user, by = people[target], people[actor]
        assert change_member(user, facts_of(user, name=f"{user.name} II"), by) == ["name"]
        right = authorise(user, "us", clock.today(), None, by)
        end_authorisation(user, right.id, clock.today(user.site.time_zone), by)
        db.session.delete(right)
        db.session.flush()
        db.session.expire(user, ["authorisations"])
        assert issue_recovery(user, by)
        reset_second_factor(user, by)
        disable_member(user, by)
        with pytest.raises(NotNow, match="disabled"):
            issue_recovery(user, by)
        enable_member(user, by)


def test_roles_over_the_organisation_are_given_and_taken_only_by_who_has_one(people: dict[str, User]) -> None:
    nurse, narrow, wide = people["nurse there"], people["narrow"], people["wide"]
    with pytest.raises(NotAllowed, match="whole organisation"):
        change_roles(nurse, ["nurse", "admin"], ["nurse"], narrow)
    with pytest.raises(NotAllowed, match="whole organisation"):
        add_member(MemberFacts("New One", "new@test.example", narrow.site_id), ["admin"], SignRight(), narrow)
    change_roles(nurse, ["nurse", "admin"], ["nurse"], wide)
    assert P.MANAGE_ORGANISATION in {one for role in nurse.roles for one in compare_roles([], [role.name]).gained}


def test_change_says_what_it_gives_and_takes_and_audits_it(people: dict[str, User]) -> None:
    nurse, wide = people["nurse here"], people["wide"]
    looked = compare_roles(["nurse"], ["labsupervisor"])
    assert looked.gained == (P.ENTER_RESULT, P.RECORD_SPUTUM, P.SEE_TB_REGISTERS, P.MAP_RESULTS, P.DIRECT_TASKS)
    assert looked.lost == (
        P.OPEN_CASE, P.RECORD_HISTORY, P.RECORD_VACCINE, P.RECORD_TREATMENT, P.PLACE_HOLD, P.OPEN_IN_EMERGENCY)
    assert [str(one)[:27] for one in looked.duties] == ["Enters and confirms results"]
    assert change_roles(nurse, ["labsupervisor"], ["nurse"], wide) == looked
    assert find_details("change-roles") == [{
        "gained": ["labsupervisor"], "lost": ["nurse"],
        "permissions_gained": ["enter-result", "record-sputum", "see-tb-registers", "map-results", "direct-tasks"],
        "permissions_lost": ["open-case", "record-history", "record-vaccine", "record-treatment", "place-hold",
                             "open-in-emergency"]}]
    assert [role.name for role in nurse.roles] == ["labsupervisor"]


@pytest.mark.parametrize(("roles", "words"), [
    (["radiographer", "radiologist", "physician"], "no second pair of eyes"),
    (["physician", "siteadmin"], "Manages accounts and signs"), (["physician", "quality"], "look after themselves")])
def test_duties_better_kept_apart_are_named(roles: list[str], words: str) -> None:
    assert any(words in str(one) for one in compare_roles([], roles).duties)
    assert compare_roles([], ["nurse", "physician"]).duties == ()


def test_roles_that_changed_meanwhile_are_looked_at_again(people: dict[str, User]) -> None:
    nurse, wide = people["nurse here"], people["wide"]
    change_roles(nurse, ["phlebotomist"], ["nurse"], wide)
    with pytest.raises(NotNow, match="Look again"):
        change_roles(nurse, ["labtech"], ["nurse"], wide)
    for wrong in ([], ["king"]):
        with pytest.raises(InvalidInput):
            change_roles(nurse, wrong, ["phlebotomist"], wide)


def test_last_administrator_stays(people: dict[str, User]) -> None:
    first, second = people["wide"], people["wide there"]
    disable_member(second, first)
    with pytest.raises(NotNow, match="last active administrator"):
        disable_user(first.email)  # not even by the command
    second.active = True
    change_roles(second, ["nurse"], ["admin"], first)
    with pytest.raises(NotNow, match="last active administrator"):
        disable_member(first, None)
    change_roles(second, ["admin"], ["nurse"], first)
    first.active = False  # disabled by hand: then the second is the last who holds it
    with pytest.raises(NotNow, match="last active administrator"):
        change_roles(second, ["nurse"], ["admin"], None)


def test_moving_needs_reach_over_both_sites(people: dict[str, User]) -> None:
    nurse, narrow, wide = people["nurse there"], people["narrow"], people["wide"]
    with pytest.raises(NotFound):
        change_member(nurse, facts_of(nurse, site_id=wide.site_id), narrow)
    before = nurse.site_id
    assert change_member(nurse, facts_of(nurse, site_id=wide.site_id, language="fr", licence_number="KE-1"), wide) == [
        "licence_number", "language", "site_id"]
    assert nurse.site.code == "NBO"
    detail = find_details("change-user")[-1]
    assert detail == {"changed": ["licence_number", "language", "site_id"], "site_id": [before, wide.site_id],
                      "language": ["en", "fr"]}


def test_address_that_is_taken_is_refused(people: dict[str, User]) -> None:
    nurse, wide = people["nurse there"], people["wide"]
    with pytest.raises(AlreadyDone):
        change_member(nurse, facts_of(nurse, email=wide.email.upper()), wide)
    with pytest.raises(AlreadyDone):
        add_member(MemberFacts("New One", wide.email, wide.site_id), ["nurse"], SignRight(), wide)


def test_new_member_has_what_was_given(people: dict[str, User]) -> None:
    wide = people["wide"]
    user = add_member(MemberFacts("Dr New", " New@Test.example ", wide.site_id, "fr", "KE-9"), ["physician"],
                      SignRight(("us", "ca"), date(2026, 1, 1), date(2027, 1, 1)), wide)
    assert (user.email, user.language, user.active) == ("new@test.example", "fr", True)
    assert {(one.programme, one.valid_from, one.valid_until) for one in user.authorisations} == {
        ("us", date(2026, 1, 1), date(2027, 1, 1)), ("ca", date(2026, 1, 1), date(2027, 1, 1))}
    assert find_details("add-user")[-1]["roles"] == ["physician"]


@pytest.mark.parametrize(("begin", "end", "field"), [
    (0, -1, "valid_until"), (0, None, "valid_until"), (-400, 0, "valid_until"), (10, 20, "valid_until")])
def test_authorisation_that_does_not_go_or_overlaps_is_refused(
    people: dict[str, User], begin: int, end: int | None, field: str
) -> None:
    nurse, wide, today = people["nurse here"], people["wide"], clock.today()
    authorise(nurse, "us", today - 10 * DAY, today + 100 * DAY, wide)
    with pytest.raises(InvalidInput) as refused:
        authorise(nurse, "us", today + begin * DAY, None if end is None else today + end * DAY, wide)
    assert list(refused.value.fields) == [field]
    authorise(nurse, "us", today + 101 * DAY, None, wide)
    authorise(nurse, "ca", today, None, wide)
    assert len(nurse.authorisations) == 3


def test_authorisation_is_ended_from_today_on_and_not_revived(people: dict[str, User]) -> None:
    nurse, wide = people["nurse here"], people["wide"]
    today = clock.today(nurse.site.time_zone)
    row = authorise(nurse, "us", today - 10 * DAY, None, wide)
    with pytest.raises(InvalidInput, match="correct"):
        end_authorisation(nurse, row.id, today - DAY, wide)
    assert end_authorisation(nurse, row.id, today, wide).valid_until == today
    row.valid_until = today - DAY
    with pytest.raises(InvalidInput):
        end_authorisation(nurse, row.id, today + DAY, wide)
    with pytest.raises(NotFound):
        end_authorisation(nurse, "none", today, wide)
    assert [one["until"] for one in find_details("end-authorisation")] == [str(today)]


@pytest.mark.database
def test_what_somebody_had_to_do_goes_back_to_their_list_when_they_leave_move_or_do_other_work(
    people: dict[str, User],
) -> None:
    """It stood in the list of an account that nobody opens any more, until it went up."""
    wide, here = people["wide"], people["nurse here"].site
    leaves, moves, changes = (make_user("nurse", here) for _number in range(3))
    case = make_case("us", user=make_user("reception", here))
    tasks = {name: open_task("contact-test", case, name, assignee=one) for name, one in (
        ("leaves", leaves), ("moves", moves), ("changes", changes))}
    done = open_task("contact-test", case, "done", assignee=leaves)
    close_task(done, "declined", leaves, "does not want to")
    kept = open_task("standstill", case, "kept", assignee=changes)
    disable_member(leaves, wide)
    change_member(moves, facts_of(moves, site_id=people["nurse there"].site_id), wide)
    change_roles(changes, ["reception"], ["nurse"], wide)
    assert {name: (task.role, task.assignee_id) for name, task in tasks.items()} == dict.fromkeys(
        tasks, ("nurse", None))
    assert (done.assignee_id, kept.assignee_id) == (leaves.id, changes.id), "done before, and what they still may do"
    assert len([one for one in find_details("give-task") if one["to"] == ["nurse", None]]) == 3
