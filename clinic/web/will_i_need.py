"""The public page: what will I need? A few questions, an answer by the rules in plain words; nothing is stored."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from clinic import clock
from clinic.country import find_country
from clinic.partial_date import DateUnreadable, parse_partial_date
from clinic.permissions import public
from clinic.rules import FactError, decide
from clinic.rules.age import add_months
from clinic.rules.catalogue import is_asked, list_questions
from clinic.rules.derivation import derive_circumstances
from clinic.rules.programme import Category, Circumstance, Programme, list_programmes
from clinic.schemas.field import to_words
from clinic.web.form import read_form

blueprint = Blueprint("will_i_need", __name__)
OLDEST_AGE = 120  # years
LONGEST_AGE = 3  # digits
# What a member of the public can hardly answer, and a clinic establishes: stands as "not known".
NOT_ASKED = frozenset({"officer_order", "adoptee_affidavit", "syphilis_suspected", "gonorrhoea_suspected"})


@blueprint.get("/will-i-need")
@public
def ask() -> str:
    """The form, and beneath it the answer once enough is known; every answer has its own address."""
    typed = read_form(request.args)
    today = clock.today()
    programme = list_programmes().get(typed.get("programme", ""))
    category = programme.categories.get(typed.get("category", "")) if programme else None
    errors: dict[str, list[str]] = {}
    answer: dict[str, Any] | None = None
    if_no: dict[str, Any] | None = None
    questions: list[Circumstance] = []
    derived: dict[str, bool] = {}
    asks_stay = False
    if programme and category:
        asks_stay = is_asked(programme.code, category.code, today, "stay_months")
        birth = _read_birth(typed, today, errors)
        residence = _read_country(typed, errors)
        questions = _list_questions(programme, category, today, birth)
        if residence:
            derived = {item.word: item.value for item in derive_circumstances(programme.code, residence, [], today)
                       if isinstance(item.value, bool)}
            questions = [item for item in questions if item.word not in derived]
        if birth and residence:
            facts = _build_facts(typed, programme, category, birth, residence, derived, today)
            answer = _decide(facts, errors)
            if answer and answer["needs"]:
                if_no = _decide({**facts, "unknown": []}, errors)  # shown as what it is, beside what is certain
    return render_template(
        "will_i_need/index.html", values=typed, errors=errors, programme=programme, category=category,
        programmes=[(each.code, each.name) for each in list_programmes().values()], questions=questions, answer=answer,
        asks_stay=asks_stay, if_no=if_no,
    )


def _list_questions(programme: Programme, category: Category, today: date, birth: date | None) -> list[Circumstance]:
    found = list_questions(programme.code, category.code, today, birth)
    return [question.circumstance for question in found if question.word not in NOT_ASKED]


def _read_birth(typed: dict[str, Any], today: date, errors: dict[str, list[str]]) -> date | None:
    """The birth date, or the day that gives the age that was written."""
    age = typed.get("age")
    if not age:
        if "country" in typed:
            errors["age"] = [_("Write the age in years, or the birth date.")]
        return None
    if age.isdecimal():
        if len(age) > LONGEST_AGE or int(age) > OLDEST_AGE:
            errors["age"] = [_("Write an age up to %(most)s years.", most=OLDEST_AGE)]
            return None
        return add_months(today, -12 * int(age))
    try:
        birth = parse_partial_date(age).estimated_on
    except DateUnreadable as error:
        errors["age"] = [to_words(error.sentence)]
        return None
    if not today.year - OLDEST_AGE <= birth.year or birth > today:
        errors["age"] = [_("Check the year of birth.")]
        return None
    return birth


def _read_country(typed: dict[str, Any], errors: dict[str, list[str]]) -> str | None:
    country = find_country(typed.get("country", ""))
    if country is None and "age" in typed:
        errors["country"] = [_("Choose the country.")]
    return country


def _build_facts(
    typed: dict[str, Any], programme: Programme, category: Category, birth: date, residence: str,
    derived: dict[str, bool], today: date,
) -> dict[str, Any]:
    """Answers as facts; whatever was not answered is not known, never no."""
    every = [question.word for question in list_questions(programme.code, category.code, today, birth)]
    answers = {word: typed.get(word) for word in every} | {
        word: "yes" if value else "no" for word, value in derived.items()}
    stay = typed.get("stay_months", "")
    return {
        "programme": programme.code, "category": category.code, "exam_date": today.isoformat(),
        "birth_date": birth.isoformat(), "residence": {"country": residence, "tb_incidence_per_100k": None},
        "stay_months": int(stay) if stay.isdecimal() and len(stay) < 5 else None,
        "yes": sorted(word for word, value in answers.items() if value == "yes"),
        "unknown": sorted(word for word, value in answers.items() if value not in ("yes", "no")), "results": {},
    }


def _decide(facts: dict[str, Any], errors: dict[str, list[str]]) -> dict[str, Any] | None:
    try:
        return decide(facts)
    except FactError as error:
        errors["stay_months" if error.field == "stay_months" else "age"] = [error.message]
        return None
