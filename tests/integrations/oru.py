"""ORU^R01 messages for tests, written as a laboratory writes them."""

from __future__ import annotations

from clinic.db import write_unit
from clinic.models import Case, InboundWay
from integrations.inbound.intake import Arrival, Verdict, build_row, store
from integrations.inbound.processing import process_waiting


def write_person(case: Case, **values: str) -> str:
    """PID of the case's applicant, as we said it in the order."""
    person = case.applicant
    fields = {"number": f"{case.number}^^^CLEARWAY^MR", "name": f"{person.family_name}^{person.given_names}",
              "birth": person.birth_date.replace("-", ""), "sex": person.sex.value[0].upper()} | values
    return f"PID|1||{fields['number']}||{fields['name']}||{fields['birth']}|{fields['sex']}"


def write_order(placer: str = "", filler: str = "LAB-1", day: str = "20261119", reported: str = "20261120080000+0300",
                code: str = "X^Test^99LAB", status: str = "F", more: str = "") -> str:  # fmt: skip
    """OBR."""
    own = f"{placer}^CLEARWAY" if placer else ""
    head = f"OBR|1|{own}|{filler}^LAB01|{code}|||{day}|||||||||||||||{reported}|||{status}"
    return f"{head}|{more}" if more else head


def write_value(code: str, value: str, kind: str = "ST", unit: str = "", flags: str = "", status: str = "F",
                sub_id: str = "", method: str = "") -> str:  # fmt: skip
    """OBX; `code` as code^text^system."""
    line = f"OBX|1|{kind}|{code}|{sub_id}|{value}|{unit}||{flags}|||{status}"
    return f"{line}||||||{method}" if method else line


def write_message(*segments: str, control_id: str = "L1", sent: str = "20261120090000+0300") -> bytes:
    """The whole."""
    header = f"MSH|^~\\&|CENTRALLAB|LAB01|CLEARWAY|NBO|{sent}||ORU^R01^ORU_R01|{control_id}|P|2.5.1"
    return "".join(segment + "\r" for segment in (header, *segments)).encode()


def take(laboratory_id: str, raw: bytes) -> None:
    """Store it as the listener does and let the worker work; ends the unit of the test."""
    control_id = raw.split(b"|")[9].decode()
    with write_unit() as session:
        row = build_row(Arrival(raw, "127.0.0.1:1", InboundWay.MLLP), "CENTRALLAB|LAB01", control_id, "ORU^R01",
                        laboratory_id)
        store(session, [Verdict(None, row)])
    process_waiting()


