"""The words of dated tasks: what each kind is, the sentence of one, its outcomes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from clinic.partial_date import format_clinically, from_date
from clinic.web.hold_word import CAUSE_WORDS

_l = lazy_gettext
KIND_WORDS: dict[str, LazyString] = {
    "critical-call": _l("Critical value to be told"), "amendment": _l("Signed exam to amend"),
    "corrected-result": _l("Corrected result to be told"), "order-refused": _l("Order refused by the laboratory"),
    "infectious": _l("May be infectious: keep apart"), "sputum-due": _l("Sputum due"),
    "film-repeat": _l("Chest X-ray to be repeated"),
    "culture-awaited": _l("Culture awaited"), "smear-awaited": _l("Smear or NAAT awaited"),
    "result-awaited": _l("Result awaited"), "result-unconfirmed": _l("Result without a second person"),
    "entries-differ": _l("The two entries differ"),
    "treatment-month": _l("Month of treatment"), "treatment-end": _l("Treatment without its outcome"),
    "doses-missed": _l("No dose for days"),
    "medicines-stopped": _l("All medicines are stopped"), "susceptibility-awaited": _l("Susceptibility awaited"),
    "resisted-medicine": _l("Treated with what the bacilli resist"),
    "tb-notification": _l("Tuberculosis to be notified"), "refusal-return": _l("May be examined again after a refusal"),
    "contact-test": _l("Contact to be tested"),
    "contact-retest": _l("Contact to be tested again"), "contact-review": _l("Contact still exposed"),
    "contact-after-signature": _l("Signed before the exposure was known"),
    "contact-resistance": _l("Source of a signed contact is drug resistant"),
    "validity-ending": _l("Exam ends soon"), "nobody-came": _l("Nobody came"), "standstill": _l("Case stands still"),
    "on-hold": _l("Case on hold"), "document-awaited": _l("Document awaited"), "follow-up": _l("Follow-up"),
}
# What is to be done, told once on the task's own page.
ADVICE: dict[str, LazyString] = {
    "critical-call": _l("Call who treats the person now, let the value be read back, and write down whom you told: "
                        "here or beside the result, once is enough."),
    "amendment": _l("A result of the signed exam was corrected. Open the exam to amend it, or "
                    "decline with the reason."),
    "corrected-result": _l("A confidential result was corrected after the applicant was told of it. Counsel them about "
                           "the result as it is now, and record there that it was told: that ends the task."),
    "order-refused": _l("The laboratory did not take it, or it never arrived, so nobody does it there. See what the "
                        "laboratory says; send it anew or to another one, or cancel the order. A result of an order "
                        "that was cancelled here waits in Results in."),
    "infectious": _l("Give a mask, use the isolation room, and see that sputum is taken and the case notified."),
    "sputum-due": _l("The next specimen is due: early morning, supervised. When it may be taken stands on the page of "
                     "sputum, as the rules of the programme ask it."),
    "film-repeat": _l("The film suggested tuberculosis. A second one, about three months after it, shows whether it is "
                      "stable: ask the person to come for it. Where the authority has decided without it, say so."),
    "culture-awaited": _l("The laboratory's final report should have come. Ask for it."),
    "smear-awaited": _l("Nothing is reported of the specimen's smear or NAAT. See how far it came; ask for the result, "
                        "or for another specimen where this one is lost."),
    "result-awaited": _l("The specimen was taken, and a result is missing. See how far it came; ask for the result, or "
                         "reject the specimen where it is lost: then it is drawn again."),
    "result-unconfirmed": _l("One person entered it; it counts for nothing until another one confirms it."),
    "entries-differ": _l("A second person typed another value than the first. Look at the report together; then "
                         "correct the first entry, or let the second be typed again. Nothing counts until then."),
    "treatment-month": _l("Clinical check, weight, and two sputum specimens for smear and culture."),
    "treatment-end": _l("Every dose that was planned is given. Take the specimens at the end of treatment; when their "
                        "cultures are final, record how the treatment ended: that ends the task."),
    "doses-missed": _l("Under treatment, and no dose is written down for days. Reach the person, and write down what "
                       "became of the days; a physician or the tuberculosis team decides on the interruption."),
    "medicines-stopped": _l("No dose is given. Record on the page of the side effect how the medicines go on, or begin "
                            "a phase with others: that ends the task. If they stay stopped, say so and why: it comes "
                            "back."),
    "susceptibility-awaited": _l("The culture grew M. tuberculosis, and the laboratory has not reported which "
                                 "medicines the bacilli resist. Ask for it."),
    "resisted-medicine": _l("A result since the phase began says that the bacilli resist a medicine of it. Change the "
                            "medicines on the page of the treatment, or correct the result: that ends the task. If the "
                            "medicine is given all the same, say why."),
    "tb-notification": _l("Tell the health authority of the case, and write down when, to whom and under which number: "
                          "that ends the task."),
    "refusal-return": _l("The site's treatment was refused, and the year after the treatment elsewhere ends. Tell the "
                         "person that a whole new examination is possible."),
    "contact-test": _l("IGRA now; below two years a skin test or an IGRA. Where the rules of the programme ask for "
                       "neither, order the IGRA with the reason, so that it is drawn."),
    "contact-retest": _l("The first test was negative: it is repeated 8 to 10 weeks after the last exposure. Order "
                         "the IGRA, so that it is drawn: the rules ask for one alone."),
    "contact-review": _l("As long as the exposure goes on, no clearance is final. Where it has ended, "
                         "say since when."),
    "contact-after-signature": _l("Somebody recorded after the signature that the person was exposed to tuberculosis. "
                                  "Open the exam to amend it: that ends the task, and the test is recorded there. Or "
                                  "say why the exam stands."),
    "contact-resistance": _l("The exam was signed before anybody knew that the source's bacilli resist a medicine. "
                             "Open the exam to amend it: that ends the task. Look at the preventive treatment as well: "
                             "with a source of MDR-TB no isoniazid and no rifampicin. Or say why the exam stands."),
    "validity-ending": _l("Ask whether they have travelled; whoever has not needs a new exam."),
    "nobody-came": _l("The case was opened and nobody has come since. Call. Who does not want it any more is "
                      "withdrawn on the case."),
    "standstill": _l("Examinations are outstanding and nothing was recorded for days. Find out why."),
    "on-hold": _l("Say whether it goes on, stays on hold, or is withdrawn."),
}
OUTCOME_WORDS: dict[str, LazyString] = {
    "called": _l("Told, and read back"), "corrected": _l("The value was not right"),
    "sent-anew": _l("Sent anew"), "decided": _l("The result that came in was decided about"),
    "referred": _l("Referred to treatment"), "not-reached": _l("Not reached"),
    "told-anew": _l("Told anew"), "unreachable": _l("Cannot be reached any more"),
    "amended": _l("Exam opened to amend it"), "no-amendment": _l("No amendment needed"),
    "isolated": _l("Kept apart, work-up under way"), "not-needed": _l("Not needed"), "collected": _l("Taken"),
    "reached": _l("Reached: will come"), "reported": _l("Reported"),
    "no-longer-awaited": _l("Has come, or is no longer awaited"), "laboratory-asked": _l("Laboratory asked"),
    "confirmed": _l("Confirmed or sent back"), "one-value": _l("Corrected, typed again alike, or sent back"),
    "done": _l("Done"), "treatment-ended": _l("The treatment ended"),
    "resumed": _l("Doses go on"), "held-back": _l("Held back by a physician"),
    "decided-on": _l("The medicines go on, or others are given"), "still-stopped": _l("They stay stopped"),
    "changed-medicines": _l("Other medicines, or the result was not right"),
    "given-all-the-same": _l("Given all the same"),
    "notified": _l("Notified"), "tested": _l("Tested"), "declined": _l("Declined"), "travelled": _l("Has travelled"),
    "reopened": _l("Exam opened to amend it, or what was told was not right"),
    "still-exposed": _l("Exposure goes on"), "exposure-ended": _l("Exposure has ended"),
    "new-exam": _l("A new exam has begun, or it is valid no more"), "told": _l("Told when it ends"),
    "cultures-awaited": _l("Cultures at the end awaited"),
    "told-possible": _l("Told that a new exam is possible"), "hold-ended": _l("Nobody need be kept apart any more"),
    "case-ended": _l("The contact's own case was withdrawn"),
    "became-case": _l("Has become a tuberculosis case"), "other-day": _l("Another last day of the exposure"),
    "came": _l("Came"), "withdrawn": _l("Withdraws"), "goes-on": _l("Goes on"),
    "still-on-hold": _l("Stays on hold"), "received": _l("Received"),
}
NEW_EXAM = "new-exam"  # of the person, beneath no case
CASE = "."  # the case's own page: what is outstanding there
# Where the work of a kind is done, beneath /cases/<id>; the braces stand for the first word of the task's key.
PLACES = {
    "sputum-due": "sputum", "film-repeat": "xray",
    "culture-awaited": "sputum", "smear-awaited": "sputum", "result-awaited": "specimens/{}",
    "result-unconfirmed": "laboratory", "entries-differ": "laboratory",
    "treatment-month": "tuberculosis", "treatment-end": "tuberculosis", "doses-missed": "tuberculosis",
    "medicines-stopped": "tuberculosis", "susceptibility-awaited": "susceptibility",
    "resisted-medicine": "tuberculosis",
    "tb-notification": "tuberculosis/diagnosis", "refusal-return": NEW_EXAM, "validity-ending": NEW_EXAM,
    "contact-test": "draw", "contact-retest": "orders", "contact-review": "exposure", "amendment": "amendment",
    "nobody-came": "state", "standstill": CASE, "on-hold": "state", "contact-resistance": "sign",
    "contact-after-signature": "sign",
    "infectious": "sputum", "critical-call": "laboratory", "corrected-result": "confidential",
    "order-refused": "orders/sending",
}
# The same where what it is about decides: the first word of the task's key.
PLACES_OF = {"side-effect": "tuberculosis", "mistaken": "laboratory", "sent-back": "laboratory", "told": "confidential",
             "traced": "contacts"}
_SENTENCES: dict[str, Callable[[str], str]] = {
    "sputum-due": lambda day: _("Last specimen, or request: %(day)s", day=day),
    "film-repeat": lambda day: _("First film on %(day)s", day=day),
    "culture-awaited": lambda day: _("Specimen of %(day)s", day=day),
    "smear-awaited": lambda day: _("Its last step was on %(day)s", day=day),
    "result-awaited": lambda day: _("Its last step was on %(day)s", day=day),
    "result-unconfirmed": lambda day: _("Entered on %(day)s", day=day),
    "entries-differ": lambda day: _("Typed a second time on %(day)s", day=day),
    "susceptibility-awaited": lambda day: _("Culture reported on %(day)s", day=day),
    "resisted-medicine": lambda day: _("Result confirmed on %(day)s", day=day),
    "treatment-end": lambda day: _("Last dose %(day)s", day=day),
    "doses-missed": lambda day: _("Last dose, or begin: %(day)s", day=day),
    "tb-notification": lambda day: _("Registered on %(day)s", day=day),
    "refusal-return": lambda day: _("Last dose elsewhere %(day)s", day=day),
    "treatment-month": lambda day: _("Month completed on %(day)s", day=day),
    "validity-ending": lambda day: _("Valid until %(day)s", day=day),
    "nobody-came": lambda day: _("Opened on %(day)s", day=day),
    "standstill": lambda day: _("Nothing since %(day)s", day=day),
    "on-hold": lambda day: _("On hold since %(day)s", day=day),
    "contact-retest": lambda day: _("Last exposure %(day)s", day=day),
    "contact-review": lambda day: _("Exposed since %(day)s", day=day),
    "contact-after-signature": lambda day: _("Contact recorded on %(day)s", day=day),
    "contact-resistance": lambda day: _("Result of the source confirmed on %(day)s", day=day),
    "contact-test": lambda day: _("Last exposure %(day)s", day=day),
}


def kind_word(kind: str) -> str:
    """What a task is about."""
    return str(KIND_WORDS.get(kind, kind))


def outcome_word(outcome: str) -> str:
    """How a task ended."""
    return str(OUTCOME_WORDS.get(outcome, outcome))


def find_place(kind: str, key: str) -> str | None:
    """Where the work of a task is done, beneath /cases/<id>; None where nobody can say."""
    about = key.removeprefix(f"{kind}:").partition(":")[0].partition("~")[0]  # of the next one too
    return PLACES_OF.get(about) or PLACES.get(kind, "").format(about) or None


def is_of_another(kind: str, key: str) -> bool:
    """Whether the task stands on the case of somebody else than the person it is about."""
    return key.startswith(f"{kind}:traced:")


def say_detail(kind: str, detail: str) -> str:
    """The variable part of a task in words: a day is written clinically, somebody's own words stand as they are."""
    if kind == "infectious":
        return str(CAUSE_WORDS.get(detail, detail))
    try:
        day = date.fromisoformat(detail)
    except ValueError:
        return detail
    words = format_clinically(from_date(day))
    say = _SENTENCES.get(kind)
    return say(words) if say else words
