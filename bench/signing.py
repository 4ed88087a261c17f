"""Signing as a physician signs: both halves of the clinic's own service, beside validating that exam's Bundle alone."""

from __future__ import annotations

import gzip
import statistics
import time

from bench.measure import ROUNDS, Figure, to_figure
from bench.place import make_settings, open_app
from clinic.db import db, read_unit, write_unit
from clinic.models import Answer, Case, Circumstance, ConclusionKind, SignedExam
from clinic.rules import list_circumstances
from clinic.services.conclusion import ConclusionInput
from clinic.services.signing import commit_signature, prepare_signature
from fhir.encoder import decode
from fhir.validation import validate
from tests.factory import make_user
from tests.fhir import sample

SIGNED = 3  # exams a round
VALIDATED = 5  # times for each
ALONE = "validating the Bundle alone"


def run(database: str, _full: bool = False) -> list[Figure]:
    """Exams a second of each part, and the median time of a whole signature in validations."""
    with make_settings(database) as settings, open_app(settings):
        cases = _make_cases(SIGNED * ROUNDS + 1)
        _sign(*cases.pop())  # imports, fonts, keys
        alone: list[float] = []
        committed: list[float] = []
        whole: list[float] = []
        for _ in range(ROUNDS):
            parts = [_sign(*cases.pop()) for _ in range(SIGNED)]
            validation, commit, both = (statistics.median(part[n] for part in parts) for n in range(3))
            alone.append(1 / validation)
            committed.append(1 / (commit + validation))
            whole.append(both)
    lasted = to_figure("whole signing", [seconds * 1000 for seconds in whole], [1000 / each for each in alone], "ms",
                       ALONE, "G2b")
    return [to_figure(ALONE, alone, None),
            to_figure("commit half and validating", committed, alone, "/s", ALONE, "G2"), lasted]


def _sign(case_id: str, version: int, physician_id: str) -> tuple[float, float, float]:
    """Seconds that validating the Bundle takes, the commit half, and both halves together."""
    start = time.perf_counter()
    prepared = prepare_signature(case_id, version, physician_id, ConclusionInput(ConclusionKind.ACCEPTED))
    between = time.perf_counter()
    exam_id = commit_signature(prepared)
    end = time.perf_counter()
    with read_unit() as session:
        bundle = decode(gzip.decompress(session.get_one(SignedExam, exam_id).document))
    db.session.remove()
    began = time.perf_counter()
    for _ in range(VALIDATED):
        validate(bundle)
    return (time.perf_counter() - began) / VALIDATED, end - between, end - start


def _make_cases(number: int) -> list[tuple[str, int, str]]:
    made = []
    for _ in range(number):
        with write_unit() as session:
            case = sample.make_clean_adult()
            for item in list_circumstances(case.programme, case.category):
                case.circumstances.append(Circumstance(
                    word=item.word, answer=Answer.NO, answered_at=sample.MOMENT, answered_by_id=case.opened_by_id))
            physician = make_user("physician", case.site)
            session.flush()
            keys = case.id, physician.id
        with read_unit() as session:
            made.append((keys[0], session.get_one(Case, keys[0]).version, keys[1]))
        db.session.remove()
    return made
