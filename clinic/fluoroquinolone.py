"""Fluoroquinolones in what people write: they hide tuberculosis while it is being looked for (us-addendum.md C6)."""

from __future__ import annotations

import re

# The group by its stem, and trade names that do not carry it.
_NAMES = re.compile(
    r"\b(\w*floxacin\w*|fluoro?quinolones?|quinolones?|cipro|ciproxin|cipro?bay|levaquin|tavanic|avelox|avalox|"
    r"tarivid|noroxin|factive)\b", re.IGNORECASE)


def find_fluoroquinolone(text: str) -> str | None:
    """The first word of a text that names one, as written; None without any."""
    found = _NAMES.search(text)
    return found.group() if found else None
