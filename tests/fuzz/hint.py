"""What a form wants that its page does not say: an order's number, a day still to come, a file of the right kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import cache

from clinic.demo import walk
from tests.documents import make_plain_pdf
from tests.fhir_api.machine import make_key, to_public
from tests.film import make_film
from tests.fuzz.stage import HEADINGS
from tests.picture import draw_face

Choices = tuple[str | None, ...]  # texts with what a walk knows in braces; None: the field is left empty
EMPTY: Choices = (None,)
UNKNOWN = "\0unknown"
KNOWN = {"yesterday": "2026-11-19", "today": "2026-11-20", "tomorrow": "2026-11-21", "soon": "2026-11-25",
         "before": "2026-11-02", "passphrase": "turnip orbit lantern 7 gravel",
         "jwks": json.dumps({"keys": [to_public(make_key())]})}
TYPICAL: dict[str, Choices] = {name: (value,) for name, value in walk.TYPICAL.items()}
LINE: dict[str, Choices] = {
    "name": ("Harbour Laboratory",), "application": ("HARBOUR",), "facility": ("LAB07",), "our_facility": ("NBO",),
    "endpoint": (None, "mllps://lab.test.example:2575"), "fingerprint": (None, "a1" * 32), "folder": (None, "harbour"),
    "time_zone": ("Africa/Nairobi", "Asia/Manila")}
READING: dict[str, Choices] = {"taken_on": ("{today}",), "result": ("normal",), "findings": ("NORMAL",),
                               "numbered": EMPTY, "deferred": EMPTY, "film_id": ("",)}
# By route and the field's name, which may hold `*`; the first that fits counts.
HINTS: dict[str, dict[str, Choices]] = {
    "applicant.fill_from_zone": {"mrz": ("{zone}",)},
    "applicant.create": {"mrz": (None, "{zone}"), "citizenship": ("KEN",), "residence": ("KEN",), "phone": (None,),
                         "family_*": ("Otieno", "Wanjiru"), "given_names": ("Brian", "Amina"), "native_*": EMPTY,
                         "document-number": ("AK7654399",), "document-issuing_country": ("KEN",),
                         "document-expires*-year": ("2031",)},
    "applicant.create_document": {"mrz": (None, "{zone}"), "document-number": ("AK7654398",),
                                  "document-issuing_country": ("KEN",)},
    "applicant.save": {"native_*": EMPTY},
    "authority.add": {"short_name": ("ie", "nl"), "channel": ("fhir_document",),
                      "endpoint": ("https://authority.test.example/fhir",)},
    "authority.change": {"channel": ("fhir_document",), "endpoint": ("https://authority.test.example/fhir",)},
    "authority_client.add": {"jwks": ("{jwks}",), "jwks_url": EMPTY, "scopes": ("system/*.rs",),
                             "*expire*": (None, "2031-01-31")},
    "authority_client.act": {"jwks": ("{jwks}",), "jwks_url": EMPTY, "*expire*": (None, "2031-01-31")},
    "emergency.create": {"number": ("{partner_number}",), "birth_date": EMPTY, "understood": ("yes",),
                         "words": ("Unconscious at the hospital, nobody else knows him",)},
    "laboratory.call": {"called_time": EMPTY, "is_read_back": ("yes",)},
    "laboratory.second": {"second-value": ("38", "38", "39"), "second-unit": ("mmol/mol",)},
    "exam_form.save": TYPICAL, "exam_form.autosave": TYPICAL,
    "laboratory.enter": {"performed_on": ("{today}",), "reported_on": (None, "{today}"), "*.titre": EMPTY,
                         "syphilis-nontreponemal.value": ("nonreactive",), "igra.value": ("negative",),
                         "igra.kind": ("qft-plus",), "*-nil": ("0.05",), "*-tb1": ("0.07",), "*-tb2": ("0.06",),
                         "*-mitogen": ("9.40",), "*.value": EMPTY},
    "laboratory.correct": {"performed_on": ("{today}",), "reported_on": ("{today}",), "*.titre": EMPTY,
                           "creatinine-egfr.value": ("44",)},
    "laboratory_message.change_mapping": {"kind": ("test",), "ours": ("syphilis-nontreponemal", "hiv"),
                                          "code": ("5292-8", "TPHA"), "line_id": ()},
    "laboratory_upload.columns": {name: (heading,) for name, heading in HEADINGS.items()} | {"*": EMPTY},
    "laboratory_upload.report": {"report_order": ("{order_number}",)},
    "member.add": {"email": ("newcomer@test.example",), "roles": ("nurse", "reception"), "programmes": EMPTY,
                   "valid_*": EMPTY, "name": ("Naliaka Barasa",)},
    "order_message.send": {"laboratory": ("{laboratory_id}",)},
    "partner.add": LINE, "partner.change": LINE,
    "password.set_new": {"email": ("{email}",), "code": ("{reset_code}",), "new_password": ("{passphrase}",)},
    "password.save": {"new_password": ("{passphrase}",)},
    "related.create": {"roles": ("emergency", "guardian"), "relation": ("mother", "sibling"), "organisation": EMPTY,
                       "registered_id": EMPTY, "phone": ("+254700000456",), "document_kind": ("passport",)},
    "related.save": {"roles": ("emergency", "guardian"), "relation": ("mother", "sibling"), "organisation": EMPTY,
                     "registered_id": EMPTY, "phone": ("+254700000456",), "document_kind": ("passport",)},
    "reported.attach": {"case": ("{case_number}",), "number": ("{case_number}",), "order_id": EMPTY},
    "result_grid.save": {"v-*": ("nonreactive", "14.1")},
    "second_factor.set_up_app": {"code": ("{app_code}",)},
    "second_factor.add_key": {"name": ("blue key",), "new": ("{new_key}",)},
    "second_step.passkey": {"passkey": ("{key_answer}",)},
    "site.add": {"code": ("ELD", "NKU"), "country": ("KEN",), "city": ("Kisumu",), "time_zone": ("Africa/Nairobi",)},
    "site.change": {"time_zone": ("Africa/Nairobi", "Africa/Kampala")},
    "specimen.receive": {"scan": ("{specimen_number}",)},
    "task.create": {"due_on": ("{tomorrow}", "{soon}")}, "task.postpone": {"until": ("{tomorrow}", "{soon}")},
    "tb_contact.confirm": {"first_exposed_on": (None, "{before}"), "last_exposed_on": ("{yesterday}",),
                           "goes_on": EMPTY},
    "tb_contact.record_exposure": {"first_exposed_on": (None, "{before}"), "last_exposed_on": ("{yesterday}",),
                                   "goes_on": EMPTY},
    "tb_contact.find": {"number": ("{number}",)},
    "tuberculosis.diagnose": {"basis": ("histology", "clinical"), "*_on": ("{today}",)},
    "tuberculosis.start_phase": {"name": ("intensive",), "regimen": ("hrze-hr-daily",), "weight_kg": ("60",),
                                 "days_per_week": ("7",), "started_on": ("{today}",), "drugs.isoniazid": ("300",),
                                 "drugs.rifampicin": ("600",), "drugs.pyrazinamide": ("1500",),
                                 "drugs.ethambutol": ("1000",), "more-*": EMPTY, "planned_doses": EMPTY},
    "tuberculosis.decide": {"*.extra_doses": ("4",), "*.decision": ("extend", "continue")},
    "tuberculosis.record_month": {"*.month": ("1", "2", "3"), "*.checked_on": ("{today}",), "*.weight_kg": ("59.5",)},
    "tuberculosis.refuse": {"*refused_on": ("{today}",), "*elsewhere*": EMPTY},
    "tuberculosis.record_side_effect": {"*.ended_on": EMPTY, "*.began_on": ("{yesterday}",), "replaces_id": EMPTY},
    "sputum.take": {"collected_time": EMPTY}, "sputum.inoculate": {"inoculated_on": ("{today}",)},
    "susceptibility.enter": {"reported_on": ("{today}",)},
    "vaccination.outcomes": {"history.*": (None, None, "{before}")},
    "treatment.report": {"outcome": ("current",), "ended_on": EMPTY},
    "sputum.enter": {"reported_on": ("{today}",), "*.reported_on": EMPTY},
    "sign.sign": {"kind": ("accepted", "accepted", "overridden"), "classes": ("A", "B2"), "declared": ("yes",)},
    "tb_dose.record": {"day-*": ("G", "M", "H", "")},
    "xray.correct": READING, "xray.record": READING,
}
EVERYWHERE: dict[str, Choices] = {"*code": ("{app_code}", "123456")}
TABLE = ",".join(HEADINGS.values())
FILES: dict[str, tuple[str, Callable[[Mapping[str, str]], bytes]]] = {
    "film.upload": ("film.dcm", lambda _known: draw_film()),
    "photo.save": ("photo.jpg", lambda _known: draw_picture()),
    "laboratory_upload.report": ("report.pdf", lambda _known: _report()),
    "laboratory_upload.table": ("results.csv", lambda known: (
        f"{TABLE}\nRPR,NEG,{KNOWN['today']},,,{known.get('case_number', '')}\n".encode())),
}


def find_hint(route: str, name: str, known: Mapping[str, str]) -> list[str | None] | None:
    """What the field `name` of a form may hold, from which one is drawn; None where the page says enough."""
    for hints in (HINTS.get(route, {}), EVERYWHERE):
        for pattern, choices in hints.items():
            if fnmatchcase(name, pattern):
                return [made for choice in choices if (made := _write(choice, known)) is not UNKNOWN]
    return None


def make_file(route: str, known: Mapping[str, str]) -> tuple[str, bytes] | None:
    """Name and content of a file that the form takes; None where any film or picture will do."""
    if route not in FILES:
        return None
    name, make = FILES[route]
    return name, make(known)


def _write(choice: str | None, known: Mapping[str, str]) -> str | None:
    """The choice with what is known in it; UNKNOWN where that is not known."""
    if choice is None or not choice.startswith("{"):
        return choice
    return KNOWN.get(choice[1:-1]) or known.get(choice[1:-1], UNKNOWN)


@cache
def draw_film() -> bytes:
    """A film of nobody, as small as it may be."""
    return make_film(side=64)


@cache
def draw_picture() -> bytes:
    """A face of nobody."""
    return draw_face(240, 300)


@cache
def _report() -> bytes:
    return make_plain_pdf()
