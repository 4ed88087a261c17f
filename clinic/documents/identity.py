"""Whom a document is about, as every page of it repeats."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import current_app

from clinic.config import get_settings
from clinic.country import country_name
from clinic.file_store import open_store
from clinic.models import Applicant, Case, DocumentKind, IdentityDocument, Sex
from clinic.partial_date import age_on, format_clinically, parse_partial_date
from clinic.queries.merge import list_documents_for_authority
from clinic.services.fact import get_exam_date
from clinic.services.photo import find_photo
from clinic.web.clinical_format import native_name

# English whatever the screen's language: these are papers for an authority (screens.md section 4).
SEX = {Sex.MALE: "Male", Sex.FEMALE: "Female", Sex.OTHER: "Other (X)", Sex.UNKNOWN: "Not stated"}
DOCUMENT = {
    DocumentKind.PASSPORT: "Passport", DocumentKind.IDENTITY_CARD: "Identity card",
    DocumentKind.REFUGEE_DOCUMENT: "Refugee travel document", DocumentKind.OTHER: "Other document",
}


@dataclass(frozen=True)
class Identity:
    """The header's fields, ready to print; dates as dd-MMM-yyyy, English."""

    surnames: str
    given_names: str
    native_name: str
    native_language: str
    birth_date: str
    age: str
    sex: str
    nationality: str
    residence: str
    address: str
    destination_address: str
    phone: str
    email: str
    document_type: str
    document_number: str
    document_country: str
    document_expires: str
    authority_case_number: str
    case_number: str


def read_identity(case: Case) -> Identity:
    """The identity of the case's applicant, with the newest passport shown, else the newest document."""
    person = case.applicant
    document = _find_document(case)
    return Identity(
        surnames=person.family_name, given_names=person.given_names, native_name=native_name(person),
        native_language=person.native_language or "en",
        birth_date=format_clinically(parse_partial_date(person.birth_date)), age=_age(person, get_exam_date(case)),
        sex=SEX[person.sex], nationality=country_name(person.citizenship), residence=country_name(person.residence),
        address=person.address or "", destination_address=case.destination_address or "", phone=person.phone or "",
        email=person.email or "",
        document_type=DOCUMENT[document.kind] if document else "", document_number=document.number if document else "",
        document_country=country_name(document.issuing_country) if document else "",
        document_expires=to_day(document.expires_on) if document else "",
        authority_case_number=case.authority_case_number or "", case_number=case.number,
    )


def read_photo(case: Case) -> str:
    """The photo of this visit as a data address, the same on every form; empty without one."""
    photo = find_photo(case)
    if photo is None:
        return ""
    picture = open_store(get_settings(current_app)).read(photo.sha256)
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


def to_day(day: date | str | None) -> str:
    """`05-Jan-1991` of a date or of its ISO text; empty for none."""
    if not day:
        return ""
    return format_clinically(date.fromisoformat(day) if isinstance(day, str) else day)


def to_moment(moment: datetime, time_zone: str) -> str:
    """`22-Nov-2026 06:31 (UTC+03:00)`, at the place of the examination."""
    local = moment.astimezone(ZoneInfo(time_zone))
    offset = f"{local:%z}"
    return f"{format_clinically(local.date())} {local:%H:%M} (UTC{offset[:3]}:{offset[3:5]})"


def _age(person: Applicant, on: date) -> str:
    found = age_on(parse_partial_date(person.birth_date), on)
    if found.years < 2 and not found.is_estimated:
        born = date.fromisoformat(person.birth_date)
        months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
        return f"{months} months"
    return f"{found.years} years{', estimated' if found.is_estimated else ''}"


def _find_document(case: Case) -> IdentityDocument | None:
    """The newest passport that the authority may be told of, else the newest of the others."""
    newest = sorted(list_documents_for_authority(case), key=lambda row: (row.kind is DocumentKind.PASSPORT, row.id))
    return newest[-1] if newest else None
