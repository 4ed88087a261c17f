"""An authority pulls signed documents, token checked and disclosure written, beside the same bytes as static files."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import secrets
import urllib.parse
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from sqlalchemy import insert

from bench.measure import ROUNDS, Figure, rate, to_figure
from bench.place import DATABASES, make_settings, open_app
from bench.population import START, load_population
from bench.server import Server, serve
from clinic import clock
from clinic.audit import record_read
from clinic.config import Settings
from clinic.db import db, write_unit
from clinic.models import Conclusion, SignedExam
from clinic.services.authority_client import add_client

DOCUMENTS = 200
SECONDS = 1.0
BASELINE = "static file (Flask send_file)"
AUDIT_ROW = "durable audit row alone"
CLIENT = "bench-client"
VIEW = "X-Bench-View: 1\r\n"
# name: address, status, headers, goal
SUBJECTS = {
    BASELINE: ("/bench-file/{n}.json", 200, "", ""),
    "view, plain": ("/fhir/Bundle/{id}", 200, VIEW, "G1"),
    "view, gzip as stored": ("/fhir/Bundle/{id}", 200, VIEW + "Accept-Encoding: gzip\r\n", ""),
    "fast path, plain": ("/fhir/Bundle/{id}", 200, "", "G1b"),
    "fast path, gzip as stored": ("/fhir/Bundle/{id}", 200, "Accept-Encoding: gzip\r\n", ""),
    "fast path, unchanged (304)": ("/fhir/Bundle/{id}", 304, 'If-None-Match: W/"1"\r\n', ""),
}
_views: dict[str, float] = {}  # by database: the view's ratio, for G1e


def run(database: str, _full: bool = False) -> list[Figure]:
    """Pulls a second, and their ratio to the static file in the same round."""
    with make_settings(database) as settings, open_app(settings):
        key = _prepare(settings)
        with serve(settings) as server:
            return _measure(server, _fetch_token(key, settings.base_url), database)


def _measure(server: Server, token: str, database: str) -> list[Figure]:
    """The last figure is the price of durability on this disk: no pull can be faster, since each writes such a row."""
    rates: dict[str, list[float]] = {name: [] for name in (*SUBJECTS, AUDIT_ROW)}
    costs: dict[str, list[float]] = {name: [] for name in rates}
    for turn in range(ROUNDS + 1):  # the first round warms up and is not counted
        for name, (path, status, header, _goal) in SUBJECTS.items():
            requests = [_request(path, n, token, header) for n in range(DOCUMENTS)]
            measured, cost = server.drive(requests, status, SECONDS if turn else 0.3)
            if turn:
                rates[name].append(measured)
                costs[name].append(cost)
        if turn:
            rates[AUDIT_ROW].append(rate(_record_one, SECONDS / 2))
    goals = {name: goal for name, (*_rest, goal) in SUBJECTS.items()}
    figures = [to_figure(name, values, rates[BASELINE] if name != BASELINE else None, "/s", BASELINE,
                         goals.get(name, ""), costs[name] or None) for name, values in rates.items()]
    return figures + _compare_databases(figures, database)


def _compare_databases(figures: list[Figure], database: str) -> list[Figure]:
    view = next(figure for figure in figures if figure.goal == "G1")
    _views[database] = view.ratio or 0.0
    if set(_views) != set(DATABASES):
        return []
    return [Figure("view, this database : SQLite", view.value, "/s", _views["postgresql"] / _views["sqlite"], None,
                   "the same on SQLite", "G1e")]


def _record_one() -> None:
    record_read("client", CLIENT, "document", "Bundle", _exam_id(0), case_id="c", authority_id="us")


def _request(path: str, n: int, token: str, header: str) -> bytes:
    address = path.format(n=n, id=_exam_id(n))
    return (f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n"
            f"Authorization: Bearer {token}\r\n{header}\r\n").encode()


def _prepare(settings: Settings) -> dict[str, str]:
    """A database with signed documents, the same bytes as files, and a registered client; returns its private key."""
    load_population(DOCUMENTS)
    files = settings.var_dir / "bench-file"
    files.mkdir()
    key = {**ECAlgorithm(ECAlgorithm.SHA384).to_jwk(ec.generate_private_key(ec.SECP384R1()), as_dict=True),
           "kid": "bench"}
    with write_unit() as session:
        for n in range(DOCUMENTS):
            body = _build_document(n)
            (files / f"{n}.json").write_bytes(body)
            session.execute(insert(Conclusion.__table__), _conclusion(n))
            session.execute(insert(SignedExam.__table__), _exam(n, body))
        public = {name: value for name, value in key.items() if name != "d"}
        add_client("us", json.dumps({"keys": [public]}), client_id=CLIENT)
    db.session.remove()
    db.engine.dispose()
    return key


def _build_document(n: int) -> bytes:
    """About 60 kB in 40 entries, as a US immigrant's exam is."""
    noise = hashlib.shake_256(str(n).encode())
    entries = [
        {"fullUrl": f"http://127.0.0.1/fhir/Observation/{n}-{k}", "resource": {
            "resourceType": "Observation", "id": f"{n}-{k}", "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": f"{10000 + k}-1"}]},
            "text": {"status": "generated", "div": noise.hexdigest(560)}, "valueString": f"value {k}",
        }} for k in range(40)
    ]  # fmt: skip
    return json.dumps({"resourceType": "Bundle", "id": _exam_id(n), "type": "document", "entry": entries}).encode()


def _exam_id(n: int) -> str:
    return f"e{n:035}"


def _conclusion(n: int) -> dict[str, object]:
    return {"id": f"d{n:035}", "case_id": f"c{n:035}", "case_version": 1, "edition": "us", "facts": {}, "decision": {},
            "kind": "accepted", "conclusion": {}, "reason": "", "decided_at": START, "decided_by_id": "bench-user"}


def _exam(n: int, body: bytes) -> dict[str, object]:
    return {"id": _exam_id(n), "case_id": f"c{n:035}", "authority_id": "us", "conclusion_id": f"d{n:035}", "version": 1,
            "document": gzip.compress(body, 6, mtime=0), "size": len(body), "jws": "bench",
            "sha256": hashlib.sha256(body).hexdigest(), "signed_at": START + dt.timedelta(minutes=n),
            "signed_by_id": "bench-user"}


def _fetch_token(key: dict[str, str], base: str) -> str:
    now = int(clock.now().timestamp())
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": f"{base}/oauth/token", "exp": now + 240, "jti": secrets.token_hex()}
    form = {
        "grant_type": "client_credentials", "scope": "system/*.rs",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, jwt.PyJWK(key, algorithm="ES384").key, algorithm="ES384",
                                       headers={"kid": key["kid"]}),
    }
    with urllib.request.urlopen(f"{base}/oauth/token", urllib.parse.urlencode(form).encode(), timeout=30) as answer:
        return str(json.load(answer)["access_token"])
