"""Errors named for the situation: one sentence for the user that says what to do, ids for the log, never a name."""

from __future__ import annotations


class ClearwayError(Exception):
    """A situation we foresaw.

    `message` is shown to the user; `ids` go to the log (identifiers only). `next_step` tells a machine what to do:
    `correct` the input, `retry` later, `look-again` because somebody else changed it, `give-up`, or `already-done`.
    """

    status = 400
    code = "invalid"  # an OperationOutcome issue type (FHIR R4, issue-type value set)
    next_step = "correct"

    def __init__(self, message: str, **ids: object) -> None:
        super().__init__(message)
        self.message = message
        self.ids = ids


class PageUnreadable(ClearwayError):
    """A form came back otherwise than its page was: something a person does not type there is missing or spoilt."""


class InvalidInput(ClearwayError):
    """What came in cannot be accepted; `fields` maps a field name to its list of sentences."""

    status = 422

    def __init__(self, message: str, fields: dict[str, list[str]] | None = None, **ids: object) -> None:
        super().__init__(message, **ids)
        self.fields = fields or {}


class WrongMediaType(ClearwayError):
    """The body that came is of a kind that we do not read here."""

    status = 415
    code = "not-supported"


class NotFound(ClearwayError):
    """Nothing by that name is here, or it is not this user's to see: both look the same from outside."""

    status = 404
    code = "not-found"
    next_step = "give-up"


class NotAllowed(ClearwayError):
    """The signed-in user lacks the permission."""

    status = 403
    code = "forbidden"
    next_step = "give-up"


class NotSignedIn(ClearwayError):
    """Nobody is signed in, or the token is missing, wrong or expired."""

    status = 401
    code = "login"
    next_step = "retry"


class CaseChanged(ClearwayError):
    """Somebody else saved first; nothing was overwritten."""

    status = 409
    code = "conflict"
    next_step = "look-again"


class NotNow(ClearwayError):
    """The step is right but the state does not allow it yet (or any more)."""

    status = 409
    code = "business-rule"
    next_step = "look-again"


class RecordMerged(NotNow):
    """The applicant's record was merged into another one, which is the one to work on."""


class AlreadyDone(ClearwayError):
    """The same thing was done before; nothing was done twice."""

    status = 409
    code = "duplicate"
    next_step = "already-done"


class Misconfigured(ClearwayError):
    """A setting is missing or wrong; the sentence names the setting and how to mend it."""

    status = 500
    code = "exception"
    next_step = "give-up"


class Unavailable(ClearwayError):
    """Something we need does not answer just now."""

    status = 503
    code = "transient"
    next_step = "retry"


class StorageFull(Unavailable):
    """There is no room left on the disk; whoever keeps the machine must make some."""

    status = 507
    code = "no-store"


class DamagedStore(Unavailable):
    """What is stored can no longer be read; only the backup helps."""

    status = 500
    code = "no-store"
    next_step = "give-up"
