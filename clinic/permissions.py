"""Who may do what: the permissions, the roles that hold them, and the marks that every route must carry."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache, wraps
from typing import Any, TypeVar

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from clinic.errors import NotAllowed, NotSignedIn

F = TypeVar("F", bound=Callable[..., Any])


class Permission(StrEnum):
    """One thing a member of staff may do."""

    SEE_CASES = "see-cases"
    REGISTER = "register"  # applicants, identity documents
    MERGE_RECORDS = "merge-records"  # two of one person, and apart again
    OPEN_CASE = "open-case"  # and answer its circumstances
    RECORD_HISTORY = "record-history"
    RECORD_EXAM = "record-exam"
    COLLECT_SPECIMEN = "collect-specimen"  # draw blood, take urine, label and hand over
    ENTER_RESULT = "enter-result"
    CONFIRM_RESULT = "confirm-result"
    SEE_CONFIDENTIAL = "see-confidential"  # a confidential result (HIV), each time with a stated reason
    UPLOAD_FILM = "upload-film"  # and take the second look at a film in quarantine
    READ_XRAY = "read-xray"
    RECORD_SPUTUM = "record-sputum"
    RECORD_VACCINE = "record-vaccine"
    RECORD_TREATMENT = "record-treatment"  # how a treatment that decides a class stands
    MANAGE_TUBERCULOSIS = "manage-tuberculosis"  # diagnosis, regimen, interruptions, outcome of a treatment
    SEE_TB_REGISTERS = "see-tb-registers"  # registers, cohorts and counts of the site, with their export
    SIGN = "sign"  # and only for a destination one is authorised for
    SEE_DELIVERIES = "see-deliveries"
    MANAGE_DELIVERIES = "manage-deliveries"
    MANAGE_CLIENTS = "manage-clients"  # the machines by which authorities read
    MANAGE_USERS = "manage-users"  # of the own site
    MANAGE_ORGANISATION = "manage-organisation"  # sites, programmes in use, destinations; users of every site
    MANAGE_LABORATORIES = "manage-laboratories"  # partner laboratories of the own site: names, lines, certificates
    MAP_RESULTS = "map-results"  # what a laboratory's codes and words mean here; messages worked on again
    SEE_AUDIT = "see-audit"  # and review what was opened in an emergency
    PLACE_HOLD = "place-hold"  # say that somebody may be infectious
    LIFT_HOLD = "lift-hold"  # say that they may go among others again
    TRACE_CONTACTS = "trace-contacts"  # of tuberculosis: who was exposed to whom
    DIRECT_TASKS = "direct-tasks"  # give, put off and close what is in others' lists
    OPEN_IN_EMERGENCY = "open-in-emergency"  # one case of another site, to be read, with a reason (clinic/scope.py)
    ASK_RULES = "ask-rules"  # the decision function; every signed-in user


_P = Permission
_SEEING = {_P.SEE_CASES, _P.ASK_RULES}

ROLES: dict[str, tuple[Any, frozenset[Permission]]] = {
    "reception": (_l("Reception"), frozenset(_SEEING | {_P.REGISTER, _P.OPEN_CASE})),
    "receptionsupervisor": (_l("Reception supervisor"), frozenset(
        _SEEING | {_P.REGISTER, _P.OPEN_CASE, _P.MERGE_RECORDS, _P.DIRECT_TASKS})),
    "nurse": (_l("Nurse"), frozenset(
        _SEEING | {_P.RECORD_HISTORY, _P.RECORD_VACCINE, _P.CONFIRM_RESULT, _P.OPEN_CASE, _P.COLLECT_SPECIMEN,
                    _P.SEE_CONFIDENTIAL, _P.RECORD_TREATMENT, _P.OPEN_IN_EMERGENCY, _P.PLACE_HOLD})),
    "phlebotomist": (_l("Phlebotomist"), frozenset(_SEEING | {_P.COLLECT_SPECIMEN, _P.RECORD_SPUTUM})),
    "labtech": (_l("Laboratory technician"), frozenset(
        _SEEING | {_P.COLLECT_SPECIMEN, _P.ENTER_RESULT, _P.RECORD_SPUTUM, _P.SEE_CONFIDENTIAL})),
    "labsupervisor": (_l("Laboratory supervisor"), frozenset(
        _SEEING | {_P.COLLECT_SPECIMEN, _P.ENTER_RESULT, _P.CONFIRM_RESULT, _P.RECORD_SPUTUM, _P.MAP_RESULTS,
                    _P.DIRECT_TASKS, _P.SEE_TB_REGISTERS, _P.SEE_CONFIDENTIAL})),
    "radiographer": (_l("Radiographer"), frozenset(_SEEING | {_P.UPLOAD_FILM})),
    "radiologist": (_l("Radiologist"), frozenset(
        _SEEING | {_P.UPLOAD_FILM, _P.READ_XRAY, _P.OPEN_IN_EMERGENCY, _P.PLACE_HOLD})),
    "physician": (_l("Panel physician"), frozenset(
        _SEEING | {_P.RECORD_HISTORY, _P.RECORD_EXAM, _P.RECORD_VACCINE, _P.OPEN_CASE, _P.SIGN, _P.SEE_DELIVERIES,
                    _P.RECORD_TREATMENT, _P.OPEN_IN_EMERGENCY, _P.DIRECT_TASKS, _P.PLACE_HOLD, _P.LIFT_HOLD,
                    _P.MANAGE_TUBERCULOSIS, _P.SEE_TB_REGISTERS, _P.TRACE_CONTACTS, _P.SEE_CONFIDENTIAL})),
    "tbteam": (_l("Tuberculosis team"), frozenset(
        _SEEING | {_P.RECORD_SPUTUM, _P.ENTER_RESULT, _P.RECORD_TREATMENT, _P.OPEN_IN_EMERGENCY, _P.DIRECT_TASKS,
                    _P.MANAGE_TUBERCULOSIS, _P.SEE_TB_REGISTERS, _P.TRACE_CONTACTS, _P.SEE_CONFIDENTIAL,
                    _P.PLACE_HOLD})),
    "quality": (_l("Quality"), frozenset(_SEEING | {_P.SEE_AUDIT, _P.SEE_DELIVERIES, _P.SEE_TB_REGISTERS})),
    "admin": (_l("Clinic administrator"), frozenset(
        _SEEING | {_P.MANAGE_USERS, _P.MERGE_RECORDS, _P.SEE_DELIVERIES, _P.MANAGE_DELIVERIES, _P.SEE_AUDIT,
                    _P.MANAGE_CLIENTS, _P.MANAGE_ORGANISATION, _P.MANAGE_LABORATORIES, _P.MAP_RESULTS,
                    _P.DIRECT_TASKS})),
    "siteadmin": (_l("Site administrator"), frozenset(
        _SEEING | {_P.MANAGE_USERS, _P.MERGE_RECORDS, _P.SEE_DELIVERIES, _P.SEE_AUDIT, _P.DIRECT_TASKS})),
}

PUBLIC = "public"  # open to everybody
LABORATORY_CLIENT = "laboratory-client"  # checked by the laboratory's token, not by a staff role
AUTHORITY_CLIENT = "authority-client"  # checked by the FHIR token, not by a staff role


def find_signed_in() -> Any:
    """Who is signed in, or Flask-Login's nobody: what `current_user` stands for, which asks a dozen things anew."""
    known = g.get("_login_user")
    return current_user._get_current_object() if known is None else known


def permissions_of(user: Any) -> frozenset[Permission]:
    """Every permission that `user`'s roles hold; empty for nobody."""
    names = getattr(user, "role_names", None)
    if names is None:
        names = frozenset(role.name for role in getattr(user, "roles", []))
    return _permissions_of_roles(names)


@lru_cache(maxsize=256)
def _permissions_of_roles(names: frozenset[str]) -> frozenset[Permission]:
    return frozenset().union(*(ROLES[name][1] for name in names if name in ROLES))


def has_permission(permission: Permission, user: Any = None) -> bool:
    """Whether `user` (default: who is signed in) holds `permission`."""
    who = find_signed_in() if user is None else user
    return bool(getattr(who, "is_authenticated", False)) and permission in permissions_of(who)


def requires(*permissions: Permission) -> Callable[[F], F]:
    """Mark a view: a signed-in user with at least one of `permissions`.

    Raises NotSignedIn (the application sends people to the sign-in page) or NotAllowed.
    """
    if not permissions:
        raise ValueError("name at least one permission")

    def mark(view: F) -> F:
        @wraps(view)
        def checked(*args: Any, **named: Any) -> Any:
            reader = find_signed_in()
            if not reader.is_authenticated:
                raise NotSignedIn(_("Sign in to continue."))
            if permissions_of(reader).isdisjoint(permissions):
                raise NotAllowed(
                    _("Your role does not include this. Ask the clinic administrator if you need it."),
                    user=reader.id, permission=permissions[0].value,
                )
            return view(*args, **named)

        checked.permission = permissions  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return mark


def public(view: F) -> F:
    """Mark a view as open to everybody: it shows nothing of any person."""
    view.permission = PUBLIC  # type: ignore[attr-defined]
    return view


def authority_client(view: F) -> F:
    """Mark a view as guarded by an authority's access token (fhir/smart.py checks it)."""
    view.permission = AUTHORITY_CLIENT  # type: ignore[attr-defined]
    return view


def laboratory_client(view: F) -> F:
    """Mark a view as guarded by a partner laboratory's token (clinic/api/laboratory_result.py checks it)."""
    view.permission = LABORATORY_CLIENT  # type: ignore[attr-defined]
    return view
