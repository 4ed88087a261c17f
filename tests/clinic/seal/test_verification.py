"""Whatever somebody does to the audit who can write the database: it is found and named."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.db import db
from clinic.key import new_id
from clinic.seal.access import reading, writing
from clinic.seal.table import READ, STREAMS, Stream
from clinic.seal.verification import Kind
from tests.clinic.seal.audited import (
    check,
    close_unit,
    insert_row,
    kept_heads,
    seal,
    stamp,
    tamper,
    write,
)

BOTH = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
EDITS = {
    "happened_at": None, "actor_kind": "system", "actor_id": "somebody-else", "action": "look-away",
    "subject_kind": "film", "subject_id": "c2", "case_id": None, "detail": "{}",
}


@pytest.fixture
def rows(app: Flask, stream: Stream) -> list[str]:
    """Six rows in three seals, an hour of a morning."""
    close_unit()
    ids = write(stream, [0, 1])
    assert seal(stream, 10) == 2
    ids += write(stream, [11, 12])
    assert seal(stream, 20) == 2
    ids += write(stream, [21, 22])
    assert seal(stream, 30) == 2
    assert check(stream)[0] == []
    return ids


@BOTH
def test_nothing_was_touched_is_said_with_counts_and_head(stream: Stream, rows: list[str]) -> None:
    write(stream, [33, 34])
    found, report = check(stream, 40)
    assert found == []
    assert (report.rows, report.seals, report.tail.count) == (8, 3, 2)
    assert report.tail.oldest_at is not None and report.tail.oldest_at.minute == 33
    assert report.head == kept_heads()[-1]


@BOTH
def test_edited_row_is_named_whichever_column(app: Flask, stream: Stream) -> None:
    close_unit()
    ids = write(stream, range(len(EDITS)))
    seal(stream, 10)
    for row_id, (column, value) in zip(ids, EDITS.items(), strict=True):
        edit = "update {rows} set " + column + " = :value where id = :id"
        tamper(stream, edit, value=stamp(9) if column == "happened_at" else value, id=row_id)
    assert check(stream)[0] == [(Kind.ROW_EDITED, row_id) for row_id in ids]


def test_edited_site_or_authority_is_named(app: Flask) -> None:
    close_unit()
    ids = write(READ, [0, 1])
    seal(READ, 10)
    tamper(READ, "update {rows} set site_id = 's' where id = :id", id=ids[0])
    tamper(READ, "update {rows} set authority_id = 'us' where id = :id", id=ids[1])
    assert check(READ)[0] == [(Kind.ROW_EDITED, ids[0]), (Kind.ROW_EDITED, ids[1])]


@BOTH
def test_row_that_cannot_even_be_read_is_named_and_stops_nothing(stream: Stream, rows: list[str]) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL refuses such values")
    tamper(stream, "update {rows} set happened_at = 'yesterday', detail = x'00ff' where id = :id", id=rows[0])
    assert check(stream)[0] == [(Kind.ROW_EDITED, rows[0])]


@BOTH
def test_removed_row_is_named(stream: Stream, rows: list[str]) -> None:
    tamper(stream, "delete from {rows} where id = :id", id=rows[3])
    assert check(stream)[0] == [(Kind.ROW_REMOVED, rows[3])]


@BOTH
def test_row_removed_with_its_place_in_the_list_is_found(stream: Stream, rows: list[str]) -> None:
    tamper(stream, "delete from {rows} where id = :id", id=rows[3])
    tamper(stream, "delete from audit_seal_member where row_id = :id", id=rows[3])
    assert check(stream)[0] == [(Kind.MEMBERS_EDITED, "2"), (Kind.MEMBER_REMOVED, "position 1")]


@BOTH
def test_reordered_rows_are_both_named(stream: Stream, rows: list[str]) -> None:
    for row_id, minute in ((rows[1], 21), (rows[4], 1)):
        tamper(stream, "update {rows} set happened_at = :at where id = :id", id=row_id, at=stamp(minute))
    assert check(stream)[0] == [(Kind.ROW_EDITED, rows[1]), (Kind.ROW_EDITED, rows[4])]


@BOTH
def test_rows_that_changed_keys_are_both_named(stream: Stream, rows: list[str]) -> None:
    for old, new in ((rows[0], "x"), (rows[1], rows[0]), ("x", rows[1])):
        tamper(stream, "update {rows} set id = :new where id = :old", new=new, old=old)
    assert check(stream)[0] == [(Kind.ROW_EDITED, rows[0]), (Kind.ROW_EDITED, rows[1])]


@BOTH
def test_row_inserted_into_a_sealed_stretch_is_named_before_and_after_the_next_seal(
    stream: Stream, rows: list[str]
) -> None:
    forged = rows[2][:-12] + "000000000000"  # sorts among the rows of the second seal
    insert_row(stream, forged, minute=11.5)
    assert check(stream, 34)[0] == [(Kind.ROW_LATE, forged)]
    write(stream, [35])
    seal(stream, 40)
    assert check(stream, 45)[0] == [(Kind.ROW_LATE, forged)]


@BOTH
def test_row_inserted_with_a_new_key_and_an_old_time_is_named(stream: Stream, rows: list[str]) -> None:
    forged = new_id()
    insert_row(stream, forged, minute=3)
    assert check(stream)[0] == [(Kind.ROW_LATE, forged)]
    seal(stream, 40)
    assert check(stream)[0] == [(Kind.ROW_LATE, forged)]


@BOTH
def test_row_inserted_and_entered_into_the_list_is_found(stream: Stream, rows: list[str]) -> None:
    insert_row(stream, "forged", minute=11.5)
    tamper(stream, "insert into audit_seal_member (stream, row_id, number, position, digest)"
                   " select stream, 'forged', number, 2, digest from audit_seal_member where row_id = :id", id=rows[2])
    found = check(stream)[0]
    assert (Kind.MEMBERS_EDITED, "2") in found and (Kind.ROW_EDITED, "forged") in found


@BOTH
def test_edited_seal_is_named_whichever_column(app: Flask, stream: Stream) -> None:
    close_unit()
    edits = {"sealed_at": stamp(2), "complete_to": stamp(1), "count": 7, "first_id": "x", "last_id": "x", "hash": "x",
             "members": "x", "signature": "x", "layout": 7, "witness": f"read:1:{'0' * 64}"}
    for turn in range(len(edits)):
        write(stream, [turn * 2])
        assert seal(stream, turn * 2 + 1) == 1
    for number, (column, value) in enumerate(edits.items(), 1):
        edit = f"update audit_seal set {column} = :value where number = :number and stream = :stream"
        tamper(stream, edit, value=value, number=number)
    named = {one for kind, one in check(stream)[0] if kind is Kind.SEAL_EDITED}
    assert named == {str(number + 1) for number in range(len(edits))}


@BOTH
def test_seal_whose_moment_cannot_be_read_is_named(stream: Stream, rows: list[str]) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL refuses such values")
    tamper(stream, "update audit_seal set sealed_at = 'noon' where number = 2")
    assert check(stream)[0] == [(Kind.SEAL_EDITED, "2")]


@BOTH
def test_removed_seal_is_named_and_so_is_the_break(stream: Stream, rows: list[str]) -> None:
    tamper(stream, "delete from audit_seal where number = 2 and stream = :stream")
    assert check(stream)[0] == [(Kind.SEAL_REMOVED, "2")]


@BOTH
def test_reordered_seals_are_both_named(stream: Stream, rows: list[str]) -> None:
    for old, new in ((1, 9), (2, 1), (9, 2)):
        tamper(stream, "update audit_seal set number = :new where number = :old and stream = :stream", new=new,
               old=old)
    found = check(stream)[0]
    assert {(Kind.SEAL_EDITED, "1"), (Kind.SEAL_EDITED, "2")} <= set(found)


@BOTH
def test_chain_computed_anew_without_the_key_is_found(stream: Stream, rows: list[str]) -> None:
    """Who knows this code and writes the database can make everything fit but the signatures."""
    tamper(stream, "update {rows} set action = 'look-away' where id = :id", id=rows[2])
    _compute_anew(stream)
    found = check(stream)[0]
    assert found == [(Kind.SEAL_EDITED, "2"), (Kind.SEAL_EDITED, "3")]


@BOTH
def test_cut_off_tail_is_found_by_the_head_kept_outside(stream: Stream, rows: list[str]) -> None:
    heads = kept_heads()
    tamper(stream, "delete from audit_seal_member where number = 3 and stream = :stream")
    tamper(stream, "delete from audit_seal where number = 3 and stream = :stream")
    for row_id in rows[4:]:
        tamper(stream, "delete from {rows} where id = :id", id=row_id)
    assert check(stream)[0] == []  # nothing within the database can tell
    assert check(stream, heads=heads)[0] == [(Kind.HEAD_MISSING, "3")]
    write(stream, [31])
    seal(stream, 40)
    assert check(stream, 41, heads)[0] == [(Kind.HEAD_DIFFERS, "3")]


@BOTH
def test_seal_cut_off_without_its_list_is_found_from_within(stream: Stream, rows: list[str]) -> None:
    tamper(stream, "delete from audit_seal where number = 3 and stream = :stream")
    assert check(stream)[0] == [(Kind.SEAL_REMOVED, "3")]


@BOTH
def test_key_that_is_not_known_here_is_said(stream: Stream, rows: list[str]) -> None:
    from clinic.seal.verification import Verification

    found = [(finding.kind, finding.id) for finding in Verification(stream, {}).run()]
    assert found == [(Kind.SEAL_KEY, "1"), (Kind.SEAL_KEY, "2"), (Kind.SEAL_KEY, "3")]


def _compute_anew(stream: Stream) -> None:
    from sqlalchemy import select, update

    from clinic.seal.row import digest_row, raw_columns, to_moment
    from clinic.seal.statement import Statement, digest_members
    from clinic.seal.table import audit_seal, audit_seal_member

    with reading(stream) as connection:
        digests = {row.id: digest_row(stream, row) for row in connection.execute(select(*raw_columns(stream)))}
        members = connection.execute(select(audit_seal_member).where(audit_seal_member.c.stream == stream.name)
                                     .order_by(audit_seal_member.c.position)).all()
        seals = connection.execute(select(audit_seal).where(audit_seal.c.stream == stream.name)
                                   .order_by(audit_seal.c.number)).all()
    previous = ""
    with writing(stream) as connection:
        for row_id, digest in digests.items():
            connection.execute(update(audit_seal_member).values(digest=digest)
                               .where(audit_seal_member.c.row_id == row_id))
        for seal_row in seals:
            listed = digest_members((m.row_id, digests[m.row_id]) for m in members if m.number == seal_row.number)
            values = {name: seal_row._mapping[name] for name in Statement.__dataclass_fields__}
            statement = Statement(**values | {"members": listed, "previous": previous})
            assert to_moment(statement.sealed_at)
            previous = statement.hash()
            connection.execute(update(audit_seal).values(members=listed, previous=statement.previous, hash=previous)
                               .where(audit_seal.c.stream == stream.name, audit_seal.c.number == seal_row.number))
