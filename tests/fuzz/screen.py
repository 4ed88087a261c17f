"""The screens: everybody of a small clinic walks its pages and sends its forms, well and badly filled in."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from clinic import clock
from clinic.permissions import PUBLIC, ROLES, Permission
from clinic.queries import page as listing
from clinic.web.clinical_format import format_date
from clinic.web.seek import seal_words
from tests.fuzz.clinic import COLLEAGUE, EVERYBODY, SECRET, STRANGER, Clinic, make_clinic
from tests.fuzz.filling import TYPES, UNASKED, Filled, encode, fill, spoil
from tests.fuzz.harness import Door, Finding, check_text
from tests.fuzz.hostile import IDS, MARK, PRODUCT, draw_text
from tests.fuzz.key import SoftKey
from tests.fuzz.page import Form, Page, read_page
from tests.fuzz.stage import KEYHOLDER
from tests.fuzz.world import World, ticking

LONGEST_TOLD, LONGEST_WORDS = 1500, 90
WELL_AFTER = 0.6  # of forms that were spoilt are then filled in as one might
MOST_AGAIN = 2  # a form that was refused is corrected so often
ONWARD = ""  # a step that goes on from the page where the walk is
# Whose doors are tried elsewhere: by what an address begins with, where.
ELSEWHERE = {"/fhir": "door fhir", "/oauth": "door fhir", "/api": "door decisions", "/static": "files of ours",
             "/fs-static": "files of the sign-in library"}
# What must have happened before a form is on anybody's screen.
BEFORE = {"lock.unlock": "lock.lock", "second_step.answer": "security.login",
          "second_factor.set_up_app": "second_factor.start_app"}
STRANGERS = ("security.login", "second_step.answer", "second_step.passkey", "password.set_new")
# What ends on a page that others come to as strangers; whose success is told in the words of a refusal.
LEADING_OUT = ("lock.lock", "security.logout", "password.set_new", "sign_in_list.end_mine")
# What is asked only while something else stands in the form: nothing wrong, a category.
OF_OTHERS = ("confirmed", "circumstances-")
OVERRULING = ("accept",)  # a button that changes what else was typed
STOPPING = ("identity.mismatch",)
# Where the browser asks for what a passkey answers.
ASKING = {"second_factor.add_key": "/my-sign-in/passkeys/options", "second_step.passkey": "/sign-in/passkey/options"}
# Whose form asks for what only one of the staff has.
OWNERS = {**{f"second_factor.{name}": KEYHOLDER for name in ("remove_app", "remove_key", "new_codes")},
          **{f"sign_in_list.{name}": EVERYBODY for name in ("end_mine", "end_others")}}
# Sent by a script or by address alone: no page has a form for it.
NO_FORM = {
    "session.keep": "a script sends it when the page is covered",
    "session.drop": "a script sends it when what was kept stands in its page again",
    "password.weigh": "a script asks while a new password is typed",
    "second_step.passkey": "shown by a script where the browser has passkeys",
}
# What one clicks or types before a page shows its form.
GOAL_QUERIES = {"result_grid.confirm": "?state=confirm", "laboratory.correct": "?correct=1",
                "xray.correct": "?correct={reading_id}"}
QUERIES = {
    "opening.choose": "?programme={programme}&category={category}",
    "family_case.choose": "?programme={programme}&category={category}",
    "member_access.roles": "?look=1&role=nurse", "laboratory.result": "?correct=1", "exam_form.view": "?amend=1",
    "delivery.selection": "?chosen={delivery_id}", "consent.view": "?again=1", "family.choose": "?q={sought}",
    "xray.view": "?{word}={reading_id}", "related.new": "?q={sought}",
}
HEADERS = ("Content-Security-Policy", "Permissions-Policy", "X-Content-Type-Options", "Referrer-Policy",
           "Cross-Origin-Opener-Policy", "Cache-Control")


class Step(NamedTuple):
    """One thing somebody does: `goal` is the route they want, `place` whose record, `harm` how often it is spoilt."""

    goal: str
    place: str
    seed: int
    harm: int


class Walk(NamedTuple):
    """A role and its steps."""

    role: str
    steps: list[Step]
    compares: bool  # whether the stored resources are compared with the rows afterwards, which takes a while


class ScreenDoor(Door):
    """Never 5xx, nothing of the other site, every refusal says what to do, every answer has its headers."""

    name, count, hang = "screens", 60, 120.0
    least = frozenset({"200", "400", "403", "404", "422"})
    on_database = True

    @contextmanager
    def opened(self) -> Iterator[None]:
        self.reached: Counter[str] = Counter()  # POST routes that were sent something
        self.formed: Counter[str] = Counter()  # and by a form of a page
        self.taken: Counter[str] = Counter()  # and that did it
        self.refused: dict[str, Counter[str]] = {}  # and in what words they did not
        with ticking() as self.clock, _short_lists():
            self.world = World(self.folder, self.database_url)
            self.world.build(self._make)
            self.clock.hold()
            self._list_routes()
            self.version = self.world.find_version()
            logging.getLogger().addHandler(keeper := _Keeper())
            self.keeper = keeper
            try:
                yield
            finally:
                logging.getLogger().removeHandler(keeper)
                self.world.close()

    def _make(self) -> None:
        self.clinic: Clinic = make_clinic(self.world.app)

    def _list_routes(self) -> None:
        self.posts, self.gets = list_rules(self.world.app, "POST"), list_rules(self.world.app, "GET")
        self.pages = {rule.rule: rule for rule in self.gets}
        self.by_name = {rule.endpoint: rule for rule in [*self.gets, *self.posts]}
        self.map = self.world.app.url_map.bind("localhost")
        self.aims = [rule.endpoint for rule in self.posts]  # each in turn; `make test` takes some of every part
        Random(len(self.aims)).shuffle(self.aims)

    def report(self) -> str:
        """Routes that take a form: to which nothing was sent yet, no form of a page, nothing that they took."""
        every = {rule.endpoint for rule in self.posts}
        formless = sorted(every - set(self.formed) - set(NO_FORM))
        missed = sorted(every - set(self.reached))
        lines = [f"  {name:38}{self.reached[name]:6}{self.taken[name]:7}{self._count_refused(name):8}"
                 for name in sorted(every)]
        never = [f"  {name}: {self._say_refused(name)}" for name in sorted(every - set(+self.taken) - set(NO_FORM))]
        return "\n".join([
            f"{len(every)} routes take a form; not reached: {', '.join(missed) or 'none'}; "
            f"reached without a page's form: {', '.join(formless) or 'none'}",
            f"  {'form':38}{'tried':>6}{'taken':>7}{'refused':>8}", *lines,
            f"never taken{':' if never else ': none'}", *never])

    def note(self, name: str, is_taken: bool, told: str) -> None:
        """Count what became of something that was sent; `told` is what the page says to be wrong."""
        self.taken[name] += is_taken
        if told and not is_taken:
            self.refused.setdefault(name, Counter())[told[:LONGEST_WORDS]] += 1

    def _count_refused(self, name: str) -> int:
        return sum(self.refused.get(name, Counter()).values())

    def _say_refused(self, name: str) -> str:
        """The words with which it was refused most often."""
        words = [f"{count} times {said!r}" for said, count in self.refused.get(name, Counter()).most_common(3)]
        return "; ".join(words) or "nothing of its page was sent" if self.formed[name] == 0 else "; ".join(words)

    def draw(self, chance: Random, number: int) -> Any:
        if number % 5 == 4:
            goal = chance.choice(self.gets).endpoint
        else:
            goal = self.aims[(number - number // 5) % len(self.aims)]
        place = chance.choice(("own", "own", "own", "own", "other", "hostile"))
        steps = [Step(goal, place, chance.randrange(2**32), chance.choice((0, 0, 1, 1, 2, 4)))]
        if number % 5 != 4 and steps[0] != steps[0]._replace(place="own", harm=0) and chance.random() < WELL_AFTER:
            steps.append(Step(goal, "own", chance.randrange(2**32), 0))
        if goal in BEFORE:
            steps.insert(0, Step(BEFORE[goal], "own", chance.randrange(2**32), 0))
        for _ in range(chance.choice((0, 0, 0, 2))):
            steps.append(Step(ONWARD, "own", chance.randrange(2**32), chance.choice((0, 1))))
        return Walk(self._draw_role(chance, goal), steps, number % 10 == 0)

    def _draw_role(self, chance: Random, goal: str) -> str:
        if goal in STRANGERS:
            return STRANGER
        if goal in OWNERS and chance.random() < 0.7:
            return OWNERS[goal]
        if chance.random() < 0.3:
            return EVERYBODY
        fitting = [role for role in self.clinic.cookies if role != EVERYBODY and self._may(role, goal)]
        if not fitting or chance.random() < 0.15:
            return chance.choice((STRANGER, *self.clinic.cookies))
        return chance.choice(fitting)

    def _may(self, role: str, endpoint: str) -> bool:
        mark = getattr(self.world.app.view_functions[endpoint], "permission", PUBLIC)
        return not isinstance(mark, tuple) or bool(_permissions(role) & set(mark))

    def ask(self, given: Any) -> str:
        walker = _Walker(self, given.role)
        try:
            for step in given.steps:
                walker.take(step)
        finally:
            version = self.world.find_version()
            changed = version != self.version or walker.was_stopped
            if changed:
                try:
                    self.world.check(given.compares)
                finally:  # or the next walk would find what this one left
                    self.world.reset()
                    self.clock.go_back()
                    self.version = self.world.find_version()
        return walker.word


class _Walker:
    """One browser, and where it is."""

    def __init__(self, door: ScreenDoor, role: str) -> None:
        self.door, self.role, self.clinic = door, role, door.clinic
        app = door.world.app
        self.http = FlaskClient(app, app.response_class)
        if role != STRANGER:
            self.http.set_cookie(app.config["SESSION_COOKIE_NAME"], self.clinic.cookies[role])
        self.word, self.was_stopped = "200", False
        self.page, self.address = Page(), "/"
        self.answered = Page()  # the last answer, which may be an error's
        self.known: dict[str, str] = {}  # what one knows where one is

    def take(self, step: Step) -> None:
        """Do it, and look at every answer on the way."""
        chance = Random(step.seed)
        if step.goal == ONWARD:
            self._go_on(chance, step)
        elif step.goal in {rule.endpoint for rule in self.door.posts}:
            self._send(chance, step, self._find_form(chance, step))
        else:
            address = self._address(chance, self.door.by_name[step.goal], step.place)
            method = chance.choice(("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH")) if step.harm > 2 else "GET"
            query = _draw_query(chance, step.harm, self.clinic.ids)
            self._open(method, address + query, is_other=step.place == "other")

    def _go_on(self, chance: Random, step: Step) -> None:
        forms = [form for form in self.page.forms if form.method == "POST"]
        if forms and chance.random() < 0.5:
            self._send(chance, step, chance.choice(forms))
        elif self.page.links:
            self._open("GET", chance.choice(self.page.links))

    def _find_form(self, chance: Random, step: Step) -> Form | None:
        """The form that sends to the goal, on the page where one would look for it; None where there is none."""
        here = [form for form in self.page.forms if form.method == "POST" and self._name(form) == step.goal]
        if here and step.goal in BEFORE:
            return here[0]
        rule = next(rule for rule in self.door.posts if rule.endpoint == step.goal)
        places = self.clinic.places.get(step.goal) or self.clinic.places.get(step.goal.partition(".")[0]) or []
        where = [*chance.sample(places, min(len(places), 2)), *chance.sample(self.clinic.own, 2 if places else 3)]
        if chance.random() < 0.2:
            where.reverse()
        looked = [(values, page) for values in where
                  for page in _list_above(rule, self.door.pages) if page.arguments <= set(values)]
        for values, page in looked:
            query = GOAL_QUERIES.get(step.goal, QUERIES.get(page.endpoint, ""))
            query = query.format(**values, word=chance.choice(("new", "correct")),
                                 sought=self._seal("Wanjiru")) if chance.random() < 0.7 else ""
            self._open("GET", self.door.map.build(page.endpoint, {k: values[k] for k in page.arguments}) + query)
            fitting = [form for form in self.page.forms if form.method == "POST" and self._name(form) == step.goal]
            if fitting:
                self.known = {**(places[0] if places else {}), **values}
                return chance.choice(fitting)
        return None

    def _seal(self, words: str) -> str:
        """What this person searches for, as it stands in an address."""
        with self.door.world.app.app_context():
            return seal_words(self.clinic.people.get(self.role, ""), words)

    def _send(self, chance: Random, step: Step, form: Form | None, again: int = 0) -> None:
        goal = step.goal or self._name(form)
        if form is None:
            rule = next(rule for rule in self.door.posts if rule.endpoint == goal)
            address = self._address(chance, rule, step.place)
            filled = self._make_up(chance)
        else:
            address = self._replace(chance, form.address, step.place)
            known = {"email": self.clinic.emails[self.role]} | self.known
            known |= self._prove(goal)
            filled = fill(chance, form, known, goal, self.page.wrong if again else None)
            self.door.formed[goal] += 1
        filled = filled._replace(pairs=[self._know(name, value) for name, value in filled.pairs])
        for _ in range(step.harm):
            filled = spoil(chance, filled, self.clinic.ids)
        kind, body = encode(filled)
        if chance.random() < 0.02:
            kind = chance.choice(TYPES)
        headers = {"Content-Type": kind} | ({"HX-Request": "true"} if chance.random() < 0.05 else {})
        self.door.reached[goal] += 1
        answer = self._open("POST", address, body, headers, filled, is_other=step.place == "other")
        is_out = bool(answer.location) and _leads_to_sign_in(answer.location) and goal not in LEADING_OUT
        is_taken = answer.status_code < 400 and not is_out
        told = self.answered.told
        if answer.status_code in (302, 303) and _is_own(answer.location):
            self._open("GET", urlsplit(answer.location)._replace(scheme="", netloc="").geturl())
            told = self.answered.flashed
            is_taken = is_taken and (not told or goal in STOPPING)
        self.door.note(goal, is_taken, told)
        is_whole = form is not None and step.harm == 0 and step.place == "own" and "HX-Request" not in headers
        if answer.status_code == 422 and form is not None and is_whole:
            self._check_kept(goal, form, filled)
        if answer.status_code in (302, 303):
            return
        if answer.status_code in (200, 422) and again < MOST_AGAIN:
            shown = [one for one in self.page.forms if one.method == "POST" and self._name(one) == goal]
            if shown:  # corrected, confirmed and sent again
                self._send(chance, step._replace(goal=goal, place="own", harm=0), shown[0], again + 1)

    def _check_kept(self, goal: str, form: Form, filled: Filled) -> None:
        """A form that was refused stands there again with everything that was typed into it."""
        again = [one for one in self.page.forms if one.address == form.address and one.method == "POST"]
        if any(name in OVERRULING for name, _value in filled.pairs):
            return
        kinds = {control.name: control.kind for control in form.controls}
        shown = {(control.name, _say_plainly(control.value)) for one in again for control in one.controls}
        names = {control.name for one in again for control in one.controls}
        asked = {(control.name, option) for one in again for control in one.controls for option in control.options}
        for name, value in filled.pairs:
            said = _say_plainly(value)
            secret = kinds.get(name) in (None, "hidden", "password") or name.rpartition("_")[2] in ("code", "password")
            if name.startswith(OF_OTHERS) and (name, value) not in asked:
                continue
            if said and again and not secret and (name, said) not in shown:
                gone = "is gone" if name in names else "has no field any more"
                raise Finding(f"{goal}: {name} {gone}, typed as {said[:60]!r} | {form.address} {self.page.told}")

    def _know(self, name: str, value: str) -> tuple[str, str]:
        """A recovery code where one is asked for, if this is who has one."""
        is_asked = self.role == STRANGER and "code" in name and value and not self.known.get("reset_code")
        return (name, self.clinic.codes[0]) if is_asked else (name, value)

    def _prove(self, goal: str) -> dict[str, str]:
        """What the app and the key of who is walking show now, where the form asks for them."""
        known = {}
        key = self.page.key if goal == "second_factor.set_up_app" else self.clinic.keys.get(self.role, "")
        if key:
            known["app_code"] = str(pyotp.TOTP(key).at(clock.now()))
        if goal in ASKING:
            page, asked = self.page, self._open("GET", ASKING[goal])
            self.page = page
            if asked.is_json and goal == "second_factor.add_key":
                known["new_key"] = SoftKey(ident=b"fuzz-passkey-two").register(asked.json)
            elif asked.is_json:
                known["key_answer"] = SoftKey().prove(asked.json)
        return known

    def _make_up(self, chance: Random) -> Filled:
        """What somebody sends to an address of which they have no form; the proof is that of the page they are on."""
        proof = [(control.name, control.value) for form in self.page.forms for control in form.controls
                 if control.name == "csrf_token"][:1]
        names = chance.sample(UNASKED, 5)
        return Filled([*proof, *((name, chance.choice(("", "1", *self.clinic.ids))) for name in names)], [],
                      forged=not proof)

    def _address(self, chance: Random, rule: Rule, place: str) -> str:
        given = chance.choice(self.clinic.own)
        if place == "other":
            given = given | self.clinic.other
        values = {name: given.get(name) or chance.choice(self.clinic.ids) for name in rule.arguments}
        if place == "hostile" and values:
            values[chance.choice(sorted(values))] = chance.choice((draw_text(chance, True), *IDS)) or "-"
        try:
            return str(self.door.map.build(rule.endpoint, values))
        except (HTTPException, ValueError):
            return "/" + draw_text(chance, True)

    def _replace(self, chance: Random, address: str, place: str) -> str:
        """The form's address, with another's ids in it where the step says so."""
        if place == "own":
            return address
        try:
            rule, values = self.door.map.match(urlsplit(address).path, method="POST", return_rule=True)
        except HTTPException:
            return address
        if place == "other":
            values = dict(values) | {name: self.clinic.other[name] for name in values if name in self.clinic.other}
        elif values:
            values = dict(values) | {chance.choice(sorted(values)): chance.choice(IDS) or "-"}
        return str(self.door.map.build(rule.endpoint, values))

    def _name(self, form: Form | None) -> str:
        try:
            return str(self.door.map.match(urlsplit(form.address).path if form else "/", method="POST")[0])
        except HTTPException:
            return "nothing"

    def _open(self, method: str, address: str, body: bytes = b"", headers: dict[str, str] | None = None,
              filled: Filled | None = None, is_other: bool = False) -> Any:
        self.door.keeper.error, self.answered = None, Page()
        path, _question, query = address.partition("?")
        answer = self.http.open(quote(path, safe="/%:@"), method=method, data=body, query_string=query,
                                headers=headers or {})
        self.word = str(answer.status_code)
        self.was_stopped = self.was_stopped or answer.status_code == 429
        try:
            self._check(method, address, answer, headers or {}, filled, is_other)
        except Finding as finding:
            sent = repr(filled)[:LONGEST_TOLD] if filled else ""
            raise Finding(f"{finding} | {self.role or 'nobody'} {method} {address[:300]} {sent}") from None
        return answer

    def _check(self, method: str, address: str, answer: Any, headers: dict[str, str], filled: Filled | None,
               is_other: bool) -> None:
        status, what = answer.status_code, self._say(method, address)
        if status >= 500 and not what.endswith("health.ready"):  # which says so when no worker runs
            error = self.door.keeper.error
            if error is None:
                raise Finding(f"{what}: {status} {answer.text[:300]}")
            error.add_note(f"{self.role or 'nobody'} {method} {address[:300]} {repr(filled)[:LONGEST_TOLD]}")
            raise error
        missing = [name for name in HEADERS if name not in answer.headers]
        if missing:
            raise Finding(f"{what}: {status} without {missing}")
        self._check_headers(what, answer)
        self._check_secrets(what, answer)
        is_let_in = status < 400 and not (status in (302, 303) and _leads_to_sign_in(answer.location))
        # OPTIONS is answered by the address alone: nothing was looked up.
        if is_other and is_let_in and method != "OPTIONS" and self._names_other(method, address):
            raise Finding(f"{what}: {status} for what belongs to the other site")
        if filled is not None:
            self._check_refused(what, status, is_let_in, filled)
        if answer.mimetype.startswith(("text/", "application/json")) and method != "HEAD":
            check_text(answer.text, what)
        if answer.mimetype == "text/html" and method != "HEAD":
            self._check_page(what, address, answer, headers)

    def _names_other(self, method: str, address: str) -> bool:
        """Whether the address is that of a record of the other site."""
        try:
            values = self.door.map.match(address.partition("?")[0], method=method)[1]
        except HTTPException:
            return False
        return any(values.get(name) == value for name, value in self.clinic.other.items())

    def _say(self, method: str, address: str) -> str:
        try:
            name = self.door.map.match(address.partition("?")[0], method=method)[0]
        except HTTPException:
            name = "no route"
        return f"{method} {name}"

    def _check_headers(self, what: str, answer: Any) -> None:
        if f"X-{MARK}" in answer.headers:
            raise Finding(f"{what}: a header of a stranger")
        place = answer.headers.get("Location", "")
        if place and not _is_own(place):
            raise Finding(f"{what}: leads to {place[:200]}")

    def _check_secrets(self, what: str, answer: Any) -> None:
        told = (answer.data + str(answer.headers).encode()).lower()
        for secret in (SECRET, *self.clinic.secrets):
            if secret.lower().encode() in told:
                at = told.index(secret.lower().encode())
                raise Finding(f"{what}: tells of the other site: {told[max(at - 100, 0):at + 60]!r}")
        if COLLEAGUE.lower().encode() in told and Permission.MANAGE_ORGANISATION not in _permissions(self.role):
            raise Finding(f"{what}: names the other site's staff")

    def _check_refused(self, what: str, status: int, is_let_in: bool, filled: Filled) -> None:
        """Nobody does what their role does not include, nor by a form that no page of theirs made."""
        method, _space, endpoint = what.partition(" ")
        if not is_let_in or method != "POST" or endpoint not in self.door.by_name:
            return
        if not self.door._may(self.role, endpoint):
            raise Finding(f"{what}: {status} for who may not")
        guarded = endpoint not in ("session.keep", "exam_form.save", "exam_form.autosave")  # these put it by
        if filled.forged and guarded:
            raise Finding(f"{what}: {status} without the proof of a page")

    def _check_page(self, what: str, address: str, answer: Any, headers: dict[str, str]) -> None:
        text = answer.text
        page = self.answered = read_page(text, address)
        if page.strange or PRODUCT in text:
            raise Finding(f"{what}: what was typed became part of the page: {page.strange}")
        if answer.status_code < 400 or "HX-Request" in headers:
            self.page, self.address = (page, address) if "HX-Request" not in headers else (self.page, self.address)
        elif not page.says:
            raise Finding(f"{what}: {answer.status_code} that does not say what to do: {text[:600]}")
        elif answer.status_code == 422:
            self.page, self.address = page, address


class _Keeper(logging.Handler):
    """The exception behind an answer of 5xx, which the house logs and does not raise."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.error = record.exc_info[1]


def list_rules(app: Flask, method: str) -> list[Rule]:
    """The routes of the screens that take `method`, in the order of their addresses."""
    rules = [rule for rule in app.url_map.iter_rules()
             if method in (rule.methods or ()) and not rule.rule.startswith(tuple(ELSEWHERE))]
    return sorted(rules, key=lambda rule: (rule.rule, rule.endpoint))


def _permissions(role: str) -> frozenset[Permission]:
    if role == STRANGER:
        return frozenset()
    names = tuple(ROLES) if role == EVERYBODY else (role,)
    return frozenset().union(*(ROLES[name][1] for name in names))


def _list_above(rule: Rule, pages: dict[str, Rule]) -> Iterator[Rule]:
    """Pages at the address itself and above it, the nearest first."""
    parts = rule.rule.split("/")
    for size in range(len(parts), 0, -1):
        page = pages.get("/".join(parts[:size]) or "/")
        if page is not None:
            yield page


def _draw_query(chance: Random, harm: int, ids: list[str]) -> str:
    pairs = []
    for _ in range(harm):
        value = quote(chance.choice((draw_text(chance), *ids)).encode("utf-8", "surrogatepass"))
        pairs.append(f"{chance.choice(UNASKED)}={value}")
    return "?" + "&".join(pairs) if pairs else ""


def _is_own(place: str) -> bool:
    parts = urlsplit(place)
    return parts.scheme in ("", "http") and parts.netloc in ("", "localhost") and not place.startswith(("//", "/\\"))


@contextmanager
def _short_lists() -> Iterator[None]:
    """Lists of two rows a page, so that a small clinic has pages that follow."""
    size, listing.SIZE = listing.SIZE, 2
    try:
        yield
    finally:
        listing.SIZE = size


def _say_plainly(value: str) -> str:
    """As typed, but for blanks, capital letters and the way a day is written."""
    text = " ".join(value.split())
    with suppress(ValueError):
        text = format_date(date.fromisoformat(text))
    return text.casefold()


def _leads_to_sign_in(place: str) -> bool:
    return urlsplit(place).path in ("/sign-in", "/locked", "/sign-in/second-step")
