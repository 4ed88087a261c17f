"""What a laboratory reports, as it said it and before it means anything here; the same for every way in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

# Of one message: no laboratory reports more at once, and nobody could look through what became of them.
MOST_VALUES = 1000
MOST_DOCUMENTS = 50  # printed reports, each of which is opened in a process of its own


@dataclass(frozen=True)
class ReportedPerson:
    """Whom the laboratory speaks of; empty texts where it does not say. Never written to anybody's record."""

    identifiers: tuple[tuple[str, str, str], ...] = ()  # value, who gave it, type (CX-1, CX-4, CX-5)
    family_name: str = ""
    given_names: str = ""
    birth_date: str = ""  # 1991, 1991-01 or 1991-01-05
    sex: str = ""  # table 0001


@dataclass(frozen=True)
class ReportedValue:
    """One line of a report (OBX); `status` by HL7 table 0085."""

    code: str
    system: str = ""
    text: str = ""
    sub_id: str = ""
    kind: str = "ST"
    value: str = ""  # the code, or the text exactly as written
    value_text: str = ""  # what the code is called
    unit: str = ""
    flags: tuple[str, ...] = ()
    range: str = ""
    method: str = ""
    status: str = "F"
    observed_at: str = ""  # ISO, with its offset where one is known
    note: str = ""
    second_code: str = ""  # the same in another system (OBX-3.4 to 6)
    second_text: str = ""
    second_system: str = ""


@dataclass(frozen=True)
class ReportedPanel:
    """One answered order (OBR) with its lines."""

    placer: str = ""  # our order number
    filler: str = ""  # the laboratory's
    specimen: str = ""  # our specimen number
    code: str = ""
    system: str = ""
    text: str = ""
    second_code: str = ""  # OBR-4.4 and 5
    second_text: str = ""
    observed_at: str = ""
    reported_at: str = ""
    status: str = ""  # OBR-25
    parent_filler: str = ""  # OBR-29: whose child it is
    parent_sub_id: str = ""  # OBR-26: of which isolate
    note: str = ""
    reason: str = ""  # why a specimen was not examined
    values: tuple[ReportedValue, ...] = ()


@dataclass(frozen=True)
class ReportedDocument:
    """A printed report that came along."""

    placer: str
    filler: str
    specimen: str
    title: str
    content: bytes


@dataclass(frozen=True)
class PersonReport:
    """Everything a message says of one person."""

    person: ReportedPerson
    panels: tuple[ReportedPanel, ...] = ()
    documents: tuple[ReportedDocument, ...] = field(default=())


def holds_too_much(reports: Iterable[PersonReport]) -> bool:
    """Whether a message reports more than is taken at once."""
    values = documents = 0
    for report in reports:
        values += sum(max(1, len(panel.values)) for panel in report.panels)
        documents += len(report.documents)
    return values > MOST_VALUES or documents > MOST_DOCUMENTS


def to_plain(person: ReportedPerson, panel: ReportedPanel, values: tuple[ReportedValue, ...]) -> dict[str, Any]:
    """The part of a report that one row keeps, as JSON."""
    bare = replace(panel, values=())  # of many values each row keeps its own alone
    return {"person": asdict(person), "panel": {**asdict(bare), "values": [asdict(value) for value in values]}}


def from_plain(plain: Mapping[str, Any]) -> tuple[ReportedPerson, ReportedPanel]:
    """The same back."""
    person = dict(plain["person"])
    person["identifiers"] = tuple(tuple(one) for one in person["identifiers"])
    panel = dict(plain["panel"])
    panel["values"] = tuple(ReportedValue(**{**one, "flags": tuple(one["flags"])}) for one in panel["values"])
    return ReportedPerson(**person), ReportedPanel(**panel)
