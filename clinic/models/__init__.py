"""The clinic's tables, one file for each aggregate."""

from clinic.models.amendment import AmendmentRequest
from clinic.models.applicant import Applicant, ApplicantKey, DocumentKind, IdentityDocument, Sex
from clinic.models.authority import Authority, AuthorityClient
from clinic.models.case import Answer, Case, CaseState, CaseTransition, Circumstance, ResidencePeriod
from clinic.models.consent import Consent, ConsentState, Signer
from clinic.models.decision import Conclusion, ConclusionKind
from clinic.models.delivery import Delivery, DeliveryAttempt, DeliveryState
from clinic.models.film import Film, FilmState
from clinic.models.form import FormResponse, FormStatus
from clinic.models.identity import IdentityCheck, IdentityMethod
from clinic.models.imaging import XrayReading
from clinic.models.laboratory import LabComponent, LabResult, Specimen, SpecimenKind
from clinic.models.merge import Merge, MergedRow, ToldApart
from clinic.models.operation import AuditChange, Heartbeat, Lease
from clinic.models.photo import Photo, PhotoSource
from clinic.models.requirement import Requirement, RequirementReason, RequirementSource, RequirementState
from clinic.models.result import Recorded, ResultStatus
from clinic.models.signature import SignedExam
from clinic.models.site import Counter, Site
from clinic.models.treatment import Treatment, TreatmentOutcome
from clinic.models.user import Authorisation, Role, User
from clinic.models.vaccination import BodySite, DoseSource, LineOutcome, RecordKind, Route, VaccineDose, VaccineLine
from clinic.models.visit import Visit

__all__ = [
    "AmendmentRequest", "Answer", "Applicant", "ApplicantKey", "AuditChange", "Authorisation", "Authority",
    "AuthorityClient", "BodySite", "Case", "CaseState", "CaseTransition", "Circumstance", "Conclusion",
    "ConclusionKind", "Consent", "ConsentState", "Counter", "Delivery", "DeliveryAttempt", "DeliveryState",
    "DocumentKind", "DoseSource", "Film", "FilmState", "FormResponse", "FormStatus", "Heartbeat", "IdentityCheck",
    "IdentityDocument", "IdentityMethod", "LabComponent", "LabResult", "Lease", "LineOutcome", "Merge", "MergedRow",
    "Photo", "PhotoSource", "RecordKind", "Recorded", "Requirement", "RequirementReason", "RequirementSource",
    "RequirementState", "ResidencePeriod", "ResultStatus", "Role", "Route", "Sex", "SignedExam", "Signer", "Site",
    "Specimen", "SpecimenKind", "ToldApart", "Treatment", "TreatmentOutcome", "User", "VaccineDose", "VaccineLine",
    "Visit", "XrayReading",
]
