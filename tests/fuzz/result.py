"""What laboratories report, by each of their ways (HL7 v2, JSON, table), worked on as the worker does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple

from flask.testing import FlaskClient
from sqlalchemy import func, select

from clinic.api.laboratory_result import PREFIX
from clinic.db import read_unit, write_unit
from clinic.errors import AlreadyDone
from clinic.lab_table import FIELDS, read_table
from clinic.models import (
    InboundMessage,
    InboundState,
    InboundWay,
    Laboratory,
    LabResult,
    MapKind,
    ReportedResult,
    User,
)
from clinic.services import lab_order
from clinic.services.code_mapping import add_line
from clinic.services.lab_upload import take_table
from clinic.services.partner_laboratory import change_column_map, draw_token
from integrations.inbound.intake import Arrival, Verdict, build_row, store
from integrations.inbound.processing import process_waiting
from tests.documents import make_plain_pdf
from tests.factory import make_case, make_laboratory, make_site, make_user
from tests.fuzz.harness import Door, Finding, check_text
from tests.fuzz.hostile import DAYS, NUMBERS, draw_text, mutate_bytes, mutate_json
from tests.fuzz.world import World, ticking
from tests.integrations.oru import write_message, write_order, write_person, write_value

AGAIN_AFTER = 40  # inputs, after which the database is put back
PRINTED = base64.b64encode(make_plain_pdf()).decode()
COLUMNS = {name: name for name in FIELDS}
CODES = ("20507-0^RPR^LN", "RPR^Rapid plasma reagin^99LAB", "718-7^Hb^LN", "71773-6^IGRA^LN", "4548-4^HbA1c^LN",
         "11545-1^AFB smear^LN", "XYZ^Unknown^99LAB")
VALUES = ("NEG", "NR", "Reactive", "14.1", "<5", "12,5", "POS", "1:8", "^20", "")
KINDS = ("ST", "NM", "CWE", "SN", "TX", "ED", "FT", "")


class Report(NamedTuple):
    """One message: by which way, and its bytes."""

    way: str
    content: bytes


class ResultDoor(Door):
    """Whatever comes is stored or refused, worked on once, held with a reason, and counts for nobody else's case."""

    name, count = "results", 120
    least = frozenset({"applied", "held", "422"})
    on_database = True

    @contextmanager
    def opened(self) -> Iterator[None]:
        with ticking():
            self.world = World(self.folder, self.database_url)
            self.world.build(self._make)
            self.http = FlaskClient(self.world.app, self.world.app.response_class)
            self.done = 0
            try:
                yield
            finally:
                self.world.close()

    def _make(self) -> None:
        technician = make_user("labtech")
        case = make_case(user=make_user("reception"))
        orders = lab_order.place_orders(case, technician)
        laboratory = make_laboratory(case.site)
        change_column_map(laboratory, COLUMNS)
        add_line(laboratory, MapKind.TEST, "RPR", "syphilis-nontreponemal", technician)
        self.token, self.laboratory_id, self.technician_id = draw_token(laboratory), laboratory.id, technician.id
        self.orders = [order.number for order in orders]
        self.person, self.number, self.case_id = write_person(case), case.number, case.id
        self.names = (case.applicant.family_name, case.applicant.given_names or "", case.applicant.birth_date)
        other = make_case(user=make_user("reception", make_site("MBA")))
        self.foreign = (other.number, *(order.number for order in lab_order.place_orders(other, technician)))
        self.foreign_id = other.id

    def draw(self, chance: Random, number: int) -> Any:
        make = chance.choice((self._draw_hl7, self._draw_hl7, self._draw_json, self._draw_table))
        return make(chance, f"m-{number}")

    def ask(self, given: Any) -> str:
        self.done += 1
        try:
            return self._ask(given)
        finally:
            if self.done % AGAIN_AFTER == 0:
                self.world.reset()

    def _ask(self, given: Report) -> str:
        send = {"hl7": self._send_hl7, "json": self._send_json, "table": self._send_table}[given.way]
        word = send(given.content)
        with self.world.app.app_context():
            process_waiting()
            with read_unit() as session:
                row = session.execute(
                    select(InboundMessage).order_by(InboundMessage.id.desc()).limit(1)).scalar_one_or_none()
                self._check_states(session)
                return word or (row.state.value if row else "nothing")

    def _check_states(self, session: Any) -> None:
        stuck = session.execute(select(InboundMessage.state_reason).where(
            InboundMessage.state.in_((InboundState.NEW, InboundState.ERROR)))).scalars().first()
        if stuck is not None:
            raise Finding(f"a message that nobody worked on: {stuck}")
        for kind in (LabResult, ReportedResult):
            if session.execute(select(func.count()).where(kind.case_id == self.foreign_id)).scalar_one():
                raise Finding(f"{kind.__name__}: a result of a laboratory reached another site's case")

    def _send_hl7(self, content: bytes) -> str:
        head = content.split(b"\r", 1)[0].split(b"|")
        number = (head[9] if len(head) > 9 else b"none").decode("utf-8", "replace")[:60].replace("\0", "")
        with self.world.app.app_context(), write_unit() as session:
            row = build_row(Arrival(content, "127.0.0.1:1", InboundWay.MLLP), "CENTRALLAB|LAB01", number, "ORU^R01",
                            self.laboratory_id)
            store(session, [Verdict(None, row)])
        return ""

    def _send_json(self, content: bytes) -> str:
        answer = self.http.post(PREFIX, data=content, content_type="application/json",
                                headers={"Authorization": f"Bearer {self.token}"})
        if answer.status_code not in (200, 202, 409, 413, 422):
            raise Finding(f"{answer.status_code}: {answer.text[:300]}")
        check_text(answer.text, PREFIX)
        return "" if answer.status_code == 202 else str(answer.status_code)

    def _send_table(self, content: bytes) -> str:
        with self.world.app.app_context(), write_unit() as session:
            laboratory = session.get_one(Laboratory, self.laboratory_id)
            if read_table(content, laboratory.column_map or {}, laboratory.charset).faults:
                return "422"
            try:
                take_table(laboratory, content, session.get_one(User, self.technician_id))
            except AlreadyDone:
                return "409"
        return ""

    def _draw_hl7(self, chance: Random, number: str) -> Report:
        def odd(usual: str) -> str:
            if chance.random() < 0.8:
                return usual
            strange = chance.choice((draw_text(chance, True), chance.choice(DAYS), chance.choice(NUMBERS)))
            return strange.replace("\r", "")

        stranger = f"PID|1||{odd(self.foreign[0])}||{odd('X^Y')}||{odd('1991')}|F"
        segments = [self.person if chance.random() < 0.8 else stranger]
        for place in range(chance.choice((1, 1, 2, 3))):
            segments.append(write_order(
                odd(chance.choice((*self.orders, *self.foreign, ""))), odd(f"L-{place}"), odd("20261119"),
                odd("20261120080000+0300"), chance.choice(CODES), odd(chance.choice("FCPXI"))))
            segments += [write_value(odd(chance.choice(CODES)), odd(chance.choice(VALUES)), odd(chance.choice(KINDS)),
                                     odd(chance.choice(("", "g/dL", "mg/dL"))), odd(chance.choice(("", "H", "LL"))),
                                     odd(chance.choice("FCPXDW")), odd(""), odd(""))
                         for _ in range(chance.choice((0, 1, 1, 2, 4)))]
            if chance.random() < 0.05:
                segments.append(f"OBX|9|ED|PDF^Report^99LAB||LAB^application^pdf^Base64^{odd(PRINTED)}||||||F")
            if chance.random() < 0.2:
                segments.append(f"NTE|1||{odd('Seen twice')}")
        if chance.random() < 0.1:
            chance.shuffle(segments)
        content = write_message(*segments, control_id=number, sent=odd("20261120090000+0300"))
        for _ in range(chance.choice((0, 0, 0, 1, 2))):
            content = mutate_bytes(chance, content)
        return Report("hl7", content)

    def _draw_json(self, chance: Random, number: str) -> Report:
        family, given, birth = self.names
        body: Any = {"id": number, "reports": [{
            "person": {"family_name": family, "given_names": given, "birth_date": birth, "sex": "F",
                       "identifiers": [{"value": chance.choice((self.number, self.foreign[0]))}]},
            "panels": [{"order": chance.choice((*self.orders, *self.foreign)), "number": "L-1",
                        "taken_at": "2026-11-19", "reported_at": "2026-11-20T08:00:00+03:00", "values": [
                            {"code": "20507-0", "system": "LN", "kind": "CWE", "value": chance.choice(VALUES),
                             "flags": ["H"], "status": chance.choice("FCPX"), "unit": "", "note": "Seen twice"}]}]}]}
        if chance.random() < 0.2:
            printed = chance.choice((PRINTED, PRINTED[:-9], "é", draw_text(chance)))
            body["reports"][0]["panels"][0]["report_pdf"] = printed
        for _ in range(chance.choice((0, 1, 1, 2))):
            body = mutate_json(chance, body)
        content = json.dumps(body).encode()
        return Report("json", mutate_bytes(chance, content) if chance.random() < 0.1 else content)

    def _draw_table(self, chance: Random, number: str) -> Report:
        cells = dict.fromkeys(FIELDS, "") | {
            "code": "RPR", "value": chance.choice(VALUES), "taken": "2026-11-19", "number": number,
            "order": chance.choice((*self.orders, *self.foreign)), "status": chance.choice("FCPX")}
        for name in chance.sample(list(cells), chance.choice((0, 0, 1, 3))):
            cells[name] = chance.choice((draw_text(chance, True), chance.choice(DAYS), chance.choice(NUMBERS)))
        quoted = ('"' + cell.replace('"', '""') + '"' for cell in cells.values())
        content = (";".join(FIELDS) + "\n" + ";".join(quoted) + "\n").encode()
        return Report("table", mutate_bytes(chance, content) if chance.random() < 0.2 else content)
