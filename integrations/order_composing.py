"""Composes and checks what asks a laboratory for an order; fills `clinic.ports.ports.compose_order`."""

from __future__ import annotations

from flask import current_app

from clinic import clock
from clinic.config import get_settings
from clinic.models import DocumentKind
from clinic.ports import OrderToSend
from fhir.laboratory import test_coding
from integrations.hl7 import lint
from integrations.hl7.order import Order, OrderedPerson, OrderedSpecimen, compose_order
from integrations.hl7.word import LOCAL, SYSTEMS


def compose(asked: OrderToSend) -> bytes:
    """The message's bytes. Raises Misconfigured when the lint finds what a receiver would stumble over."""
    order, laboratory, case = asked.order, asked.laboratory, asked.order.case
    person, specimen = case.applicant, order.specimen
    passport = next((one for one in reversed(person.documents) if one.kind is DocumentKind.PASSPORT), None)
    text = compose_order(Order(
        act=asked.act, control_id=asked.control_id, facility=laboratory.our_facility,
        receiver=(laboratory.application, laboratory.facility), country=case.site.country, composed_at=clock.now(),
        is_production=not get_settings(current_app).demo, number=order.number, group=order.referral.number,
        code=asked.their_code or _find_published(asked) or (order.test, asked.label, LOCAL),
        local=(order.test, asked.label),
        ordered_at=order.ordered_at, orderer=(asked.orderer.licence_number or "", asked.orderer.name),
        reason=asked.reason,
        person=OrderedPerson(
            case.number, person.family_name, person.given_names, person.native_family_name,
            person.native_given_names, person.birth_date, person.sex.value, passport.number if passport else None,
            passport.issuing_country if passport else None),
        specimen=OrderedSpecimen(specimen.number, specimen.kind.value, specimen.collected_at,
                                 specimen.collected_on.isoformat()) if specimen else None,
    ))  # fmt: skip
    lint.check(text)
    return text.encode()


def _find_published(asked: OrderToSend) -> tuple[str, str, str] | None:
    """The test's LOINC code, for a laboratory that has not told us what it calls it; None where we know none."""
    specimen = asked.order.specimen
    found = test_coding(asked.order.test, specimen.kind if specimen else None)
    system = SYSTEMS.get(found["system"])
    return (found["code"], asked.label, system) if system else None
