"""An authority pulls signed documents, token checked and disclosure written, beside the same bytes as static files."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from sqlalchemy import insert

from bench.load import drive
from bench.measure import Figure, rate
from bench.population import START, load_population
from clinic import clock, migration
from clinic.audit import audit_engine, record_read
from clinic.config import Settings
from clinic.db import db, write_unit
from clinic.models import Conclusion, SignedExam
from clinic.services.authority_client import add_client
from wsgi import create_app

DOCUMENTS = 200
ROUNDS, SECONDS = 5, 1.0
ROOT = Path(__file__).resolve().parent.parent
BASELINE = "static file (Flask send_file)"
AUDIT_ROW = "durable audit row alone"
CLIENT = "bench-client"


def run(_full: bool = False) -> list[Figure]:
    """Pulls a second, and their ratio to the static file in the same round."""
    port = _find_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(var_dir=Path(folder), secret_key=secrets.token_hex(), log_level="ERROR",
                            base_url=f"http://127.0.0.1:{port}")
        app = create_app(settings)
        with app.app_context():
            key = _prepare(settings)
            with _serve(settings, port):
                figures = _measure(port, key, settings.base_url)
            audit_engine().dispose()
        return figures


def _measure(port: int, key: dict[str, str], base: str) -> list[Figure]:
    """The last figure is the price of durability on this disk: no pull can be faster, since each writes such a row."""
    subjects = {
        BASELINE: ("/bench-file/{n}.json", 200, ""),
        "document pull, plain": ("/fhir/Bundle/{id}", 200, ""),
        "document pull, gzip as stored": ("/fhir/Bundle/{id}", 200, "Accept-Encoding: gzip\r\n"),
        "document unchanged (304)": ("/fhir/Bundle/{id}", 304, 'If-None-Match: W/"1"\r\n'),
    }
    token = _fetch_token(key, base)
    rates: dict[str, list[float]] = {name: [] for name in (*subjects, AUDIT_ROW)}
    for turn in range(ROUNDS + 1):  # the first round warms up and is not counted
        for name, (path, status, header) in subjects.items():
            requests = [_request(path, n, token, header) for n in range(DOCUMENTS)]
            measured = drive(port, requests, status, SECONDS if turn else 0.3)
            if turn:
                rates[name].append(measured)
        if turn:
            rates[AUDIT_ROW].append(rate(_record_one, SECONDS / 2))
    return [_to_figure(name, values, rates[BASELINE]) for name, values in rates.items()]


def _record_one() -> None:
    record_read("client", CLIENT, "document", "Bundle", _exam_id(0), case_id="c", authority_id="us")


def _to_figure(name: str, values: list[float], baseline: list[float]) -> Figure:
    if values is baseline:
        return Figure(name, statistics.median(values), "/s")
    ratios = [a / b for a, b in zip(values, baseline, strict=True)]
    spread = (min(ratios), max(ratios))
    return Figure(name, statistics.median(values), "/s", statistics.median(ratios), spread, BASELINE)


def _request(path: str, n: int, token: str, header: str) -> bytes:
    address = path.format(n=n, id=_exam_id(n))
    return (f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n"
            f"Authorization: Bearer {token}\r\n{header}\r\n").encode()


def _prepare(settings: Settings) -> dict[str, str]:
    """A database with signed documents, the same bytes as files, and a registered client; returns its private key."""
    migration.upgrade()
    with write_unit():
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


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serve(settings: Settings, port: int) -> Iterator[None]:
    """One worker of the server that an installation runs, in a process of its own."""
    environ = os.environ | {
        "CLEARWAY_VAR_DIR": str(settings.var_dir), "CLEARWAY_SECRET_KEY": settings.secret_key,
        "CLEARWAY_BASE_URL": settings.base_url, "CLEARWAY_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1",
               "--port", str(port), "--workers", "1", "--blocking-threads", "1", "--log-level", "error",
               "bench.document_server:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ)
    try:
        _wait_until_live(settings.base_url)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_live(base: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{base}/healthz", timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    for figure in run():
        print(figure)
