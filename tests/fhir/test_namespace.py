"""Our package `fhir` and the library's of the same name live side by side, and only R4B of the library is used."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys

from clinic.config import ROOT

_PACKAGES = ("clinic", "fhir", "integrations", "tests", "bench")


def test_our_modules_and_the_library_import_together() -> None:
    ours = importlib.import_module("fhir.encoder")
    theirs = importlib.import_module("fhir.resources.R4B")
    assert str(ROOT) in str(ours.__file__) and str(ROOT / "fhir") not in str(theirs.__file__)


def test_init_holds_nothing_but_the_extended_path() -> None:
    body = ast.parse((ROOT / "fhir" / "__init__.py").read_text()).body
    assert [type(node).__name__ for node in body] == ["Expr", "Import", "Assign"]
    assert ast.unparse(body[2]) == "__path__ = pkgutil.extend_path(__path__, __name__)"
    assert not (ROOT / "fhir" / "resources").exists() and not (ROOT / "fhir" / "resources.py").exists()


def test_fresh_interpreter_in_the_project_finds_both() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import fhir.encoder, fhir.resources.R4B.patient"], cwd=ROOT, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_only_r4b_of_the_library_is_imported() -> None:
    strays = []
    for package in _PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module]
                strays += [(path.name, name) for name in names
                           if name.startswith("fhir.resources") and not name.startswith("fhir.resources.R4B")]
    assert strays == []
