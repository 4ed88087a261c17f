"""Settings: environment variables with the prefix CLEARWAY_, read once, each with its meaning."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask

from clinic.durable_file import write_once
from clinic.errors import Misconfigured

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "CLEARWAY_"
SHORTEST_SECRET = 32  # characters of a secret_key file that was written whole


@dataclass(frozen=True)
class Settings:
    """One installation's settings; every attribute is the lower-case name of its variable."""

    var_dir: Path = ROOT / "var"  # where the embedded database, files and demo keys live
    database_url: str = ""  # empty: SQLite in var_dir; otherwise postgresql+psycopg://…
    files_url: str = ""  # films and PDFs; empty: var_dir/files
    session_idle_minutes: int = 15  # the screen is locked after so long without anybody there; three or more
    session_hours: int = 12  # and the sign-in is over after so long in any case
    recheck_minutes: int = 5  # releasing and confirming ask again who acts when the last full check is older
    records_an_hour: int = 300  # different cases one member of staff may open, ten times as many in lists; 0: no limit
    trusted_proxies: int = 0  # how many proxies before us write X-Forwarded-For and -Proto; 0: nobody's word is taken
    secret_key: str = ""  # signs sessions; empty: made once and kept in var_dir/secret_key
    base_url: str = "http://localhost:8000"  # how people and authorities reach us; cookies are Secure when https
    web_port: int = 8000  # the application
    mllp_port: int = 2575  # HL7 v2 in
    mllp_host: str = "127.0.0.1"  # where it listens; open it to others only inside a protected network
    mllp_tls_port: int = 0  # the same over TLS with client certificates; 0: not offered
    mllp_authorities: str = ""  # path: PEM of the authorities we trust for mllps://; empty: the system's
    mllp_certificate: str = ""  # path: PEM with our certificate and key for mllps://; empty: none is shown
    incoming_dir: str = ""  # path: the laboratories' folders of files; empty: var_dir/incoming
    dicom_port: int = 11112  # DICOM in (listener comes with radiology)
    dicom_aet: str = "CLEARWAY"  # our DICOM application entity title
    sandbox_port: int = 8090  # sandbox authorities, HTTP
    sandbox_mllp_port: int = 2576  # sandbox authorities, MLLP
    sandbox_lab_mllp_port: int = 2577  # sandbox laboratory, MLLP
    signing_key: str = ""  # path of one PEM: P-384 key, certificate, intermediates; empty: made once in var_dir
    signing_former: str = ""  # path of a PEM with the certificates used before, which old signatures are checked with
    canonical_base: str = "https://clearway.example/fhir/"  # base of our own code systems and profiles
    demo: bool = False  # 1 only under `make run`: demo clinic and its public sign-ins
    delivery_notice_minutes: int = 15  # a signed exam this long on its way is named (hl7-dicom.md 6.1)
    delivery_warning_minutes: int = 2 * 60  # this long: a warning
    delivery_alarm_minutes: int = 24 * 60  # this long: an alarm
    emergency_minutes: int = 60  # a case of another site opened in an emergency may be read so long
    log_level: str = "INFO"  # Python logging level
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def effective_database_url(self) -> str:
        """The SQLAlchemy URL in use."""
        return self.database_url or f"sqlite:///{self.var_dir / 'clearway.sqlite3'}"


def get_settings(app: Flask) -> Settings:
    """The settings `app` was built with."""
    settings: Settings = app.config["CLEARWAY"]
    return settings


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: the process environment).

    Raises Misconfigured naming the variable when a value cannot be read.
    """
    env = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for name, kind in Settings.__annotations__.items():
        raw = env.get(PREFIX + name.upper())
        if raw is None or name == "extra":
            continue
        values[name] = _read(name, str(kind), raw)
    settings = Settings(**values)  # type: ignore[arg-type]
    if not settings.secret_key:
        settings = Settings(**{**values, "secret_key": _kept_secret(settings.var_dir)})  # type: ignore[arg-type]
    return settings


def _read(name: str, kind: str, raw: str) -> object:
    if kind == "int":
        try:
            return int(raw)
        except ValueError:
            raise Misconfigured(f"Set {PREFIX}{name.upper()} to a whole number; it is not one now.") from None
    if kind == "bool":
        if raw.lower() not in {"0", "1", "true", "false", "yes", "no", ""}:
            raise Misconfigured(f"Set {PREFIX}{name.upper()} to 1 or 0.")
        return raw.lower() in {"1", "true", "yes"}
    return Path(raw) if kind == "Path" else raw


def _kept_secret(var_dir: Path) -> str:
    """A random key made on first start and kept readable by the owner only, so that sessions survive a restart."""
    path = var_dir / "secret_key"
    var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        write_once(path, secrets.token_urlsafe(48).encode())
    key = path.read_text().strip()
    if len(key) < SHORTEST_SECRET:
        raise Misconfigured(f"The file {path} is damaged. Put it back from the backup; if there is none, delete it: "
                            "then everybody signs in again.")
    return key
