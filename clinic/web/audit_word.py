"""What the audit's codes are called on its page; a code without words of its own is written out."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask_babel import LazyString, gettext, lazy_gettext

from clinic.queries.audit_trail import AuditEntry
from clinic.web.account_history import WORDS

# What a page is, by the first part of its screen's name (the blueprint).
SCREEN_WORDS: dict[str, LazyString] = {
    "case": lazy_gettext("the case"), "circumstance": lazy_gettext("circumstances"), "consent": lazy_gettext("consent"),
    "exam_form": lazy_gettext("a form"), "laboratory": lazy_gettext("laboratory results"),
    "xray": lazy_gettext("X-ray readings"), "film": lazy_gettext("films"), "sputum": lazy_gettext("sputum"),
    "susceptibility": lazy_gettext("susceptibility"), "treatment": lazy_gettext("treatments"),
    "tuberculosis": lazy_gettext("the tuberculosis case"), "tb_dose": lazy_gettext("the calendar of doses"),
    "tb_register": lazy_gettext("the registers of tuberculosis"),
    "vaccination": lazy_gettext("vaccinations"), "sign": lazy_gettext("the review and signed exam"),
    "paper": lazy_gettext("the printed packet"), "photo": lazy_gettext("the photo"),
    "identity": lazy_gettext("who is in front of you"), "applicant": lazy_gettext("the person"),
    "contact": lazy_gettext("contacts"), "related": lazy_gettext("people around the person"),
    "family": lazy_gettext("the family"), "merge": lazy_gettext("records compared"),
    "worklist": lazy_gettext("a list of cases"), "visit": lazy_gettext("who is here"),
    "search": lazy_gettext("the search"), "delivery": lazy_gettext("deliveries"),
    "message": lazy_gettext("a message in words"), "audit": lazy_gettext("the audit"),
    "authority_access": lazy_gettext("authorities' looks"), "emergency": lazy_gettext("emergency access"),
    "second_person": lazy_gettext("results to confirm"), "requirement": lazy_gettext("examinations"),
    "opening": lazy_gettext("opening a case"), "interpreter": lazy_gettext("the interpreter"),
    "amendment": lazy_gettext("amendments"), "family_case": lazy_gettext("a family's cases"),
    "task": lazy_gettext("tasks"), "hold": lazy_gettext("who may be infectious"),
    "draw": lazy_gettext("the drawing of blood"), "specimen": lazy_gettext("specimens"),
    "result_grid": lazy_gettext("the bench"), "reported": lazy_gettext("the laboratories' inbox"),
    "laboratory_upload": lazy_gettext("a laboratory's file"),
    "laboratory_message": lazy_gettext("a laboratory's message"),
    "lab_order": lazy_gettext("orders for the laboratory"),
    "order_message": lazy_gettext("orders sent to a laboratory"),
    "confidential": lazy_gettext("confidential results"), "tb_contact": lazy_gettext("contacts of tuberculosis"),
    # Where somebody proves who they are.
    "security": lazy_gettext("the sign-in"), "second_step": lazy_gettext("the second step of the sign-in"),
    "lock": lazy_gettext("the locked screen"), "second_factor": lazy_gettext("My sign-in"),
    "password": lazy_gettext("the change of the password"), "member": lazy_gettext("users"),
    "member_access": lazy_gettext("a user's access"), "authority": lazy_gettext("destinations"),
    "destination": lazy_gettext("a destination's deliveries"), "partner": lazy_gettext("partner laboratories"),
    "authority_client": lazy_gettext("authorities' clients"),
}
# Pages that are not of the kind of their blueprint's others: forms that are empty yet, whole lists.
PAGE_WORDS: dict[str, LazyString] = {
    **dict.fromkeys(("applicant.new", "applicant.create", "applicant.fill_from_zone", "applicant.discard"),
                    lazy_gettext("the form to register a person")),
    "applicant.index": lazy_gettext("everybody registered"), "merge.doubles": lazy_gettext("likely doubles"),
    **dict.fromkeys(("emergency.new", "emergency.create"), lazy_gettext("the form to open a case in an emergency")),
}
FORMS = {page for page in PAGE_WORDS if page.rpartition(".")[2] not in ("index", "doubles")}
ACTION_WORDS: dict[str, LazyString] = {
    "read": lazy_gettext("Looked at"), "list": lazy_gettext("Looked through"), "search": lazy_gettext("Searched"),
    "see-film": lazy_gettext("Looked at a film"), "see-photo": lazy_gettext("Looked at the photo"),
    "print": lazy_gettext("Fetched the printed packet"), "document": lazy_gettext("Fetched the signed document"),
    "see-audit": lazy_gettext("Looked at the audit"), "export-audit": lazy_gettext("Exported the audit"),
    "stopped-reading": lazy_gettext("Stopped: opened very many records"),
    "emergency-open": lazy_gettext("Opened in an emergency"), "emergency-end": lazy_gettext("Ended an emergency"),
    "emergency-review": lazy_gettext("Reviewed an emergency"),
    "emergency-missed": lazy_gettext("Tried a number that is no case"),
    "sign": lazy_gettext("Signed"), "state": lazy_gettext("Moved the case"), "register": lazy_gettext("Registered"),
    "confirm": lazy_gettext("Confirmed"), "enter": lazy_gettext("Entered"), "withdraw": lazy_gettext("Withdrew"),
    "correct": lazy_gettext("Corrected"), "merge": lazy_gettext("Merged"), "revoke": lazy_gettext("Revoked"),
    "begin-hold": lazy_gettext("Held: may be infectious"), "end-hold": lazy_gettext("The hold ended"),
    "lift-hold": lazy_gettext("Lifted a hold"),
    "confirm-contact": lazy_gettext("Recorded a contact of tuberculosis"),
    "dismiss-contact": lazy_gettext("Said that somebody is no contact"),
    "withdraw-contact": lazy_gettext("Withdrew a contact"), "end-exposure": lazy_gettext("Ended an exposure"),
    "open-task": lazy_gettext("Opened a task"), "close-task": lazy_gettext("Closed a task"),
    "reopen-task": lazy_gettext("A task was asked for again"),
    "give-task": lazy_gettext("Gave a task to somebody else"), "postpone-task": lazy_gettext("Put off a task"),
    "escalate-task": lazy_gettext("A task went up"), "sign-in": lazy_gettext("Signed in"),
    "open": lazy_gettext("Opened a case"), "arrive": lazy_gettext("Recorded an arrival"),
    "answer": lazy_gettext("Answered"), "receive-film": lazy_gettext("Received a film"),
    "photo": lazy_gettext("Took the photo"), "record-reading": lazy_gettext("Read the X-ray"),
    "complete-form": lazy_gettext("Completed a form"),
    "check-again": lazy_gettext("Proved again who they are"),
    "wrong-secret": lazy_gettext("Gave a wrong password, code or passkey"),
    "delay-attempts": lazy_gettext("Had to wait after guesses"),
}
ACCOUNT = "user"  # kind of what is done to a member of staff's account
OF_THE_SCREEN = {"path", "screen", "posted", "purpose", "emergency", "shown"}


def describe_action(row: AuditEntry) -> str:
    """What was done."""
    if row.action == "list" and row.detail.get("screen") in FORMS:
        return gettext("Opened")
    account = WORDS.get(row.action) if row.subject_kind == ACCOUNT else None
    return str(ACTION_WORDS.get(row.action) or account or row.action.replace("-", " ").capitalize())


def describe_subject(row: AuditEntry, names: Mapping[str, str]) -> str:
    """What it was done to: the screen in words, whose account (`names` of staff by id), else the kind of thing."""
    if row.subject_kind == ACCOUNT and row.subject_id in names:
        return gettext("account of %(name)s", name=names[row.subject_id])
    return say_screen(str(row.detail.get("screen", ""))) or row.subject_kind.replace("_", " ").replace("-", " ")


def say_screen(endpoint: str) -> str:
    """What a page is, by its screen's name; empty where there are no words for it."""
    return str(PAGE_WORDS.get(endpoint) or SCREEN_WORDS.get(endpoint.partition(".")[0], ""))


def describe_detail(row: AuditEntry) -> str:
    """What else stands in the row: codes and ids, never a name. For exports; a page has clinic/web/audit_detail.py."""
    parts = []
    for name, value in row.detail.items():
        if name not in OF_THE_SCREEN:
            parts.append(f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    if shown := row.detail.get("shown"):
        parts.append(f"shown: {len(shown)}")
    return "; ".join(parts)
