"""Orders to laboratories: one a message, composed so that our reader and other libraries read the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import hl7
import pytest
from hl7apy.parser import parse_message

from integrations.hl7.lint import check
from integrations.hl7.order import Order, OrderedPerson, OrderedSpecimen, compose_order
from integrations.hl7.reader import read_message

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ORDER = Order(
    act="NW", control_id="NBO261120000001", facility="NBO", receiver=("CENTRALLAB", "LAB01"), country="KEN",
    composed_at=AT, is_production=True, number="NBO-L-000001-X", group="NBO-G-000001-Y",
    code=("TBC", "TB culture", "99LAB"), local=("sputum-culture", "Culture"), ordered_at=AT,
    orderer=("KMPDC-9", "Nida Suwan"), reason="",
    person=OrderedPerson("NBO-26-000001-R", "O'Neil|Test^A", "Grace Achieng", "ประเสริฐ", "สมชาย", "1991-01", "female",
                         "AK0000001", "KEN"),
    specimen=OrderedSpecimen("NBO-S-000001-U", "sputum", AT, "2026-11-20"),
)  # fmt: skip


@pytest.mark.parametrize("order", [
    ORDER, replace(ORDER, act="CA", reason="Duplicate | order"), replace(ORDER, act="XO", reason="again\rPID|9"),
    replace(ORDER, specimen=None), replace(ORDER, specimen=replace(ORDER.specimen, collected_at=None, kind="serum")),
    replace(ORDER, person=replace(ORDER.person, given_names="", passport=None, native_family_name=None)),
])  # fmt: skip
def test_order_passes_the_lint_and_reads_back(order: Order) -> None:
    text = compose_order(order)
    check(text)
    message = read_message(text)
    assert [len(list(message.list(name))) for name in ("PID", "ORC", "OBR")] == [1, 1, 1]
    orc, obr, pid = message.find("ORC"), message.find("OBR"), message.find("PID")
    assert orc and obr and pid
    assert (orc.get(1), orc.get(2), orc.get(4), obr.get(2)) == (order.act, order.number, order.group, order.number)
    assert (obr.get(4), obr.get(4, 3), obr.get(4, 4)) == ("TBC", "99LAB", "sputum-culture")
    assert (pid.get(5), pid.get(7), pid.get(3)) == ("O'Neil|Test^A", "199101", "NBO-26-000001-R")
    other = hl7.parse(text)
    assert [str(segment[0]) for segment in other] == [segment.name for segment in message.segments]
    assert parse_message(text, find_groups=False).msh.msh_10.value == order.control_id


def test_cancel_names_its_reason_and_what_was_ordered() -> None:
    message = read_message(compose_order(replace(ORDER, act="CA", reason="Duplicate order")))
    orc = message.find("ORC")
    assert orc is not None and (orc.get(5), orc.get(16, 2)) == ("CA", "Duplicate order")


def test_native_name_is_the_second_one_and_marked() -> None:
    pid = read_message(compose_order(ORDER)).find("PID")
    assert pid is not None
    assert (pid.get(5, 7), pid.get(5, 8, repetition=2), pid.get(5, 1, repetition=2)) == ("L", "I", "ประเสริฐ")
