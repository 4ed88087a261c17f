"""Every rule a clinical lead has yet to confirm is named in docs/clinical-open-points.md."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from clinic.rules.programme import list_programmes

DOC = Path(__file__).resolve().parent.parent.parent / "docs" / "clinical-open-points.md"
# Rules that repeat another programme's open point word for word.
REPEATED = ("*-sputum-film", "*-sputum-suspicious", "*-igra-repeat", "*-test-inconclusive", "*-dst", "*-infant-*")


def test_every_unconfirmed_rule_is_an_open_point_and_every_named_rule_exists() -> None:
    rules = {rule.id: rule for programme in list_programmes().values() for rule in programme.rules}
    named = set(re.findall(r"`((?:\*|us|ca|au|nz|uk)-[a-z0-9*-]+)`", DOC.read_text(encoding="utf-8")))
    missing = [
        rule.id for rule in rules.values()
        if not rule.confirmed and not any(fnmatch(rule.id, pattern) for pattern in (*named, *REPEATED))
    ]
    assert missing == []
    assert [pattern for pattern in named if not any(fnmatch(rule, pattern) for rule in rules)] == []
