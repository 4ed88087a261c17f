"""FHIR and its token endpoint: two authorities, each asking for its own and the other's, right and wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from flask.testing import FlaskClient
from sqlalchemy import delete

from clinic.audit import audit_engine
from clinic.limit import attempt_count
from fhir.parameter import AUDIT_KIND, AUDIT_PARAMETERS, PARAMETERS
from tests.fhir_api.machine import ALL, ASSERTION_TYPE, Machine
from tests.fhir_api.test_signed_isolation import Side, build_sides, check_answer, draw_id, draw_search
from tests.fuzz.harness import Door, Finding, check_text
from tests.fuzz.hostile import MARK, PLAIN, draw_text, mutate_text
from tests.fuzz.world import World, ticking

KINDS = (*PARAMETERS, AUDIT_KIND)
CONTROLS = (
    "_count",
    "_sort",
    "_summary",
    "_elements",
    "_total",
    "_include",
    "_revinclude",
    "_lastUpdated",
    "_id",
    "_format",
    "_security",
    "_tag",
    "_has",
    "_since",
    "_type",
    "_cursor",
    "_page",
    "_filter",
    "_text",
    "_query",
)
MODIFIERS = (
    "",
    "",
    ":not",
    ":exact",
    ":contains",
    ":missing",
    ":above",
    ":text",
    ":identifier",
    ":Patient",
    ":x",
    ":iterate",
    ".a",
)
ACCEPTS = (
    "application/fhir+json",
    "application/fhir+json; fhirVersion=4.0",
    "application/fhir+json; fhirVersion=5.0",
    "*/*",
    "text/html",
    "application/pdf",
    "application/fhir+xml",
    "json",
    "a/b;q=x",
    ";;;,,,",
    "application/json+fhir",
)
ENDINGS = ("", "/_history", "/_history/1", "/$everything", "/$document", "/$nope", "/_history/x", "/../Patient", "/")
ALGORITHMS = ("none", "HS256", "HS384", "RS384", "ES384", "ES256", "")


class Question(NamedTuple):
    """One request; `side` is which of the two asks."""

    side: int
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    form: list[tuple[str, str]]


class ResourceDoor(Door):
    """Never 5xx, always an OperationOutcome, and nothing of the other authority in any byte."""

    name, count = "fhir", 500
    least = frozenset({"200", "400", "401", "404", "406", "token 400"})
    on_database = True

    @contextmanager
    def opened(self) -> Iterator[None]:
        with ticking():
            self.world = World(self.folder, self.database_url)
            self.world.build(lambda: self._make())
            self.http = FlaskClient(self.world.app, self.world.app.response_class)
            try:
                yield
            finally:
                self.world.close()

    def _make(self) -> None:
        self.sides: list[Side] = build_sides(self.world.app)

    def draw(self, chance: Random, number: int) -> Any:
        side = number % 2
        if number % 6 == 0:
            return self._draw_token(chance, side)
        kind = chance.choice(KINDS) if chance.random() < 0.95 else draw_text(chance, True)
        query = draw_search(chance, kind, self.sides) if kind in KINDS else []
        for _ in range(chance.choice((0, 1, 1, 2))):
            query = self._spoil(chance, kind, query)
        headers = [("Authorization", f"Bearer {self.sides[side].machine.token}")]
        if chance.random() < 0.3:
            headers.append(
                chance.choice(
                    [
                        ("Accept", chance.choice(ACCEPTS)),
                        ("If-None-Match", chance.choice(('W/"1"', "*", '"', 'W/"', "x"))),
                        ("If-Modified-Since", draw_text(chance, True)),
                        ("Prefer", chance.choice(("handling=strict", "x=;;"))),
                        ("Content-Encoding", "gzip"),
                        ("Range", "bytes=0-10"),
                        ("X-Forwarded-Host", f"{MARK}.example"),
                        ("Host", f"{MARK}.example"),
                        ("Accept-Language", "\\x00"),
                        ("X-HTTP-Method-Override", "DELETE"),
                    ]
                )
            )
        if chance.random() < 0.06:
            headers[0] = (
                "Authorization",
                chance.choice(("", "Bearer", "Bearer x", "Basic eDp5", mutate_text(chance, headers[0][1]))),
            )
        headers = [(name, _header(value)) for name, value in headers]
        match chance.randrange(8):
            case 0 | 1:
                some = (
                    draw_id(chance, kind, self.sides)
                    if kind in KINDS and chance.random() < 0.8
                    else draw_text(chance, True)
                )
                return Question(side, "GET", f"/fhir/{kind}/{some}{chance.choice(ENDINGS)}", query[:1], headers, [])
            case 2:
                return Question(side, "POST", f"/fhir/{kind}/_search", [], headers, query)
            case 3 if chance.random() < 0.3:
                method = chance.choice(("PUT", "DELETE", "PATCH", "POST", "HEAD", "OPTIONS", "TRACE"))
                return Question(side, method, f"/fhir/{kind}", query, headers, [])
            case _:
                return Question(side, "GET", f"/fhir/{kind}", query, headers, [])

    def _spoil(self, chance: Random, kind: str, query: list[tuple[str, str]]) -> list[tuple[str, str]]:
        known = AUDIT_PARAMETERS if kind == AUDIT_KIND else PARAMETERS.get(kind, ())
        names = [*CONTROLS, *(parameter.name for parameter in known)] * 2 + [draw_text(chance)]
        match chance.randrange(4):
            case 0 if query:
                place = chance.randrange(len(query))
                name, value = query[place]
                return [
                    *query[:place],
                    (name + chance.choice(MODIFIERS), mutate_text(chance, value)),
                    *query[place + 1 :],
                ]
            case 1 if query:
                return query * chance.choice((2, 3))
            case _:
                value = chance.choice(("", "ge", "ap", "a|", "|", "|a", "a,b,,c", "\\", "\\,", "a$b")) + draw_text(
                    chance
                )
                return [*query, (chance.choice(names) + chance.choice(MODIFIERS), value)]

    def _draw_token(self, chance: Random, side: int) -> Question:
        machine: Machine = self.sides[side].machine
        claims, header = machine.claims(), {}
        for _ in range(chance.choice((0, 1, 1, 2))):
            claims[chance.choice(("iss", "sub", "aud", "exp", "jti", "nbf", "iat"))] = chance.choice(
                (*PLAIN, draw_text(chance, True), [machine.id], -1e300, 10**400 if chance.random() < 0.1 else 5)
            )
        if chance.random() < 0.3:
            header = {
                chance.choice(("kid", "typ", "jku", "x5u", "crit", "b64", "cty")): chance.choice(
                    (*PLAIN, draw_text(chance, True), f"https://{MARK}.example/keys")
                )
            }
        try:
            assertion = machine.sign(claims, **header)
        except Exception:  # the library will not write it, so write it unsigned
            assertion = "e30." + draw_text(chance, True) + "."
        if chance.random() < 0.25:
            assertion = mutate_text(chance, assertion)
        if chance.random() < 0.02:  # deeper than any reader goes
            parts = assertion.split(".")
            parts[chance.randrange(2) % len(parts)] = "W1tb" * 1_500
            assertion = ".".join(parts)
        form = [
            ("grant_type", "client_credentials"),
            ("scope", ALL),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ]
        if chance.random() < 0.3:
            place = chance.randrange(len(form))
            form[place] = (form[place][0], chance.choice((draw_text(chance), mutate_text(chance, form[place][1]))))
        return Question(side, "POST", "/oauth/token", [], [], form)

    def ask(self, given: Any) -> str:
        if given.path == "/oauth/token":
            self._forgive()
        options: dict[str, Any] = {
            "headers": given.headers,
            "method": given.method,
            "query_string": _encode(given.query),
        }
        if given.method == "POST":
            options |= {"data": _encode(given.form), "content_type": "application/x-www-form-urlencoded"}
        answer = self.http.open(quote(given.path, safe="/$%:~"), **options)
        what = f"{given.method} {given.path[:100]}"
        if answer.status_code >= 500:
            raise Finding(f"{what}: {answer.status_code} {answer.text[:300]}")
        told = [value for name, value in answer.headers if name in ("Location", "Content-Location")]
        if any(MARK in urlsplit(value).netloc for value in told) or f"X-{MARK}" in answer.headers:
            raise Finding(f"{what}: a stranger's address in a header")
        if given.path == "/oauth/token":
            return self._check_token(given, answer)
        if given.method != "HEAD" and answer.status_code >= 400:
            if answer.json is None or answer.json.get("resourceType") != "OperationOutcome":
                raise Finding(f"{what}: {answer.status_code} without an OperationOutcome")
            if answer.mimetype != "application/fhir+json":
                raise Finding(f"{what}: an error as {answer.mimetype}")
        if answer.mimetype != "application/pdf":
            check_text(answer.text, what)
        if given.method in ("GET", "POST") and answer.status_code not in (308, 405):
            side, other = self.sides if given.side == 0 else self.sides[::-1]
            try:
                check_answer(answer, side, other, Counter())
            except AssertionError as leak:
                raise Finding(f"{what}: {leak}") from None
        return str(answer.status_code)

    def _forgive(self) -> None:
        """Whoever guessed wrongly before need not wait, or most questions would be answered with that alone."""
        with self.world.app.app_context(), audit_engine().begin() as connection:
            connection.execute(delete(attempt_count))

    def _check_token(self, given: Question, answer: Any) -> str:
        told = json.loads(answer.data)
        if answer.status_code == 200:
            if not told.get("access_token") or answer.headers.get("Cache-Control") != "no-store":
                raise Finding("a token that may be kept")
        elif not isinstance(told.get("error"), str):
            raise Finding(f"token {answer.status_code}: {told}")
        check_text(answer.text, "token")
        return f"token {answer.status_code}"


def _encode(pairs: list[tuple[str, str]]) -> str:
    return urlencode(
        [(name.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass")) for name, value in pairs]
    )


def _header(value: str) -> str:
    """What can stand in a header at all."""
    return value.encode("latin-1", "replace").decode("latin-1").replace("\r", " ").replace("\n", " ")
