"""What a person's page says of merges: which records went into it, by which the reader came, and who looks alike."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_login import current_user

from clinic.models import Applicant
from clinic.permissions import Permission, has_permission
from clinic.queries.double import find_reason_apart
from clinic.queries.merge import list_merges_of
from clinic.services.double import list_doubles_of, traits_of


def build_merge_card(applicant: Applicant) -> dict[str, Any]:
    """The variables of templates/merge/_card.html."""
    merges = list_merges_of(applicant)
    arrived = next((one for one in merges if one.loser_id == request.args.get("merged") and not one.undone_at), None)
    may_merge = has_permission(Permission.MERGE_RECORDS)
    doubles = []
    if may_merge or has_permission(Permission.REGISTER):
        found = list_doubles_of(current_user.site_id, traits_of(applicant), besides=applicant.id)
        doubles = [one for one in found if find_reason_apart(applicant.id, one.applicant.id) is None]
    return {"merges": merges, "arrived": arrived, "doubles": doubles, "may_merge": may_merge}
