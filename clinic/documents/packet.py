"""The printed packet of a signature: what the physician signed, on paper, naming the digest of the signed document."""

from __future__ import annotations

import re
from dataclasses import asdict
from html import unescape
from typing import Any

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from clinic.config import get_settings
from clinic.country import country_name
from clinic.declaration import get_declaration
from clinic.documents.glyph import ensure_printable
from clinic.documents.grade import build_grades
from clinic.documents.identity import Identity, read_identity, read_photo, to_day, to_moment
from clinic.documents.qr import build_verify_address, draw_qr
from clinic.documents.record import Record, read_record
from clinic.documents.united_kingdom import build_united_kingdom
from clinic.documents.united_states import build_united_states
from clinic.models import Case, ConsentState, Recorded, Signer
from clinic.ports import DocumentOrder
from clinic.rules import list_programmes
from clinic.services.consent import find_consent
from clinic.services.fact import get_exam_date
from clinic.signing_key import load_signing_key

TEMPLATES = {"us": "documents/us.html", "uk": "documents/uk.html"}
CONCLUDED = {"accepted": "As the rules propose", "chosen": "Chosen by the physician among the classes left open",
             "overridden": "Concluded otherwise by the physician"}
_MARKUP = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)


def compose_packet(order: DocumentOrder, sha256: str, verify_token: str) -> str:
    """The packet as HTML, ready for the printer; `sha256` is the digest of the Bundle's exact bytes, hexadecimal.

    Reads the case's rows, so it belongs into the unit that built the Bundle; printing does not. Raises
    UnprintableCharacter.
    """
    identity, record = read_identity(order.case), read_record(order.case)
    ensure_printable(_list_texts(order, identity, record))
    with force_locale("en"):
        context = _build_context(order, identity, sha256, verify_token) | _build_content(order, record)
        template = TEMPLATES.get(order.case.programme, "documents/grade.html")
        html = current_app.jinja_env.get_template(template).render(context)
    ensure_printable({_("the document"): [unescape(_MARKUP.sub(" ", html))]})
    return html


def _build_content(order: DocumentOrder, record: Record) -> dict[str, Any]:
    if order.case.programme == "us":
        return build_united_states(record, order.conclusion)
    if order.case.programme == "uk":
        return build_united_kingdom(order.conclusion)
    return build_grades(record, order.conclusion)


def _build_context(order: DocumentOrder, identity: Identity, sha256: str, verify_token: str) -> dict[str, Any]:
    case, outcome = order.case, order.conclusion.conclusion
    programme = list_programmes()[case.programme]
    address = build_verify_address(verify_token)
    return {
        "who": identity, "photo": read_photo(case), "exam_id": order.bundle_id, "version": order.version,
        "sha256": sha256,
        "verify_address": address, "qr": draw_qr(address), "programme": programme.name,
        "authority": case.authority.name, "category": programme.categories[case.category].label,
        "exam_date": to_day(get_exam_date(case)), "valid_from": to_day(outcome["valid_from"]),
        "valid_until": to_day(outcome["valid_until"]), "edition": order.conclusion.edition,
        "site": {"name": case.site.name, "city": case.site.city, "country": country_name(case.site.country),
                 "code": case.site.code},
        "physician": {"name": order.signer.name, "licence": order.signer.licence_number or ""},
        "signed_at": to_moment(order.signed_at, case.site.time_zone),
        "certificate": load_signing_key(get_settings(current_app)).subject,
        "declaration": get_declaration(case.programme).text,
        "consent": _describe_consent(case),
        "concluded": CONCLUDED[order.conclusion.kind], "reason": order.conclusion.reason,
        "replaces": order.replaces and {
            "id": order.replaces.id, "version": order.replaces.version,
            "signed_at": to_moment(order.replaces.signed_at, case.site.time_zone)},
        "amendment_reason": order.amendment_reason or "", "head_lines": _count_head_lines(identity),
    }


def _describe_consent(case: Case) -> str:
    """Who signed the consent, and when (us.md 3.5, section 5: the applicant's certification); empty without one."""
    row = find_consent(case)
    if row is None or row.state is not ConsentState.GIVEN:
        return ""
    who = "the applicant" if row.signer is Signer.APPLICANT else ", ".join(
        part for part in (row.signer_name, row.signer_relation or row.signer.value) if part)
    by = f" by a mark, witnessed by {row.witness_name}" if row.by_mark and row.witness_name else ""
    return f"Signed by {who}{by} on {to_moment(row.decided_at, case.site.time_zone)}; text {row.text_version}"


def _count_head_lines(who: Identity) -> int:
    """How many lines more than usual the running head takes: its height is fixed when the pages are laid out."""
    rows = ((who.surnames, 40), (who.given_names, 40), (who.native_name, 28), (who.document_number, 18),
            (who.authority_case_number, 18))  # characters that surely fit one line
    return sum(max(len(text) - 1, 0) // fits for text, fits in rows)


def _list_texts(order: DocumentOrder, identity: Identity, record: Record) -> dict[str, list[str | None]]:
    """What people typed, by where it stands: so that a refusal can say where to correct it."""
    fields = asdict(identity)
    recorded: list[Recorded] = [*record.results, *record.doses, *record.treatments]
    remarks = [row.remark for row in recorded] + [row.remark for row in record.lines.values()]
    return {
        _("the applicant's name"): [fields.pop("surnames"), fields.pop("given_names")],
        _("the applicant's name in own script"): [fields.pop("native_name")],
        _("the applicant's address"): [fields.pop("address"), fields.pop("destination_address")],
        _("the applicant's details"): list(fields.values()),
        _("the physician's name"): [order.signer.name, order.signer.licence_number],
        _("the reason of the conclusion"): [order.conclusion.reason],
        _("the reason of the amendment"): [order.amendment_reason],
        _("the answers of a form"): [str(answer) for answer in record.answers.values()],
        _("the X-ray remark"): [record.reading.remark if record.reading else None],
        _("the remarks on results"): remarks,
        _("the words on a treatment"): [row.detail for row in record.treatments],
    }
