"""What would tell an HIV infection is marked in the rule files, so that pages know what to leave out."""

from __future__ import annotations

import re

from clinic.rules.confidential import list_confidential_rules, list_confidential_sentences, list_confidential_words
from clinic.rules.programme import list_programmes
from clinic.rules.vaccine_series import read_table

SIGNALS = {"known-hiv", "hiv-test-positive"}
TELLS = re.compile(r"HIV.?positive|positive HIV|known HIV|HIV infection", re.I)
# A class that names HIV among other reasons, and the number that is smaller for a contact or with HIV.
NAMES_IT_AMONG_OTHERS = {"us-class-b1p", "us-tst"}


def test_every_rule_that_tells_is_marked() -> None:
    for programme in list_programmes().values():
        for rule in programme.rules:
            tells = set(rule.found) & SIGNALS or TELLS.search(rule.says) or rule.id.endswith("-alert-hiv")
            if tells and rule.id not in NAMES_IT_AMONG_OTHERS:
                assert rule.id in list_confidential_rules(), rule.id
                assert rule.says in list_confidential_sentences()


def test_every_circumstance_that_tells_is_marked() -> None:
    said = {word for programme in list_programmes().values() for word in programme.circumstances if "hiv" in word}
    assert said == list_confidential_words() >= {"hiv_known", "hiv_mother", "hiv_risk"}


def test_vaccine_that_is_not_given_with_it_is_among_the_sentences() -> None:
    (row,) = [one for one in read_table().contraindications if one.word == "hiv_known"]
    assert row.says in list_confidential_sentences()
