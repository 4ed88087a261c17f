"""Every door of the house, by the name that the command takes; each is loaded only when it is tried."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.harness import Door

DOORS = {
    "decisions": "decision.DecisionDoor",
    "fhir": "resource.ResourceDoor",
    "er7": "er7.Er7Door",
    "lines": "line.LineDoor",
    "films": "film.FilmDoor",
    "zones": "zone.ZoneDoor",
    "answers": "answer.AnswerDoor",
    "programmes": "programme.ProgrammeDoor",
    "screens": "screen.ScreenDoor",
}


def load_door(name: str) -> type[Door]:
    """The door called `name`."""
    module, door = DOORS[name].split(".")
    found: type[Door] = getattr(import_module(f"tests.fuzz.{module}"), door)
    return found
