"""The films of one study as an ImagingStudy: which images there are and their DICOM names, never the images themselves.

A film in quarantine is perhaps another person's, so it is not part of this person's study until a second look.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clinic.models import Film, FilmState, Requirement
from fhir.code import coding, concept, get_system
from fhir.element import Element, drop_empty, to_date
from fhir.encoder import Resource
from fhir.naming import Naming
from fhir.service_request import FILM_EXAMS, refer_to_orders

SHOWN = (FilmState.ACCEPTED, FilmState.PRIOR)
_MODALITIES = {"DX": "dicom.dx", "CR": "dicom.cr"}
_OTHER = "dicom.other"


def to_fhir(films: Sequence[Film], naming: Naming, orders: Iterable[Requirement] = ()) -> Resource:
    """The study that `films` (all of one study of one case) make; entered-in-error when none is this person's."""
    first = films[0]
    shown = [film for film in films if film.state in SHOWN]
    return drop_empty({
        "resourceType": "ImagingStudy",
        "id": naming.id_of("ImagingStudy", first.study_id),
        "identifier": [{"system": get_system("dicom-uid"), "value": _to_urn(first.study_uid)}],
        "status": "available" if shown else "entered-in-error",
        "modality": [coding(row) for row in sorted({_modality(film) for film in shown})],
        "subject": naming.refer("Patient", first.case.applicant_id),
        "encounter": naming.refer("Encounter", first.case_id),
        "started": to_date(min((film.taken_on for film in shown if film.taken_on), default=None)),
        "basedOn": refer_to_orders(orders, FILM_EXAMS, min(film.received_at for film in films), naming),
        "numberOfSeries": len({film.series_uid for film in shown}),
        "numberOfInstances": len(shown),
        "procedureCode": [concept("loinc.chest", "Chest X-ray")],
        "series": [_series(uid, shown) for uid in sorted({film.series_uid for film in shown})],
    })


def _series(uid: str, films: Iterable[Film]) -> Element:
    own = sorted((film for film in films if film.series_uid == uid), key=lambda film: film.sop_uid)
    return {
        "uid": uid,
        "modality": coding(_modality(own[0])),
        "numberOfInstances": len(own),
        "bodySite": coding("snomed.thorax"),
        "instance": [
            {"uid": film.sop_uid, "sopClass": {"system": get_system("uri"), "code": _to_urn(film.sop_class)}}
            for film in own
        ],
    }


def _modality(film: Film) -> str:
    return _MODALITIES.get(film.modality, _OTHER)


def _to_urn(uid: str) -> str:
    return f"urn:oid:{uid}"
