"""The CapabilityStatement against the server: what it lists works, what works it lists."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from clinic.db import db, write_unit
from fhir.capability import build_capability
from fhir.encoder import decode
from fhir.index import STRING_LENGTH, list_indexed_values
from fhir.outcome import BadSearch
from fhir.parameter import PARAMETERS
from fhir.release import reindex
from fhir.search import parse_query
from fhir.subset import _MEMBERS, Subset, Summary
from fhir.table import ReleasedIndex, ReleasedVersion
from tests.fhir import sample
from tests.fhir.test_document import build_order, sign
from tests.fhir_api.machine import Machine

# The search floor (issue 4): the names an authority may count on, each one of R4's own.
FLOOR = {
    "Patient": "identifier family given name birthdate gender",
    "EpisodeOfCare": "identifier patient status", "Encounter": "patient date status identifier",
    "Observation": "patient category code date status value-concept encounter specimen",
    "DiagnosticReport": "patient category code date status result",
    "ImagingStudy": "patient identifier modality started",
    "Immunization": "patient date status vaccine-code", "Condition": "patient code category clinical-status",
    "Composition": "patient type date status identifier",
    "DocumentReference": "patient type status date period identifier category",
    "Bundle": "identifier type timestamp composition", "Provenance": "target recorded agent",
    "Flag": "patient date encounter author", "MedicationStatement": "patient status code effective part-of",
    "ServiceRequest": "patient status code identifier requisition", "Specimen": "patient accession identifier",
}
EVERYWHERE = {"_id", "_lastUpdated", "_tag", "_security"}


@pytest.fixture
def machine(app: Flask) -> Machine:
    """The US machine; a whole exam with film and sputum is released to its authority."""
    exam, _built = sign(build_order(sample.make_infiltrate(), classes=["B2"], overall="class-b"))
    machine = Machine(app, exam.authority_id)
    db.session.commit()
    return machine.sign_in()


def list_offered(machine: Machine) -> dict[str, dict[str, Any]]:
    found = machine.get("metadata").json["rest"][0]["resource"]
    return {entry["type"]: entry for entry in found if "searchParam" in entry}


def test_floor_is_offered(machine: Machine) -> None:
    offered = list_offered(machine)
    for kind, names in FLOOR.items():
        listed = {parameter["name"] for parameter in offered[kind]["searchParam"]}
        assert set(names.split()) | EVERYWHERE <= listed, kind


def list_values(kind: str) -> dict[str, tuple[str, str]]:
    """A value that stands in a released resource, for each parameter that has one: (the resource's id, the query)."""
    found: dict[str, tuple[str, str]] = {}
    for row in db.session.execute(select(ReleasedIndex).where(ReleasedIndex.kind == kind)).scalars():
        if row.low or row.high:
            moment = (row.low or row.high).strftime("%Y-%m-%dT%H:%M:%SZ")
            value = f"{'ge' if row.low else 'le'}{moment}"
        else:
            value = f"{row.system}|{row.value}" if row.system else str(row.value)
        escaped = value.replace("\\", "\\\\").replace(",", "\\,").replace("$", "\\$")
        found.setdefault(row.parameter, (row.id, escaped))
    return found


def test_every_listed_parameter_and_modifier_works(machine: Machine) -> None:
    with_values = 0
    for kind, entry in list_offered(machine).items():
        values = list_values(kind)
        for parameter in entry["searchParam"]:
            name = parameter["name"]
            resource_id, value = values.get(name, ("", "2026-01-01" if parameter["type"] == "date" else "x"))
            answer = search(machine, kind, {name: value, "_count": "200"})
            assert answer.status_code == 200, (kind, name, answer.text)
            if resource_id:
                with_values += 1
                ids = [e["resource"]["id"] for e in answer.json.get("entry", [])]
                assert resource_id in ids, (kind, name, value)
            for modifier in list_said(parameter, "Modifiers: "):
                wanted = "true" if modifier == ":missing" else value
                assert search(machine, kind, {name + modifier: wanted}).status_code == 200, (kind, name, modifier)
            for prefix in list_said(parameter, "Prefixes: "):
                assert search(machine, kind, {name: f"{prefix}2026-01"}).status_code == 200, (kind, name, prefix)
    assert with_values > 60


def list_said(parameter: dict[str, Any], begins: str) -> list[str]:
    _before, found, rest = parameter.get("documentation", "").partition(begins)
    return rest.split(".")[0].split(", ") if found else []


def search(machine: Machine, kind: str, pairs: dict[str, str]) -> Any:
    headers = {"Authorization": f"Bearer {machine.token}", "Prefer": "handling=strict"}
    return machine.http.get(f"/fhir/{kind}", query_string=pairs, headers=headers)


def test_every_parameter_that_works_is_listed(app: Flask) -> None:
    names = {parameter.name for of_kind in PARAMETERS.values() for parameter in of_kind} | EVERYWHERE
    names |= {"_text", "_content", "_list", "_query", "_filter", "_profile", "_source", "name", "address", "onset"}
    statement = decode(build_capability())["rest"][0]["resource"]
    for entry in statement:
        listed = {parameter["name"] for parameter in entry.get("searchParam", [])}
        for name in sorted(names - listed) if listed else ():
            with pytest.raises(BadSearch):
                parse_query(entry["type"], [(name, "2026-01-01")], "http://localhost:8000/fhir", is_strict=True)


def test_every_listed_inclusion_and_interaction_works(machine: Machine) -> None:
    for kind, entry in list_offered(machine).items():
        for name, listed in (("_include", entry.get("searchInclude", [])),
                             ("_revinclude", entry.get("searchRevInclude", []))):
            for value in listed:
                assert search(machine, kind, {name: value}).status_code == 200, (kind, name, value)
        resource_id = machine.get(f"{kind}?_count=1").json["entry"][0]["resource"]["id"] \
            if machine.get(f"{kind}?_summary=count").json["total"] else "nothing"
        expected = 404 if resource_id == "nothing" else 200
        paths = {"read": resource_id, "vread": f"{resource_id}/_history/1", "history-instance":
                 f"{resource_id}/_history", "search-type": ""}
        for interaction in entry["interaction"]:
            path = paths[interaction["code"]]
            status = machine.get(f"{kind}/{path}" if path else kind, Accept="application/fhir+json").status_code
            assert status == (expected if path else 200), (kind, interaction)
        for operation in entry.get("operation", []):
            assert machine.get(f"{kind}/{resource_id}/${operation['name']}").status_code == 200


def test_sensitive_results_are_found_by_their_label(machine: Machine) -> None:
    every = machine.get("Observation?_count=200").json["entry"]
    labelled = {e["resource"]["id"] for e in every if e["resource"]["meta"].get("security")}
    code = next((e["resource"]["meta"]["security"][0] for e in every if e["resource"]["meta"].get("security")), None)
    assert code is not None
    found = search(machine, "Observation", {"_security": f"{code['system']}|{code['code']}", "_count": "200"}).json
    assert {e["resource"]["id"] for e in found["entry"]} <= labelled
    rest = search(machine, "Observation", {"_security:missing": "true", "_count": "200"}).json
    assert not labelled & {e["resource"]["id"] for e in rest["entry"]}


def test_document_is_found_by_its_composition(machine: Machine) -> None:
    composition = machine.get("Composition").json["entry"][0]["resource"]
    for query in (f"composition={composition['id']}", f"composition=Composition/{composition['id']}",
                  f"composition.patient={composition['subject']['reference']}"):
        assert machine.get(f"Bundle?{query}").json["total"] == 1, query
    assert machine.get("Bundle?composition=nothing").json["total"] == 0


def test_index_can_be_written_anew(app: Flask, machine: Machine) -> None:
    def list_rows() -> list[tuple[Any, ...]]:
        query = select(ReleasedIndex.kind, ReleasedIndex.id, ReleasedIndex.parameter, ReleasedIndex.system,
                       ReleasedIndex.value, ReleasedIndex.written, ReleasedIndex.low, ReleasedIndex.high)
        return sorted((tuple(row) for row in db.session.execute(query)), key=repr)

    before = list_rows()
    assert {row[0] for row in before} > {"Bundle", "Patient"}
    with write_unit() as session:
        session.execute(delete(ReleasedIndex))
    with write_unit() as session:
        assert reindex(session) > 20
    assert list_rows() == before
    result = app.test_cli_runner().invoke(args=["reindex-released"])
    assert result.output.endswith(" resources indexed.\n")


def test_long_string_is_indexed_by_its_beginning() -> None:
    long = "x" * (STRING_LENGTH + 5)
    values = list_indexed_values({"resourceType": "Patient", "name": [{"family": long}]})
    assert {len(v.value or "") for v in values} == {len(v.written or "") for v in values} == {STRING_LENGTH}


def test_every_type_has_its_summary(machine: Machine) -> None:
    for row in db.session.execute(select(ReleasedVersion).where(ReleasedVersion.is_current)).scalars():
        if row.body:
            cut = decode(Subset(summary=Summary.TRUE).cut(row.kind, row.body))
            assert set(cut) <= set(decode(row.body)), row.kind
    assert set(PARAMETERS) <= set(_MEMBERS)
