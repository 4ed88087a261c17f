"""One application that serves one test after the other, as new each time."""

from __future__ import annotations

from flask import Flask


class SharedApp:
    """Remembers how the application was when it was built, and gives it out so."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._attributes = dict(vars(app))
        self._tables = [(table, dict(table)) for table in (
            app.config, app.extensions, app.view_functions, app.jinja_env.globals, app.jinja_env.filters)]

    def take(self) -> Flask:
        """The application without what an earlier test changed of it."""
        now = vars(self._app)
        for name in set(now) - set(self._attributes):
            del now[name]
        now.update(self._attributes)
        for table, first in self._tables:
            table.clear()
            table.update(first)
        return self._app
