"""What people do in a drill: photo, registration, film, signature, look, message; and what of it is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from flask import Flask
from PIL import Image
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from bench.installation import TOKEN, Answer, Installation, Person, look_inside, make_person
from clinic.audit import audit_engine, audit_read
from clinic.db import db, set_mode, write_unit
from clinic.models import Applicant, Authority, Case, Film, InboundMessage, Photo, SignedExam
from tests.clinic.web.test_reception_pages import TYPED
from tests.factory import PASSWORD, make_authority, make_user
from tests.film import make_film
from tests.us_case import make_complete_case, make_staff


@dataclass(frozen=True)
class Act:
    """Something that a person or machine does; `sent` says whether they were told that it is kept."""

    name: str
    do: Callable[[], tuple[bool, str]]


class ClinicDay:
    """A case before its signature, and the people around it."""

    def __init__(self, app: Flask, installation: Installation) -> None:
        self.app, self.installation, self.number = app, installation, 0
        self._tokens: dict[str, str] = {}  # of pages that were opened before anything broke
        with look_inside(app):
            set_mode("write")
            staff = make_staff()
            case, to_sign = make_complete_case(staff), make_complete_case(staff)
            radiographer = make_user("radiographer", staff.reception.site)
            make_authority("uk", channel="hl7_oru",
                           endpoint=f"mllp://127.0.0.1:{installation.settings.sandbox_mllp_port}/SANDBOX/UK")
            self.case_id, self.to_sign = case.id, to_sign.id
            self.reception = make_person(app, staff.reception, case.id)
            set_mode("write")
            self.physician = make_person(app, staff.physician, to_sign.id)
            set_mode("write")
            self.radiographer = make_person(app, radiographer, case.id)

    def list_acts(self) -> list[Act]:
        """Everything that writes, in turn."""
        return [Act("photo", self.take_photo), Act("registration", self.register), Act("film", self.send_film),
                Act("message over MLLP", self.send_message), Act("look at a case", self.look)]

    def take_photo(self) -> tuple[bool, str]:
        """A new photo of the applicant."""
        self.number += 1
        picture = Image.effect_noise((480, 600), 40 + self.number % 40).convert("RGB")
        content = BytesIO()
        picture.save(content, "JPEG", quality=90)
        path = f"/cases/{self.case_id}/photo"
        return self._upload(self.reception, path, "photo", content.getvalue(), source="camera")

    def register(self) -> tuple[bool, str]:
        """A new applicant at the reception."""
        self.number += 1
        data = {**TYPED, "family_name": f"Drill{_to_letters(self.number)}", "given_names": _to_letters(self.number * 7),
                "document-number": f"D{self.number:07}", "birth_date-day": str(self.number % 28 + 1),
                "birth_date-year": str(1940 + self.number % 60)}  # or two whose names sound alike would be one person
        token, words = self._find_token(self.reception, "/applicants/new")
        if not token:
            return False, words
        answer = self.installation.visit(self.reception, "/applicants/new", {**data, "csrf_token": token})
        return answer.status == 302, _say(answer)

    def send_film(self) -> tuple[bool, str]:
        """A chest film."""
        self.number += 1
        return self._upload(self.radiographer, f"/cases/{self.case_id}/films", "films", make_film(number=self.number))

    def sign(self) -> tuple[bool, str]:
        """The physician's signature."""
        page = self.installation.visit(self.physician, f"/cases/{self.to_sign}/sign")
        version = re.search(r'name="case_version" value="(\d+)"', page.text)
        token = TOKEN.search(page.text)
        if version is None or token is None:
            return False, _say(page)
        answer = self.installation.visit(self.physician, f"/cases/{self.to_sign}/sign", {
            "kind": "accepted", "declared": "yes", "password": PASSWORD, "case_version": version[1],
            "csrf_token": token[1]})
        return answer.status == 302, _say(answer)

    def send_message(self) -> tuple[bool, str]:
        """An authority's later word, which it keeps until we have acknowledged it."""
        self.number += 1
        message = (f"MSH|^~\\&|SANDBOX|UK|CLEARWAY|NBO|20261120120000+0000||ACK^R01^ACK|D{self.number:08}|P|2.5.1|||"
                   f"AL|NE\rMSA|AA|NONE{self.number}\r").encode()
        answer = self.installation.send_hl7(message)
        return answer is not None and b"MSA|CA" in answer, "acknowledged" if answer else "not acknowledged"

    def look(self) -> tuple[bool, str]:
        """A look at the case, which is written down before the page leaves."""
        answer = self.installation.visit(self.reception, f"/cases/{self.case_id}")
        return answer.status == 200, _say(answer)

    def count_kept(self) -> dict[str, int]:
        """How many of each are in the database."""
        with look_inside(self.app):
            set_mode("read")
            tables = {"photo": Photo, "registration": Applicant, "film": Film, "message over MLLP": InboundMessage,
                      "signature": SignedExam}
            found = {name: int(db.session.execute(select(func.count()).select_from(table)).scalar_one())
                     for name, table in tables.items()}
            with audit_engine().connect() as audit:
                found["look at a case"] = audit.execute(
                    select(func.count()).select_from(audit_read).where(audit_read.c.action == "read")).scalar_one()
        return found

    def name_authority(self, endpoint: str) -> None:
        """Where the case's exam is sent."""
        with look_inside(self.app), write_unit() as session:
            case = session.get_one(Case, self.case_id)
            session.get_one(Authority, case.authority_id).endpoint = endpoint

    def _upload(self, person: Person, path: str, field: str, content: bytes, **rest: str) -> tuple[bool, str]:
        token, words = self._find_token(person, path)
        if not token:
            return False, words
        file = FileStorage(BytesIO(content), "file", field)
        boundary, body = encode_multipart(MultiDict([(field, file), ("csrf_token", token), *rest.items()]))
        answer = self.installation.visit(person, path, body=(body, f"multipart/form-data; boundary={boundary}"))
        return answer.status in (200, 302) and "disk is full" not in answer.text, _say(answer)

    def _find_token(self, person: Person, path: str) -> tuple[str, str]:
        if path in self._tokens:
            return self._tokens[path], ""
        page = self.installation.visit(person, path)
        found = TOKEN.search(page.text) if page.status == 200 else None
        if found:
            self._tokens[path] = found[1]
        return found[1] if found else "", _say(page)


def _say(answer: Answer) -> str:
    words = answer.say()
    if not words and "disk is full" in answer.text:
        words = "The disk is full, so nothing was saved. (beside the file)"
    return f"{answer.status} {words}".strip()


def _to_letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number)).capitalize()
