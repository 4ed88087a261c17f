"""Rules about the code itself, held over its syntax trees (architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("clinic", "fhir", "integrations")
LONGEST = 500  # lines of a file; hardly any is over 400
# Which of our packages each may import: clinic knows nobody, fhir knows clinic, integrations knows both.
MAY_IMPORT = {"clinic": {"clinic"}, "fhir": {"clinic", "fhir"}, "integrations": set(PACKAGES)}
# The library shares the name of our package; only its R4B models are used (architecture.md, "The name fhir").
LIBRARY = ("fhir.resources",)
# Migrations are one line for the tables of all packages; the journey builds a whole clinic of its own to travel in.
EXCEPTIONS = {("clinic/migrations/env.py", "fhir.table"), ("integrations/journey.py", "wsgi")}
CLOCK_READERS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
                 ("time", "time"), ("time", "time_ns")}
BULK = {"update", "delete"}


def _files(*packages: str) -> list[Path]:
    found = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in found if "migrations/versions" not in path.as_posix()]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_whom_they_may_know(package: str) -> None:
    wrong = []
    for path in _files(package):
        for module, line in _imports(ast.parse(path.read_text(encoding="utf-8"))):
            if (_name(path), module) in EXCEPTIONS:
                continue
            first = module.split(".")[0]
            is_library = module.startswith(LIBRARY)
            if first in PACKAGES and first not in MAY_IMPORT[package] and not is_library:
                wrong.append(f"{_name(path)}:{line} imports {module}")
            if first == "wsgi" and not _is_entry(path):
                wrong.append(f"{_name(path)}:{line} imports {module}")
    assert wrong == []


def _is_entry(path: Path) -> bool:
    """Whether the file is started as a process of its own, and so builds the whole application."""
    return '__name__ == "__main__"' in path.read_text(encoding="utf-8")


def test_only_the_r4b_models_of_the_library_are_used() -> None:
    for path in _files(*PACKAGES):
        for module, line in _imports(ast.parse(path.read_text(encoding="utf-8"))):
            if module.startswith("fhir.resources"):
                assert module.startswith("fhir.resources.R4B") or module == "fhir.resources", f"{_name(path)}:{line}"


def test_only_the_clock_reads_the_clock() -> None:
    found = []
    for path in _files(*PACKAGES):
        if _name(path) == "clinic/clock.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and (node.func.value.id, node.func.attr) in CLOCK_READERS):
                found.append(f"{_name(path)}:{node.lineno} {node.func.value.id}.{node.func.attr}()")
    assert found == []


def test_every_module_opens_with_a_sentence() -> None:
    silent = [_name(path) for path in _files(*PACKAGES)
              if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_files_stay_readable() -> None:
    long = {_name(path): lines for path in _files(*PACKAGES)
            if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST}
    assert long == {}


def test_no_projected_table_is_changed_in_bulk() -> None:
    from clinic.db import Base

    import clinic.models  # noqa: F401  isort: skip

    projected = {mapper.class_.__name__ for mapper in Base.registry.mappers
                 if getattr(mapper.class_, "__projected__", False)}
    assert projected, "nothing is projected: the test looks at nothing"
    found = []
    for path in _files(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BULK and node.args
                    and isinstance(node.args[0], ast.Name) and node.args[0].id in projected):
                found.append(f"{_name(path)}:{node.lineno} {node.func.id}({node.args[0].id})")
    assert found == []
