"""What is posted, as every view reads it: never with a character that one of the databases cannot keep."""

from __future__ import annotations

from flask import Request, abort

NUL = "\0"  # PostgreSQL stores none and refuses to compare with one; nobody types it


class ClearwayRequest(Request):
    """A request whose form is refused as a whole, with 400, when a name, a value or a file's name holds a NUL."""

    def _load_form_data(self) -> None:
        if "form" in self.__dict__:
            return
        super()._load_form_data()
        texts = [*self.form, *self.files, *(file.filename or "" for file in self.files.values())]
        texts += [value for values in self.form.listvalues() for value in values]
        if any(NUL in text for text in texts):
            abort(400)
