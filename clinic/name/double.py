"""How likely two registrations are the same person, with the reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from clinic.identifier import to_key
from clinic.name.folding import list_tokens
from clinic.name.likeness import compare_names, compare_native
from clinic.name.lookalike import settle_number, to_latin_letters
from clinic.partial_date import PartialDate
from clinic.sentence import N_, Sentence

LIKELY = 80  # from here on: probably the same person
POSSIBLE = 60  # from here on: worth a look; below it nobody need be asked

_MISREAD = 0.9  # likeness of two document numbers that differ by O and 0 and their kind
_Spelling = tuple[list[str], list[str]]  # words of the family name and of the given names
_VIETNAMESE_MIDDLE = frozenset({"van", "thi", "duc", "huu", "quoc", "dinh", "ngoc"})  # shared by siblings


@dataclass(frozen=True)
class DocumentNumber:
    """A number of a passport or other paper, and who issued it (ISO alpha-3) if known."""

    number: str
    issuing_state: str | None = None


@dataclass(frozen=True)
class PersonTraits:
    """What two registrations are compared by. A single name stands in `family_name`."""

    family_name: str
    given_names: str = ""
    native_family_name: str | None = None
    native_given_names: str | None = None
    birth: PartialDate | None = None
    sex: str = "unknown"
    citizenship: str | None = None
    documents: tuple[DocumentNumber, ...] = ()

    @property
    def native_name(self) -> str:
        """The name in its own script, empty if not recorded."""
        return f"{self.native_family_name or ''} {self.native_given_names or ''}".strip()


class DoubleScore(NamedTuple):
    """0 to 100, and why; compare with LIKELY and POSSIBLE."""

    score: int
    reasons: tuple[Sentence, ...]


class _Part(NamedTuple):
    likeness: float
    reason: Sentence | None


def score_double(a: PersonTraits, b: PersonTraits) -> DoubleScore:
    """Score two registrations; the same both ways round.

    Weights are our own judgement, held by the table of tests/clinic/test_double.py; no standard names any.
    """
    name = _compare_person_names(a, b)
    birth = _compare_births(a.birth, b.birth)
    document = _compare_documents(a, b)
    reasons = [part.reason for part in (name, birth, document) if part.reason]
    score = 100 * name.likeness * (0.45 + 0.55 * birth.likeness)
    if {a.sex, b.sex} == {"male", "female"}:
        score *= 0.75
        reasons.append(Sentence(N_("Different sex")))
    if a.citizenship and b.citizenship and a.citizenship != b.citizenship:
        score *= 0.93
        reasons.append(Sentence(N_("Different citizenship")))
    if document.likeness == 1.0:
        is_same_person = name.likeness >= 0.5 or birth.likeness >= 0.7
        score = max(score, 95 if is_same_person else 75)
    elif _are_twins(a, b):
        score = min(score, 45)
        reasons = [Sentence(N_("Same birth date and family name but another given name: twins or siblings"))]
    elif document.likeness == _MISREAD:
        score = max(score, 90 if name.likeness >= 0.5 or birth.likeness >= 0.7 else 65)
    elif document.likeness and name.likeness >= 0.6:
        score += 8
    return DoubleScore(min(100, round(score)), tuple(reasons))


def compare_person_names(a: PersonTraits, b: PersonTraits) -> float:
    """How alike the names of two people are, 0 to 1, whatever else is known of them."""
    return _compare_person_names(a, b).likeness


def _compare_person_names(a: PersonTraits, b: PersonTraits) -> _Part:
    latin_a, latin_b = _split(a.family_name, a.given_names), _split(b.family_name, b.given_names)
    likeness, straight, exchanged = _compare_spellings(latin_a, latin_b)
    native = compare_native(a.native_name, b.native_name)
    own_a = _split(a.native_family_name, a.native_given_names)
    own_b = _split(b.native_family_name, b.native_given_names)
    crossed = [(own_a, latin_b), (latin_a, own_b), *([(own_a, own_b)] if native is None else [])]
    across = max((_compare_spellings(one, other)[0] for one, other in crossed if any(one) and any(other)), default=0.0)
    is_across = across > likeness + 0.1
    likeness = max(likeness, 0.97 * across)
    if native is not None and native > 0.93:
        return _Part(max(likeness, 0.95 * native), Sentence(N_("Same name in its own script")))
    if native is not None and native < 0.5:
        likeness *= 0.8  # 王伟 and 汪薇 are both Wang Wei
    if latin_a == latin_b:
        text = N_("Same name")
    elif is_across and likeness >= 0.8:
        text = N_("The name in its own script reads like the other's Latin name")
    elif exchanged > straight + 0.2 and exchanged >= 0.8:
        text = N_("Family and given names exchanged")
    elif likeness >= 0.9:
        text = N_("Same name, written otherwise")
    elif likeness >= 0.6:
        text = N_("Similar name")
    else:
        text = ""
    return _Part(likeness, Sentence(text) if text else None)


def _split(family: str | None, given: str | None) -> _Spelling:
    return list_tokens(family), list_tokens(given)


def _compare_spellings(one: _Spelling, other: _Spelling) -> tuple[float, float, float]:
    """How alike two ways of writing a name are, and the same with its parts in their order and exchanged."""
    (family_a, given_a), (family_b, given_b) = one, other
    whole = compare_names(family_a + given_a, family_b + given_b)
    straight = exchanged = whole
    if (given_a or given_b) and (family_a or family_b):  # not two single names
        straight = (compare_names(family_a, family_b) + compare_names(given_a, given_b)) / 2
        exchanged = (compare_names(family_a, given_b) + compare_names(given_a, family_b)) / 2
    return max(straight, 0.97 * exchanged, 0.95 * whole), straight, exchanged


def _compare_births(a: PartialDate | None, b: PartialDate | None) -> _Part:
    if a is None or b is None:
        return _Part(0.5, Sentence(N_("Birth date not known")))
    if a == b and a.is_full:
        if (a.month, a.day) == (1, 1):  # many birth dates were never recorded and stand as 1 January
            return _Part(0.85, Sentence(N_("Both born on 1 January of the same year, often an estimate")))
        return _Part(1.0, Sentence(N_("Same birth date")))
    if not (a.is_full and b.is_full):
        return _compare_partial_births(a, b)
    if (a.year, a.month, a.day) == (b.year, b.day, b.month):
        return _Part(0.9, Sentence(N_("Day and month of birth exchanged")))
    if _is_slip(str(a), str(b)):
        return _Part(0.8, Sentence(N_("Birth dates differ by one figure")))
    if abs(a.year - b.year) == 1 and (a.month, a.day) == (b.month, b.day):
        return _Part(0.75, Sentence(N_("Birth dates differ by one year")))
    if a.year == b.year:
        return _Part(0.25, Sentence(N_("Same year of birth, another day")))
    return _Part(0.0, Sentence(N_("Different birth date")))


def _compare_partial_births(a: PartialDate, b: PartialDate) -> _Part:
    if a.can_be(b):
        is_month_known = a.month is not None and b.month is not None
        return _Part(0.85 if is_month_known else 0.75, Sentence(N_("Birth dates may be the same, one is not full")))
    if abs(a.year - b.year) == 1:
        return _Part(0.5, Sentence(N_("Years of birth differ by one")))
    return _Part(0.0, Sentence(N_("Different birth date")))


def _compare_documents(a: PersonTraits, b: PersonTraits) -> _Part:
    nearest = _Part(0.0, None)
    for one in a.documents:
        for other in b.documents:
            if one.issuing_state and other.issuing_state and one.issuing_state != other.issuing_state:
                continue
            number, candidate = (to_key(to_latin_letters(paper.number)) for paper in (one, other))
            if number and number == candidate:
                return _Part(1.0, Sentence(N_("Same document number")))
            if len(number) >= 6 and settle_number(number) == settle_number(candidate):
                nearest = _Part(_MISREAD, Sentence(N_("Document numbers differ by a letter and a figure that look "
                                                      "alike, as O and 0")))
            elif nearest.likeness < _MISREAD and len(number) >= 6 and _is_slip(number, candidate):
                nearest = _Part(0.5, Sentence(N_("Document numbers differ by one character")))
    return nearest


def _is_slip(one: str, other: str) -> bool:
    """Exactly one character wrong, or two neighbours exchanged."""
    if len(one) != len(other):
        return False
    wrong = [at for at, (x, y) in enumerate(zip(one, other, strict=True)) if x != y]
    if len(wrong) == 1:
        return True
    if len(wrong) != 2 or wrong[1] != wrong[0] + 1:
        return False
    first, second = wrong
    return (one[first], one[second]) == (other[second], other[first])


def _are_twins(a: PersonTraits, b: PersonTraits) -> bool:
    """Born the same day to the same family name, and clearly called otherwise."""
    if a.birth is None or a.birth != b.birth or not a.given_names or not b.given_names:
        return False
    family = compare_names(list_tokens(a.family_name), list_tokens(b.family_name))
    given_a, given_b = list_tokens(a.given_names), list_tokens(b.given_names)
    own_a, own_b = _own_name(given_a), _own_name(given_b)
    return family >= 0.9 and compare_names(own_a, given_b) < 0.6 and compare_names(own_b, given_a) < 0.6


def _own_name(given: list[str]) -> list[str]:
    """The word that is the person's alone: the first, later ones are often the father's; in Viet Nam the last."""
    return given[-1:] if given and given[0] in _VIETNAMESE_MIDDLE else given[:1]
