"""Checks a resource once, before it is stored: the shape by `fhir.resources`, the rest by our own rules."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from clinic.errors import ClearwayError
from fhir.encoder import Resource
from fhir.resources.R4B import get_fhir_model_class
from fhir.rule import list_faults

log = logging.getLogger(__name__)


class InvalidResource(ClearwayError):
    """We built something that is no valid FHIR; nothing is stored. The log names the path, never a value."""

    status = 500
    code = "exception"
    next_step = "give-up"


def validate(resource: Resource) -> None:
    """Raise InvalidResource when `resource` breaks the shape of its R4 type or one of our rules.

    `fhir.resources` raises KeyError or ValueError, not ValidationError, for a resource type it does not know.
    """
    kind = resource.get("resourceType", "?")
    faults = list_faults(resource)
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except ValidationError as error:
        faults += [".".join(str(part) for part in one["loc"]) + f": {one['type']}" for one in error.errors()]
    except (KeyError, ValueError):
        faults.append(f"{kind}: not a resource type")
    if faults:
        log.error("invalid %s/%s: %s", kind, resource.get("id"), "; ".join(faults))
        raise InvalidResource(
            "No valid FHIR record could be made of this, so nothing was saved. Tell your administrator.",
            kind=kind, id=resource.get("id"), faults=faults,
        )
