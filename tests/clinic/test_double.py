"""Probable doubles: what is found, what is told apart, and that every find has a key in common."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.name import (
    LIKELY,
    POSSIBLE,
    DocumentNumber,
    PersonTraits,
    list_blocking_keys,
    score_double,
)
from clinic.partial_date import PartialDate, parse_partial_date


def _person(
    family: str, given: str = "", birth: str = "1991-03-14", sex: str = "male", document: str = "", native: str = "",
    native_given: str = "",
) -> PersonTraits:
    return PersonTraits(
        family_name=family,
        given_names=given,
        native_family_name=native or None,
        native_given_names=native_given or None,
        birth=parse_partial_date(birth) if birth else None,
        sex=sex,
        citizenship="SOM",
        documents=(DocumentNumber(document, "SOM"),) if document else (),
    )


SAME_PERSON = {
    "everything equal": (_person("Warsame", "Ali"), _person("Warsame", "Ali")),
    "exchanged names": (_person("Warsame", "Ali Nur"), _person("Ali Nur", "Warsame")),
    "another spelling": (_person("Mohammed", "Hussein Ahmed"), _person("Muhammad", "Husain Ahmad")),
    "Bulgarian spellings": (_person("Shcherbanov", "Georgi"), _person("Shtarbanov", "Gueorgui")),
    "Somali x": (_person("Maxamed", "Cali Xasan"), _person("Mohamed", "Cali Hasan")),
    "missing third name": (_person("Tesfaye", "Dawit Bekele"), _person("Tesfaye", "Dawit")),
    "diacritics": (_person("Nguyễn", "Thị Hồng"), _person("Nguyen", "Thi Hong")),
    "single name": (_person("Ahmadzai"), _person("Ahmadzai", "FNU")),
    "single name and split name": (_person("Thein Zaw Oo"), _person("Oo", "Thein Zaw")),
    "one figure of the day": (_person("Warsame", "Ali", "1991-03-14"), _person("Warsame", "Ali", "1991-03-19")),
    "one figure of the year": (_person("Warsame", "Ali", "1991-03-14"), _person("Warsame", "Ali", "1981-03-14")),
    "figures exchanged": (_person("Warsame", "Ali", "1991-03-12"), _person("Warsame", "Ali", "1991-03-21")),
    "day and month exchanged": (_person("Warsame", "Ali", "1991-03-04"), _person("Warsame", "Ali", "1991-04-03")),
    "year only": (_person("Warsame", "Ali", "1991"), _person("Warsame", "Ali", "1991-03-14")),
    "both first of January": (_person("Warsame", "Ali", "1991-01-01"), _person("Warsame", "Ali", "1991-01-01")),
    "married name, same passport": (
        _person("Odhiambo", "Grace", document="AK0123456", sex="female"),
        _person("Wanjiru", "Grace", document="ak 0123456", sex="female"),
    ),
    "own script equal": (
        _person("Elsayed", "Mahmod", native="محمود السيد"),
        _person("Al Sayyid", "Mahmoud", native="محمود السيد"),
    ),
    "joined servant name": (_person("Rahimi", "Abdul Rahman"), _person("Rahimi", "Abdurrahman")),
}

# One person in other letters, or in letters and figures that only look the same; each must be proposed.
ACROSS_SCRIPTS = {
    "Bulgarian and its spellings": (
        _person("Shtarbanov", "Georgi", native="Щърбанов", native_given="Георги"), _person("Scherbanov", "Georgy")),
    "Bulgarian in the Latin field": (_person("Щърбанов", "Георги"), _person("Scherbanov", "Georgi")),
    "Russian Mohammed": (_person("Мохаммед", "Али"), _person("Muhammad", "Ali")),
    "Mohamed": (_person("Mohamed", "Ali"), _person("Muhammad", "Ali")),
    "Russian, exchanged, day and month too": (
        _person("Али", "Мохаммед", "1991-03-04"), _person("Muhammad", "Ali", "1991-04-03")),
    "Georgian": (_person("ჭყონია", "გიორგი"), _person("Chqonia", "Giorgi")),
    "Georgian spellings": (_person("Tchkonia", "Giorgi"), _person("Chqonia", "Giorgi")),
    "Georgian beside another Latin name": (
        _person("Smith", "George", native="ჭყონია", native_given="გიორგი"), _person("Chkonia", "Giorgi")),
    "Ukrainian": (_person("Зеленський", "Олександр"), _person("Zelensky", "Alexander")),
    "Arabic": (_person("محمد", "أحمد حسن"), _person("Mohammed", "Ahmad Hassan")),
    "Arabic against a passport's line": (
        _person("Mhmd", "Ahmd", native="محمد", native_given="أحمد حسين"), _person("Mohamed", "Ahmed Hussein")),
    "Arabic article": (_person("السيد", "محمود"), _person("Elsayed", "Mahmoud")),
    "Arabic servant": (_person("عبد الرحمن", "يوسف"), _person("Abdulrahman", "Youssef")),
    "Persian": (_person("قربانی", "زهرا", sex="female"), _person("Ghorbani", "Zahra", sex="female")),
    "Chinese": (_person("王", "小明"), _person("Wang", "Xiaoming")),
    "Chinese, day and month exchanged": (
        _person("Wang", "Xiaoming", "1991-03-04", native="王", native_given="小明"),
        _person("Wang", "Xiao Ming", "1991-04-03")),
    "Amharic": (_person("ተስፋዬ", "ዳዊት"), _person("Tesfaye", "Dawit")),
    "Cyrillic letters that look Latin": (_person("Сhаrоvа", "Olga"), _person("Charova", "Olga")),
    "a whole name of them": (_person("ОКАFOR", "Сhidi", "1991-03-04"), _person("Okafor", "Chidi", "1991-04-03")),
    "Greek letters that look Latin": (_person("Αnna", "Κarr"), _person("Anna", "Karr")),
    "passport with O for 0, married": (
        _person("Odhiambo", "Grace", document="AO123450"), _person("Wanjiru", "Grace", document="A0123450")),
    "passport with a Cyrillic letter": (
        _person("Odhiambo", "Grace", document="АO123450"), _person("Wanjiru", "Grace", document="AO123450")),
}

OTHER_PERSON = {
    "twins": (_person("Warsame", "Ali Nur"), _person("Warsame", "Zahra Nur", sex="female")),
    "twin brothers": (_person("Nwosu", "Chidi"), _person("Nwosu", "Obinna")),
    "Vietnamese twins": (_person("Nguyen", "Van Phong"), _person("Nguyen", "Van Cuong")),
    "Hassan and Hussein": (_person("Warsame", "Hassan Nur"), _person("Warsame", "Hussein Nur")),
    "same name, other birth": (_person("Mohamed", "Ali", "1991-03-14"), _person("Mohamed", "Ali", "1975-11-02")),
    "same birth, other name": (_person("Warsame", "Ali"), _person("Karimi", "Zabihullah")),
    "father and son": (_person("Karimi", "Ahmad", "1961-03-14"), _person("Karimi", "Ahmad", "1990-07-01")),
    "father and son across scripts": (
        _person("Магомедов", "Али", "1961-03-14"), _person("Magomedov", "Ali", "1990-07-01")),
    "twins across scripts": (_person("Щърбанов", "Георги"), _person("Shtarbanov", "Petar")),
    "Arabic brothers": (_person("محمد", "حسن"), _person("Mohamed", "Hussein", "1993-05-20")),
    "Chinese, same day": (_person("李", "娜", sex="female"), _person("Liu", "Yang", sex="female")),
    "document numbers alike by chance": (
        _person("Okafor", "Chidi", document="AO123451"),
        _person("Karimi", "Zahra", "1970-01-02", "female", "A0123459")),
    "same Latin, other script": (
        _person("Wang", "Wei", "1991-03-14", native="王伟"),
        _person("Wang", "Wei", "1991-08-30", native="汪薇"),
    ),
}


@pytest.mark.parametrize("situation", SAME_PERSON)
def test_same_person_registered_twice_is_likely(situation: str) -> None:
    found = score_double(*SAME_PERSON[situation])
    assert found.score >= LIKELY, found
    assert found.reasons


@pytest.mark.parametrize("situation", OTHER_PERSON)
def test_other_person_is_not_proposed(situation: str) -> None:
    found = score_double(*OTHER_PERSON[situation])
    assert found.score < POSSIBLE, found


@pytest.mark.parametrize("situation", ACROSS_SCRIPTS)
def test_same_person_in_other_letters_is_likely(situation: str) -> None:
    found = score_double(*ACROSS_SCRIPTS[situation])
    assert found.score >= LIKELY, found
    assert found.reasons


@pytest.mark.parametrize("situation", SAME_PERSON | ACROSS_SCRIPTS)
def test_same_person_shares_a_key(situation: str) -> None:
    one, other = (SAME_PERSON | ACROSS_SCRIPTS)[situation]
    assert set(list_blocking_keys(one)) & set(list_blocking_keys(other))


@pytest.mark.parametrize("situation", SAME_PERSON | ACROSS_SCRIPTS | OTHER_PERSON)
def test_score_is_the_same_both_ways(situation: str) -> None:
    one, other = (SAME_PERSON | ACROSS_SCRIPTS | OTHER_PERSON)[situation]
    assert score_double(one, other).score == score_double(other, one).score


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        ("exchanged names", "Family and given names exchanged"),
        ("another spelling", "Same name, written otherwise"),
        ("one figure of the day", "Birth dates differ by one figure"),
        ("day and month exchanged", "Day and month of birth exchanged"),
        ("year only", "Birth dates may be the same, one is not full"),
        ("both first of January", "Both born on 1 January of the same year, often an estimate"),
        ("married name, same passport", "Same document number"),
        ("own script equal", "Same name in its own script"),
    ],
)
def test_reason_says_what_agrees(situation: str, reason: str) -> None:
    assert reason in [str(sentence) for sentence in score_double(*SAME_PERSON[situation]).reasons]


@pytest.mark.parametrize("situation", ["twins", "twin brothers", "Vietnamese twins", "Hassan and Hussein"])
def test_twins_are_named_as_such(situation: str) -> None:
    reasons = score_double(*OTHER_PERSON[situation]).reasons
    assert [str(reason) for reason in reasons] == [
        "Same birth date and family name but another given name: twins or siblings"
    ]


def test_same_document_number_of_a_stranger_is_still_shown() -> None:
    found = score_double(
        _person("Okafor", "Chidi", document="A1234567"), _person("Karimi", "Zahra", "1970-01-30", document="A1234567")
    )
    assert POSSIBLE <= found.score < LIKELY


def test_number_with_a_look_alike_of_a_stranger_is_shown_with_the_reason() -> None:
    found = score_double(
        _person("Okafor", "Chidi", document="AO123450"),
        _person("Karimi", "Zahra", "1970-01-30", document="A01234S0"),
    )
    assert POSSIBLE <= found.score < LIKELY
    assert any("look alike" in str(reason) for reason in found.reasons)


def test_same_number_of_another_issuer_is_another_document() -> None:
    one = _person("Okafor", "Chidi", document="A1234567")
    other = replace(
        _person("Karimi", "Zahra", "1970-05-30"), documents=(DocumentNumber("A1234567", "AFG"),), citizenship="AFG"
    )
    assert score_double(one, other).score < POSSIBLE


def test_different_sex_and_citizenship_lower_the_score_with_a_reason() -> None:
    one = _person("Warsame", "Nur")
    other = replace(one, sex="female", citizenship="KEN")
    found = score_double(one, other)
    assert found.score < score_double(one, one).score
    assert {"Different sex", "Different citizenship"} <= {str(reason) for reason in found.reasons}


def test_keys_are_short_and_few() -> None:
    person = _person("Papandropoulou-Konstantinidou", "Alexandra Maximiliana Theodora Xenia", document="A" * 60)
    keys = list_blocking_keys(person)
    assert max(map(len, keys)) <= 40
    assert len(keys) <= 30
    assert len(list_blocking_keys(_person("Warsame", "Ali", document="P0012345"))) == 5


def test_person_without_birth_date_is_found_by_name() -> None:
    keys = list_blocking_keys(_person("Warsame", "Ali", birth=""))
    assert keys == list_blocking_keys(_person("Ali", "Warsame", birth=""))
    assert keys


_words = st.text(max_size=20)
_births = (
    st.none()
    | st.builds(PartialDate, st.integers(1900, 2026))
    | st.dates().map(lambda day: PartialDate(day.year, day.month, day.day))
)


@given(st.builds(PersonTraits, _words, _words, _words, _words, _births), st.builds(PersonTraits, _words, _words))
def test_anybody_can_be_compared(one: PersonTraits, other: PersonTraits) -> None:
    assert 0 <= score_double(one, other).score <= 100
    assert score_double(one, one).score <= 100
    assert all(len(key) <= 80 for key in list_blocking_keys(one))
