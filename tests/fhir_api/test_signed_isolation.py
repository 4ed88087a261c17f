"""One person, a US and a UK case, both signed: a thousand random questions, nothing of one in the other's answers."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.audit import audit_read
from clinic.db import db
from clinic.demo import walk
from clinic.models import Answer, Applicant, Case, SignedExam
from clinic.queries.authority_access import select_accesses
from clinic.rules import list_circumstances
from clinic.services.opening import open_case
from fhir.audit_event import AuditLog
from fhir.parameter import AUDIT_KIND, AUDIT_PARAMETERS, PARAMETERS, ParameterKind, list_references
from fhir.released import Released
from fhir.table import ReleasedIndex, ReleasedVersion
from tests.factory import make_authority
from tests.fhir import story
from tests.fhir_api.machine import Machine
from tests.fhir_api.test_search import find_link

REQUESTS = {"sqlite": 1000, "postgresql": 400}
NUMBERS = {"us": "NRB2026004711", "uk": "GWF204711815"}
WORD = re.compile(r"[^\s\"'<>()\[\]{},;=&?|]{4,}")
PROGRAMMES = ("us", "uk")


class Side:
    """One authority: its machine, everything released to it, and the words that only its documents hold."""

    def __init__(self, machine: Machine, authority_id: str) -> None:
        self.machine, self.authority_id = machine, authority_id
        self.ids: dict[str, list[str]] = {AUDIT_KIND: []}
        self.words: set[str] = {machine.id}
        for row in db.session.execute(select(ReleasedVersion).filter_by(authority_id=authority_id)).scalars():
            self.ids.setdefault(row.kind, []).append(row.id)
            self.words |= {row.id, row.case_id, row.signed_exam_id}
            self.words |= set(list_words(json.loads(row.body))) if row.body else set()
        self.values = [
            (row.kind, row.parameter, row.system, row.value, row.low)
            for row in db.session.execute(select(ReleasedIndex).filter_by(authority_id=authority_id)).scalars()
        ]
        exam = db.session.execute(select(SignedExam).filter_by(authority_id=authority_id)).scalar_one()
        self.pdf, self.case_id = exam.pdf, exam.case_id
        self.cursors: list[str] = []
        self.secrets: set[str] = set()


def list_words(value: Any) -> Iterator[str]:
    """Every word of every text in a JSON value; the bytes of an attachment and their digest are no words."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name not in ("data", "hash", "link"):  # links repeat what was asked
                yield from list_words(member)
    elif isinstance(value, list):
        for member in value:
            yield from list_words(member)
    elif isinstance(value, str):
        yield value
        for word in WORD.findall(value):
            yield word
            yield from word.split("/")


def sign_for(applicant: Applicant, staff: story.Staff, programme: str) -> Case:
    """An unremarkable exam of one person for one authority, signed."""
    make_authority(programme)
    category = walk.CATEGORIES[programme]
    case = open_case(applicant, {
        "programme": programme, "category": category, "authority_case_number": NUMBERS[programme], "stay_months": None,
        "au_schedule": None, "application_date": None, "exam_date": None, "residences": [],
        "circumstances": {item.word: Answer.NO for item in list_circumstances(programme, category)},
    }, staff["reception"]).case  # fmt: skip
    walk.work_through(case, staff)
    story.sign(case, staff)
    return case


@pytest.fixture
def sides(app: Flask) -> list[Side]:
    """Of one test."""
    return build_sides(app)


def build_sides(app: Flask) -> list[Side]:
    """Both signed in; what they have in common (the person, the staff, the codes) is no secret between them.

    A third case of the person is not signed: nobody may learn of it.
    """
    staff = story.make_staff()
    unsigned = story.open_case(staff, "us", given_names="Otieno Barasa")
    hidden, applicant_id = {unsigned.id, unsigned.number}, unsigned.applicant_id
    for programme in PROGRAMMES:
        sign_for(db.session.get_one(Applicant, applicant_id), staff, programme)
    machines = [Machine(app, programme) for programme in PROGRAMMES]
    db.session.commit()
    sides = [Side(machine.sign_in(), programme) for machine, programme in zip(machines, PROGRAMMES, strict=True)]
    for side, other in (sides, sides[::-1]):
        side.secrets = {word for word in side.words - other.words if len(word) >= 4} | hidden
        assert NUMBERS[side.authority_id] in side.secrets
        assert len(side.secrets) > 80
        assert not hidden & side.words
    return sides


def draw_pair(chance: random.Random, kind: str, sides: list[Side]) -> tuple[str, str]:
    """A condition on `kind`, mostly with a value that really stands at one of the two."""
    parameters = AUDIT_PARAMETERS if kind == AUDIT_KIND else PARAMETERS[kind]
    values = [value for value in chance.choice(sides).values if value[0] == kind]
    if kind == AUDIT_KIND or not values or chance.random() < 0.2:
        parameter = chance.choice(parameters) if parameters else None
        if parameter is None:
            return "_id", draw_id(chance, kind, sides)
        if parameter.kind is ParameterKind.REFERENCE:
            target = chance.choice(parameter.targets or tuple(PARAMETERS))
            return parameter.name, f"{target}/{draw_id(chance, target, sides)}"
        if parameter.kind is ParameterKind.DATE:
            return parameter.name, chance.choice(["ge2000", "le2999", "ne1999", "sa2001", "ap2026"])
        return parameter.name, chance.choice([*NUMBERS.values(), "final", *(side.machine.id for side in sides)])
    _kind, name, system, value, low = chance.choice(values)
    if value is None:
        moment = low.strftime("%Y-%m-%dT%H:%M:%SZ") if low else "2026"
        return name, chance.choice(["", "ge", "le", "ne", "gt", "lt", "sa", "eb", "ap"]) + moment
    text = value.replace("\\", "\\\\").replace(",", "\\,").replace("|", "\\|")
    modifier = chance.choice(["", "", "", ":not", ":missing", ":exact", ":contains"])
    if modifier == ":missing":
        return name + modifier, chance.choice(["true", "false"])
    return name + modifier, f"{system}|{text}" if system and chance.random() < 0.5 else text


def draw_id(chance: random.Random, kind: str, sides: list[Side]) -> str:
    return chance.choice(chance.choice(sides).ids.get(kind) or ["nobody"])


def draw_search(chance: random.Random, kind: str, sides: list[Side]) -> list[tuple[str, str]]:
    pairs = [draw_pair(chance, kind, sides) for _ in range(chance.choice([0, 1, 1, 2]))]
    references = list_references(kind)
    if references and chance.random() < 0.4:
        reference = chance.choice(references)
        pairs.append(("_include", chance.choice(["*", f"{kind}:*", f"{kind}:{reference.name}"])))
        if reference.targets and chance.random() < 0.5:
            target = chance.choice(reference.targets)
            name, value = draw_pair(chance, target, sides)
            pairs.append((f"{reference.name}:{target}.{name}", value))
    if chance.random() < 0.3:
        other = chance.choice([k for k in PARAMETERS if list_references(k)])
        pairs.append(("_revinclude", f"{other}:{chance.choice([*(r.name for r in list_references(other)), '*'])}"))
    if chance.random() < 0.3:
        pairs.append(("_id", ",".join(draw_id(chance, kind, sides) for _ in range(3))))
    if chance.random() < 0.5:
        pairs.append(chance.choice([
            ("_count", "1"), ("_count", "2"), ("_summary", "count"), ("_summary", "true"), ("_summary", "data"),
            ("_elements", "identifier,status"), ("_sort", "-_lastUpdated"), ("_total", "accurate"), ("_count", "0"),
            ("_lastUpdated", "ge2000"), ("_security:missing", "false"), ("_format", "json"), ("_has", "x"),
        ]))  # fmt: skip
    return pairs


def ask(chance: random.Random, side: Side, sides: list[Side]) -> Any:
    """One random request, and what it said."""
    machine, kind = side.machine, chance.choice([*PARAMETERS, AUDIT_KIND])
    some = draw_id(chance, kind, sides)
    match chance.randrange(12):
        case 0:
            accept = chance.choice(["application/fhir+json", "*/*", "application/pdf"])
            return machine.get(f"{kind}/{some}", Accept=accept)
        case 1:
            return machine.get(f"{kind}/{some}/_history{chance.choice(['', '/1', '/2', '?_since=2000-01-01'])}")
        case 2:
            patient = draw_id(chance, "Patient", sides)
            return machine.get(f"Patient/{patient}/$everything{chance.choice(['', '?_type=Patient,Observation'])}")
        case 3:
            return machine.get(f"Composition/{draw_id(chance, 'Composition', sides)}/$document")
        case 4:
            return machine.get(f"{chance.choice(['Bundle', 'Binary'])}/{draw_id(chance, 'Bundle', sides)}")
        case 5:
            form: dict[str, list[str]] = {}
            for name, value in draw_search(chance, kind, sides):
                form.setdefault(name, []).append(value)
            return machine.post(f"{kind}/_search", form)
        case 6 if cursors := chance.choice(sides).cursors:
            return machine.get(chance.choice(cursors))
        case 7:
            return machine.get(f"{kind}/{some}", If_None_Match='W/"1"')
    headers = {"Authorization": f"Bearer {machine.token}"}
    return machine.http.get(f"/fhir/{kind}", query_string=draw_search(chance, kind, sides), headers=headers)


def run_requests(sides: list[Side], count: int, seed: int = 20261122) -> Counter[str]:
    """Ask, and look for whatever belongs to the other in bodies and headers."""
    chance, seen = random.Random(seed), Counter[str]()
    for number in range(count):
        side, other = sides if number % 2 else sides[::-1]
        answer = ask(chance, side, sides)
        assert answer.status_code < 500, answer.text
        seen[str(answer.status_code)] += 1
        check_answer(answer, side, other, seen)
        bundle = answer.json if answer.is_json else None
        following = find_link(bundle, "next") if bundle and "link" in bundle else None
        if following:
            parts = urlsplit(following)
            side.cursors.append(f"{parts.path.removeprefix('/fhir/')}?{parts.query}")
        for entry in (bundle or {}).get("entry", []):
            if entry["resource"]["resourceType"] == AUDIT_KIND and entry["resource"]["id"] not in side.ids[AUDIT_KIND]:
                side.ids[AUDIT_KIND].append(entry["resource"]["id"])
                other.secrets.discard(entry["resource"]["id"])
                side.secrets.add(entry["resource"]["id"])
    return seen


def check_answer(answer: Any, side: Side, other: Side, seen: Counter[str]) -> None:
    where = (answer.request.method, answer.request.path, answer.request.query_string)
    if answer.mimetype == "application/pdf":
        assert answer.data == side.pdf, where
        return
    told = set(list_words(json.loads(answer.data))) if answer.data else set()
    headers = [value for name, value in answer.headers if name != "Content-Length"]  # any four digits may be a length
    told |= {word for value in headers for word in list_words(value) if has_digit(word)}
    betrayed = told & other.secrets
    if answer.status_code >= 400:  # our own sentences, and a parameter's name that is said back
        betrayed = {word for word in betrayed if has_digit(word)}
    else:
        betrayed -= FIXED
    assert not betrayed, (where, sorted(betrayed)[:5])
    seen["own"] += bool(told & side.secrets)
    body = json.loads(answer.data) if answer.data else {}
    if body.get("resourceType") == "Bundle" and body.get("type") in ("searchset", "history"):
        entries = body.get("entry", [])
        seen["found"] += bool(entries)
        for entry in entries:
            kind, resource_id = entry["fullUrl"].rsplit("/", 2)[1:]
            assert kind == AUDIT_KIND or resource_id in side.ids.get(kind, ()), where
        if body["type"] == "searchset" and AUDIT_KIND not in where[1] and "everything" not in where[1]:
            kind = where[1].split("/")[2]
            assert body.get("total", 0) <= len(side.ids.get(kind, ())), where


def has_digit(word: str) -> bool:
    """Ids, numbers and moments have one; the words of our own headers and sentences have none."""
    return any(character.isdigit() for character in word)


FIXED = {"rest", "RESTful", "Operation", "RESTful Operation", "Clearway", "read", "vread", "operation", "search-type",
         "history-instance", "Patient", "SUBSETTED", "subsetted"}  # fmt: skip


def test_thousand_random_questions_show_nothing_of_the_other(sides: list[Side], database_kind: str) -> None:
    count = REQUESTS[database_kind]
    seen = run_requests(sides, count)
    # The questions must be such that they find something, and such that the other's things are asked for.
    assert seen["own"] > count / 4, seen
    assert seen["found"] > count / 10, seen  # about a fifth do; ids are new each time
    assert seen["404"] > count / 20, seen


@pytest.mark.reads_whole
@pytest.mark.parametrize("leak", ["values", "audit", "everything"])
def test_the_questions_would_notice_a_leak(sides: list[Side], leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if leak == "audit":
        monkeypatch.setattr(AuditLog, "_own", lambda _self, *columns: select_accesses(*columns).where(
            audit_read.c.subject_kind != AUDIT_KIND))
    elif leak == "values":
        monkeypatch.setattr(Released, "_run", _run_for_all)
    else:
        monkeypatch.setattr(Released, "list_case", _list_all_cases(sides[0], sides[1]))
    with pytest.raises(AssertionError):
        run_requests(sides, REQUESTS["postgresql"])


def _run_for_all(self: Released, query: Any, **values: Any) -> Any:
    """Ask for whichever authority is not the asking one."""
    other = {"us": "uk", "uk": "us"}[self._authority_id]
    return self._session.connection().execute(query, values | {"authority": other})


def _list_all_cases(*sides: Side) -> Any:
    original = Released.list_case

    def list_case(self: Released, _case_id: str) -> Any:
        return [row for side in sides for row in original(Released(self._session, side.authority_id), side.case_id)]

    return list_case
