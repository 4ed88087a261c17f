"""Whom else what was sent may speak of: somebody here whose name it fits better than that of whom its number says.

Twins differ in one word that is written alike (Hassan and Hussein, Maria and Mario), and a father's whole name may be
the beginning of his son's. So a name that is nearly right is not enough while it is exactly another person's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from clinic.db import db
from clinic.models import Applicant
from clinic.name import list_tokens
from clinic.queries.name import select_people_named
from clinic.services.family import find_family, list_members

LOOKED_AT = 50  # people of such a name at most
EXACT, PART, OTHERWISE = 2, 1, 0  # the same words; all of one among the other's; anything else


def find_better_named(
    applicant: Applicant, names: Iterable[Sequence[str]], may_be: Callable[[Applicant], bool],
    is_born_so: Callable[[Applicant], bool],
) -> Applicant | None:  # fmt: skip
    """Somebody else of the site whom one of `names` fits better than `applicant`; None when there is nobody.

    `names`: each the words of a name as it was sent, folded (clinic.name.list_tokens). `may_be` says whether what else
    was sent could be of a person at all, `is_born_so` whether it names that person's birth date: without it only the
    members of the applicant's own family or travel group are looked at, for many people share a name.
    """
    said = [words for words in names if words]
    own = _judge(said, applicant)
    if not said or own == EXACT:
        return None
    family = find_family(applicant)
    others = [(member.applicant, True) for member in (list_members(family) if family else ())]
    others += [(one, False) for words in said for one in _list_named(applicant.site_id, words)]
    return next((one for one, is_near in others
                 if one.id != applicant.id and one.merged_into_id is None and (is_near or is_born_so(one))
                 and may_be(one) and _judge(said, one) > own), None)


def _list_named(site_id: str, words: Sequence[str]) -> list[Applicant]:
    selected = select_people_named(site_id, " ".join(words), Applicant.id)
    if selected is None:
        return []
    ids = dict.fromkeys(db.session.execute(selected.limit(LOOKED_AT)).scalars())
    return [db.session.get_one(Applicant, one) for one in ids]


def _judge(said: Iterable[Sequence[str]], applicant: Applicant) -> int:
    ours = (list_tokens(applicant.family_name, applicant.given_names),
            list_tokens(applicant.native_family_name, applicant.native_given_names))
    return max((_compare(set(words), set(name)) for words in said for name in ours if name), default=OTHERWISE)


def _compare(one: set[str], other: set[str]) -> int:
    return EXACT if one == other else PART if one <= other or other <= one else OTHERWISE
