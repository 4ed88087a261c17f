"""Whether every file that a row names is in the store, whole; and every signed document still what was signed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic.file_store import FolderStore
from clinic.models import Film, LabDocument, Photo, SignedExam
from clinic.services.signing import read_document

NAMED = ((Film, "film"), (Photo, "photo"), (LabDocument, "printed report"))


@dataclass(frozen=True)
class FileFinding:
    """Something that is not as it should be: what, of which row or file."""

    what: str
    subject: str


def check_files(session: Session, store: FolderStore) -> Iterator[FileFinding]:
    """Every row against the store, then every signed document and print against its own hash."""
    for table, word in NAMED:
        for row_id, sha256 in session.execute(select(table.id, table.sha256).order_by(table.id)):
            if not store.exists(sha256):
                yield FileFinding("missing", f"{word} {row_id}: {sha256}")
            elif not store.is_sound(sha256):
                yield FileFinding("damaged", f"{word} {row_id}: {sha256}")
    for exam in session.execute(select(SignedExam).order_by(SignedExam.id).execution_options(yield_per=20)).scalars():
        if _is_changed(exam):
            yield FileFinding("damaged", f"signed exam {exam.id}")
        session.expunge(exam)


def list_unnamed(session: Session, store: FolderStore) -> list[str]:
    """Files that no row names: left by something that was refused or broken off; they harm nobody."""
    named = {sha256 for table, _word in NAMED for sha256 in session.execute(select(table.sha256)).scalars()}
    return [sha256 for sha256 in store.list_hashes() if sha256 not in named]


def _is_changed(exam: SignedExam) -> bool:
    try:
        document = read_document(exam)
    except (OSError, EOFError):
        return True
    if hashlib.sha256(document).hexdigest() != exam.sha256:
        return True
    return exam.pdf_sha256 is not None and hashlib.sha256(exam.pdf or b"").hexdigest() != exam.pdf_sha256
