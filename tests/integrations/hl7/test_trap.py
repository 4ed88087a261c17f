"""Faults that well-known HL7 v2 libraries have, each tried on ours; their lists are long."""

from __future__ import annotations

import pytest
from flask import Flask

from integrations.hl7.charset import decode
from integrations.hl7.lint import check
from integrations.hl7.reader import read_message
from tests.fhir import sample
from tests.integrations.hl7.test_exam import compose

HEADER = "MSH|^~\\&|LAB|L1|CLEARWAY|NBO|20261120||ORU^R01^ORU_R01|7|P|2.5.1\r"


def test_components_and_fields_beyond_the_version_stay_where_they_were() -> None:
    text = HEADER + "NK1|1||MTH^Mother^HL70063^^^^^^Mother\rOBX|1|ST|A||x||||||F||||||||||||||||||late\r"
    message = read_message(text)
    nk1, obx = message.find("NK1"), message.find("OBX")
    assert nk1 is not None and (nk1.get(3, 7), nk1.get(3, 9)) == ("", "Mother")
    assert obx is not None and (obx.get(29), obx.get(26)) == ("late", "")


def test_leading_zeros_of_numbers_survive() -> None:
    pid = read_message(HEADER + "PID|1||06^06^M11||Doe^Jo||||||||^PRN^PH^^66^02^0550100\r").find("PID")
    assert pid is not None and (pid.get(3, 2), pid.get(13, 6), pid.get(13, 7)) == ("06", "02", "0550100")


def test_segments_nobody_expects_are_kept_in_their_place() -> None:
    text = HEADER + "PID|1||A\rZPI|own\rOBR|1||1|X\rOBX|1|ST|A||1||||||F\rPID|2||B\rOBR|2||2|Y\rdg1|small\r"
    assert [segment.name for segment in read_message(text).segments] == [
        "MSH", "PID", "ZPI", "OBR", "OBX", "PID", "OBR", "dg1"]


@pytest.mark.parametrize(("kind", "read"), [("ADT^A08", "ADT^A08"), ("ACK", "ACK"), ("", ""), ("ZZZ^Z01", "ZZZ^Z01")])
def test_message_type_is_never_a_reason_to_fail(kind: str, read: str) -> None:
    assert read_message(HEADER.replace("ORU^R01^ORU_R01", kind)).kind == read


def test_byte_order_mark_and_line_feeds_are_no_obstacle() -> None:
    text = decode(b"\xef\xbb\xbf" + (HEADER + "PID|1||A\r").replace("\r", "\n").encode())
    assert [segment.name for segment in read_message(text).segments] == ["MSH", "PID"]


def test_rest_behind_an_unterminated_escape_is_not_lost() -> None:
    obx = read_message(HEADER + "OBX|1|ST|A||C:\\temp and more||||||F\r").find("OBX")
    assert obx is not None and obx.get(5) == "C:\\temp and more"


def test_report_of_a_megabyte_passes_the_lint(app: Flask) -> None:
    text, _ = compose(sample.make_child(), pdf=b"%PDF-1.7\n" + bytes(700_000))
    assert len(text) > 900_000
    check(text)


def test_version_and_character_set_are_those_that_receivers_read(app: Flask) -> None:
    header = read_message(compose(sample.make_child())[0]).header
    assert (header.get(12), header.get(18), header.get(9, 3)) == ("2.5.1", "UNICODE UTF-8", "ORU_R01")
