"""Sign-ins are rows: listed, ended with a reason on every process at once, swept when old."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.browser_name import name_browser
from clinic.db import db, write_at_once
from clinic.errors import NotFound, Unavailable
from clinic.models import AuditChange, SignIn, SignInEnd, UnsavedPage
from clinic.services.sign_in import KEPT_FOR, begin_sign_in, end_sign_in, end_sign_ins, list_sign_ins, sweep_sign_ins
from clinic.services.staff import disable_user
from clinic.services.unsaved_page import LIFE, MOST_PAGES, drop_page, find_page, has_pages, keep_page, sweep_pages
from tests.factory import make_user

FIELD = [{"form": "/x#0", "name": "note", "kind": "text", "value": "pale", "on": True, "label": "Note"}]


def test_own_sign_ins_are_listed_and_one_is_ended(app: Flask) -> None:
    nurse, other = make_user("nurse"), make_user("nurse")
    first, second = (begin_sign_in(nurse, "192.0.2.1", browser) for browser in ("Firefox", "Chrome"))
    begin_sign_in(other, "192.0.2.1", "")
    assert {row.id for row in list_sign_ins(nurse, 12)} == {first.id, second.id}
    end_sign_in(nurse, first.id, SignInEnd.ENDED_BY_SELF)
    assert [row.id for row in list_sign_ins(nurse, 12)] == [second.id]
    change = db.session.execute(select(AuditChange).where(AuditChange.action == "end-sign-in")).scalar_one()
    assert change.detail == {"sign_in": first.id, "reason": "ended-by-self"}
    end_sign_in(nurse, first.id, SignInEnd.SIGNED_OUT)
    assert first.end_reason is SignInEnd.ENDED_BY_SELF


def test_nobody_ends_anothers(app: Flask) -> None:
    nurse, other = make_user("nurse"), make_user("nurse")
    row = begin_sign_in(nurse, "192.0.2.1", "")
    with pytest.raises(NotFound):
        end_sign_in(other, row.id, SignInEnd.ENDED_BY_SELF)
    assert row.ended_at is None


def test_all_but_one_are_ended(app: Flask) -> None:
    nurse = make_user("nurse")
    rows = [begin_sign_in(nurse, "192.0.2.1", "") for _each in range(3)]
    assert end_sign_ins(nurse, SignInEnd.ENDED_BY_ADMINISTRATOR, but=rows[1].id) == 2
    assert [row.id for row in list_sign_ins(nurse, 12)] == [rows[1].id]


def test_disabled_account_has_no_sign_in_left(app: Flask) -> None:
    nurse = make_user("nurse")
    row = begin_sign_in(nurse, "192.0.2.1", "")
    disable_user(nurse.email)
    assert row.end_reason is SignInEnd.ACCOUNT_DISABLED


def test_sweep_closes_what_is_over_and_forgets_what_is_old(app: Flask) -> None:
    nurse = make_user("nurse")
    row_id = begin_sign_in(nurse, "192.0.2.1", "").id
    assert sweep_sign_ins(12) == 0
    with clock.stopped_at(clock.now() + timedelta(hours=12)):
        assert sweep_sign_ins(12) == 1
        assert db.session.get_one(SignIn, row_id).end_reason is SignInEnd.EXPIRED
    with clock.stopped_at(clock.now() + timedelta(hours=13) + KEPT_FOR):
        assert sweep_sign_ins(12) == 1
        assert db.session.get(SignIn, row_id) is None


def test_what_was_typed_is_its_authors_alone_and_lasts_a_day(app: Flask) -> None:
    nurse, other = make_user("nurse"), make_user("nurse")
    row = keep_page(nurse.id, "/cases/1?a=b", FIELD)
    assert find_page(other, "/cases/1?a=b") is None and not has_pages(other)
    drop_page(other, row.id)
    found = find_page(nurse, "/cases/1?a=b")
    assert found is not None and found.fields == FIELD
    with clock.stopped_at(clock.now() + LIFE + timedelta(minutes=1)):
        assert find_page(nurse, "/cases/1?a=b") is None
        assert sweep_pages() == 1


def test_pages_of_one_person_do_not_grow_without_end(app: Flask) -> None:
    nurse = make_user("nurse")
    for number in range(MOST_PAGES + 3):
        keep_page(nurse.id, f"/cases/{number}", FIELD)
    keep_page(nurse.id, f"/cases/{MOST_PAGES}", FIELD)
    assert db.session.query(UnsavedPage).count() == MOST_PAGES
    assert find_page(nurse, "/cases/0") is None and find_page(nurse, f"/cases/{MOST_PAGES + 2}") is not None


def test_short_write_beside_a_writer_does_not_wait(app: Flask, database_kind: str) -> None:
    row_id = begin_sign_in(make_user("nurse"), "192.0.2.1", "").id  # the writer: a unit that is open still
    if database_kind == "sqlite":
        with pytest.raises(Unavailable), write_at_once():
            pass
    db.session.commit()
    with write_at_once() as connection:
        connection.execute(SignIn.__table__.update().where(SignIn.id == row_id).values(browser="seen"))
    assert db.session.get_one(SignIn, row_id).browser == "seen"


@pytest.mark.parametrize(("agent", "words"), [
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
     "Chrome on Windows"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36 "
     "Edg/131.0.0.0", "Edge on Windows"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox on Linux"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
     "Mobile/15E148 Safari/604.1", "Safari on iPhone"),
    ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
     "Chrome on Android"),
    ("curl/8.5.0", ""),
])  # fmt: skip
def test_browser_in_words(agent: str, words: str) -> None:
    assert name_browser(agent) == words
