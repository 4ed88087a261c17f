"""What else stands in a row of the audit, in words; its exports keep the codes and ids (clinic/web/audit_word.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import LazyString, gettext, lazy_gettext

from clinic.queries.audit_trail import AuditEntry
from clinic.spoken_language import language_name
from clinic.web.account_history import END_WORDS, FIELD_WORDS, say_detail
from clinic.web.audit_word import OF_THE_SCREEN, say_screen
from clinic.web.case_word import DOCUMENT_WORDS
from clinic.web.emergency import REASON_WORDS
from clinic.web.hold_word import CAUSE_WORDS
from clinic.web.permission_word import PERMISSION_WORDS
from clinic.web.relation_word import CONTACT_WORDS, RELATION_WORDS
from clinic.web.sign_in_delay import DOOR_WORDS, KIND_WORDS
from clinic.web.task_word import KIND_WORDS as TASK_WORDS
from clinic.web.word import CASE_STATE_WORDS

# What is done to these is told with the words of their own pages.
ADMINISTERED = ("user", "site", "authority", "laboratory")
TOLD_THERE = {"changed", "gained", "lost", "roles", "added", "removed", "programme", "from", "until", "reason",
              "result"}
NAME_WORDS: dict[str, LazyString] = {
    "by": lazy_gettext("with"), "for": lazy_gettext("at"), "left": lazy_gettext("codes left"),
    "found": lazy_gettext("found"), "rows": lazy_gettext("lines"), "door": lazy_gettext("at"),
    "counted": lazy_gettext("counted"), "fields": lazy_gettext("changed"), "cvx": lazy_gettext("vaccine"),
    "agrees": lazy_gettext("both agree"), "confirmed": lazy_gettext("confirmed although noticed"),
}
MEANS_WORDS: dict[str, LazyString] = {
    "password": lazy_gettext("password"), "code": lazy_gettext("code of the app"), "passkey": lazy_gettext("passkey"),
    "recovery_code": lazy_gettext("recovery code"),
}
STATE_WORDS = {state: word for state, (word, _tone) in CASE_STATE_WORDS.items()}
ANSWER_WORDS: dict[str, LazyString] = {"yes": lazy_gettext("yes"), "no": lazy_gettext("no")}
VALUE_WORDS: dict[str, Mapping[Any, LazyString]] = {
    "by": MEANS_WORDS, "door": DOOR_WORDS, "counted": KIND_WORDS, "reason": {**REASON_WORDS, **END_WORDS},
    "kind": {**TASK_WORDS, **DOCUMENT_WORDS, **CONTACT_WORDS}, "fields": FIELD_WORDS,
    "changed": FIELD_WORDS, "cause": CAUSE_WORDS, "relation": RELATION_WORDS, "from": {**STATE_WORDS, **ANSWER_WORDS},
    "to": {**STATE_WORDS, **ANSWER_WORDS}, "permissions_gained": PERMISSION_WORDS, "permissions_lost": PERMISSION_WORDS,
}
# An id or a hash tells nobody anything on a page; the exports have it.
IDENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")


def describe_in_words(row: AuditEntry) -> str:
    """What else stands in the row, for a page: no code that has words, and no id."""
    parts, told = [], OF_THE_SCREEN
    if row.subject_kind in ADMINISTERED:
        told, parts = told | TOLD_THERE, [say_detail(row.detail)]
    for name, value in row.detail.items():
        said = _say(name, value) if name not in told else ""
        if said:
            parts.append(f"{NAME_WORDS.get(name) or name.replace('_', ' ')}: {said}")
    if shown := row.detail.get("shown"):
        parts.append(gettext("shown: %(n)s", n=len(shown) if isinstance(shown, list) else shown))
    return "; ".join(part for part in parts if part)


def _say(name: str, value: Any) -> str:
    """One value in words; empty where there is nothing to say."""
    if isinstance(value, list):
        return ", ".join(filter(None, (_say(name, one) for one in value)))
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_say(name, one)}" for key, one in value.items())
    if value is None or value == "" or (isinstance(value, str) and IDENT.fullmatch(value)):
        return ""
    if isinstance(value, bool):
        return str(ANSWER_WORDS["yes" if value else "no"])
    if name == "for":
        return say_screen(str(value))
    if name == "language":
        return language_name(str(value))
    word = VALUE_WORDS.get(name, {}).get(value)
    return str(word) if word else str(value).replace("_", " ")
