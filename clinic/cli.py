"""The commands: `flask --app wsgi …`."""

from __future__ import annotations

import importlib

from flask import Flask

# Modules with a list COMMANDS of click commands; a new command is one module and one name here.
CLINIC_COMMANDS = ("clinic.rules.command", "clinic.command", "clinic.doctor.command", "clinic.seal.command",
                   "clinic.documents.command")


def install_commands(app: Flask, modules: tuple[str, ...]) -> None:
    """Add every command of `modules` to the application."""
    for name in modules:
        for command in importlib.import_module(name).COMMANDS:
            app.cli.add_command(command)
