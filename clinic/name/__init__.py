"""Names folded for finding somebody again, and how alike two people are; never for a legal name."""

from clinic.name.blocking import list_blocking_keys
from clinic.name.double import (
    LIKELY,
    POSSIBLE,
    DocumentNumber,
    DoubleScore,
    PersonTraits,
    compare_person_names,
    score_double,
)
from clinic.name.folding import fold_name, list_tokens, to_token_key
from clinic.name.sound import list_sounds

__all__ = [
    "LIKELY",
    "POSSIBLE",
    "DocumentNumber",
    "DoubleScore",
    "PersonTraits",
    "compare_person_names",
    "fold_name",
    "list_blocking_keys",
    "list_sounds",
    "list_tokens",
    "score_double",
    "to_token_key",
]
