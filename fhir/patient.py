"""A person who is examined, as a Patient, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clinic.models import Applicant, Case, ContactKind, DocumentKind, IdentityDocument, RelatedPerson
from clinic.queries.merge import list_documents_for_authority, list_merged_into
from fhir.address import identifier_system
from fhir.code import concept, get_system
from fhir.element import Element, clean_text, country_concept, drop_empty, identifier
from fhir.encoder import Resource
from fhir.naming import Naming
from fhir.related_person import to_contact

PASSPORT_SYSTEM = "http://hl7.org/fhir/sid/passport-"  # and the issuing country, ISO 3166-1 alpha-3
INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"  # likewise
CITIZENSHIP = "http://hl7.org/fhir/StructureDefinition/patient-citizenship"  # an extension of FHIR R4 itself


def to_fhir(
    applicant: Applicant, naming: Naming, case: Case | None = None, emergency: Sequence[RelatedPerson] = ()
) -> Resource:
    """The Patient; with `case`, as its authority may know the person: its own number and the documents, not ours.

    `emergency` are the people to be called, who never leave the house: they did not consent to anything.
    """
    number = _case_number(case) if case else _our_number(applicant)
    return drop_empty({
        "resourceType": "Patient",
        "id": naming.id_of("Patient", applicant.id),
        "extension": [_citizenship(applicant.citizenship), *_interpreter(applicant)],
        "identifier": [found for found in (number, *_documents(applicant, case)) if found],
        "active": case is not None or applicant.merged_into_id is None,
        "name": _names(applicant),
        "telecom": _telecom(applicant),
        "gender": applicant.sex.value,
        "birthDate": applicant.birth_date,
        "address": [drop_empty({"text": clean_text(applicant.address), "country": applicant.residence})],
        "contact": [to_contact(row) for row in emergency],
        "communication": _communication(applicant),
        "managingOrganization": naming.refer("Organization", applicant.site_id),
        "link": None if case else _links(applicant, naming),
    })


def case_number_system(case: Case) -> str:
    """The namespace of an authority's own case numbers."""
    return identifier_system(f"authority/{case.authority_id}")


def _our_number(applicant: Applicant) -> Element | None:
    system = identifier_system(f"applicant/{applicant.site.code}")
    return identifier(system, applicant.number, concept("v2-0203.medical-record"), use="usual")


def _case_number(case: Case) -> Element | None:
    kind = {"text": "Case number of the authority"}
    return identifier(case_number_system(case), case.authority_case_number, kind, use="official")


def _documents(applicant: Applicant, case: Case | None) -> list[Element | None]:
    rows = list_documents_for_authority(case) if case else sorted(applicant.documents, key=lambda one: one.id)
    return [_document(document) for document in rows]


def _links(applicant: Applicant, naming: Naming) -> list[Element]:
    """Records of the same person that were merged; in the clinic's own record only."""
    merged = [(other_id, "replaces") for other_id in list_merged_into(applicant)]
    if applicant.merged_into_id is not None:
        merged.append((applicant.merged_into_id, "replaced-by"))
    return [{"other": naming.refer("Patient", key), "type": kind} for key, kind in merged]


def _document(document: IdentityDocument) -> Element | None:
    country = document.issuing_country
    match document.kind:
        case DocumentKind.PASSPORT:
            kind, system = concept("v2-0203.passport"), f"{PASSPORT_SYSTEM}{country}"
        case DocumentKind.IDENTITY_CARD:
            kind, system = concept("v2-0203.national"), identifier_system(f"identity-card/{country}")
        case _:
            kind = {"text": document.kind.value.replace("-", " ").capitalize()}
            system = identifier_system(f"{document.kind.value}/{country}")
    found = identifier(system, document.number, kind)
    if found and document.expires_on:
        found["period"] = {"end": document.expires_on.isoformat()}
    return found


def _citizenship(country: str) -> Element:
    return {"url": CITIZENSHIP, "extension": [{"url": "code", "valueCodeableConcept": country_concept(country)}]}


def _names(applicant: Applicant) -> list[Element]:
    names = [_name("official", applicant.family_name, applicant.given_names)]
    if applicant.native_family_name or applicant.native_given_names:
        names.append(_name("usual", applicant.native_family_name, applicant.native_given_names))
    return names


def _name(use: str, family: str | None, given: str | None) -> Element:
    words = (given or "").split()
    text = " ".join(part for part in (given, family) if part)
    return drop_empty({"use": use, "text": clean_text(text), "family": clean_text(family), "given": words})


def _telecom(applicant: Applicant) -> list[Element]:
    """The contacts of today; where there are several of a kind, ranked."""
    found = []
    for kind in (ContactKind.PHONE, ContactKind.EMAIL):
        rows = applicant.list_contacts(kind)
        for rank, row in enumerate(rows, start=1):
            found.append(drop_empty({
                "system": kind.value, "value": clean_text(row.value), "rank": rank if len(rows) > 1 else None}))
    return [point for point in found if "value" in point]


def _communication(applicant: Applicant) -> list[Element]:
    languages = [{"language": _language(applicant.language), "preferred": True}]
    if applicant.interpreter_language not in (None, applicant.language):
        languages.append({"language": _language(str(applicant.interpreter_language))})
    return languages


def _interpreter(applicant: Applicant) -> list[Element]:
    return [{"url": INTERPRETER, "valueBoolean": True}] if applicant.interpreter_language else []


def _language(language: str) -> Element:
    return {"coding": [{"system": get_system("language"), "code": language}]}


def from_fhir(resource: Resource) -> dict[str, Any]:
    """What the registration's door takes; what the resource does not say is absent, never filled up."""
    name: Element = next(iter(resource.get("name", [])), {})
    telecom = {point.get("system"): point.get("value") for point in resource.get("telecom", [])}
    address: Element = next(iter(resource.get("address", [])), {})
    spoken: Element = next(iter(resource.get("communication", [])), {})
    return drop_empty({
        "family_name": name.get("family") or name.get("text"),
        "given_names": " ".join(name.get("given", [])),
        "birth_date": resource.get("birthDate"),
        "sex": resource.get("gender"),
        "citizenship": _read_citizenship(resource),
        "residence": address.get("country"),
        "address": address.get("text"),
        "language": next((one["code"] for one in spoken.get("language", {}).get("coding", [])), None),
        "phone": telecom.get("phone"),
        "email": telecom.get("email"),
        "documents": [found for one in resource.get("identifier", []) if (found := _read_document(one))],
    })


def _read_citizenship(resource: Resource) -> str | None:
    for extension in resource.get("extension", []):
        for part in extension.get("extension", []) if extension.get("url") == CITIZENSHIP else []:
            found = part.get("valueCodeableConcept", {})
            return next((one["code"] for one in found.get("coding", [])), found.get("text"))
    return None


def _read_document(found: Element) -> dict[str, Any] | None:
    system = found.get("system", "")
    if not system.startswith(PASSPORT_SYSTEM) or "value" not in found:
        return None
    return drop_empty({
        "kind": DocumentKind.PASSPORT.value,
        "number": found["value"],
        "issuing_country": system.removeprefix(PASSPORT_SYSTEM),
        "expires_on": found.get("period", {}).get("end"),
    })
