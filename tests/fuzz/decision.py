"""The JSON API: facts that are nearly right, and whatever its own description allows (schemathesis)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import characters
from schemathesis.checks import CHECKS, load_all_checks

from clinic.api.description import EXAMPLE
from clinic.services.partner_laboratory import draw_token
from tests.factory import make_laboratory, make_user
from tests.fuzz.harness import Door, Finding, check_text
from tests.fuzz.hostile import mutate_bytes, mutate_json
from tests.fuzz.world import World, ticking
from tests.sign_in import sign_in

ADDRESS, EMAIL = "/api/v1/decisions", "fuzz@test.example"
BY_DESCRIPTION_EVERY = 20  # one input in so many is a handful of cases of schemathesis
CASES = 6
# `ignored_auth` asks again without the cookie, which the WSGI client keeps; tests/test_routes.py holds that.
LEFT_OUT = ("ignored_auth",)
# What a laboratory may write into each text is told in the documentation, longer than the description can.
LENIENT = {"/api/v1/laboratory-results": ("positive_data_acceptance",)}


class DecisionDoor(Door):
    """Every answer is one that the description promises; with the same facts, the same answer."""

    name, count, hang = "decisions", 160, 120.0  # the generator itself takes its time on a busy machine
    least = frozenset({"200", "207", "422", "described"})
    on_database = True

    @contextmanager
    def opened(self) -> Iterator[None]:
        characters(categories=("L",)).validate()  # the generator's table of letters: slow to make, where none was kept
        with ticking():
            world = World(self.folder, self.database_url)
            world.build(self._make)
            app = world.app
            app.config["WTF_CSRF_ENABLED"] = False
            with app.app_context():
                from clinic.db import db, set_mode
                from clinic.models import User

                set_mode("write")
                signed = sign_in(app, db.session.query(User).filter_by(email=EMAIL).one())
                self.cookie = signed.get_cookie(app.config["SESSION_COOKIE_NAME"])
                db.session.remove()
                set_mode("read")
            self.client = FlaskClient(app, app.response_class)
            self.client.set_cookie(self.cookie.key, self.cookie.value)
            load_all_checks()
            self.checks = dict(zip(CHECKS.get_all_names(), CHECKS.get_all(), strict=True))
            self.schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app)
            try:
                yield
            finally:
                world.close()

    def _make(self) -> None:
        make_user("physician", email=EMAIL)
        self.token = draw_token(make_laboratory())

    def draw(self, chance: Random, number: int) -> Any:
        if number % BY_DESCRIPTION_EVERY == 0:
            return number
        facts = EXAMPLE
        for _ in range(chance.choice((0, 1, 1, 2, 4))):
            facts = mutate_json(chance, facts)
        if chance.random() < 0.2:
            facts = [facts, EXAMPLE]
        content = json.dumps(facts).encode()
        if chance.random() < 0.02:
            return chance.choice((b"[", b'{"a":')) * 100_000  # deeper than any reader goes
        return mutate_bytes(chance, content) if chance.random() < 0.1 else content

    def ask(self, given: Any) -> str:
        if isinstance(given, int):
            self._ask_by_description(given)
            return "described"
        kind = "application/json"
        answers = [self.client.post(ADDRESS, data=given, content_type=kind) for _ in range(2)]
        status = answers[0].status_code
        if status not in (200, 207, 422) or answers[0].data != answers[1].data:
            raise Finding(f"{status}: {answers[0].text[:300]}")
        check_text(answers[0].text, ADDRESS)
        told = answers[0].get_json()
        if status == 422 and not told.get("error"):
            raise Finding("refused without a sentence")
        return str(status)

    def _ask_by_description(self, number: int) -> None:
        headers = {"Cookie": f"{self.cookie.key}={self.cookie.value}", "Authorization": f"Bearer {self.token}"}
        for result in self.schema.get_all_operations():
            operation = result.ok()
            lenient = (*LEFT_OUT, *LENIENT.get(operation.path, ()))
            self._try(operation, number, headers, [check for name, check in self.checks.items() if name not in lenient])

    def _try(self, operation: Any, number: int, headers: dict[str, str], checks: list[Any]) -> None:
        @seed(number)
        @settings(
            max_examples=CASES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def run(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=checks)

        run()
