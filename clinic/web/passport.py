"""The machine readable zone on the registration form: read, shown with its check digits, held against the names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_login import current_user

from clinic import clock
from clinic.mrz import DocumentKind, Mrz, MrzUnreadable, mrz_fits_name, parse_mrz
from clinic.schemas.field import to_words


@dataclass(frozen=True)
class Check:
    """One line under the zone: what was compared, whether it fits, and what to do if not."""

    ok: bool
    text: str


@dataclass(frozen=True)
class ReadZone:
    """The zone as read; `error` instead of everything else when it is none."""

    mrz: Mrz | None = None
    error: str | None = None

    @property
    def checks(self) -> list[Check]:
        """Every check digit in words."""
        if self.mrz is None:
            return []
        names = {
            "number": _("Document number"), "birth": _("Birth date"), "expiry": _("Expiry date"),
            "optional": _("Personal number"), "composite": _("Whole zone"),
        }
        return [
            Check(check.ok, _("%(field)s: check digit fits", field=names[check.which]) if check.ok
                  else to_words(check.explanation))
            for check in self.mrz.checks
        ]

    @property
    def notes(self) -> list[str]:
        """What else the reader noticed, in words."""
        return [to_words(note) for note in self.mrz.notes] if self.mrz else []


def read_zone(text: str) -> ReadZone | None:
    """Read what was pasted or scanned; None when nothing was."""
    if not text.strip():
        return None
    try:
        zone = parse_mrz(text, clock.today(current_user.site.time_zone))
    except MrzUnreadable as error:
        return ReadZone(error=to_words(error.sentence))
    if zone.kind is DocumentKind.VISA:
        return ReadZone(error=_("These are the lines of a visa; read the passport's photo page instead."))
    return ReadZone(zone)


def to_fields(zone: Mrz) -> dict[str, str]:
    """The form's fields that the zone fills; what it does not know stays as it was typed."""
    fields = {
        "family_name": zone.family_name, "given_names": zone.given_names,
        "birth_date": str(zone.birth or ""), "sex": zone.sex if zone.sex != "unknown" else "",
        "citizenship": zone.citizenship.iso3 or "", "document-kind": zone.kind.value,
        "document-number": zone.number, "document-issuing_country": zone.issuing_state.iso3 or "",
        "document-expires_on": zone.expires_on.isoformat() if zone.expires_on else "", "mrz": zone.text,
    }
    return {name: value for name, value in fields.items() if value}


def list_zone_warnings(zone: Mrz, data: dict[str, Any]) -> list[dict[str, str]]:
    """What differs between the zone and what is about to be saved; a person ticks that it was compared."""
    warnings = [{"field": "mrz", "code": f"digit-{check.which}", "text": to_words(check.explanation)}
                for check in zone.mismatches]
    fit = mrz_fits_name(zone, data.get("family_name") or "", data.get("given_names") or "")
    if not fit and fit.explanation:
        warnings.append({"field": "family_name", "code": "name", "text": to_words(fit.explanation)})
    if zone.birth is not None and data.get("birth_date") != str(zone.birth):
        warnings.append({"field": "birth_date", "code": "birth", "text": _(
            "The birth date differs from the document's lines (%(date)s).", date=str(zone.birth))})
    return warnings
