"""The signed exam as ORU^R01: one order for the exam, below it one for each investigation, and the printed report.

Everything comes out of the signed FHIR document's own bytes, so that both channels and the print say the same. The
document's digest and signature travel along, so that a receiver can prove it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrations.hl7.charset import UTF_8
from integrations.hl7.coded import to_ce
from integrations.hl7.composer import Field, Repetition, SegmentDraft, compose
from integrations.hl7.moment import format_moment, to_timestamp
from integrations.hl7.observation import Numbering, find_day, to_answers, to_obx
from integrations.hl7.person import to_nk1, to_pid, to_xcn
from integrations.hl7.word import (
    APPLICATION,
    DOCUMENT_DIGEST,
    DOCUMENT_SIGNATURE,
    EXAM,
    LOCAL,
    PROFILE,
    REPORT_PDF,
    STUDY_UID,
    VERSION,
)

Resource = dict[str, Any]
SECTION_RESULT, SECTION_RADIOLOGY, SECTION_OTHER = "LAB", "RAD", "OTH"  # OBR-24, table 0074
CATEGORY_SECTIONS = {"laboratory": SECTION_RESULT, "imaging": SECTION_RADIOLOGY}


@dataclass(frozen=True)
class Envelope:
    """What stands around an exam on its way: who speaks to whom, under which number, and what proves it."""

    control_id: str  # MSH-10, at most 20 characters, the same for every attempt
    facility: str  # MSH-4: the site's code
    country: str  # MSH-17: ISO 3166-1 alpha-3
    receiver: tuple[str, str]  # MSH-5 and MSH-6
    authority: str  # namespace of the destination's own case number
    composed_at: datetime
    is_production: bool  # MSH-11: P, otherwise T
    version: int  # of the signed exam; above 1 everything goes as a correction
    sha256: str
    jws: str
    pdf: bytes


@dataclass(frozen=True)
class Exam:
    """A signed document taken apart for writing."""

    by_reference: dict[str, Resource]
    composition: Resource
    case_number: str  # ours, OBR-3 of the exam
    authority_number: str  # the destination's, OBR-2; may be empty

    def list(self, kind: str) -> list[Resource]:
        """All resources of a type, in the document's order."""
        return [one for one in self.by_reference.values() if one["resourceType"] == kind]

    def find(self, reference: Resource | None) -> Resource | None:
        """What a reference leads to."""
        return self.by_reference.get(reference["reference"]) if reference else None


def compose_exam(document: bytes, envelope: Envelope) -> str:
    """The message for the bytes of a signed document Bundle; lint it before it is queued."""
    exam = read_exam(document)
    return compose(list(_list_segments(exam, envelope)))


def read_exam(document: bytes) -> Exam:
    """Take a document Bundle apart; numbers keep their digits as written."""
    bundle = json.loads(document, parse_float=Decimal)
    resources = [entry["resource"] for entry in bundle["entry"]]
    by_reference = {f"{one['resourceType']}/{one['id']}": one for one in resources}
    episode = next(one for one in resources if one["resourceType"] == "EpisodeOfCare")
    numbers = {one.get("use"): one["value"] for one in episode["identifier"]}
    return Exam(by_reference, resources[0], numbers["usual"], numbers.get("official", ""))


def _list_segments(exam: Exam, envelope: Envelope) -> Iterator[SegmentDraft]:
    patient = exam.list("Patient")[0]
    yield _header(envelope)
    yield to_pid(patient, exam.case_number, envelope.authority)
    for number, related in enumerate(exam.list("RelatedPerson"), 1):
        yield to_nk1(related, number)
    yield SegmentDraft("PV1", {1: "1", 2: "O", 3: (envelope.facility, None, None, APPLICATION),
                               19: (exam.case_number, None, None, APPLICATION, "VN")})  # fmt: skip
    orders = _Orders(exam, envelope)
    yield from orders.exam()
    for report in exam.list("DiagnosticReport"):
        yield from orders.report(report)
    yield from orders.remaining()
    yield from orders.vaccinations()
    yield from orders.treatments()
    for response in exam.list("QuestionnaireResponse"):
        yield from orders.form(response)


def _header(envelope: Envelope) -> SegmentDraft:
    return SegmentDraft("MSH", {
        3: APPLICATION, 4: envelope.facility, 5: envelope.receiver[0], 6: envelope.receiver[1],
        7: format_moment(envelope.composed_at), 9: ("ORU", "R01", "ORU_R01"), 10: envelope.control_id,
        11: "P" if envelope.is_production else "T", 12: VERSION, 15: "AL", 16: "AL", 17: envelope.country,
        18: UTF_8, 21: PROFILE,
    })  # fmt: skip


class _Orders:
    """Writes ORC, OBR and what hangs below, numbering the orders; each result is written exactly once."""

    def __init__(self, exam: Exam, envelope: Envelope) -> None:
        self.case, self.envelope = exam, envelope
        self.correcting = envelope.version > 1
        self._number = 0
        self._written: set[str] = set()
        self._encounter_day = next((to_timestamp(one["period"]["start"]) for one in exam.list("Encounter")), None)
        self._placer: Field = (exam.authority_number, envelope.authority) if exam.authority_number else None
        self._filler = (exam.case_number, APPLICATION)
        self._signer = to_xcn(exam.find(exam.composition["author"][0]))

    def exam(self) -> Iterator[SegmentDraft]:
        """The exam itself: what was concluded, the printed report, and what proves the document."""
        signed = to_timestamp(self.case.composition["date"])
        yield from self._open(self._filler, EXAM, self._encounter_day, signed, SECTION_OTHER, self._signer,
                              placer=self._placer, is_child=False)  # fmt: skip
        numbering = Numbering(self.correcting)
        for entry in self.case.composition["section"][0].get("entry", []):
            observation = self.case.find(entry)
            if observation is not None and observation["resourceType"] == "Observation":
                self._written.add(observation["id"])
                yield from to_obx(observation, numbering, self._signer)
        status = numbering.status("final")
        proof = ((DOCUMENT_DIGEST, "ST", self.envelope.sha256), (DOCUMENT_SIGNATURE, "TX", self.envelope.jws))
        for name, kind, value in proof:
            yield numbering.draft({2: kind, 3: name, 5: value, 11: status})
        content = base64.b64encode(self.envelope.pdf).decode()
        pdf = (APPLICATION, "application", "pdf", "Base64", content)
        yield numbering.draft({2: "ED", 3: REPORT_PDF, 5: pdf, 11: status})

    def report(self, report: Resource) -> Iterator[SegmentDraft]:
        """One investigation that has a report: its results, its conclusion, its specimens."""
        results = [found for entry in report.get("result", []) if (found := self.case.find(entry))]
        reader = self.case.find(next(iter(report.get("resultsInterpreter", [])), None))
        section = next((one["code"] for group in report.get("category", []) for one in group.get("coding", [])), "")
        yield from self._open((report["id"], APPLICATION), to_ce(report["code"]), _day(report), _issued(report),
                              section or SECTION_OTHER, to_xcn(reader), status=report["status"])  # fmt: skip
        numbering = Numbering(self.correcting)
        for result in results:
            self._written.add(result["id"])
            yield from to_obx(result, numbering, to_xcn(self._performer(result)))
        if text := report.get("conclusion"):
            values: dict[int, Field] = {2: "TX", 3: to_ce(report["code"]), 4: numbering.next_group(), 5: text,
                                        11: numbering.status(report["status"])}  # fmt: skip
            yield numbering.draft(values, frozenset({5}))
        for study in filter(None, map(self.case.find, report.get("imagingStudy", []))):
            uid = study["identifier"][0]["value"].removeprefix("urn:oid:")
            values = {2: "ST", 3: STUDY_UID, 4: numbering.next_group(), 5: uid, 11: numbering.status(report["status"])}
            yield numbering.draft(values)
        yield from self._specimens([report, *results])

    def remaining(self) -> Iterator[SegmentDraft]:
        """Observations that stand in no report: one order for each laboratory result, one for each other category."""
        left = [one for one in self.case.list("Observation") if one["id"] not in self._written]
        together: dict[str, list[Resource]] = {}
        for one in left:
            category = _category(one)["code"]
            together.setdefault(one["id"] if category in CATEGORY_SECTIONS else category, []).append(one)
        for key, observations in together.items():
            first = observations[0]
            coding = _category(first)
            section = CATEGORY_SECTIONS.get(coding["code"], SECTION_OTHER)
            name = to_ce(first["code"]) if key == first["id"] else (coding["code"], coding.get("display"), LOCAL)
            filler = (first["id"] if key == first["id"] else f"{self.case.case_number}.{key}", APPLICATION)
            yield from self._open(filler, name, _day(first), _issued(first), section, None, status=first["status"])
            numbering = Numbering(self.correcting)
            for one in observations:
                yield from to_obx(one, numbering, to_xcn(self._performer(one)))
            yield from self._specimens(observations)

    def vaccinations(self) -> Iterator[SegmentDraft]:
        """Every vaccine given, each with its day and lot; what was not given stands as an outcome of its line."""
        given = [one for one in self.case.list("Immunization") if one["status"] == "completed"]
        if not given:
            return
        filler = (f"{self.case.case_number}.vaccines", APPLICATION)
        yield from self._open(filler, ("VACCINES", "Vaccinations", LOCAL), None, None, SECTION_OTHER, None)
        numbering = Numbering(self.correcting)
        status = numbering.status("final")
        for one in given:
            group, day = numbering.next_group(), to_timestamp(one["occurrenceDateTime"])
            coded = to_ce(one["vaccineCode"])
            vaccine = ("VACCINE", "Vaccine given", LOCAL)
            yield numbering.draft({2: "CWE", 3: vaccine, 4: group, 5: coded, 11: status, 14: day})
            if lot := one.get("lotNumber"):
                name = ("VACCINE-LOT", "Lot number", LOCAL)
                yield numbering.draft({2: "ST", 3: name, 4: group, 5: lot, 11: status, 14: day})

    def treatments(self) -> Iterator[SegmentDraft]:
        """Every treatment that decides a class: what for, with what, from when to when, and how it went."""
        found = self.case.list("MedicationStatement")
        if not found:
            return
        filler = (f"{self.case.case_number}.treatments", APPLICATION)
        yield from self._open(filler, ("TREATMENTS", "Treatments", LOCAL), None, None, SECTION_OTHER, None)
        numbering = Numbering(self.correcting)
        for one in found:
            period = one.get("effectivePeriod", {})
            said = [one["reasonCode"][0]["text"], one["medicationCodeableConcept"]["text"], one["status"],
                    "–".join((period.get("start", ""), period.get("end", ""))) if period else "",
                    *(each["text"] for name in ("dosage", "note") for each in one.get(name, []))]  # fmt: skip
            values: dict[int, Field] = {2: "TX", 3: ("TREATMENT", "Treatment", LOCAL), 4: numbering.next_group(),
                                        5: "; ".join(filter(None, said)), 11: numbering.status("final"),
                                        14: to_timestamp(one["dateAsserted"])}  # fmt: skip
            yield numbering.draft(values, frozenset({5}))

    def form(self, response: Resource) -> Iterator[SegmentDraft]:
        """The answers of one form."""
        name = response["questionnaire"].rsplit("/", 1)[-1].split("|")[0]
        moment = to_timestamp(response["authored"])
        author = to_xcn(self.case.find(response.get("author")))
        yield from self._open((response["id"], APPLICATION), (name, name, LOCAL), moment, moment, SECTION_OTHER, author,
                              status="corrected" if response["status"] == "amended" else "final")  # fmt: skip
        yield from to_answers(response, Numbering(self.correcting))

    def _open(
        self, filler: tuple[str, str], name: Field, observed: str | None, reported: str | None, section: str,
        reader: Repetition, *, placer: Field = None, status: str = "final", is_child: bool = True,
    ) -> Iterator[SegmentDraft]:  # fmt: skip
        self._number += 1
        parent = (self._pair(self._placer), self._pair(self._filler)) if is_child else None
        yield SegmentDraft("ORC", {1: "RE", 2: placer, 3: filler, 4: self._filler, 5: "CM", 8: parent})
        yield SegmentDraft("OBR", {
            1: str(self._number), 2: placer, 3: filler, 4: name, 7: observed, 16: self._signer,
            18: None if is_child else str(self.envelope.version), 22: reported, 24: section,
            25: Numbering(self.correcting).status(status), 29: parent, 32: _to_reader(reader),
        })  # fmt: skip

    def _pair(self, identifier: Field) -> tuple[str | None, ...] | None:
        """An EI as the sub-components of EIP."""
        return identifier if isinstance(identifier, tuple) else None  # type: ignore[return-value]

    def _performer(self, result: Resource) -> Resource | None:
        performers = [self.case.find(one) for one in result.get("performer", [])]
        return next((one for one in performers if one and one["resourceType"] == "Practitioner"), None)

    def _specimens(self, resources: list[Resource]) -> Iterator[SegmentDraft]:
        found: dict[str, Resource] = {}
        for one in resources:
            references = one["specimen"] if isinstance(one.get("specimen"), list) else [one.get("specimen")]
            for reference in references:
                if (specimen := self.case.find(reference)) is not None:
                    found[specimen["id"]] = specimen
        for number, specimen in enumerate(found.values(), 1):
            collected = specimen.get("collection", {}).get("collectedDateTime", "")
            accession = specimen.get("accessionIdentifier", {}).get("value")
            identifier = ((accession, APPLICATION),) if accession else None
            yield SegmentDraft("SPM", {1: str(number), 2: identifier, 4: to_ce(specimen["type"]),
                                       17: to_timestamp(collected)})  # fmt: skip


def _category(observation: Resource) -> Resource:
    codings = [one for group in observation.get("category", []) for one in group.get("coding", [])]
    return codings[0] if codings else {"code": "exam", "display": "Exam"}


def _day(resource: Resource) -> str:
    return to_timestamp(find_day(resource))


def _issued(resource: Resource) -> str:
    return to_timestamp(resource.get("issued", ""))


def _to_reader(person: Repetition) -> Field:
    """OBR-32 (NDL) holds its name in sub-components."""
    return (person,) if isinstance(person, tuple) else None  # type: ignore[return-value]
