"""SMART scopes, version 2, for machine clients: which resource types may be read (r) and searched (s)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fhir.parameter import OFFERED_KINDS

# Only what we can grant: reading and searching. A wish for more letters is granted down to these.
_GRANTABLE = "rs"
_SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]+)\.(c?r?u?d?s?)")


@dataclass(frozen=True)
class Grant:
    """What a token allows: pairs of resource type (`*` for all) and letter."""

    pairs: frozenset[tuple[str, str]]

    def allows(self, kind: str, letter: str) -> bool:
        """Whether `kind` may be read (`r`) or searched (`s`)."""
        return (kind, letter) in self.pairs or ("*", letter) in self.pairs

    def __str__(self) -> str:
        """The scope string, always in the same order; empty when nothing is granted."""
        kinds = sorted({kind for kind, _ in self.pairs})
        return " ".join(
            f"system/{kind}.{''.join(letter for letter in _GRANTABLE if (kind, letter) in self.pairs)}"
            for kind in kinds
        )


def parse_scopes(text: str) -> Grant:
    """Read a space separated list; a scope we do not know, or with a query part, counts as not asked for."""
    pairs = set()
    for scope in text.split():
        found = _SCOPE.fullmatch(scope)
        if found and (found[1] == "*" or found[1] in OFFERED_KINDS):
            pairs |= {(found[1], letter) for letter in found[2] if letter in _GRANTABLE}
    return Grant(frozenset(pairs))


def intersect(asked: Grant, allowed: Grant) -> Grant:
    """The most that was both asked for and allowed; a `*` on one side stands for every type of the other."""
    pairs = {pair for pair in asked.pairs if allowed.allows(*pair)}
    pairs |= {pair for pair in allowed.pairs if asked.allows(*pair)}
    return Grant(frozenset(pair for pair in pairs if pair[0] == "*" or ("*", pair[1]) not in pairs))


def is_scope(text: str) -> bool:
    """Whether one scope is of the form that a client may be registered with."""
    return bool(parse_scopes(text).pairs)
