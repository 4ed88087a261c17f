"""An answered form as a QuestionnaireResponse, in the shape of its Questionnaire."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from clinic.models import FormResponse
from fhir.address import canonical
from fhir.element import Element, clean_text, drop_empty, quantity, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming
from fhir.questionnaire import get_questionnaire


def to_fhir(response: FormResponse, naming: Naming) -> Resource:
    """The QuestionnaireResponse of a completed, amended or withdrawn form; raises Misconfigured without its form."""
    questionnaire = get_questionnaire(response.form)
    answered_by = response.completed_by_id or response.started_by_id
    return drop_empty({
        "resourceType": "QuestionnaireResponse",
        "id": naming.id_of("QuestionnaireResponse", response.id),
        "questionnaire": f"{canonical(f'Questionnaire/{response.form}')}|{response.form_version}",
        "status": response.status.value,
        "subject": naming.refer("Patient", response.case.applicant_id),
        "encounter": naming.refer("Encounter", response.case_id),
        "authored": to_instant(response.completed_at or response.saved_at),
        "author": naming.refer("Practitioner", answered_by),
        "item": _items(questionnaire.get("item", []), response.answers or {}),
    })


def _items(questions: list[Element], answers: dict[str, Any]) -> list[Element]:
    found = []
    for question in questions:
        if question["type"] == "display":
            continue
        answer = [_answer(question, value) for value in _as_list(answers.get(question["linkId"]))]
        nested = _items(question.get("item", []), answers)
        if question["type"] == "group":
            item = drop_empty({"linkId": question["linkId"], "text": question.get("text"), "item": nested})
            kept = bool(nested)
        else:
            if answer and nested:
                answer[0]["item"] = nested
            item = drop_empty({"linkId": question["linkId"], "text": question.get("text"), "answer": answer})
            kept = bool(answer)
        if kept:
            found.append(item)
    return found


def _as_list(value: Any) -> list[Any]:
    if value is None or value == "" or value == []:
        return []
    return list(value) if isinstance(value, list) else [value]


def _answer(question: Element, value: Any) -> Element:
    match question["type"]:
        case "boolean":
            return {"valueBoolean": value is True or str(value).lower() in ("true", "yes")}
        case "integer":
            return {"valueInteger": int(value)}
        case "decimal":
            return {"valueDecimal": Decimal(str(value))}
        case "quantity":
            return {"valueQuantity": quantity(str(value), _unit(question)) or {"value": Decimal(str(value))}}
        case "date":
            return {"valueDate": str(value)}
        case "dateTime":
            return {"valueDateTime": str(value)}
        case "choice" | "open-choice":
            return _choice(question, str(value))
        case _:
            return {"valueString": clean_text(str(value))}


def _choice(question: Element, value: str) -> Element:
    for option in question.get("answerOption", []):
        coding = option.get("valueCoding")
        if coding and coding.get("code") == value:
            return {"valueCoding": coding}
        if option.get("valueString") == value:
            return {"valueString": value}
    return {"valueString": value}


def _unit(question: Element) -> str | None:
    for extension in question.get("extension", []):
        if extension.get("url") == "http://hl7.org/fhir/StructureDefinition/questionnaire-unit":
            code: str | None = extension.get("valueCoding", {}).get("code")
            return code
    return None
