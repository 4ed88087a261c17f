"""The referral letter: what a laboratory is asked, for those that have no line; with the photo and bars to scan."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import render_template
from markupsafe import Markup

from clinic import clock
from clinic.documents.code128 import draw_code128
from clinic.documents.glyph import ensure_printable
from clinic.documents.identity import read_identity, read_photo, to_moment
from clinic.documents.printer import print_html
from clinic.errors import NotNow
from clinic.identifier import to_key
from clinic.laboratory_test import list_tests
from clinic.models import Case, LabOrder, LabReferral, User
from clinic.questionnaire.unit import say_unit
from clinic.services.order_answer import list_answered
from clinic.services.order_reason import list_reasons
from clinic.tube import list_tubes


def print_referral(referral: LabReferral, orders: list[LabOrder], actor: User) -> bytes:
    """The letter for the orders in work without a result, as PDF, in English as all papers that leave.

    Raises NotNow when nothing is in work, InvalidInput for a character that no font has.
    """
    answered = list_answered(referral.case)
    live = [row for row in orders if row.is_live and row.id not in answered]
    if not live:
        raise NotNow("Nothing is in work for this referral: order a test first.", referral=referral.id)
    reasons = {row_id: reason.say() for row_id, reason in list_reasons(orders).items()}
    case, identity = referral.case, read_identity(referral.case)
    ensure_printable({"referral": [identity.surnames, identity.given_names, identity.native_name, case.site.name,
                                   case.site.city, actor.name, *(reasons[row.id] for row in live)]})
    return print_html(render_template(
        "documents/referral.html", referral=referral, bars=_draw(referral.number), who=identity, photo=read_photo(case),
        site=case.site, printed_at=to_moment(clock.now(), case.site.time_zone), actor=actor,
        lines=[_build_line(row, case, reasons[row.id]) for row in live]))


def _build_line(order: LabOrder, case: Case, reason: str) -> dict[str, object]:
    test, specimen = list_tests()[order.test], order.specimen
    tube = list_tubes().get(specimen.tube if specimen is not None and specimen.tube else test.tube)
    collected = ""
    if specimen is not None:
        collected = specimen.collected_on.strftime("%d-%b-%Y")
        if specimen.collected_at is not None:
            collected = specimen.collected_at.astimezone(ZoneInfo(case.site.time_zone)).strftime("%d-%b-%Y %H:%M")
    return {
        "test": test.label, "number": order.number, "bars": _draw(order.number), "reason": reason,
        "specimen": specimen.number if specimen is not None else "to be taken", "collected": collected,
        "what": tube.label if tube is not None else "Sputum",
        "unit": ", ".join(say_unit(unit.code) for unit in test.units),
    }


def _draw(number: str) -> Markup:
    return Markup(draw_code128(to_key(number)))  # noqa: S704  made of digits by us
