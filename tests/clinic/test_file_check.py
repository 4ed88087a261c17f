"""Every table that keeps bytes in the file store is among those that the store is compared with."""

from __future__ import annotations

from flask import Flask

from clinic.config import Settings
from clinic.db import Base, read_unit, write_unit
from clinic.file_check import NAMED, check_files, list_unnamed
from clinic.file_store import open_store
from clinic.models import LabDocument
from tests.factory import make_case, make_laboratory, make_reported

IN_THE_ROW = {"signed_exam", "inbound_message"}  # these keep their bytes beside the hash


def test_every_table_that_names_bytes_is_compared_with_the_store() -> None:
    names = {mapper.class_.__tablename__ for mapper in Base.registry.mappers
             if "sha256" in mapper.columns and mapper.class_.__module__.startswith("clinic.")}
    assert names - IN_THE_ROW == {table.__tablename__ for table, _word in NAMED}


def test_printed_report_that_is_lost_is_named_and_one_that_is_there_is_no_rubbish(
    app: Flask, settings: Settings
) -> None:
    store = open_store(settings)
    sha256 = store.write(b"%PDF- a report")
    with write_unit():
        _row, document = make_reported(make_case("us"), make_laboratory())
        document.sha256 = sha256
        document_id = document.id
    with read_unit() as session:
        assert session.get_one(LabDocument, document_id).sha256 == sha256
        assert (list(check_files(session, store)), list_unnamed(session, store)) == ([], [])
    store.discard(sha256)
    with read_unit() as session:
        (found,) = check_files(session, store)
    assert (found.what, found.subject) == ("missing", f"printed report {document_id}: {sha256}")
