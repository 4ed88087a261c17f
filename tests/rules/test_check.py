"""check-programmes refuses broken rule files, naming file and line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from clinic.rules import condition, emedical, signal, situation, tuberculosis, united_kingdom, united_states
from clinic.rules.check import check_programmes
from clinic.rules.command import check_programmes_command
from clinic.rules.decision import list_code_rules
from clinic.rules.programme import PROGRAMMES


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the programmes to break."""
    shutil.copytree(PROGRAMMES, tmp_path / "programmes")
    return tmp_path / "programmes"


def replace(path: Path, old: str, new: str) -> int:
    """Replace the first occurrence; the line it stands on."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_shipped_programmes_are_in_order() -> None:
    assert check_programmes() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("us/rules.toml", 'any = ["tb_contact"]', 'any = ["tb_contct"]', "unknown circumstance tb_contct"),
        ("ca/rules.toml", 'all = ["designated_6m"]', 'all = ["fee_student"]', "unknown circumstance fee_student"),
        ("us/rules.toml", "exams = { dst = ", "exams = { dts = ", "unknown exam dts"),
        ("us/rules.toml", 'found = ["history"]', 'found = ["histry"]', "unknown signal histry"),
        ("us/rules.toml", 'category = ["IV", "DV", "SIV"]', 'category = ["IV", "XX"]', "unknown category XX"),
        ("us/rules.toml", 'exams = { chest-xray = "15+" }', 'exams = { chest-xray = "15-" }', "is not an age range"),
        ("us/rules.toml", 'id = "us-dot"', 'id = "us-dst"', "given twice"),
        ("us/rules.toml", "from = 2024-05-01", "from = 2024-04-30", "overlaps us-2024-03"),
        ("us/rules.toml", "from = 2024-05-01", "from = 2024-05-02", "leaves a gap"),
        ("us/rules.toml", 'source = "S6; S8; contract"', 'source = " "', "has no source"),
        ("au/rules.toml", 'source = "S34; P17 (AU-1)"\n', "", "has no source"),
        ("nz/rules.toml", "stay_months = { gt = 12 }", "stay_months = { above = 12 }", "above = 12"),
        ("uk/rules.toml", 'kind = "exempt"', 'kind = "excempt"', "unknown kind"),
        ("us/rules.toml", "numbers = { wait_months = 12 }", "numbers = { wait_month = 12 }", "lacks the number"),
        ("us/rules.toml", "numbers = { wait_months = 12 }", 'numbers = { wait_months = "12" }', "not a whole number"),
        ("us/rules.toml", 'id = "us-validity-cap"', 'id = "us-validity-capped"', "lacks the rule us-validity-cap"),
        ("us/rules.toml", "until = 2018-09-30\nnumbers", "until = 2018-09-29\nnumbers", "the last day of an edition"),
        ("us/rules.toml", "until = 2021-09-02\nexams = { syph", "until = 2021-09-30\nexams = { syph", "overlaps"),
        ("us/rules.toml", 'word = "hiv_known"', 'word = "tb_symptoms"', "given twice"),
        ("us/rules.toml", "[[rule]]\nid", "[[rule]\nid", "is not TOML"),
        ("us/rules.toml", 'programme = "us"', 'programme = "xx"', "the folder is us"),
        ("us/rules.toml", 'burden = "high"', 'burden = "hgih"', "high or low"),
        ("us/rules.toml", 'burden = "high"', 'brden = "high"', "unknown key brden"),
        ("us/rules.toml", 'any = ["tb_contact"]', 'any = "tb_contact"', "wrong type"),
        ("uk/findings.toml", 'common = "CAVITY"', 'common = "CAVITTY"', "unknown code CAVITTY"),
        ("uk/findings.toml", 'code = "4.7"', 'code = "4.6"', "given twice"),
        ("reference/uk_tb_country.csv", "uk_tb_country,AFG", "uk_tb_country,AFX", "unknown country code AFX"),
        ("reference/uk_tb_country.csv", "2023-10-05,G1", "2023-10-05,", "has no source"),
        ("reference/finding.toml", 'category = "normal"', 'category = "fine"', "unknown category"),
        ("reference/test.toml", 'repeats = "syphilis-treponemal"', 'repeats = "treponemal"', "unknown test treponemal"),
        ("reference/test.toml", '["syphilis-nontreponemal", "reactive"]', '["syphilis-nontreponemal", "positive"]',
         "no test with its value"),
        ("reference/vaccine_line.toml", "from = 2024-05-01", "from = 2024-04-01", "overlaps itself"),
    ],
)
def test_broken_file_is_refused_with_its_line(copied: Path, file: str, old: str, new: str, message: str) -> None:
    line = replace(copied / file, old, new)
    problems = [problem for problem in check_programmes(copied) if message in problem.message]
    assert problems and problems[0].file == file
    if "lacks the rule" not in message:
        assert min(abs(problem.line - line) for problem in problems) <= 8
    result = CliRunner().invoke(check_programmes_command, [str(copied)])
    assert result.exit_code == 1 and f"{file}:" in result.output


def test_file_without_its_programme_or_in_no_utf8_is_named(copied: Path) -> None:
    replace(copied / "uk" / "rules.toml", 'programme = "uk"', "")
    with (copied / "reference" / "country_code.csv").open("ab") as file:
        file.write(b"\xed\xa0")
    replace(copied / "nz" / "rules.toml", 'programme = "nz"', f"programme = {'9' * 5000}")
    problems = {(problem.file, problem.message) for problem in check_programmes(copied)}
    assert any(name == "nz/rules.toml" and message.startswith("is not TOML: ") for name, message in problems)
    assert {("uk/rules.toml", "lacks programme"),
            ("reference/country_code.csv", "cannot be read as UTF-8 text")} <= problems


def test_line_of_an_unknown_word_is_exact(copied: Path) -> None:
    line = replace(copied / "us/rules.toml", 'any = ["syphilis_suspected"]', 'any = ["measles"]')
    assert [(problem.file, problem.line) for problem in check_programmes(copied)] == [("us/rules.toml", line)]


def test_form_with_a_link_twice_is_refused(copied: Path) -> None:
    form = copied / "us" / "forms" / "history.json"
    form.parent.mkdir(exist_ok=True)
    form.write_text(json.dumps({"resourceType": "Questionnaire", "item": [
        {"linkId": "a", "item": [{"linkId": "b"}]}, {"linkId": "b"}]}, indent=1), encoding="utf-8")
    problems = [problem for problem in check_programmes(copied) if problem.file == "us/forms/history.json"]
    assert len(problems) == 1 and "linkId b" in problems[0].message
    form.write_text("{", encoding="utf-8")
    assert any(problem.file == "us/forms/history.json" for problem in check_programmes(copied))


def test_folder_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    assert len(check_programmes(tmp_path / "nowhere")) == 1


def test_every_rule_the_code_names_is_declared() -> None:
    shared = (signal, situation, tuberculosis, condition)
    for programme, modules in (("us", (united_states, *shared)), ("uk", (united_kingdom,)), ("nz", (emedical,))):
        text = "".join(Path(module.__file__ or "").read_text(encoding="utf-8") for module in modules)
        named = set(re.findall(r'(?:rule|number)\("([a-z0-9-]+)"', text))
        named |= set(re.findall(r'append\("(alert-[a-z0-9-]+)"\)', text))
        named -= {"alert-lateral"}  # Australia's own
        named -= {"grade-result"} if programme == "us" else set()  # asked of the eMedical countries only
        assert named <= set(list_code_rules(programme)), programme
