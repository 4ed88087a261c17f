"""What anybody may learn of a document by the token printed on it: how it stands, and nothing that names a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import Applicant, Authority, Case, Conclusion, SignedExam, Site

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,32}")


class Standing(StrEnum):
    """How a document stands today."""

    VALID = "valid"
    REPLACED = "replaced"  # a newer version was signed
    REVOKED = "revoked"


class DocumentKind(StrEnum):
    """What kind of document it is, so that a refusal cannot pass for a certificate."""

    REPORT = "report"
    CERTIFICATE = "certificate"
    NO_CERTIFICATE = "no-certificate"


@dataclass(frozen=True)
class Verification:
    """The public answer; `exam_id` and `case_id` are for the audit row alone."""

    standing: Standing
    kind: DocumentKind
    initials: str
    birth_year: str
    destination: str
    version: int
    signed_on: date
    valid_until: date | None
    changed_on: date | None  # the day it was revoked or replaced
    has_expired: bool
    exam_id: str
    case_id: str


def find_verification(token: str) -> Verification | None:
    """The answer to a token; None when there is no such document."""
    if not _TOKEN.fullmatch(token):
        return None
    row = db.session.execute(
        select(SignedExam, Case, Applicant, Conclusion, Authority, Site)
        .join(Case, Case.id == SignedExam.case_id).join(Applicant, Applicant.id == Case.applicant_id)
        .join(Conclusion, Conclusion.id == SignedExam.conclusion_id)
        .join(Authority, Authority.id == SignedExam.authority_id).join(Site, Site.id == Case.site_id)
        .where(SignedExam.verify_token == token)
    ).unique().one_or_none()
    if row is None:
        return None
    exam, case, applicant, conclusion, authority, site = row
    until = conclusion.conclusion.get("valid_until")
    valid_until = date.fromisoformat(until) if until else None
    standing, changed_at = _find_standing(exam)
    zone = site.time_zone
    return Verification(
        standing=standing, kind=_find_kind(case, conclusion),
        initials=_initials(f"{applicant.given_names} {applicant.family_name}"), birth_year=applicant.birth_date[:4],
        destination=authority.name, version=exam.version, signed_on=clock.to_day(exam.signed_at, zone),
        valid_until=valid_until, changed_on=clock.to_day(changed_at, zone) if changed_at else None,
        has_expired=valid_until is not None and valid_until < clock.today(zone), exam_id=exam.id, case_id=case.id,
    )


def find_standing_of_file(sha256: str) -> tuple[str, int, Standing] | None:
    """(exam id, version, standing) of the exam whose PDF has this digest (hex); None when it is not known here."""
    exam = db.session.execute(select(SignedExam).where(SignedExam.pdf_sha256 == sha256)).scalars().first()
    return (exam.id, exam.version, _find_standing(exam)[0]) if exam else None


def _find_standing(exam: SignedExam) -> tuple[Standing, datetime | None]:
    if exam.revoked_at is not None:
        return Standing.REVOKED, exam.revoked_at
    newer = db.session.execute(
        select(SignedExam.signed_at).where(SignedExam.case_id == exam.case_id, SignedExam.version > exam.version)
        .order_by(SignedExam.version).limit(1)
    ).scalar_one_or_none()
    return (Standing.REPLACED, newer) if newer else (Standing.VALID, None)


def _find_kind(case: Case, conclusion: Conclusion) -> DocumentKind:
    certificate = conclusion.conclusion.get("certificate")
    if case.programme != "uk":
        return DocumentKind.REPORT
    return DocumentKind.CERTIFICATE if certificate == "issue" else DocumentKind.NO_CERTIFICATE


def _initials(name: str) -> str:
    """`G. A. W.`"""
    return " ".join(f"{part[0].upper()}." for part in re.split(r"[\s-]+", name) if part)
