"""The settings: secrets, the demo's open doors, addresses, cookies, ports."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from clinic.config import PREFIX, Settings
from clinic.consent_text import DEMONSTRATION, SOURCE_LANGUAGE, list_consent_texts
from clinic.db import db
from clinic.doctor.finding import Finding, good, needs_database, warning, wrong
from clinic.machine_address import split_address
from clinic.models import User
from clinic.task_check import check_task_names

SHORTEST_SECRET = 32  # letters; 32 random ones of 64 are 192 bits
FEWEST_LETTERS = 10  # different ones: a repeated word is long, and still no secret
SHORTEST_DATABASE_PASSWORD = 12
DEMO_ADDRESSES = "%@demo.example"
KNOWN_WORDS = ("secret", "change", "password", "default", "example", "clearway", "1234")
LEAST_IDLE = 3  # minutes: the last two ask whether somebody is there, on every page from its beginning
LONGEST_IDLE = 60  # minutes
LONGEST_SIGN_IN = 24  # hours
MOST_PROXIES = 3  # whoever can write their headers chooses an address, and is counted under it
MOST_RECORDS = 2000  # of an hour: one in two seconds
PRIVILEGED = 1024  # lower ports need a right that a server should not have


def check_secret_key(settings: Settings) -> Iterator[Finding]:
    """Long, mixed, and no word that everybody tries."""
    key = settings.secret_key
    weak = [words for is_weak, words in (
        (len(key) < SHORTEST_SECRET, "is short"), (len(set(key)) < FEWEST_LETTERS, "repeats few letters"),
        (any(word in key.lower() for word in KNOWN_WORDS), "holds a word that everybody tries")) if is_weak]
    if weak:
        yield wrong("secret-key", f"The key that signs sessions {weak[0]}.",
                    f"Set {PREFIX}SECRET_KEY to {SHORTEST_SECRET} random letters or more (openssl rand -base64 48), or"
                    " unset it: one is made and kept. Everybody signs in anew.")
    else:
        yield good("secret-key", "The key that signs sessions is long and random.")


def check_database_password(settings: Settings) -> Iterator[Finding]:
    """A database server on another machine is reached with a password worth the name."""
    if not settings.database_url:
        return
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        return
    password = str(url.password or "")
    if not url.host or url.host.startswith("/") or url.query.get("passfile") or url.query.get("sslcert"):
        yield good("database-password", "The database is reached by its socket, a password file or a certificate.")
    elif password and (len(password) < SHORTEST_DATABASE_PASSWORD or password == url.username
                       or any(word in password.lower() for word in (*KNOWN_WORDS, "postgres"))):
        yield wrong("database-password", "The database's password is short or known.",
                    f"Give the database user a random one, and set {PREFIX}DATABASE_URL.")
    elif not password and not _is_local(url.host):
        yield warning("database-password", "The database on another machine is reached without a password.",
                      "Ask for scram-sha-256 or a certificate in its pg_hba.conf.")
    else:
        yield good("database-password", "The database's password is neither short nor known.")


def check_demo(settings: Settings) -> Iterator[Finding]:
    """The demo's sign-ins have a public password: they may be reached from this machine alone."""
    if not settings.demo:
        yield good("demo", "This is no demo.")
    elif _is_local(urlsplit(settings.base_url).hostname or ""):
        yield warning("demo", "This is a demo: everybody knows its passwords.",
                      f"Let only invented people be recorded here; unset {PREFIX}DEMO for real ones.")
    else:
        yield wrong("demo", "A demo, whose passwords everybody knows, is reached from other machines.",
                    f"Unset {PREFIX}DEMO, and disable its accounts (user disable ADDRESS).")


@needs_database
def check_demo_accounts(settings: Settings) -> Iterator[Finding]:
    """Outside the demo none of its accounts may sign in."""
    if settings.demo:
        return
    count = db.session.execute(
        select(func.count()).select_from(User).where(User.active, User.email.like(DEMO_ADDRESSES))).scalar_one()
    if count:
        yield wrong("demo-accounts", f"{count} accounts of the demo, whose password everybody knows, may sign in.",
                    "Disable each (user disable ADDRESS), or begin with an empty database.")
    else:
        yield good("demo-accounts", "No account of the demo may sign in.")


def check_base_url(settings: Settings) -> Iterator[Finding]:
    """https, but on this machine alone; passkeys need a name."""
    setting = f"{PREFIX}BASE_URL"
    try:
        parts = split_address(settings.base_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield wrong("base-url", "The address of this installation cannot be read.",
                    f"Set {setting} to an address like https://clinic.example.")
    elif parts.scheme == "http" and not _is_local(parts.hostname):
        yield wrong("base-url", "The address of this installation is not encrypted.",
                    f"Put a proxy with a certificate before it, and set {setting} to the https address.")
    elif _is_address(parts.hostname) and not _is_local(parts.hostname):
        yield warning("base-url", "The address of this installation is a number, with which no passkey works.",
                      f"Give the machine a name, and set {setting}.")
    else:
        yield good("base-url", "The address of this installation is encrypted, or this machine's own.")


def check_cookies(settings: Settings) -> Iterator[Finding]:
    """The session's cookie: out of reach of scripts, of other sites, and of a line that is not encrypted."""
    config = current_app.config
    missing = [words for setting, words, wanted in (
        ("SESSION_COOKIE_HTTPONLY", "hidden from scripts", (True,)),
        ("SESSION_COOKIE_SAMESITE", "kept from other sites", ("Lax", "Strict")),
        ("SESSION_COOKIE_SECURE", "sent by https alone", (True,) if settings.base_url.startswith("https") else
         (True, False)),
    ) if config.get(setting) not in wanted]
    if missing:
        yield wrong("cookies", f"The session's cookie is not {' and not '.join(missing)}.",
                    "Take out what changes these settings of Flask.")
    else:
        yield good("cookies", "The session's cookie is hidden from scripts and other sites.")


def check_sign_ins(settings: Settings) -> Iterator[Finding]:
    """An empty room's screen locks soon, a sign-in ends with the day, and nobody's word is taken about addresses."""
    bounds = (("SESSION_IDLE_MINUTES", settings.session_idle_minutes, LEAST_IDLE, LONGEST_IDLE,
               "an empty room's screen"),
              ("SESSION_HOURS", settings.session_hours, 1, LONGEST_SIGN_IN, "how long a sign-in lasts"),
              ("RECHECK_MINUTES", settings.recheck_minutes, 0, LONGEST_IDLE, "who acts is asked again"),
              ("TRUSTED_PROXIES", settings.trusted_proxies, 0, MOST_PROXIES, "whose word about addresses is taken"))
    found = False
    for name, value, least, most, what in bounds:
        if value < least:
            found = True
            yield wrong("sign-ins", f"{PREFIX}{name} is {value} ({what}): less than {least} means nothing.",
                        f"Set it to {least} to {most}.")
        elif value > most:
            found = True
            yield warning("sign-ins", f"{PREFIX}{name} is {value} ({what}): more than {most} protects little.",
                          f"Set it to {least} to {most}.")
    if not found:
        yield good("sign-ins", f"A screen in an empty room is locked after {settings.session_idle_minutes} minutes, and"
                               f" a sign-in ends after {settings.session_hours} hours.")


def check_reading_limit(settings: Settings) -> Iterator[Finding]:
    """Somebody who opens the records of the house one after the other is stopped."""
    if 0 < settings.records_an_hour <= MOST_RECORDS:
        yield good("reading-limit", f"Who opens {settings.records_an_hour} cases within an hour is stopped.")
    else:
        yield warning("reading-limit", "Nobody is stopped who opens the records of the house one after the other.",
                      f"Set {PREFIX}RECORDS_AN_HOUR to what the busiest work asks for.")


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Each port once, none that needs more rights than a server should have, and the application answers."""
    ports = {"WEB_PORT": settings.web_port, "MLLP_PORT": settings.mllp_port, "DICOM_PORT": settings.dicom_port}
    if settings.demo:
        ports |= {"SANDBOX_PORT": settings.sandbox_port, "SANDBOX_MLLP_PORT": settings.sandbox_mllp_port,
                  "SANDBOX_LAB_MLLP_PORT": settings.sandbox_lab_mllp_port}
    taken: dict[int, str] = {}
    bad = False
    for name, port in ports.items():
        if not 0 < port < 65536:
            yield wrong("ports", f"{PREFIX}{name} is no port.", "Set it to a number from 1024 to 65535.")
        elif port in taken:
            yield wrong("ports", f"{PREFIX}{name} and {PREFIX}{taken[port]} name the same port.",
                        "Give each a port of its own.")
        elif port < PRIVILEGED:
            yield warning("ports", f"{PREFIX}{name} is a port that only root may open.",
                          "Choose one of 1024 or higher, and let the proxy hold the low one.")
        else:
            taken[port] = name
            continue
        bad = True
    if not bad:
        yield good("ports", "Every port is named once.")
    if not is_listening(settings.web_port):
        yield warning("web", f"Nothing listens on port {settings.web_port}.", "Start the application.")
    else:
        yield good("web", f"Somebody listens on port {settings.web_port}.")


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether anything takes a connection on a port of this machine."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except (OSError, OverflowError):
        return False
    return True


def _is_local(host: str) -> bool:
    if _is_address(host):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def check_consent_text(settings: Settings) -> Iterator[Finding]:
    """Outside the demo people consent to a text that somebody has approved."""
    if settings.demo:
        return
    ours = [text.language for text in list_consent_texts().values() if text.notice.startswith(DEMONSTRATION)]
    if SOURCE_LANGUAGE in ours:
        yield warning("consent-text", "People consent to the demonstration's text, which nobody has approved.",
                      "Write your own, with its version and its day, in clinic/programmes/reference/consent.")
    else:
        yield good("consent-text", "The text that people consent to is not the demonstration's.")


def check_tasks(_settings: Settings) -> Iterator[Finding]:
    """The table of tasks gives them to roles that somebody can hold, by permissions that there are."""
    faults = check_task_names()
    for fault in faults:
        yield wrong("tasks", f"{fault.file}:{fault.line}: {fault.message}.",
                    "Correct the name (clinic/permissions.py); flask --app wsgi check-programmes looks at every file.")
    if not faults:
        yield good("tasks", "Tasks go to roles and permissions that there are.")


CHECKS = (check_secret_key, check_database_password, check_demo, check_demo_accounts, check_base_url, check_cookies,
          check_sign_ins, check_reading_limit, check_consent_text, check_tasks, check_ports)
