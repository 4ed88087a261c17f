"""What one person is to another, and how an interpreter is there, in words."""

from __future__ import annotations

from flask import Flask
from flask_babel import LazyString, lazy_gettext

from clinic.models import ContactKind, FamilyKind, InterpreterMode, Relation

RELATION_WORDS: dict[str, LazyString] = {
    Relation.SPOUSE: lazy_gettext("Spouse"), Relation.PARTNER: lazy_gettext("Partner"),
    Relation.CHILD: lazy_gettext("Child"), Relation.STEP_CHILD: lazy_gettext("Stepchild"),
    Relation.ADOPTED_CHILD: lazy_gettext("Adopted child"), Relation.FOSTER_CHILD: lazy_gettext("Foster child"),
    Relation.MOTHER: lazy_gettext("Mother"), Relation.FATHER: lazy_gettext("Father"),
    Relation.PARENT: lazy_gettext("Parent"), Relation.STEP_PARENT: lazy_gettext("Step-parent"),
    Relation.SIBLING: lazy_gettext("Brother or sister"), Relation.GRANDPARENT: lazy_gettext("Grandparent"),
    Relation.GRANDCHILD: lazy_gettext("Grandchild"), Relation.AUNT: lazy_gettext("Aunt"),
    Relation.UNCLE: lazy_gettext("Uncle"), Relation.NIECE_OR_NEPHEW: lazy_gettext("Niece or nephew"),
    Relation.COUSIN: lazy_gettext("Cousin"), Relation.PARENT_IN_LAW: lazy_gettext("Parent-in-law"),
    Relation.RELATIVE: lazy_gettext("Other relative"), Relation.LEGAL_GUARDIAN: lazy_gettext("Legal guardian"),
    Relation.FRIEND: lazy_gettext("Friend"), Relation.UNRELATED: lazy_gettext("Not related"),
}
MODE_WORDS: dict[str, LazyString] = {
    InterpreterMode.PRESENT: lazy_gettext("In the room"), InterpreterMode.PHONE: lazy_gettext("By telephone"),
    InterpreterMode.VIDEO: lazy_gettext("By video"),
}
KIND_WORDS: dict[str, LazyString] = {
    FamilyKind.FAMILY: lazy_gettext("Family"), FamilyKind.TRAVEL_GROUP: lazy_gettext("Travel group"),
}
CONTACT_WORDS: dict[str, LazyString] = {
    ContactKind.PHONE: lazy_gettext("Phone"), ContactKind.EMAIL: lazy_gettext("E-mail"),
    ContactKind.ADDRESS: lazy_gettext("Staying now at"),
}


def relation_word(relation: str | None) -> str:
    """A relation; text that is none, from before relations were codes, as it is."""
    return str(RELATION_WORDS.get(relation or "", relation or ""))


def list_relation_choices() -> list[tuple[Relation, str]]:
    """What a member may be to the principal applicant."""
    return [(one, relation_word(one)) for one in map(Relation, RELATION_WORDS) if one is not Relation.LEGAL_GUARDIAN]


def list_guardian_relations() -> list[tuple[Relation, str]]:
    """What a guardian or an emergency contact may be to the applicant, those who mostly are it first."""
    first = (Relation.MOTHER, Relation.FATHER, Relation.LEGAL_GUARDIAN)
    others = [one for one in Relation if one not in first and one is not Relation.PARENT]
    return [(one, relation_word(one)) for one in (*first, *others)]


def init_relation_words(app: Flask) -> None:
    """Give templates the filters of this file."""
    app.jinja_env.filters.update(
        relation_word=relation_word, mode_word=lambda mode: str(MODE_WORDS[mode]),
        family_kind_word=lambda kind: str(KIND_WORDS[kind]), contact_word=lambda kind: str(CONTACT_WORDS[kind]),
    )
