"""Where an examination stands, in the words that every list and the case's page use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from clinic import clock
from clinic.models import CaseState, FilmState, ResultStatus
from clinic.models import LabOrderState as Order
from clinic.progress import describe_exam, describe_progress, find_sent_back, say_moment, split_unknowns
from clinic.queries.standing import Mark, ResultMark, SpecimenMark, Standing

NOW = datetime(2026, 3, 2, 11, 5, tzinfo=UTC)  # 14:05 in Nairobi
ZONE = "Africa/Nairobi"
TODAY = date(2026, 3, 2)
WHO = Mark("Mutua Nzomo", NOW)
CHECKER = Mark("Halima Abdi", NOW)


def make_result(status: ResultStatus, checked: Mark | None = None, test: str = "igra", remark: str = "",
                specimen: str | None = None) -> ResultMark:
    return ResultMark(test, specimen, status, WHO, checked, remark)


def say(exam: str, standing: Standing) -> str:
    with clock.stopped_at(NOW):
        return describe_exam(exam, standing, "us", TODAY, ZONE).sentence.replace("\u2066", "").replace("\u2069", "")


PRELIMINARY = make_result(ResultStatus.PRELIMINARY)
REFUSED = make_result(ResultStatus.ENTERED_IN_ERROR, CHECKER, remark="wrong tube")
FIRST = SpecimenMark(date(2026, 2, 1))
ACCEPTED, HELD = {FilmState.ACCEPTED: WHO}, {FilmState.QUARANTINED: WHO}


@pytest.mark.parametrize(("exam", "standing", "words"), [
    ("igra", Standing(), "Blood to be drawn"),
    ("igra", Standing(orders={"igra": Order.ORDERED}), "Blood to be drawn"),
    ("igra", Standing(orders={"igra": Order.COLLECTED}), "Taken, not in the laboratory yet"),
    ("igra", Standing(orders={"igra": Order.SENT}), "Specimen on its way"),
    ("igra", Standing(orders={"igra": Order.RECEIVED}), "Result to be entered"),
    ("igra", Standing(orders={"hiv": Order.SENT}), "Blood to be drawn"),
    ("creatinine", Standing(orders={"creatinine": Order.RECEIVED, "creatinine-egfr": Order.SENT}),
     "Specimen on its way"),
    ("creatinine", Standing(orders={"creatinine": Order.SENT, "creatinine-egfr": Order.ORDERED}), "Blood to be drawn"),
    ("gonorrhoea", Standing(), "Urine to be taken"),
    ("hiv", Standing(results=[make_result(ResultStatus.FINAL, CHECKER, "hiv")]), "Result to be entered"),
    ("igra", Standing(results=[PRELIMINARY]), "Needs second person (entered by Mutua Nzomo, 14:05)"),
    ("igra", Standing(results=[REFUSED]), "Sent back by Halima Abdi, 14:05: wrong tube"),
    ("igra", Standing(results=[REFUSED, PRELIMINARY]), "Needs second person (entered by Mutua Nzomo, 14:05)"),
    ("chest-xray", Standing(), "To be taken"),
    ("chest-xray", Standing(films=ACCEPTED), "Film awaiting reading (received 14:05 from Mutua Nzomo)"),
    ("chest-xray", Standing(films=HELD), "Film held: second look (received 14:05 from Mutua Nzomo)"),
    ("chest-xray", Standing(films=ACCEPTED | HELD), "Film awaiting reading (received 14:05 from Mutua Nzomo)"),
    ("chest-xray", Standing(reading=Mark("Dr Rusu", NOW, "", "preliminary"), films=ACCEPTED),
     "Report to be confirmed (read by Dr Rusu, 14:05)"),
    ("chest-xray", Standing(reading=Mark("Dr Rusu", NOW, "", "pregnancy")), "Put off (by Dr Rusu, 14:05)"),
    ("sputum-series", Standing(), "To be taken"),
    ("sputum-series", Standing(specimens={"a": FIRST, "b": SpecimenMark(TODAY)}),
     "Specimen 3 of 3 to be taken (Culture day 29 of 56)"),
    ("sputum-series", Standing(specimens={"a": FIRST, "b": SpecimenMark(TODAY), "c": SpecimenMark(TODAY)}),
     "Culture day 29 of 56 (specimens taken: 3)"),
    ("sputum-series", Standing(specimens={
        "a": SpecimenMark(TODAY - timedelta(days=60)), "b": SpecimenMark(TODAY), "c": SpecimenMark(TODAY)}),
     "Culture day 60, due since day 56 (specimens taken: 3)"),
    ("medical-exam", Standing(), "To do"),
    ("medical-exam", Standing(drafts={"us-medical-exam": Mark("Otieno Were", NOW - timedelta(days=1))}),
     "In progress (Otieno Were, 01-Mar-2026 14:05)"),
])
def test_examination_is_said_in_words(app: Flask, exam: str, standing: Standing, words: str) -> None:
    assert say(exam, standing) == words


def test_result_entered_again_is_not_sent_back_any_more() -> None:
    confirmed = make_result(ResultStatus.FINAL, CHECKER)
    withdrawn = make_result(ResultStatus.ENTERED_IN_ERROR)
    assert find_sent_back([REFUSED, confirmed]) is None
    assert find_sent_back([confirmed, REFUSED]) is REFUSED
    assert find_sent_back([REFUSED, withdrawn]) is REFUSED
    other = make_result(ResultStatus.FINAL, CHECKER, specimen="another")
    assert find_sent_back([REFUSED, other]) is REFUSED


def test_case_line_says_what_its_examination_says(app: Flask) -> None:
    with clock.stopped_at(NOW):
        standing = Standing(exams=["chest-xray"], films=ACCEPTED)
        line = describe_progress(CaseState.IN_PROGRESS, "to-do", "chest-xray", TODAY, standing, "us", ZONE)
        assert line.startswith("Film awaiting reading: Chest X-ray (received ")
        assert describe_progress(CaseState.SIGNED, "to-do", "chest-xray", TODAY, standing) == (
            "Signed; waits to be delivered")


def test_moment_is_held_left_to_right(app: Flask) -> None:
    with clock.stopped_at(NOW):
        assert say_moment(NOW, ZONE) == "\u206614:05\u2069"


def test_unknowns_are_counted_once() -> None:
    assert split_unknowns(["pregnant", "tb_history", "tb_contact"], ["tb_contact", "stay_months"]) == (
        ["tb_contact", "stay_months"], ["pregnant", "tb_history"])
