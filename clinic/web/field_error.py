"""Errors of a schema by field name, so that a field and the summary above it say the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FORM_ERRORS = ("_schema", None)  # where marshmallow, and WTForms, put what concerns no single field


def list_errors(errors: Mapping[Any, Any] | None) -> list[tuple[str, str]]:
    """(field name, sentence) in order; a nested field is named by its path: `documents-0-number`."""
    return list(_walk(errors or {}, ()))


def find_error(errors: Mapping[Any, Any] | None, name: str) -> str | None:
    """The sentences for one field, joined; None when it has none."""
    found = [sentence for field, sentence in list_errors(errors) if field == name]
    return " ".join(found) or None


def _walk(errors: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(errors, Mapping):
        for key, inner in errors.items():
            yield from _walk(inner, path if key in FORM_ERRORS else (*path, str(key)))
    elif isinstance(errors, list | tuple):
        for inner in errors:
            yield from _walk(inner, path)
    elif errors:
        yield "-".join(path), str(errors)
