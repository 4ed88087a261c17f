"""What laboratories sent, as it came and in words; worked on again after a correction; what their codes mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.audit import record_read
from clinic.errors import AlreadyDone, InvalidInput
from clinic.laboratory_test import list_tests
from clinic.models import InboundMessage, InboundState, MapKind, ReportedResult
from clinic.permissions import Permission, has_permission, requires
from clinic.ports import ports
from clinic.queries.message_search import find_messages
from clinic.queries.reported import (
    COUNT_LIMIT,
    PAGE_SIZE,
    count_messages,
    count_undecided,
    get_message,
    list_messages,
    list_of_message,
    list_twins,
)
from clinic.read_audit import note_shown, shows_nobody
from clinic.schemas.delivery import ReasonIn
from clinic.schemas.door import load
from clinic.schemas.partner_laboratory import MappingIn
from clinic.services.code_mapping import add_line, list_lines, remove_line
from clinic.services.confidential_report import is_confidential, is_wording_hidden, list_hidden, names_confidential
from clinic.services.inbound import AGAIN, may_work_again, put_aside, work_again
from clinic.services.late_meaning import AT_ONCE, list_outdated, work_outdated_again
from clinic.services.partner_laboratory import get_laboratory, list_laboratories
from clinic.web.account_history import list_past
from clinic.web.form import read_form
from clinic.web.laboratory_origin import find_confidential
from clinic.web.mapping_choice import KIND_WORDS, list_choices, say_line
from clinic.web.reported_word import MESSAGE_WORDS, STATE_WORDS, WAY_WORDS, say_kind

blueprint = Blueprint("laboratory_message", __name__, url_prefix="/laboratory")
Page = str | tuple[str, int] | Response
P = Permission
ASIDE = "aside"  # the button beside the one that has a message worked on again
NUMBER_LIMIT = 200  # of a number that is looked for
AGAIN_ALL = "again"  # the button that has all worked on again which waited for a code
NOBODY = "codes of laboratories and what they mean here, nobody examined"


@blueprint.get("/messages")
@requires(P.MAP_RESULTS)
@shows_nobody("numbers and times of messages, nothing of what is in them")
def index() -> str:
    """The laboratories' messages in one state, those for a person first; with a number those that have or name it."""
    laboratories = {one.id: one for one in list_laboratories(current_user.site_id)}
    typed = request.args.get("number", "").strip()[:NUMBER_LIMIT]
    counts = count_messages(laboratories)
    first = next((one for one in (InboundState.ERROR, InboundState.HELD) if counts[one]), InboundState.APPLIED)
    wanted = request.args.get("state", "")
    state = InboundState(wanted) if wanted in set(InboundState) else first
    rows = (find_messages(list(laboratories.values()), typed) if typed else
            list_messages(current_user, laboratories, state, request.args.get("after"), PAGE_SIZE + 1))
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    return render_template(
        "reported/messages.html", rows=rows, laboratories=laboratories, state=state, counts=counts,
        count_limit=COUNT_LIMIT, words=MESSAGE_WORDS, ways=WAY_WORDS, say_kind=say_kind,
        outcomes=_say_outcomes(rows), twins=list_twins(rows), typed=typed,
        next_url=url_for(".index", state=state.value, after=rows[-1].id) if more else None)


@blueprint.get("/messages/<received_id>")
@requires(P.MAP_RESULTS)
def show(received_id: str) -> str:
    """One message."""
    return _render(_get(received_id))


@blueprint.post("/messages/<received_id>")
@requires(P.MAP_RESULTS)
def again(received_id: str) -> Page:
    """Have it worked on again, what was decided of it stays; or put aside what nothing will come of."""
    message, typed = _get(received_id), read_form(request.form)
    try:
        reason = str(load(ReasonIn(), typed)["reason"])
    except InvalidInput as error:
        return _render(message, typed, error.fields), 422
    if typed.get("act") == ASIDE:
        put_aside(message, reason, current_user)
        flash(_("Put aside, with your reason."))
    else:
        work_again(message, reason, current_user)
        flash(_("It is worked on again in a moment."))
    return redirect(url_for(".show", received_id=received_id), 303)


@blueprint.get("/mappings")
@requires(P.MAP_RESULTS)
@shows_nobody(NOBODY)
def mappings() -> str:
    """The laboratories whose tables there are."""
    rows = [(one, len(list_lines(one.id))) for one in list_laboratories(current_user.site_id)]
    return render_template("reported/mappings.html", rows=rows)


@blueprint.get("/mappings/<laboratory_id>")
@requires(P.MAP_RESULTS)
@shows_nobody(NOBODY)
def mapping(laboratory_id: str) -> str:
    """A laboratory's table; `code`, `system` and `text` in the address fill the form (a link from the inbox)."""
    typed = {name: request.args[name] for name in ("kind", "code", "system", "text", "test") if request.args.get(name)}
    return _render_mapping(laboratory_id, typed)


@blueprint.post("/mappings/<laboratory_id>")
@requires(P.MAP_RESULTS)
@shows_nobody(NOBODY)
def change_mapping(laboratory_id: str) -> Page:
    """Add a line, or take one away; or have worked on again what waited for one."""
    laboratory, typed = get_laboratory(current_user, laboratory_id), read_form(request.form)
    if typed.get("act") == AGAIN_ALL:
        given = work_outdated_again(laboratory, current_user)
        flash(ngettext("%(num)s message is worked on again in a moment.", "%(num)s messages are worked on again in a "
                       "moment.", given) if given else _("Nothing waits for a code that has a line."))
        return redirect(url_for(".mapping", laboratory_id=laboratory_id), 303)
    if "line_id" in typed:
        remove_line(laboratory, typed["line_id"], current_user)
        flash(_("The line is taken away; what was entered by it stays."))
        return redirect(url_for(".mapping", laboratory_id=laboratory_id), 303)
    try:
        plain = load(MappingIn(), typed)
        add_line(laboratory, MapKind(plain["kind"]), plain["code"], plain["ours"], current_user, plain["system"],
                 plain["test"], plain["text"] or "")
    except InvalidInput as error:
        return _render_mapping(laboratory_id, typed, error.fields), 422
    except AlreadyDone as error:
        return _render_mapping(laboratory_id, typed, {"code": [error.message]}), 422
    flash(_("Saved."), "success")
    return redirect(url_for(".mapping", laboratory_id=laboratory_id), 303)


def _say_outcomes(rows: Sequence[InboundMessage]) -> dict[str, str]:
    """What became of each message: of one that was worked on, what of it waits for a person still; else its reason."""
    waiting = count_undecided([row.id for row in rows])
    return {row.id: ngettext(
        "%(num)s result of it waits for a person.", "%(num)s results of it wait for a person.", waiting[row.id])
        if row.state is InboundState.APPLIED and row.id in waiting else row.state_reason for row in rows}


def _get(received_id: str) -> InboundMessage:
    return get_message([one.id for one in list_laboratories(current_user.site_id)], received_id)


def _render(message: InboundMessage, typed: dict[str, Any] | None = None,
            errors: dict[str, Any] | None = None) -> str:  # fmt: skip
    rows = list_of_message(message)
    cases = {row.case_id for row in rows if row.case_id}
    words, asked = message.raw[:200_000].decode("utf-8", "replace").replace("\r", "\n"), "show" in request.args
    hidden = list_hidden(rows, current_user, asked)
    is_hidden = bool(hidden) or (not rows and is_wording_hidden(words, current_user, asked))
    has_confidential = any(is_confidential(row) for row in rows) if rows else names_confidential(words)
    record_read("user", current_user.id, "read", "inbound-message", message.id, site_id=current_user.site_id,
                case_id=next(iter(cases)) if len(cases) == 1 else None,
                detail={"shown": sorted(cases),
                        **({"confidential": "shown"} if has_confidential and not is_hidden else {})})
    note_shown(cases)
    return render_template(
        "reported/message.html", row=message, results=rows, tests=list_tests(), is_hidden=is_hidden,
        openings=_list_openings(message, hidden) if is_hidden else [],
        message=None if is_hidden else ports.read_message(message.raw), raw="" if is_hidden else words,
        answer=message.answer.decode("utf-8", "replace").replace("\r", "\n") if message.answer else "",
        word=MESSAGE_WORDS[message.state], outcome=_say_outcomes([message])[message.id],
        twins=list_twins([message]).get(message.id, ()), way=WAY_WORDS[message.way],
        state_words=STATE_WORDS, say_kind=say_kind,
        may_act=may_work_again(message), may_put_aside=message.state in AGAIN, typed=typed or {}, errors=errors)


def _list_openings(message: InboundMessage, hidden: list[ReportedResult]) -> list[tuple[str, str]]:
    """(words, address) of what opens a message that is hidden: each case's results, and what is nobody's yet."""
    if not has_permission(P.SEE_CONFIDENTIAL):
        return []
    cases = {row.case.id: row.case for row in hidden if row.case}
    found = [(_("Case %(number)s: open with a reason", number=case.number),
              str(find_confidential(case, url_for(".show", received_id=message.id)))) for case in cases.values()]
    if not cases:
        found.append((_("Show it, to say what its words mean"), url_for(".show", received_id=message.id, show=1)))
    return found


def _render_mapping(laboratory_id: str, typed: dict[str, Any], errors: dict[str, Any] | None = None) -> str:
    laboratory = get_laboratory(current_user, laboratory_id)
    lines = list_lines(laboratory_id)
    return render_template(
        "reported/mapping.html", laboratory=laboratory, outdated=len(list_outdated(laboratory)), at_once=AT_ONCE,
        lines=lines, said={line.id: say_line(line) for line in lines}, kind_words=KIND_WORDS,
        kinds=[(kind.value, str(word)) for kind, word in KIND_WORDS.items()],
        choices=list_choices(typed), typed=typed, errors=errors,
        tests=[(test.name, test.label) for test in list_tests().values()],
        past=list_past("laboratory", laboratory_id))
