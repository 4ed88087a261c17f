"""An ORU^R01 as what it reports: walked segment by segment, so that nothing is lost and no two people are mixed.

The patient is reset at every PID, the order at every OBR, whatever groups a structure would make of them. What the
standard leaves open is read as the world writes it (hl7-dicom.md 1.4, 1.5): "<5" in an NM, a titre in an SN, a PDF cut
into pieces.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from clinic.lab_report import PersonReport, ReportedDocument, ReportedPanel, ReportedPerson, ReportedValue
from integrations.hl7.reader import Message, Segment
from integrations.hl7.word import APPLICATION

DELETED = '""'  # an explicit nothing (2.5.1, chapter 2.5.3)
ENCAPSULATED = "ED"
CODED = ("CE", "CWE", "CNE", "CF", "IS", "ID")
NOTE_LIMIT = 2000
VALUE_LIMIT = 4000
CANCELLED = "X"  # of OBR-25 and OBX-11
# What a line says that says nothing of its own state (OBX-11), by that of its order: tables 0123 and 0085.
OF_ORDER = {"P": "P", "A": "P", "R": "R", "I": "I", "S": "I", "O": "O", "C": "C", CANCELLED: CANCELLED}
_MOMENT = re.compile(r"(\d{4})(\d{2})?(\d{2})?(?:(\d{2})(\d{2})?(\d{2})?(?:\.\d{1,4})?)?([+-]\d{4})?")


@dataclass
class _Order:
    """An OBR with what follows it, while it is read."""

    panel: ReportedPanel
    values: list[ReportedValue] = field(default_factory=list)
    pieces: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # of PDFs, by OBX-3 and OBX-4
    titles: dict[tuple[str, str], str] = field(default_factory=dict)
    last: str = ""  # the segment that a note belongs to


@dataclass
class _Patient:
    """A PID with its orders, while it is read."""

    person: ReportedPerson
    orders: list[_Order] = field(default_factory=list)


def read_report(message: Message, zone: tzinfo) -> list[PersonReport]:
    """Everything that a message reports, by person; times without an offset are of `zone`."""
    patients: list[_Patient] = []
    common: dict[str, Segment] = {}
    for segment in message.segments:
        if segment.name == "PID":
            patients.append(_Patient(_read_person(segment)))
            common = {}
        elif segment.name == "ORC":
            common = {"ORC": segment}
        elif segment.name == "OBR":
            if not patients:
                patients.append(_Patient(ReportedPerson()))
            patients[-1].orders.append(_Order(_read_panel(segment, common.get("ORC"), zone), last="OBR"))
            common = {}
        elif patients and patients[-1].orders:
            _add(patients[-1].orders[-1], segment, zone)
    return [PersonReport(one.person, tuple(_finish(order) for order in one.orders),
                         tuple(document for order in one.orders for document in _list_documents(order)))
            for one in patients if one.orders]  # fmt: skip


def read_moment(text: str, zone: tzinfo) -> str:
    """A TS as ISO 8601: a day as it is, a time with its offset or that of `zone`; empty when it is none."""
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        return ""
    year, month, day, hour, minute, second, offset = found.groups()
    if not day:
        return "-".join(filter(None, (year, month)))
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
                          tzinfo=zone)
    except ValueError:
        return ""
    if hour is None:
        return moment.date().isoformat()
    if offset is None:
        return moment.isoformat()
    try:
        return datetime.strptime(f"{moment:%Y%m%d%H%M%S}{offset}", "%Y%m%d%H%M%S%z").isoformat()
    except ValueError:  # no offset has a day or more
        return ""


def _add(order: _Order, segment: Segment, zone: tzinfo) -> None:
    if segment.name == "OBX":
        order.last = "OBX"
        if segment.get(2) == ENCAPSULATED or _is_piece(order, segment):
            key = segment.get(3), segment.get(4)
            order.titles.setdefault(key, segment.get(3, 2) or segment.get(3))
            order.pieces.setdefault(key, []).extend(
                segment.get(5, 5, repetition=number) or segment.get(5, 1, repetition=number)
                for number in range(1, len(segment.repetitions(5)) + 1))
        else:
            order.values.append(_read_value(segment, zone))
    elif segment.name == "NTE":
        note = "\n".join(segment.get_text(3, number + 1) for number in range(len(segment.repetitions(3))))
        if order.last == "OBX" and order.values:
            order.values[-1] = replace(order.values[-1], note=_join(order.values[-1].note, note))
        else:
            order.panel = replace(order.panel, note=_join(order.panel.note, note))
    elif segment.name == "SPM":
        order.last = "SPM"
        order.panel = replace(
            order.panel, specimen=order.panel.specimen or segment.get(2, 1, 1),
            observed_at=order.panel.observed_at or read_moment(segment.get(17), zone),
            reason=_join(order.panel.reason, segment.get(21, 2) or segment.get(21)))


def _is_piece(order: _Order, segment: Segment) -> bool:
    """A continuation of a PDF in a TX or ST of the same OBX-3 and OBX-4."""
    return segment.is_text(5) and (segment.get(3), segment.get(4)) in order.pieces


def _finish(order: _Order) -> ReportedPanel:
    """The order with its lines; one that was cancelled without any says so of what was ordered."""
    panel, values = order.panel, order.values
    if panel.status == CANCELLED and not values and not order.pieces:
        values = [ReportedValue(code=panel.code, system=panel.system, text=panel.text, kind="", value="",
                                status=CANCELLED, second_code=panel.second_code, second_text=panel.second_text)]
    return replace(panel, values=tuple(
        one if one.status else replace(one, status=OF_ORDER.get(panel.status, "")) for one in values))


def _list_documents(order: _Order) -> Iterator[ReportedDocument]:
    for key, pieces in order.pieces.items():
        text = re.sub(r"\s+", "", "".join(pieces))
        try:
            content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            content = b""
        yield ReportedDocument(order.panel.placer, order.panel.filler, order.panel.specimen, order.titles[key][:200],
                               content)  # fmt: skip


def _read_person(pid: Segment) -> ReportedPerson:
    identifiers = [
        (pid.get(3, 1, repetition=number), pid.get(3, 4, 1, number) or pid.get(3, 4, 2, number),
         pid.get(3, 5, repetition=number))
        for number in range(1, len(pid.repetitions(3)) + 1)
    ] + [(pid.get(position), "", "PI") for position in (2, 4) if pid.get(position)]  # older senders
    latin = next((number for number in range(1, len(pid.repetitions(5)) + 1)
                  if pid.get(5, 8, repetition=number) != "I"), 1)  # fmt: skip
    given = " ".join(filter(None, (pid.get(5, 2, repetition=latin), pid.get(5, 3, repetition=latin))))
    return ReportedPerson(
        tuple(dict.fromkeys(one for one in identifiers if one[0] and one[0] != DELETED)),
        pid.get(5, repetition=latin), given, _read_birth_date(pid.get(7)), pid.get(8)[:1].upper())


def _read_birth_date(text: str) -> str:
    digits = text[:8]
    if not digits.isdigit() or len(digits) not in (4, 6, 8):
        return ""
    return "-".join(filter(None, (digits[:4], digits[4:6], digits[6:8])))


def _read_panel(obr: Segment, orc: Segment | None, zone: tzinfo) -> ReportedPanel:
    reason = orc.get(16, 2) or orc.get(16) if orc else ""
    return ReportedPanel(
        placer=_read_number(obr, 2) or (_read_number(orc, 2) if orc else ""),
        filler=_read_filler(obr) or (_read_filler(orc) if orc else ""),
        code=obr.get(4), system=obr.get(4, 3), text=obr.get(4, 2), second_code=obr.get(4, 4), second_text=obr.get(4, 5),
        observed_at=read_moment(obr.get(7), zone), reported_at=read_moment(obr.get(22), zone),
        status=obr.get(25).upper(),
        parent_filler=obr.get(29, 2, 1) or obr.get(29, 2), parent_sub_id=obr.get(26, 2), reason=reason,
    )  # fmt: skip


def _read_number(segment: Segment, position: int) -> str:
    """Our own number; one that another namespace gave is not ours, whatever it looks like."""
    return segment.get(position) if segment.get(position, 2) in ("", APPLICATION) else ""


def _read_filler(segment: Segment) -> str:
    """The laboratory's number with who gave it."""
    return "^".join(filter(None, (segment.get(3), segment.get(3, 2))))


def _read_value(obx: Segment, zone: tzinfo) -> ReportedValue:
    kind = obx.get(2)
    value, text = "", ""
    if kind == "SN":
        value = _join_structured(obx)
    elif kind in CODED:
        value, text = obx.get(5), obx.get(5, 2) or obx.get(5, 9)
    else:
        count = range(1, len(obx.repetitions(5)) + 1)
        value = "~".join(filter(None, (
            obx.get_text(5, at) if obx.is_text(5) else obx.get(5, repetition=at) for at in count)))
    return ReportedValue(
        code=obx.get(3), system=obx.get(3, 3), text=obx.get(3, 2), sub_id=obx.get(4), kind=kind,
        value="" if value == DELETED else value[:VALUE_LIMIT], value_text=text, unit=obx.get(6),
        flags=tuple(filter(None, (obx.get(8, repetition=at) for at in range(1, len(obx.repetitions(8)) + 1)))),
        range=obx.get(7), method=obx.get(17), status=obx.get(11).upper(),
        observed_at=read_moment(obx.get(14), zone) or "",
        second_code=obx.get(3, 4), second_text=obx.get(3, 5), second_system=obx.get(3, 6),
    )  # fmt: skip


def _join_structured(obx: Segment) -> str:
    """SN: comparator, number, separator, number, as people write them: <5, 1:8."""
    comparator, first, separator, second = (obx.get(5, part) for part in (1, 2, 3, 4))
    return f"{'' if comparator == '=' else comparator}{first}{separator}{second}"


def _join(before: str, more: str) -> str:
    return "\n".join(filter(None, (before, more.strip())))[:NOTE_LIMIT]
