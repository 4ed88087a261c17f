"""Every door of the house, by the name that the command takes; each is loaded only when it is tried."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.harness import Door

DOORS = {
    "decisions": "decision.DecisionDoor",
    "fhir": "resource.ResourceDoor",
    "er7": "er7.Er7Door",
    "results": "result.ResultDoor",
    "lines": "line.LineDoor",
    "films": "film.FilmDoor",
    "zones": "zone.ZoneDoor",
    "answers": "answer.AnswerDoor",
    "programmes": "programme.ProgrammeDoor",
    "screens": "screen.ScreenDoor",
}
# The two processes of a run over all doors, and how much of its time each door has there: more where there is more to
# meet, since a form of the screens is tried once in some hundred walks.
SHARES = ({"screens": 6, "decisions": 2, "films": 2, "programmes": 2},
          {"fhir": 4, "results": 4, "lines": 2, "er7": 2, "answers": 2, "zones": 1})


def load_door(name: str) -> type[Door]:
    """The door called `name`."""
    module, door = DOORS[name].split(".")
    found: type[Door] = getattr(import_module(f"tests.fuzz.{module}"), door)
    return found
