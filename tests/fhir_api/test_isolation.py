"""No authority ever sees another's: random requests of every kind by two authorities that know the same person."""

from __future__ import annotations

import ast
import json
import random
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import bindparam, select
from sqlalchemy.sql import Select

from clinic.db import db, write_unit
from fhir import released
from fhir.parameter import PARAMETERS, ParameterKind, list_references
from fhir.table import ReleasedVersion
from tests.factory import make_user
from tests.fhir.sample import make_person
from tests.fhir_api.exam import ReleasedExam, release_exam
from tests.fhir_api.machine import Machine

ROOT = Path(__file__).resolve().parent.parent.parent
REQUESTS = 300
KINDS = [
    "Composition", "Patient", "EpisodeOfCare", "Observation", "Organization", "Practitioner", "Provenance", "Bundle",
]  # fmt: skip


class Side:
    """One authority: its machine, what it may see, and what betrays it to the other."""

    def __init__(self, machine: Machine, exams: list[ReleasedExam], names: list[str]) -> None:
        self.machine = machine
        self.ids = {kind: [i for exam in exams for i in exam.ids.get(kind, [])] for kind in KINDS}
        self.ids["Bundle"] = [exam.bundle_id for exam in exams]
        self.numbers = [
            number for exam in exams for number in list_numbers(exam.document, f"urn:case:{exam.authority_id}")
        ]
        self.names = names
        self.secrets = [*self.numbers, *names, *(exam.case_id for exam in exams)]
        self.secrets += [i for ids in self.ids.values() for i in ids]


def list_numbers(document: bytes, system: str) -> list[str]:
    resources = [entry["resource"] for entry in json.loads(document)["entry"]]
    found = [i["value"] for r in resources for i in r.get("identifier", []) if i["system"] == system]
    return sorted(set(found))


@pytest.fixture
def sides(app: Flask) -> tuple[Side, Side]:
    """One person known to both, and one more known to each alone."""
    physician = make_user("physician")
    shared = make_person(physician)
    names = {"us": "Quetzalcoatl", "uk": "Zyxwvut"}
    alone = {programme: make_person(physician, family_name=name) for programme, name in names.items()}
    exams = {
        programme: [release_exam(shared, physician, programme), release_exam(other, physician, programme)]
        for programme, other in alone.items()
    }
    us, uk = Machine(app, "us"), Machine(app, "uk")
    db.session.commit()
    return Side(us.sign_in(), exams["us"], [names["us"]]), Side(uk.sign_in(), exams["uk"], [names["uk"]])


def draw_value(chance: random.Random, kind: ParameterKind, sides: tuple[Side, Side]) -> str:
    side = chance.choice(sides)
    match kind:
        case ParameterKind.TOKEN:
            return chance.choice(["final", "71773-6", "female", "urn:passport|", *side.numbers, *side.numbers])
        case ParameterKind.STRING:
            return chance.choice([*side.names, "tes", "m", "a"])
        case ParameterKind.DATE:
            return chance.choice(["", "ge", "le", "ne", "gt"]) + chance.choice(["2026", "1991", "2026-11-11"])
        case ParameterKind.REFERENCE:
            target = chance.choice(KINDS)
            return chance.choice([f"{target}/{i}" for i in side.ids[target]])


def draw_search(chance: random.Random, kind: str, sides: tuple[Side, Side]) -> list[tuple[str, str]]:
    pairs = []
    for parameter in chance.sample(PARAMETERS[kind], k=min(len(PARAMETERS[kind]), chance.choice([0, 0, 1, 1, 2]))):
        modifier = chance.choice([":not", ":missing"]) if chance.random() < 0.2 else ""
        if modifier == ":missing":
            value = chance.choice(["true", "false"])
        else:
            modifier = modifier if parameter.kind is ParameterKind.TOKEN else ""
            value = draw_value(chance, parameter.kind, sides)
        pairs.append((parameter.name + modifier, value))
    references = list_references(kind)
    if references and chance.random() < 0.3:
        reference = chance.choice(references)
        pairs.append(("_include", chance.choice(["*", f"{kind}:{reference.name}"])))
        inner = [p for p in PARAMETERS[reference.targets[0]] if p.kind is not ParameterKind.REFERENCE]
        if inner and chance.random() < 0.5:
            asked = chance.choice(inner)
            chain = f"{reference.name}:{reference.targets[0]}.{asked.name}"
            pairs.append((chain, draw_value(chance, asked.kind, sides)))
    if chance.random() < 0.3:
        other = chance.choice([k for k in KINDS if list_references(k)])
        pairs.append(("_revinclude", f"{other}:{chance.choice(list_references(other)).name}"))
    if chance.random() < 0.3:
        pairs.append(("_id", ",".join(chance.choice(sides).ids[kind])))
    if chance.random() < 0.3:
        pairs.append(chance.choice([("_count", "1"), ("_summary", "count"), ("_sort", "-_lastUpdated")]))
    return pairs


def send_random(chance: random.Random, machine: Machine, sides: tuple[Side, Side]) -> Any:
    kind = chance.choice(KINDS)
    some_id = chance.choice(chance.choice(sides).ids[kind])
    match chance.randrange(9):
        case 0:
            return machine.get(f"{kind}/{some_id}")
        case 1:
            return machine.get(f"{kind}/{some_id}/_history{chance.choice(['', '/1', '/2'])}")
        case 2:
            return machine.get(f"Patient/{chance.choice(chance.choice(sides).ids['Patient'])}/$everything")
        case 3:
            return machine.get(f"Composition/{chance.choice(chance.choice(sides).ids['Composition'])}/$document")
        case 4:
            return machine.get(f"Bundle/{chance.choice(chance.choice(sides).ids['Bundle'])}")
        case 5:
            form: dict[str, list[str]] = {}
            for name, value in draw_search(chance, kind, sides):
                form.setdefault(name, []).append(value)
            return machine.post(f"{kind}/_search", form)
    headers = {"Authorization": f"Bearer {machine.token}"}
    return machine.http.get(f"/fhir/{kind}", query_string=draw_search(chance, kind, sides), headers=headers)


def without_links(answer: Any) -> str:
    """What the answer tells; its links only repeat what the client asked."""
    return json.dumps({name: value for name, value in answer.json.items() if name != "link"})


def run_requests(sides: tuple[Side, Side], seed: int) -> dict[str, int]:
    chance = random.Random(seed)
    seen = {"statuses 200": 0, "own": 0, "refused": 0}
    for number in range(REQUESTS):
        asking, other = sides if number % 2 else sides[::-1]
        answer = send_random(chance, asking.machine, sides)
        assert answer.status_code < 500, answer.text
        text = without_links(answer)
        betrayed = [secret for secret in other.secrets if secret in text]
        assert not betrayed, (answer.request.path, answer.request.query_string, betrayed)
        seen["statuses 200"] += answer.status_code == 200
        seen["refused"] += answer.status_code == 404
        seen["own"] += any(secret in text for secret in asking.secrets)
    return seen


def test_random_requests_never_show_the_other_authority(sides: tuple[Side, Side]) -> None:
    seen = run_requests(sides, seed=20261122)
    # The requests must be such that they find something: half of the ids drawn are the asking authority's own.
    assert seen["own"] > REQUESTS / 5
    assert seen["refused"] > REQUESTS / 10
    assert seen["statuses 200"] > REQUESTS / 3


@pytest.mark.reads_whole
@pytest.mark.parametrize("way_in", ["_versions", "_exams"])
def test_the_random_requests_would_notice_a_missing_authority(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch, way_in: str
) -> None:
    def unbound(*columns: Any) -> Select[Any]:
        return select(*columns)

    monkeypatch.setattr(released, way_in, unbound)
    document = unbound(*released._DOCUMENT).where(released._exam.id == bindparam("id"))
    if way_in == "_exams":
        monkeypatch.setattr(released, "_ONE_DOCUMENT", document)
    with pytest.raises(AssertionError):
        run_requests(sides, seed=20261122)


def test_counts_are_of_the_own_alone(sides: tuple[Side, Side]) -> None:
    for side in sides:
        for kind in KINDS:
            assert side.machine.get(f"{kind}?_summary=count").json["total"] == len(side.ids[kind])
            assert side.machine.get(f"{kind}?_count=1").json["total"] == len(side.ids[kind])


def test_two_authorities_with_the_same_id_each_see_their_own(sides: tuple[Side, Side]) -> None:
    """Ids are unique only within an authority: the key of the table begins with it."""
    us, uk = sides
    patient_id = us.ids["Patient"][0]
    with write_unit() as session:
        row = session.query(ReleasedVersion).filter_by(id=patient_id).one()
        session.add(ReleasedVersion(
            authority_id="uk", kind="Patient", id=patient_id, version=1, is_current=True, case_id=row.case_id,
            signed_exam_id=row.signed_exam_id, released_at=row.released_at, etag="x",
            body=b'{"resourceType":"Patient","id":"theirs"}',
        ))
    assert uk.machine.get(f"Patient/{patient_id}").json["id"] == "theirs"
    assert us.machine.get(f"Patient/{patient_id}").json["id"] == patient_id


def test_only_one_module_reads_released_tables_for_authorities() -> None:
    """`released.py` reads them; the others named are the signing physician's side."""
    allowed = {"table.py", "released.py", "release.py", "document.py", "withdrawal.py"}
    for path in sorted((ROOT / "fhir").glob("*.py")):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        if path.name not in allowed:
            assert not names & {"ReleasedVersion", "ReleasedIndex"}, path.name


def test_every_query_on_released_tables_begins_bound_to_the_authority() -> None:
    """In released.py `select(` stands in the three builders and over what they built; one method runs them."""
    tree = ast.parse((ROOT / "fhir" / "released.py").read_text())
    methods = {
        function.name
        for function in ast.walk(tree) if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "select"
    }
    assert methods == {"_versions", "_values", "_exams", "_chained", "build_hand_out"}
    runs = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("execute", "scalars")]
    assert [node.attr for node in runs if node.attr == "execute"] == ["execute"]
