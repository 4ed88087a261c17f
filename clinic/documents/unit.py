"""Units as people write them on paper; stored are those of UCUM."""

from __future__ import annotations

WRITTEN = {
    "[iU]/mL": "IU/mL", "{spots}": "spots", "mm[Hg]": "mmHg", "Cel": "°C", "/min": "per minute", "kg/m2": "kg/m²",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²",
}


def with_unit(value: str, unit: str | None) -> str:
    """The number as recorded, with its unit."""
    return f"{value} {WRITTEN.get(unit or '', unit or '')}".strip()
