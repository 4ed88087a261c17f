"""Chest X-ray readings by the findings of Form DS-3030."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import Json, key
from clinic.models.film import Film
from clinic.models.result import Recorded


class XrayReading(Recorded, Base):
    """A radiologist's reading: `findings` are codes of the finding list, or a deferral with its reason.

    A reading is signed by the radiologist alone, so it is final when entered (`confirmed_by_id` stays empty).
    """

    __tablename__ = "xray_reading"
    __projected__ = True

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    taken_on: Mapped[date | None]  # empty only for a deferral
    view: Mapped[str | None] = mapped_column(String(20))  # pa, ap, pa-lateral, ap-lateral
    findings: Mapped[Any] = mapped_column(Json())  # list of codes
    result: Mapped[str | None] = mapped_column(String(20))  # where the authority asks one: normal, non-tb, tb
    numbered: Mapped[Any] = mapped_column(Json(), nullable=True)  # the authority's own numbers, where it has any
    deferred: Mapped[str | None] = mapped_column(String(20))  # pregnancy
    # What was read; empty: read elsewhere.
    film_id: Mapped[str | None] = mapped_column(ForeignKey("film.id"), index=True)

    case: Mapped[Case] = relationship()
    film: Mapped[Film | None] = relationship()
