"""Finds the module that speaks to somebody else: a module is an interface, its name is its registration."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from types import ModuleType

from clinic.errors import Misconfigured

NAME = re.compile(r"[a-z][a-z0-9_]*")


def load(kind: str, name: str) -> ModuleType:
    """The module `integrations/<kind>/<name>.py`; `kind` is `authorities`, later `labs`.

    Raises Misconfigured when there is none; the sentence lists those that exist.
    """
    known = list_names(kind)
    if not NAME.fullmatch(name) or name not in known:
        raise Misconfigured(
            f'There is no way of sending called "{name}". Set it to one of: {", ".join(known)}.',
            kind=kind,
            name=name,
        )
    return import_module(f"integrations.{kind}.{name}")


def list_names(kind: str) -> list[str]:
    """The names that `load` knows for `kind`."""
    package = import_module(f"integrations.{kind}")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))
