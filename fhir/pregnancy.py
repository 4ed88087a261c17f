"""Whether a woman is pregnant, by the question of a form that establishes it, as the IPS codes it."""

from __future__ import annotations

from collections.abc import Iterator

from fhir.code import concept, get_code
from fhir.element import Element, quantity
from fhir.encoder import Resource
from fhir.form_slot import Answers, FormSlot
from fhir.questionnaire import find_fact_link

STATUS_FACT = "circumstance.pregnant"
WEEKS_FACT = "results.pregnancy_weeks"


def list_slots(questionnaire: Resource, answers: Answers) -> Iterator[FormSlot]:
    """The status with the weeks beside it; nothing where the form does not ask."""
    link, weeks_link = find_fact_link(questionnaire, STATUS_FACT), find_fact_link(questionnaire, WEEKS_FACT)
    if link is None:
        return
    links = tuple(one for one in (link, weeks_link) if one)
    yield FormSlot("pregnancy", "category.exam", concept("loinc.pregnancy-status", "Pregnancy status"), links,
                   _say(answers.get(link), answers.get(weeks_link or "")))


def _say(pregnant: bool | None, weeks: str | None) -> Element | None:
    if pregnant is None:
        return None
    if not pregnant:
        return {"valueCodeableConcept": concept("snomed.not-pregnant", "Not pregnant")}
    said: Element = {"valueCodeableConcept": concept("snomed.pregnant", "Pregnant")}
    if weeks:
        said["component"] = [{"code": concept("loinc.gestational-age", "Gestational age"),
                              "valueQuantity": quantity(str(weeks), get_code("ucum.week"))}]
    return said
