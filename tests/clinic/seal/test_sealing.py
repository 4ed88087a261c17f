"""Each row is sealed once, whoever seals and whatever the clock does; nothing honest is accused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic import clock
from clinic.audit import record_change
from clinic.config import get_settings
from clinic.db import write_unit
from clinic.seal import sealing
from clinic.seal.access import reading
from clinic.seal.sealing import find_tail, find_tail_age, seal_waiting
from clinic.seal.table import CHANGE, READ, STREAMS, Stream, audit_seal, audit_seal_member
from clinic.seal.verification import EXPLAINED, Kind
from tests.clinic.seal.audited import at, check, close_unit, insert_row, list_ids, seal, write

BOTH = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


@BOTH
def test_several_workers_seal_each_row_once(app: Flask, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    close_unit()
    write(stream, range(14))

    def work(_worker: int) -> None:
        with app.app_context():
            for _turn in range(8):
                sealing.seal_batch(stream, get_settings(app))

    with clock.stopped_at(at(20)), ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    seal(stream, 20)
    found, report = check(stream)
    assert (found, report.tail.count, report.rows) == ([], 0, 14)
    with reading(stream) as connection:
        of_stream = audit_seal.c.stream == stream.name
        assert connection.execute(select(func.sum(audit_seal.c.count)).where(of_stream)).scalar_one() == 14
        assert connection.execute(select(func.count()).select_from(audit_seal_member)
                                  .where(audit_seal_member.c.stream == stream.name)).scalar_one() == 14


@BOTH
def test_after_a_day_without_a_worker_it_catches_up_in_bounded_batches_and_accuses_nobody(
    app: Flask, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BATCH", 5)
    monkeypatch.setattr(sealing, "BATCHES_AT_ONCE", 2)
    close_unit()
    write(stream, [0, 1])
    seal(stream, 10)
    write(stream, range(11, 11 + 22 * 60, 60))
    day_later = at(24 * 60 + 11)
    with clock.stopped_at(day_later):
        assert find_tail(stream).age(day_later) == timedelta(days=1)
        assert [seal_waiting(get_settings(app)) for _turn in range(4)] == [10, 10, 2, 0]
    assert check(stream, 24 * 60 + 12)[0] == []


def test_row_that_commits_within_the_grace_is_sealed_later_and_not_accused(app: Flask) -> None:
    close_unit()
    with clock.stopped_at(at(0)), write_unit():
        record_change("save", "case", "slow", actor_id="u1")
        late = _take_back()
    write(CHANGE, [1])
    seal(CHANGE, 3)
    _commit(late)
    seal(CHANGE, 8)
    found, report = check(CHANGE, 9)
    assert (found, report.tail.count, report.rows) == ([], 0, 2)


@BOTH
def test_row_that_commits_later_is_sealed_named_as_late_and_can_be_explained(app: Flask, stream: Stream) -> None:
    close_unit()
    write(stream, [0, 20])
    seal(stream, 30)
    insert_row(stream, "late", minute=1)
    seal(stream, 31)
    found, report = check(stream, 32)
    assert (found, report.tail.count) == ([(Kind.ROW_LATE, "late")], 0)
    with clock.stopped_at(at(33)), write_unit():
        record_change(EXPLAINED, "audit-row", "late", detail={"reason": "a transaction hung"}, actor_id="admin")
    found, report = check(stream, 34)
    assert (found, report.explained) == ([], ["late"])


@BOTH
def test_clock_that_went_back_loses_and_accuses_no_row_and_is_said(app: Flask, stream: Stream) -> None:
    close_unit()
    write(stream, [0])
    seal(stream, 10)
    write(stream, [600])  # the clock jumped ten hours ahead
    seal(stream, 601)
    write(stream, [20, 21])  # and was set right
    seal(stream, 22)
    write(stream, [23, 50])  # then the worker stood still for an hour
    seal(stream, 90)
    found, report = check(stream, 91)
    assert (found, report.tail.count, report.clock_went_back) == ([], 0, [3])
    insert_row(stream, "forged", minute=5)
    assert check(stream, 92)[0] == [(Kind.ROW_LATE, "forged")]


@BOTH
def test_row_with_a_key_from_long_ago_is_found_by_the_thorough_turn(app: Flask, stream: Stream) -> None:
    close_unit()
    write(stream, [0])
    seal(stream, 10)
    insert_row(stream, "00000000-old", minute=11)
    with clock.stopped_at(at(20)):
        assert seal_waiting(get_settings(app)) == 0
        assert seal_waiting(get_settings(app), is_thorough=True) == 1


def test_few_rows_wait_until_they_are_old_enough(app: Flask) -> None:
    close_unit()
    write(READ, [0, 1])
    write(CHANGE, [3])
    settings = get_settings(app)
    with clock.stopped_at(at(4)):
        assert find_tail_age() == timedelta(minutes=4)
        assert seal_waiting(settings, timedelta(minutes=5)) == 0
    with clock.stopped_at(at(5)):
        assert seal_waiting(settings, timedelta(minutes=5)) == 2
        assert find_tail_age() == timedelta(minutes=2)


def _take_back() -> dict[str, object]:
    """The row this unit just wrote, taken out again: another process's transaction that is still open."""
    from clinic.db import db
    from clinic.models import AuditChange

    db.session.flush()
    row = db.session.execute(select(AuditChange)).scalar_one()
    values = {column.name: getattr(row, column.name) for column in AuditChange.__table__.columns}
    db.session.delete(row)
    return values


def _commit(values: dict[str, object]) -> None:
    from clinic.db import db
    from clinic.models import AuditChange

    with write_unit():
        db.session.add(AuditChange(**values))
    assert values["id"] in list_ids(CHANGE)
