"""Forms are FHIR Questionnaires: one reader, one validator, one answer store for every programme's worksheets."""

from clinic.questionnaire.answer import CheckedAnswers, check_answers, is_enabled
from clinic.questionnaire.computed import list_computed
from clinic.questionnaire.fact import build_form_facts, list_circumstance_answers
from clinic.questionnaire.item import Condition, Item, Questionnaire
from clinic.questionnaire.loader import check_forms, get_questionnaire, list_questionnaires, read_questionnaire
from clinic.questionnaire.subject import Subject

__all__ = [
    "CheckedAnswers", "Condition", "Item", "Questionnaire", "Subject", "build_form_facts", "check_answers",
    "check_forms", "get_questionnaire", "is_enabled", "list_circumstance_answers", "list_computed",
    "list_questionnaires", "read_questionnaire",
]
