"""What the README tells a newcomer is true: the passport reads, the rules command answers, the links lead somewhere."""

from __future__ import annotations

import json
import re
from datetime import date

from clinic.config import ROOT
from clinic.demo.seed import PASSWORD, list_sign_ins
from clinic.mrz import parse_mrz
from clinic.rules import decide

README = (ROOT / "README.md").read_text()


def test_passport_lines_read_without_a_mismatch() -> None:
    first, second = re.findall(r"`([A-Z0-9<]{44})`", README)
    assert parse_mrz(f"{first}\n{second}", date(2026, 11, 22)).mismatches == ()


def test_example_of_the_rules_command_is_decided() -> None:
    facts = json.loads(re.search(r"echo '(\{.*\})'", README)[1])
    assert decide(facts)["status"] == "incomplete"


def test_sign_ins_and_password_are_the_demos() -> None:
    assert PASSWORD in README
    names = {email.split("@")[0] for email, _ in list_sign_ins()}
    assert set(re.findall(r"`(\w+)@", README)) <= names


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
