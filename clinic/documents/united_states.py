"""The United States packet: report content over the pages of Forms DS-2054, DS-3030, DS-3025 and DS-3026.

Our own layout with those forms' field labels (us.md section 3, us-addendum.md section 5); it is not the official form
and never says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clinic.culture import combine
from clinic.documents.exposure import build_exposures, describe_conversion
from clinic.documents.identity import to_day
from clinic.documents.record import Record
from clinic.documents.treatment import build_susceptibility, build_treatments
from clinic.documents.unit import with_unit
from clinic.laboratory_test import list_tests
from clinic.models import Conclusion, DoseSource, LabResult, LineOutcome, VaccineDose, VaccineLine
from clinic.questionnaire import get_questionnaire
from clinic.questionnaire.item import Item, ItemKind
from clinic.result_word import label_value
from clinic.vaccine_product import label_product
from clinic.vaccine_result import VaccineResult, derive_result
from clinic.xray_finding import Finding, FindingCategory, list_findings

FORM = "us-medical-exam"
HISTORY_DATES = 4  # columns of the worksheet; a fifth date goes to its remarks (us-addendum.md 5.2)
ADULT_FILM = 15  # years: the form's reason "Age >= 15 years" (us.md 3.2)

# (label, tuberculosis classes, other class) of DS-2054 section 1 (us.md 3.5, us-addendum.md 5.1).
NONE: frozenset[str] = frozenset()
Classes = tuple[tuple[str, frozenset[str], str], ...]
CLASS_A: Classes = (
    ("Tuberculosis, Class A", frozenset({"A"}), ""), ("Tuberculosis, Class A with waiver", frozenset({"A-W"}), ""),
    ("Syphilis, untreated", NONE, "syphilis:A"), ("Gonorrhea, untreated", NONE, "gonorrhoea:A"),
    ("Hansen's disease, infectious", NONE, "hansens:A"),
    ("Addiction or abuse of a substance", NONE, "substance:A"),
    ("Alcohol use disorder with harmful behavior", NONE, "alcohol:A"),
    ("Physical or mental disorder with harmful behavior", NONE, "mental:A"),
)
CLASS_B: Classes = (
    ("Class B0 TB, Pulmonary", frozenset({"B0"}), ""), ("Class B1 TB, Pulmonary", frozenset({"B1P"}), ""),
    ("Class B1 TB, Extrapulmonary", frozenset({"B1E"}), ""), ("Class B2 TB, LTBI Evaluation", frozenset({"B2"}), ""),
    ("Class B3 TB, Contact Evaluation", frozenset({"B3"}), ""), ("Syphilis, treated", NONE, "syphilis:B"),
    ("Gonorrhea, treated", NONE, "gonorrhoea:B"), ("Hansen's disease, treated", NONE, "hansens:B"),
    ("Sustained full remission of addiction or abuse", NONE, "substance:B"),
    ("Alcohol use disorder without harmful behavior", NONE, "alcohol:B"),
    ("Physical or mental disorder without harmful behavior", NONE, "mental:B"),
    ("Pregnancy", NONE, "pregnancy:B"), ("Other significant condition", NONE, "other:B"),
)
# Columns of the film's findings on DS-3030 section 3.
COLUMNS = (
    ("Suggests tuberculosis (needs smears and cultures)", FindingCategory.SUGGESTS_TB),
    ("No smears and cultures: Class B Other", FindingCategory.FOLLOW_UP),
    ("No smears and cultures: not Class B Other", FindingCategory.MINOR),
)
LINES = ("DTP/DTaP/DT", "Td/Tdap", "Polio", "MMR", "Rotavirus", "Hib", "HepA", "HepB", "MenACWY", "Varicella",
         "Pneumococcal", "Influenza")
WAIVERS = {
    LineOutcome.WAIVER_AGE: "Not age appropriate", LineOutcome.WAIVER_INTERVAL: "Insufficient time interval",
    LineOutcome.WAIVER_CONTRAINDICATION: "Contraindication",
    LineOutcome.WAIVER_NOT_AVAILABLE: "Not routinely available", LineOutcome.WAIVER_NOT_FLU_SEASON: "Not flu season",
    LineOutcome.GIVEN_SERIES_INCOMPLETE: "Insufficient time interval",
    LineOutcome.WAIVER_INDIVIDUAL: "Individual waiver", LineOutcome.REFUSED: "Refused",
}
RESULTS = {
    VaccineResult.COMPLETE: "Vaccine history complete, all requirements met",
    VaccineResult.BLANKET_WAIVER: "Vaccine history incomplete, requesting waiver (blanket)",
    VaccineResult.INDIVIDUAL_WAIVER: "Vaccine history incomplete, requesting individual waiver",
    VaccineResult.NOT_MET: "Vaccine requirements not met, refused", VaccineResult.OPEN: "Not complete",
}
INVALID = frozenset({"early", "close", "live", "late", "expired"})  # verdicts of doses that go to the remarks only
COMPLETIONS = {LineOutcome.COMPLETE: "Complete", LineOutcome.IMMUNE_LAB: "Immune (laboratory)",
               LineOutcome.VARICELLA_HISTORY: "VH"}


@dataclass(frozen=True)
class Box:
    """One box of a form: what it says, whether it is ticked, what stands beside it."""

    label: str
    ticked: bool
    detail: str = ""


@dataclass(frozen=True)
class VaccineRow:
    """One line of the vaccination worksheet."""

    name: str
    history: tuple[str, ...]
    given: str
    completion: str
    waiver: str


def build_united_states(record: Record, conclusion: Conclusion) -> dict[str, Any]:
    """What the template `documents/us.html` shows besides the identity; plain values, English."""
    outcome, facts, answers = conclusion.conclusion, conclusion.facts, record.answers
    return {
        "no_defect": outcome["overall"] == "no-apparent-defect",
        "class_a": _build_classes(CLASS_A, outcome, answers), "class_b": _build_classes(CLASS_B, outcome, answers),
        "immunization": _build_immunization(record, conclusion.decision["vaccines"]),
        "serology": [_build_result(row) for row in record.list_results_of(
            "syphilis-nontreponemal", "syphilis-treponemal", "syphilis-treponemal-second")],
        "gonorrhea": [_build_result(row) for row in record.list_results_of("gonorrhoea-naat")],
        "treatments": _list_treatments(answers, record), "susceptibility": build_susceptibility(record),
        "tb_treatment": [each for each in build_treatments(record) if each["code"] == "tuberculosis"],
        "remarks": [text for text in (answers.get("finding.others"), answers.get("plan.remarks")) if text],
        "immune_tests": [_build_immune_test(row) for row in record.list_results_of("igra", "tst")],
        "indications": _build_indications(facts, conclusion.decision),
        "film": _build_film(record), "sputum": _build_sputum(record),
        "sputum_reasons": _build_sputum_reasons(facts, record),
        "tb_class": _build_classes(
            (("No TB class", frozenset({"NONE"}), ""), *CLASS_A[:2], *CLASS_B[:5]), outcome, answers),
        "latent": _list_latent(record) if "B2" in outcome["classes"] else [],
        "conversion": describe_conversion(record) if "B2" in outcome["classes"] else "",
        "exposures": build_exposures(record) if "B3" in outcome["classes"] else [],
        "immunization_exempt": not conclusion.decision["vaccines"],
        "vaccines": [_build_vaccine(line, record, conclusion.decision["vaccines"])
                     for line in _list_lines(record, conclusion)],
        "vaccine_remarks": _list_vaccine_remarks(record),
        "sections": _list_history(answers), "vitals": _list_vitals(answers), "exam": _list_systems(answers),
        "follow_up": _word("plan.follow-up", answers),
        "other_results": [_build_result(row) for row in record.list_results_of("hiv", "creatinine-egfr", "hba1c")],
    }


def _build_classes(table: Classes, outcome: dict[str, Any],
                   answers: dict[str, Any]) -> list[Box]:
    boxes = []
    for label, classes, other in table:
        ticked = bool(classes & set(outcome["classes"])) or other in outcome["other_classes"]
        detail = ""
        if ticked and other == "pregnancy:B" and answers.get("reproductive.pregnant.weeks"):
            detail = f"{answers['reproductive.pregnant.weeks']} weeks"
        if ticked and other == "other:B":
            detail = str(answers.get("finding.others") or "")
        if ticked and classes == {"B1E"}:
            detail = str(answers.get("finding.tuberculosis.site") or "")
        boxes.append(Box(label, ticked, detail))
    return boxes


def _build_immunization(record: Record, required: list[str]) -> list[Box]:
    """DS-2054 section 2 and DS-3025 section 2 (us.md 2.8, "Result block"); empty for who need not comply."""
    result = derive_result(required, {line: row.outcome for line, row in record.lines.items()})
    return [Box(label, result is value) for value, label in RESULTS.items()]


def _build_result(row: LabResult) -> dict[str, str]:
    number = list_tests()[row.test].number is not None
    return {
        "test": list_tests()[row.test].label, "on": to_day(row.performed_on), "reported": to_day(row.reported_on),
        "value": with_unit(row.value, row.unit) if number else label_value(row.value).capitalize(),
    }


def _build_immune_test(row: LabResult) -> dict[str, Any]:
    parts = {part.name: with_unit(part.value, part.unit) for part in row.components}
    kind = "QuantiFERON" if "tb1" in parts else "T-Spot" if "panel_a" in parts else ""
    labels = {"nil": "Nil control", "tb1": "TB antigen 1", "tb2": "TB antigen 2", "mitogen": "Mitogen",
              "panel_a": "Panel A", "panel_b": "Panel B", "positive_control": "Positive control"}
    return _build_result(row) | {
        "kind": kind, "code": row.value, "parts": [(labels[name], parts[name]) for name in labels if name in parts],
    }


def _build_indications(facts: dict[str, Any], decision: dict[str, Any]) -> list[Box]:
    wanted = any(item["exam"] == "chest-xray" for item in decision["required"])
    yes, age = set(facts["yes"]), decision["age_years"]
    positive = any(test["result"] == "positive" for test in facts["results"].get("igra", []))
    return [
        Box("Chest X-ray not indicated", not wanted),
        Box("Age ≥ 15 years", wanted and age >= ADULT_FILM),
        Box("Signs or symptoms of tuberculosis", "tb_symptoms" in yes), Box("IGRA positive", positive),
        Box("Known HIV infection", "hiv_known" in yes), Box("History of tuberculosis", "tb_history" in yes),
        Box("Extrapulmonary tuberculosis", "extrapulmonary_tb" in yes),
    ]


def _build_film(record: Record) -> dict[str, Any] | None:
    reading = record.reading
    if reading is None:
        return None
    codes = set(reading.findings)
    every: list[Finding] = list(list_findings("us").values())
    return {
        "taken": to_day(reading.taken_on), "deferred": reading.deferred, "normal": codes == {"NORMAL"},
        "abnormal": bool(codes - {"NORMAL"}), "radiologist": record.name(reading.entered_by_id),
        "interpreted": to_day(reading.entered_at.date()), "remark": reading.remark, "view": reading.view or "",
        "columns": [(title, [Box(one.label, one.code in codes) for one in every if one.category is category])
                    for title, category in COLUMNS],
    }


def _build_sputum_reasons(facts: dict[str, Any], record: Record) -> list[Box]:
    yes = set(facts["yes"])
    findings = list_findings("us")
    codes = record.reading.findings if record.reading else []
    suggests = any(findings[code].category is FindingCategory.SUGGESTS_TB for code in codes if code in findings)
    reasons = [
        Box("Signs or symptoms of tuberculosis", "tb_symptoms" in yes), Box("Chest X-ray suggests TB", suggests),
        Box("Known HIV or extrapulmonary TB", bool(yes & {"hiv_known", "extrapulmonary_tb"})),
        Box("End-of-treatment cultures", "on_tb_treatment" in yes),
    ]
    wanted = any(box.ticked for box in reasons) or bool(record.specimens)
    return [Box("No, not indicated", not wanted), *reasons]


def _build_sputum(record: Record) -> list[dict[str, str]]:
    rows = []
    for taken in record.specimens:
        found = {name: record.find_result_of(taken, f"sputum-{name}") for name in ("smear", "naat")}
        culture = combine(record.list_results_on(taken, "sputum-culture"), taken.list_media)
        rows.append({"number": taken.number, "collected": to_day(taken.collected_on)} | {
            name: label_value(row.value).capitalize() if row else "" for name, row in found.items()
        } | {f"{name}_on": to_day(row.day) if row else "" for name, row in found.items()} | {
            "culture": label_value(culture.value).capitalize() if culture.reported_on else "",
            "culture_on": to_day(culture.reported_on) if culture.reported_on else ""})
    return rows


def _list_lines(record: Record, conclusion: Conclusion) -> list[str]:
    """The worksheet's lines, and any further one that has an entry."""
    more = [line for line in (*conclusion.decision["vaccines"], *record.lines, *(d.line for d in record.doses))
            if line not in LINES]
    return [*LINES, *dict.fromkeys(more)]


def _build_vaccine(line: str, record: Record, required: list[str]) -> VaccineRow:
    doses = [dose for dose in record.doses if dose.line == line and not _is_invalid(dose, record)]
    history = [to_day(dose.given_on) for dose in doses if dose.source is DoseSource.RECORD]
    given = [f"{to_day(dose.given_on)} {label_product(dose.cvx)}" for dose in doses
             if dose.source is DoseSource.GIVEN_HERE]
    row: VaccineLine | None = record.lines.get(line)
    # A line that the age does not ask for is waived as such (us.md 2.8); who need not comply has an empty column.
    unasked = WAIVERS[LineOutcome.WAIVER_AGE] if required and line not in required else ""
    return VaccineRow(
        line, tuple(history[-HISTORY_DATES:]), "; ".join(given), COMPLETIONS.get(row.outcome, "") if row else "",
        WAIVERS.get(row.outcome, "") if row else unasked,
    )


def _is_invalid(dose: VaccineDose, record: Record) -> bool:
    verdict = record.verdicts.get(dose.id)
    return verdict is not None and verdict.code in INVALID


def _list_vaccine_remarks(record: Record) -> list[str]:
    remarks = [f"{line}: {row.remark}" for line, row in record.lines.items() if row.remark]
    for line in LINES:
        dates = [to_day(dose.given_on) for dose in record.doses
                 if dose.line == line and dose.source is DoseSource.RECORD and not _is_invalid(dose, record)]
        if len(dates) > HISTORY_DATES:
            remarks.append(f"{line}, earlier doses: {', '.join(dates[:-HISTORY_DATES])}")
    for dose in record.doses:
        if dose.source is DoseSource.GIVEN_HERE and dose.lot:
            expires = f"expires {to_day(dose.expires_on)}" if dose.expires_on else ""
            site = dose.body_site.value.replace("-", " ") if dose.body_site else ""
            parts = (f"lot {dose.lot}", expires, site, dose.route.value if dose.route else "",
                     f"given by {record.name(dose.given_by_id)}" if record.name(dose.given_by_id) else "")
            remarks.append(f"{dose.line}: {', '.join(part for part in parts if part)}")
        if _is_invalid(dose, record):
            remarks.append(f"{dose.line}, dose of {to_day(dose.given_on)} not counted: {record.verdicts[dose.id].says}")
    return remarks


def _list_latent(record: Record) -> list[tuple[str, str]]:
    """What DS-3030 asks for with Class B2: the treatment of the latent infection (us.md 1.6, sub-fields per class)."""
    found = [each["fields"] for each in build_treatments(record) if each["code"] == "latent-tuberculosis"]
    return found[0] if found else [("How it stands", "None")]


def _list_treatments(answers: dict[str, Any], record: Record) -> list[tuple[str, str]]:
    """Of syphilis and gonorrhea (us.md 3.5, section 3): as recorded, else as the physician's form says."""
    found = []
    recorded = {each["code"]: each for each in build_treatments(record)}
    for name, label in (("syphilis", "Syphilis"), ("gonorrhoea", "Gonorrhea")):
        if name in recorded:
            found.append((label, "; ".join(f"{what}: {value}" for what, value in recorded[name]["fields"])))
        elif answers.get(f"finding.{name}") is True:
            treated = "Treated" if answers.get(f"finding.{name}.treated") else "Not treated"
            stage = _word(f"finding.{name}.stage", answers) if name == "syphilis" else ""
            detail = answers.get(f"finding.{name}.detail")
            found.append((label, "; ".join(str(part) for part in (stage, treated, detail) if part)))
    return found


def _list_history(answers: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """(section, [(question, No or Yes or the choice, detail)]) of the medical history."""
    sections = []
    for group in get_questionnaire(FORM).items:
        if group.link_id in ("vital", "exam", "visit", "plan"):
            continue
        rows = [row for item in group.items or (group,) if (row := _build_answer(item, answers))]
        if rows:
            sections.append((group.text, rows))
    return sections


def _build_answer(item: Item, answers: dict[str, Any]) -> tuple[str, str, str] | None:
    answer = answers.get(item.link_id)
    if answer is None:
        return None
    details = [_to_words(inner, answers[inner.link_id], inner.link_id.endswith(".detail"))
               for inner in item.walk() if inner is not item and answers.get(inner.link_id) is not None]
    return item.text, _to_words(item, answer, True), "; ".join(details)


def _to_words(item: Item, answer: Any, bare: bool) -> str:
    if item.kind is ItemKind.BOOLEAN:
        word = "Yes" if answer else "No"
    elif item.kind is ItemKind.DATE:
        word = to_day(str(answer))
    else:
        word = with_unit(dict(item.options).get(answer, str(answer)), item.unit)
    return word if bare else f"{item.text}: {word}"


def _list_vitals(answers: dict[str, Any]) -> list[tuple[str, str]]:
    group = next(item for item in get_questionnaire(FORM).items if item.link_id == "vital")
    return [(item.text, _to_words(item, answers[item.link_id], True)) for item in group.items
            if answers.get(item.link_id) is not None]


def _list_systems(answers: dict[str, Any]) -> list[dict[str, str]]:
    group = next(item for item in get_questionnaire(FORM).items if item.link_id == "exam")
    return [{"name": item.text, "code": answers.get(item.link_id) or "", "detail": str(
        answers.get(f"{item.link_id}.detail") or "")} for item in group.items]


def _word(link_id: str, answers: dict[str, Any]) -> str:
    item = get_questionnaire(FORM).list_questions()[link_id]
    return dict(item.options).get(answers.get(link_id, ""), "")

