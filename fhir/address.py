"""The addresses by which our own definitions and identifier namespaces are known, under the setting CANONICAL_BASE."""

from __future__ import annotations

from flask import current_app, has_app_context

from clinic.config import Settings, get_settings


def canonical(path: str) -> str:
    """The canonical address of one of our definitions, e.g. `CodeSystem/us-tb-class`."""
    base = get_settings(current_app).canonical_base if has_app_context() else Settings.canonical_base
    return base.rstrip("/") + "/" + path


def identifier_system(name: str) -> str:
    """The namespace of identifiers that we hand out or pass on, e.g. `site`."""
    return canonical(f"sid/{name}")
