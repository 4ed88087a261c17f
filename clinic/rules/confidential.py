"""What of the rules would tell an HIV infection: circumstances, and rules whose sentence or mere name says it.

Rows with `confidential = true` in rules.toml, and the contraindications that rest on such a circumstance. Who may see
them says clinic/web/veil.py.
"""

from __future__ import annotations

from functools import cache

from clinic.rules.programme import list_programmes
from clinic.rules.vaccine_series import read_table


@cache
def list_confidential_words() -> frozenset[str]:
    """The circumstances whose answer is confidential."""
    return frozenset(word for programme in list_programmes().values()
                     for word, row in programme.circumstances.items() if row.confidential)


@cache
def list_confidential_rules() -> frozenset[str]:
    """Ids of rules that hold only, or above all, with a confidential circumstance or result."""
    return frozenset(rule.id for programme in list_programmes().values() for rule in programme.rules
                     if rule.confidential)


@cache
def list_confidential_sentences() -> frozenset[str]:
    """What those rules, and the contraindications of vaccines that rest on such a circumstance, say."""
    rules = {rule.says for programme in list_programmes().values() for rule in programme.rules if rule.confidential}
    return frozenset(rules | {row.says for row in read_table().contraindications
                              if row.word in list_confidential_words()})
