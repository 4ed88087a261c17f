"""An order to a laboratory as OML^O21: one a message, for many receivers see only the first (hl7-dicom.md 1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from integrations.hl7.charset import UTF_8
from integrations.hl7.composer import Component, Field, Repetition, SegmentDraft, compose
from integrations.hl7.moment import format_moment
from integrations.hl7.word import APPLICATION, LOCAL, VERSION

PROFILE = ("CLEARWAY-LAB-ORDER-1", APPLICATION)  # MSH-21
REASON = (None, "Immigration medical examination", LOCAL)
ROUTINE = ("R", "Routine", "HL70485")
PATIENT = ("P", "Patient", "HL70369")
SPUTUM = ("119334006", "Sputum specimen", "SCT")
SEXES = {"male": "M", "female": "F", "other": "O", "unknown": "U"}


@dataclass(frozen=True)
class OrderedPerson:
    """Who is examined, as far as a laboratory needs it."""

    case_number: str
    family_name: str
    given_names: str
    native_family_name: str | None
    native_given_names: str | None
    birth_date: str
    sex: str
    passport: str | None
    passport_country: str | None


@dataclass(frozen=True)
class OrderedSpecimen:
    """What was taken for it."""

    number: str
    kind: str
    collected_at: datetime | None
    collected_on: str  # ISO


@dataclass(frozen=True)
class Order:
    """Everything that one message says."""

    act: str  # NW, CA, XO
    control_id: str
    facility: str
    receiver: tuple[str, str]  # MSH-5, MSH-6
    country: str
    composed_at: datetime
    is_production: bool
    number: str
    group: str  # one referral: what belongs together
    code: tuple[str, str, str]  # the laboratory's own where it has told us, else LOINC's where there is one, else ours
    local: tuple[str, str]  # ours, and what it is called
    ordered_at: datetime
    orderer: tuple[str, str]  # licence number, name
    reason: str  # why it is cancelled, or asked for again
    person: OrderedPerson
    specimen: OrderedSpecimen | None


def compose_order(order: Order) -> str:
    """The message; lint it before it is queued."""
    return compose(list(_list_segments(order)))


def _list_segments(order: Order) -> Iterator[SegmentDraft]:
    is_cancel = order.act == "CA"
    placer = (order.number, APPLICATION)
    orderer: Repetition = (order.orderer[0] or None, order.orderer[1])
    yield SegmentDraft("MSH", {
        3: APPLICATION, 4: order.facility, 5: order.receiver[0], 6: order.receiver[1],
        7: format_moment(order.composed_at), 9: ("OML", "O21", "OML_O21"), 10: order.control_id,
        11: "P" if order.is_production else "T", 12: VERSION, 15: "AL", 16: "NE", 17: order.country, 18: UTF_8,
        21: PROFILE,
    })  # fmt: skip
    yield _write_person(order.person)
    yield SegmentDraft("PV1", {1: "1", 2: "O", 3: (order.facility, None, None, APPLICATION)})
    yield SegmentDraft("ORC", {
        1: order.act, 2: placer, 4: (order.group, APPLICATION), 5: "CA" if is_cancel else None,
        9: format_moment(order.composed_at if is_cancel else order.ordered_at), 12: orderer,
        16: (None, order.reason[:199], LOCAL) if is_cancel and order.reason else None,
    })
    taken = _write_taken(order.specimen)
    ours = (order.local[0], order.local[1], LOCAL)
    yield SegmentDraft("TQ1", {1: "1", 9: ROUTINE})
    yield SegmentDraft("OBR", {
        1: "1", 2: placer, 4: ours if order.code == ours else (*order.code, *ours), 7: taken,
        11: "O" if order.specimen else "L", 16: orderer, 31: REASON,
    })
    if order.reason and not is_cancel:
        yield SegmentDraft("NTE", {1: "1", 2: "P", 3: order.reason}, frozenset({3}))
    if order.specimen:
        kind: Field = SPUTUM if order.specimen.kind == "sputum" else (order.specimen.kind, order.specimen.kind, LOCAL)
        number: Component = (order.specimen.number, APPLICATION)
        yield SegmentDraft("SPM", {1: "1", 2: (number,), 4: kind, 11: PATIENT, 17: taken})


def _write_person(person: OrderedPerson) -> SegmentDraft:
    numbers: list[Repetition] = [(person.case_number, None, None, APPLICATION, "MR")]
    if person.passport:
        numbers.append((person.passport, None, None, (None, person.passport_country, "ISO3166"), "PPN"))
    first, _space, further = person.given_names.partition(" ")
    names: list[Repetition] = [(person.family_name, first or None, further or None, None, None, None, "L")]
    if person.native_family_name or person.native_given_names:
        names.append((person.native_family_name, person.native_given_names, None, None, None, None, "L", "I"))
    return SegmentDraft("PID", {1: "1", 3: numbers, 5: names, 7: person.birth_date.replace("-", ""),
                                8: SEXES[person.sex]})


def _write_taken(specimen: OrderedSpecimen | None) -> Field:
    if specimen is None:
        return None
    return format_moment(specimen.collected_at) if specimen.collected_at else specimen.collected_on.replace("-", "")
