"""Building the signed document and the HL7 v2 message of one full exam, beside validating that Bundle alone."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from bench.measure import Figure, side_by_side
from clinic import migration
from clinic.config import Settings
from clinic.db import write_unit
from clinic.key import new_id
from fhir.document import build_document
from fhir.encoder import decode
from fhir.validation import validate
from integrations.hl7 import lint
from integrations.hl7.exam import compose_exam
from tests.fhir import sample
from tests.fhir.test_document import build_order
from tests.integrations.hl7.test_exam import ENVELOPE, Envelope
from wsgi import create_app


def run(_database: str, _full: bool = False) -> list[Figure]:
    """Rates of each step for the sample with an infiltrate, sputa, corrections and treatments."""
    with tempfile.TemporaryDirectory(prefix="clearway-bench-") as folder:
        app = create_app(Settings(var_dir=Path(folder), secret_key="bench"))
        with app.app_context():
            migration.upgrade()
            with write_unit():
                order = build_order(sample.make_infiltrate())
                built = build_document(order)
                bundle, envelope = decode(built.body), Envelope(**ENVELOPE)  # type: ignore[arg-type]
                text = compose_exam(built.body, envelope)
                return side_by_side({
                    "validate the Bundle": lambda: validate(bundle),
                    "build and validate": lambda: build_document(replace(order, bundle_id=new_id())),
                    "compose HL7 v2": lambda: compose_exam(built.body, envelope),
                    "lint HL7 v2": lambda: lint.check(text),
                }, "validate the Bundle")  # fmt: skip
