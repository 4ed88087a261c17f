"""Units of measured answers as people write them."""

from __future__ import annotations

from flask_babel import gettext as _


def say_unit(unit: str | None) -> str:
    """A UCUM unit as people write it; empty without one."""
    written = {"Cel": "°C", "mm[Hg]": "mmHg", "[IU]/mL": "IU/mL", "[iU]/mL": "IU/mL", "{spots}": _("spots"),
               "wk": _("weeks"), "d": _("days"), "mL/min/{1.73_m2}": "mL/min/1.73 m²", "umol/L": "µmol/L",
               "kg/m2": "kg/m²", "10*9/L": "×10⁹/L"}
    return written.get(unit or "", unit or "")
