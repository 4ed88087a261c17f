"""Every source tag of a rule can be looked up, so that a reason on screen leads to what it rests on."""

from __future__ import annotations

import re

import pytest

from clinic.rules.citation import is_unconfirmed, list_citations
from clinic.rules.programme import list_programmes

TAG = re.compile(r"\b[SNGP]\d+b?\b")


@pytest.mark.parametrize("programme", list(list_programmes()))
def test_every_tag_of_every_rule_has_a_title(programme: str) -> None:
    for rule in list_programmes()[programme].rules:
        assert {tag for tag, _ in list_citations(programme, rule.source)} == set(TAG.findall(rule.source)), rule.id


@pytest.mark.parametrize("programme", list(list_programmes()))
def test_rule_ids_begin_with_their_programme(programme: str) -> None:
    assert [rule.id for rule in list_programmes()[programme].rules if not rule.id.startswith(f"{programme}-")] == []


def test_general_knowledge_is_marked_as_unconfirmed() -> None:
    assert is_unconfirmed("us.md R12 [OK]")
    assert not is_unconfirmed("S1; N5")
