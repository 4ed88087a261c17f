"""The clinic's tables, one file for each aggregate."""

from clinic.models.amendment import AmendmentRequest
from clinic.models.applicant import Applicant, ApplicantKey, ApplicantWord, DocumentKind, IdentityDocument, Sex
from clinic.models.authority import Authority, AuthorityClient, Destination
from clinic.models.case import Answer, Case, CaseState, CaseTransition, Circumstance, ResidencePeriod
from clinic.models.consent import Consent, ConsentState, Signer
from clinic.models.contact import ContactKind, ContactPoint
from clinic.models.decision import Conclusion, ConclusionKind
from clinic.models.delivery import Delivery, DeliveryAttempt, DeliveryState
from clinic.models.draft import RegistrationDraft
from clinic.models.emergency import EmergencyAccess, EmergencyReason
from clinic.models.family import Family, FamilyKind, FamilyMember
from clinic.models.film import Film, FilmState
from clinic.models.form import FormResponse, FormStatus, FormVersion, KeptInput
from clinic.models.hold import InfectionHold
from clinic.models.identity import IdentityCheck, IdentityMethod
from clinic.models.imaging import XrayReading
from clinic.models.inbound import InboundMessage, InboundState, InboundWay
from clinic.models.interpreter import InterpreterMode, VisitInterpreter
from clinic.models.lab_order import LabOrder, LabOrderState, LabReferral
from clinic.models.laboratory import (
    MEDIA,
    Collection,
    CriticalCall,
    LabComponent,
    LabResult,
    Purpose,
    RejectionReason,
    SecondEntry,
    Specimen,
    SpecimenEvent,
    SpecimenEventKind,
    SpecimenKind,
)
from clinic.models.merge import Merge, MergedRow, ToldApart
from clinic.models.operation import AuditChange, Heartbeat, Lease
from clinic.models.order_message import OrderAct, OrderAttempt, OrderMessage
from clinic.models.partner import CodeMapping, Laboratory, MapKind
from clinic.models.photo import Photo, PhotoSource
from clinic.models.proof import Authenticator, Passkey, PasswordReset, RecoveryCode
from clinic.models.related_person import PARENTS, GuardianAbsence, RelatedPerson, Relation
from clinic.models.reported import FOR_A_PERSON, LabDocument, ReportedResult, ReportedState
from clinic.models.requirement import Requirement, RequirementReason, RequirementSource, RequirementState
from clinic.models.result import Recorded, ResultStatus
from clinic.models.sensitive import Counselling, CounsellingKind, SensitiveAccess, SensitiveReason
from clinic.models.sign_in import SignIn, SignInEnd, UnsavedPage
from clinic.models.signature import SignedExam
from clinic.models.site import Counter, Site, SiteProgramme
from clinic.models.task import Task
from clinic.models.tb_contact import ContactSetting, ContactState, SourceType, TbContact
from clinic.models.treatment import Treatment, TreatmentOutcome
from clinic.models.tuberculosis import (
    DiagnosisBasis,
    DiseaseSite,
    DosePlace,
    DoseState,
    InterruptionDecision,
    PhaseName,
    TbCase,
    TbDose,
    TbHistory,
    TbInterruption,
    TbMonth,
    TbOutcome,
    TbPhase,
    TbSideEffect,
)
from clinic.models.user import Authorisation, Role, User
from clinic.models.vaccination import BodySite, DoseSource, LineOutcome, RecordKind, Route, VaccineDose, VaccineLine
from clinic.models.visit import Visit

__all__ = [
    "FOR_A_PERSON", "MEDIA", "PARENTS", "AmendmentRequest", "Answer", "Applicant", "ApplicantKey", "ApplicantWord",
    "AuditChange", "Authenticator", "Authorisation", "Authority", "AuthorityClient", "BodySite", "Case", "CaseState",
    "CaseTransition", "Circumstance", "CodeMapping", "Collection", "Conclusion", "ConclusionKind", "Consent",
    "ConsentState", "ContactKind", "ContactPoint", "ContactSetting", "ContactState", "Counselling", "CounsellingKind",
    "Counter", "CriticalCall", "Delivery", "DeliveryAttempt", "DeliveryState", "Destination", "DiagnosisBasis",
    "DiseaseSite", "DocumentKind", "DosePlace", "DoseSource", "DoseState", "EmergencyAccess", "EmergencyReason",
    "Family", "FamilyKind", "FamilyMember", "Film", "FilmState", "FormResponse", "FormStatus", "FormVersion",
    "GuardianAbsence", "Heartbeat", "IdentityCheck", "IdentityDocument", "IdentityMethod", "InboundMessage",
    "InboundState", "InboundWay", "InfectionHold", "InterpreterMode", "InterruptionDecision", "KeptInput",
    "LabComponent", "LabDocument", "LabOrder", "LabOrderState", "LabReferral", "LabResult", "Laboratory", "Lease",
    "LineOutcome", "MapKind", "Merge", "MergedRow", "OrderAct", "OrderAttempt", "OrderMessage", "Passkey",
    "PasswordReset", "PhaseName", "Photo", "PhotoSource", "Purpose", "RecordKind", "Recorded", "RecoveryCode",
    "RegistrationDraft", "RejectionReason", "RelatedPerson", "Relation", "ReportedResult", "ReportedState",
    "Requirement", "RequirementReason", "RequirementSource", "RequirementState", "ResidencePeriod", "ResultStatus",
    "Role", "Route", "SecondEntry", "SensitiveAccess", "SensitiveReason", "Sex", "SignIn", "SignInEnd", "SignedExam",
    "Signer", "Site", "SiteProgramme", "SourceType", "Specimen", "SpecimenEvent", "SpecimenEventKind", "SpecimenKind",
    "Task", "TbCase", "TbContact", "TbDose", "TbHistory", "TbInterruption", "TbMonth", "TbOutcome", "TbPhase",
    "TbSideEffect", "ToldApart", "Treatment", "TreatmentOutcome", "UnsavedPage", "User", "VaccineDose", "VaccineLine",
    "Visit", "VisitInterpreter", "XrayReading", "applicant", "authority", "case", "clinic", "consent", "contact",
    "decision", "delivery", "draft", "emergency", "family", "film", "form", "from", "hold", "identity", "imaging",
    "import", "inbound", "interpreter", "lab_order", "laboratory", "models", "operation", "order_message", "partner",
    "photo", "proof", "related_person", "reported", "requirement", "result", "sensitive", "sign_in", "signature",
    "site", "task", "tb_contact", "treatment", "tuberculosis",
]
