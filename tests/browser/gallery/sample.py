"""Invented people, tasks and rows for the pages that show the macros."""

from __future__ import annotations

from typing import Any

from clinic.web.clinical_format import age, ltr


def build_person(
    family: str, given: str, native: tuple[str, str], language: str, born: str, sex: str
) -> dict[str, Any]:
    """An applicant as a dict with the model's names."""
    return {
        "family_name": family, "given_names": given, "native_family_name": native[0],
        "native_given_names": native[1], "native_language": language, "birth_date": born, "sex": sex,
        "documents": [{"kind": "passport", "number": "13BA46291", "issuing_country": "GEO"}],
    }  # fmt: skip


PEOPLE = [
    build_person("Chkonia", "Nino", ("ჭყონია", "ნინო"), "ka", "1991-03-04", "female"),
    build_person("Al Hamdan", "Yousef", ("الحمدان", "يوسف"), "ar", "1985", "male"),
    build_person("Tesfaye", "Hiwot", ("ተስፋዬ", "ሕይወት"), "am", "2025-06-30", "female"),
    build_person("Thapa", "Sita Kumari", ("थापा", "सीता कुमारी"), "ne", "1978-11", "female"),
    build_person("Wolde-Mariam Gebreselassie", "Tewodros Abebe", ("", ""), "", "2014-02-28", "male"),
]

CASE = {
    "number": "NBO-2026-000418-K", "authority_case_number": "MNL2026731045", "programme_label": "US immigrant",
    "state": "in-progress",
}  # fmt: skip

FLAGS = [{"text": "Contact of a TB case"}, {"text": "Interpreter: Georgian", "tone": "neutral"}]

REASON = {
    "sentence": "Everybody aged 2 and over who lives in a country with 20 or more cases of tuberculosis in 100,000 "
    "has an IGRA.",
    "source": "CDC Technical Instructions for Tuberculosis, section Screening",
    "edition": "2024-10-01",
    "rule_id": "us.tb.igra-required",
    "source_url": "https://source.example/ti",
}

TASKS = [
    {"title": "Consent", "state": "Done", "tone": "good", "detail": "Signed in Georgian, interpreter present",
     "url": "#", "reasons": REASON},
    {"title": "Medical history and physical exam", "state": "In progress", "tone": "active",
     "detail": "Dr Rusu, since 09:12", "url": "#", "reasons": REASON, "next": {"label": "Resume", "url": "#"}},
    {"title": "Chest X-ray", "state": "Needs second person", "tone": "wait", "detail": "First reading recorded",
     "url": "#", "reasons": REASON, "next": {"label": "Read", "url": "#"}},
    {"title": "Sputum smears and cultures, three days", "state": "Awaiting result", "tone": "wait",
     "detail": "Culture day 31 of 56", "url": "#", "reasons": REASON, "next": {"label": "Enter result", "url": "#"}},
    {"title": "Syphilis serology", "state": "To do", "tone": "neutral", "url": "#", "reasons": REASON,
     "next": {"label": "Start", "url": "#"}},
    {"title": "Vaccination", "state": "Overdue", "tone": "warn", "detail": "Varicella not recorded", "url": "#",
     "reasons": REASON, "next": {"label": "Record", "url": "#"}},
    {"title": "HIV test", "state": "Not required", "tone": "off", "reasons": REASON},
    {"title": "Signature", "state": "Cannot start yet", "tone": "neutral",
     "unlocks": "Needs the chest X-ray, sputum cultures and vaccination first.", "reasons": REASON},
]  # fmt: skip

COLUMNS = [
    {"key": "number", "label": "Case"}, {"key": "person", "label": "Applicant", "primary": True},
    {"key": "born", "label": "Born"}, {"key": "programme", "label": "Programme"},
    {"key": "state", "label": "Where it is"}, {"key": "days", "label": "Days open", "numeric": True},
    {"key": "action", "label": ""},
]  # fmt: skip

STATES = [("Culture day 31 of 56", "wait"), ("Radiologist has not read", "active"), ("To sign", "good"),
          ("Authority asks about item 502", "bad"), ("HIV counselling not recorded", "warn")]  # fmt: skip

VITALS = {"height": "164", "weight": "58,5", "pulse": "71", "sex": "female", "symptoms": ["cough"],
          "born": "1991-03", "exam_date": "2026-03-04"}  # fmt: skip

ERRORS = {
    "height": ["Enter the height in cm, between 30 and 250."],
    "pulse": ["Enter the pulse as a whole number."],
    "born": ["Write the year with four figures, for example 1991."],
    "side": ["Choose right or left."],
    "documents": {0: {"number": ["Enter the passport number."]}},
}

WARNINGS = [
    {"field": "weight", "code": "weight-low", "text": "Weight 31.0 kg is unusual for 164 cm."},
    {"field": "pulse", "code": "pulse-high", "text": "Pulse 171 per minute is unusual at rest."},
]


def list_rows() -> list[dict[str, Any]]:
    """Rows of a worklist, one for each person."""
    rows = []
    for number, (person, (state, tone)) in enumerate(zip(PEOPLE, STATES, strict=True)):
        rows.append({
            "id": str(number), "number": {"text": ltr(f"NBO-2026-00041{number}-K"), "url": "#"},
            "person": {"person": person, "url": "#"},
            "born": {"date": person["birth_date"], "sub": age(person["birth_date"])},
            "programme": {"text": "US immigrant", "sub": ltr("MNL2026731045")},
            "state": {"state": state, "tone": tone, "detail": "Dr Rusu 09:12"}, "days": 12 + number,
            "tone": "bad" if tone == "bad" else "",
            "action": {"action": {"label": "Open", "url": "#", "post": number == 1}},
        })  # fmt: skip
    return rows
