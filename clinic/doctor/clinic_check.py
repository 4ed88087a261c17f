"""The clinic's own checks, in the order in which they are shown."""

from __future__ import annotations

from clinic.doctor import certificate, configuration, database, machine, work
from clinic.doctor.finding import Check

CLINIC_CHECKS: tuple[Check, ...] = (
    *configuration.CHECKS, *machine.CHECKS, *database.CHECKS, *certificate.CHECKS, *work.CHECKS,
)
