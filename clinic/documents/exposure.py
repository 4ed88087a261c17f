"""What Class B3 asks of each contact (us.md 1.6): the source, the relation, when it ended, the source's tuberculosis.

A source is named to its own authority alone: it may be an applicant whose case belongs to another.
"""

from __future__ import annotations

from clinic.documents.identity import to_day
from clinic.documents.record import Record
from clinic.documents.unit import with_unit
from clinic.laboratory_test import list_tests
from clinic.models import SourceType, TbContact
from clinic.result_word import label_value
from clinic.services.tb_contact import find_source_type

TYPES = {
    SourceType.PANSUSCEPTIBLE: "Pansusceptible", SourceType.MDR: "MDR", SourceType.OTHER_RESISTANT: "Other resistant",
    SourceType.CULTURE_NEGATIVE: "Culture-negative", SourceType.UNKNOWN: "Not known",
}


def build_exposures(record: Record) -> list[dict[str, str]]:
    """One row for each confirmed contact; plain values, English."""
    return [{
        "source": _name_source(row, record.authority_id), "number": _number_source(row, record.authority_id),
        "relation": row.relation.value.replace("-", " ").capitalize(),
        "ended": to_day(row.last_exposed_on) if row.last_exposed_on else "Not ended",
        "type": TYPES[find_source_type(row)],
    } for row in record.exposures]


def describe_conversion(record: Record) -> str:
    """What DS-3030 asks of a contact with Class B2 (us.md 1.6): a first test found nothing, a later one did."""
    if record.conversion is None:
        return ""
    before, after = record.conversion
    values = [with_unit(row.value, row.unit) if row.unit else label_value(row.value) for row in record.conversion]
    return (f"Yes: {list_tests()[before.test].label} {values[0]} on {to_day(before.performed_on)}, "
            f"{values[1]} on {to_day(after.performed_on)}")


def _name_source(row: TbContact, authority_id: str) -> str:
    if row.source_case is None:
        return row.source_name or "Not known"
    if row.source_case.authority_id != authority_id:
        return "Known to this clinic"
    person = row.source_case.applicant
    return ", ".join(part for part in (person.family_name.upper(), person.given_names) if part)


def _number_source(row: TbContact, authority_id: str) -> str:
    if row.source_case is None:
        return row.source_number
    if row.source_case.authority_id != authority_id:
        return ""
    return row.source_case.authority_case_number or row.source_case.number
