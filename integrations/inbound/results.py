"""A laboratory's stored message becomes reported results; whatever its content, it was acknowledged before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from clinic.api.laboratory_result import read_body
from clinic.lab_report import MOST_DOCUMENTS, MOST_VALUES, PersonReport, holds_too_much
from clinic.lab_table import read_table
from clinic.models import InboundMessage, InboundState, Laboratory
from clinic.services.lab_document import check_documents, keep_documents
from clinic.services.result_reading import to_utc
from clinic.services.result_taking import Source, Taking, begin_taking, go_on_taking
from integrations.hl7.charset import UnknownCharset, decode
from integrations.hl7.reader import NotHl7, read_message
from integrations.hl7.report import read_moment, read_report

RESULTS = "ORU"
JSON, CSV = "JSON", "CSV"
FEW = 50  # values that one unit takes, however long that is
PORTION_SECONDS = 0.5  # that a unit goes on taking more of them: nobody can save meanwhile in an embedded database


def has_results(row: InboundMessage) -> bool:
    """Whether a message reports results, whatever way it came."""
    return row.laboratory_id is not None and (row.kind.startswith(RESULTS) or row.kind in (JSON, CSV))


@dataclass(frozen=True)
class Prepared:
    """A message read and its printed reports checked, while no unit was open."""

    message_id: str
    reports: Sequence[PersonReport]
    said_at: str
    checked: Mapping[str, str] = field(default_factory=dict)  # of each report why it cannot be kept
    fault: str = ""  # why it cannot be read

    @property
    def is_large(self) -> bool:
        """Whether it is taken in portions, so that others can save in between."""
        return sum(len(panel.values) for report in self.reports for panel in report.panels) > FEW


def prepare_results(row: InboundMessage, laboratory: Laboratory) -> Prepared:
    """Read a message; what cannot be read is said, never raised. Call `check` outside of every unit."""
    if row.kind in (JSON, CSV):
        return _prepare_plain(row, laboratory)
    try:
        text = decode(row.raw, laboratory.charset)
        if "\0" in text:  # no database stores it as text, and what was meant is not ours to guess
            return Prepared(row.id, (), "", fault="It holds NUL characters, which no message may: ask the laboratory.")
        message = read_message(text)
    except (UnicodeDecodeError, UnknownCharset):
        return Prepared(row.id, (), "", fault="Its bytes are not the characters that MSH-18 says: ask the laboratory.")
    except NotHl7 as fault:
        return Prepared(row.id, (), "", fault=f"It cannot be read: {fault}.")
    zone = ZoneInfo(laboratory.time_zone)
    said_at = read_moment(message.header.get(7), zone) or row.received_at.isoformat()
    reports = read_report(message, zone)
    if holds_too_much(reports):
        return Prepared(row.id, (), "", fault=f"It holds more than {MOST_VALUES} values or {MOST_DOCUMENTS} printed "
                                              "reports: ask the laboratory to divide it.")
    return Prepared(row.id, reports, to_utc(said_at) or to_utc(row.received_at.isoformat()))


def read_reports(row: InboundMessage, laboratory: Laboratory) -> Sequence[PersonReport]:
    """What a stored message reports; nothing where it cannot be read."""
    return prepare_results(row, laboratory).reports if has_results(row) else ()


def _prepare_plain(row: InboundMessage, laboratory: Laboratory) -> Prepared:
    """A body of the JSON interface, or a table: both were checked whole before they were stored."""
    said_at = to_utc(row.received_at.isoformat())
    if row.kind == JSON:
        return Prepared(row.id, tuple(read_body(row.raw)["reports"]), said_at)
    table = read_table(row.raw, laboratory.column_map or {}, laboratory.charset)
    if table.faults:
        fault = table.faults[0]
        return Prepared(row.id, (), said_at, fault=f"The column map fits no more (line {fault.line}): {fault.words}")
    return Prepared(row.id, table.reports, said_at)


def check(prepared: Prepared) -> Prepared:
    """The same with its printed reports looked at, each in a process of its own."""
    if not any(report.documents for report in prepared.reports):
        return prepared
    return replace(prepared, checked=check_documents(prepared.reports))


def apply_results(
    session: Session, row: InboundMessage, prepared: Prepared, taking: Taking | None
) -> tuple[InboundState, str] | Taking:
    """Take what the message reports, of a large one a portion; says why a person must look at the message.

    As long as something is left to be taken it gives that back instead, for the next unit.
    """
    if prepared.fault:
        return InboundState.HELD, prepared.fault
    laboratory = session.get_one(Laboratory, row.laboratory_id)
    source = Source(laboratory, row, prepared.said_at)
    taking = taking or begin_taking(source, prepared.reports)
    go_on_taking(source, taking, PORTION_SECONDS if prepared.is_large else inf)
    if taking.left:
        return taking
    refused = keep_documents(source, prepared.reports, prepared.checked)
    if not prepared.reports:
        return InboundState.HELD, "It holds no order with results (OBR)."
    if refused:
        count = "A printed report" if len(refused) == 1 else f"{len(refused)} printed reports"
        return InboundState.HELD, f"{count} in it cannot be used. {' '.join(dict.fromkeys(refused))}"
    return InboundState.APPLIED, ""  # what of it still waits for a person is counted when somebody asks
