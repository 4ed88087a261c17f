"""The committed fonts by which documents are printed, each with the characters it has (tools/assets builds them)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDERS = (HERE / "fonts", HERE.parent / "static" / "vendor" / "fonts")
_NAME = re.compile(r"(?P<family>[a-z0-9-]+)-(?P<weight>400|700)\.woff2")


@dataclass(frozen=True)
class Face:
    """One font file: its family as style sheets of documents name it, its weight, its characters."""

    family: str
    weight: int
    path: Path
    characters: frozenset[int]

    @property
    def rule(self) -> str:
        """The `@font-face` rule that loads it."""
        return (
            f'@font-face {{ font-family: "{self.family}"; font-weight: {self.weight}; font-style: normal; '
            f'src: url("{self.path.as_uri()}") format("woff2") }}'
        )


@cache
def list_faces() -> tuple[Face, ...]:
    """Every committed face, in the order in which a character is looked for: Latin first, Chinese last."""
    from fontTools.ttLib import TTFont  # here and not above: only what prints needs it

    faces = []
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.woff2")):
            found = _NAME.fullmatch(path.name)
            if found:
                with TTFont(path, lazy=True) as font:
                    characters = frozenset(font.getBestCmap())
                faces.append(Face(_family(found["family"]), int(found["weight"]), path, characters))
    return tuple(sorted(faces, key=_order))


def list_families() -> tuple[str, ...]:
    """The families in that order, each once: the value of `font-family` in every document."""
    return tuple(dict.fromkeys(face.family for face in list_faces()))


def select_faces(text: str) -> tuple[Face, ...]:
    """The faces that `text` needs: those of each family that has one of its characters not found in an earlier one."""
    wanted, families = {ord(sign) for sign in text}, set()
    for face in list_faces():
        if face.weight == 400 and wanted & face.characters:
            families.add(face.family)
            wanted -= face.characters
    return tuple(face for face in list_faces() if face.family in families)


def _family(name: str) -> str:
    return " ".join(("Clearway", *(part.capitalize() for part in name.removeprefix("noto-sans").split("-") if part)))


def _order(face: Face) -> tuple[int, str, int]:
    first = ("Clearway Latin", "Clearway Latin Ext", "Clearway Vietnamese", "Clearway Cyrillic",
             "Clearway Cyrillic Ext", "Clearway Amiri")
    place = first.index(face.family) if face.family in first else 99 if face.family == "Clearway Sc" else 50
    return place, face.family, face.weight
