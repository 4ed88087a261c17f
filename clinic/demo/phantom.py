"""Draws a chest film of nobody: lungs, heart, spine, ribs, diaphragm, and on request a shadow or a cavity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGHEST = 4095  # 12 bits
SIDE = 1024  # px of the demo's films; a detector has three times as many
DRAWN_SIDE = 512  # px; a larger picture is this one enlarged, with noise of its own
Plane = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Chest:
    """How one phantom is built; lengths are shares of the picture's side."""

    seed: int = 1
    finding: str = ""  # infiltrate, cavity, or nothing
    heart: float = 0.135
    view: str = "pa"  # or lateral


def draw_chest(chest: Chest, side: int = SIDE) -> NDArray[np.uint16]:
    """`side` x `side` values of 12 bits, dense tissue bright (MONOCHROME2)."""
    rng = np.random.default_rng(chest.seed)
    drawn = min(side, DRAWN_SIDE)
    down, across = (np.mgrid[0:drawn, 0:drawn] / drawn - 0.5).astype(np.float32)
    density = _draw_lateral(across, down) if chest.view == "lateral" else _draw_frontal(across, down, chest, rng)
    density += _enlarge(rng.normal(0, 0.03, (24, 24)), drawn)
    light = np.exp(-2.1 * _enlarge(density, side))  # what passes the body
    grey = 3900 - 3500 * light**0.72 + rng.standard_normal((side, side), dtype=np.float32) * 9
    return np.clip(np.rint(grey), 0, HIGHEST).astype(np.uint16)


def _draw_frontal(across: Plane, down: Plane, chest: Chest, rng: np.random.Generator) -> Plane:
    torso = _edge(0.43 + 0.03 * np.cos(3 * down) - 0.24 * np.clip(-0.31 - down, 0, 1) * 2 - np.abs(across), 0.02)
    neck = _edge(0.115 - np.abs(across), 0.02) * _edge(-0.3 - down, 0.02)
    body = np.maximum(torso * _edge(down + 0.435 - 0.33 * np.abs(across), 0.015), neck)
    density = body * (0.93 - 0.9 * across**2 + 0.25 * np.clip(down - 0.1, 0, 1))
    lungs = np.maximum(_draw_lung(across, down, -1), _draw_lung(across, down, 1))
    density -= 0.62 * lungs
    density += lungs * _draw_vessels(across, down, rng)
    heart = _ellipse(across - 0.045, down - 0.145, chest.heart, 0.165, 0.03, tilt=-0.5)
    aorta = _ellipse(across - 0.045, down + 0.09, 0.04, 0.05, 0.02)
    density += 0.5 * heart * (0.35 + 0.65 * lungs) + 0.16 * aorta * lungs
    density += 0.3 * _edge(0.052 - np.abs(across), 0.022) * body + 0.05 * _draw_vertebrae(across, down) * body
    density -= 0.17 * _edge(0.018 - np.abs(across + 0.004), 0.008) * _edge(-0.02 - down, 0.02) * body  # windpipe
    density += _draw_ribs(across, down) * body + _draw_clavicles(across, down)
    density += 0.12 * (_ellipse(np.abs(across) - 0.35, down + 0.14, 0.09, 0.17, 0.05, tilt=0.3)) * body
    return density + _draw_finding(across, down, chest.finding)


def _draw_lung(across: Plane, down: Plane, side: int) -> Plane:
    """One lung field: wide at its base, a dome of the diaphragm below; the right one stands higher."""
    x = across * side
    tall = _ellipse(x - 0.175, down - 0.01, 0.135 + 0.05 * np.clip(down + 0.3, 0, 0.5), 0.335, 0.018)
    dome = 0.235 - 0.015 * (side < 0) - 0.09 * (1 - ((x - 0.17) / 0.17) ** 2) + 0.07
    return tall * _edge(dome - down, 0.01) * _edge(x - 0.045, 0.015)


def _draw_vessels(across: Plane, down: Plane, rng: np.random.Generator) -> Plane:
    """Branching shadows that grow finer away from the hila."""
    found = np.zeros_like(across)
    for side in (-1, 1):
        for angle in np.linspace(-1.25, 1.3, 13) + rng.normal(0, 0.05, 13):
            x, y = across * side - 0.06, down + 0.0
            bend = 0.25 * rng.normal()
            along = x * np.cos(angle) + y * np.sin(angle)
            beside = -x * np.sin(angle) + y * np.cos(angle) + bend * along**2
            width = 0.0085 * np.clip(1 - along / 0.24, 0.12, 1)
            found += 0.22 * np.exp(-((beside / width) ** 2)) * (along > 0) * np.clip(1 - along / 0.27, 0, 1)
        found += 0.2 * np.exp(-(((across * side - 0.075) / 0.03) ** 2 + ((down - 0.0) / 0.055) ** 2))
    return np.minimum(found, 0.34)


def _draw_vertebrae(across: Plane, down: Plane) -> Plane:
    bodies: Plane = np.where(np.sin(down * 62) > 0.55, -1.0, 0.6) * _edge(0.045 - np.abs(across), 0.012)
    return bodies


def _draw_ribs(across: Plane, down: Plane) -> Plane:
    """Posterior ribs fall outwards, anterior ones rise: each an arched band with denser rims."""
    found = np.zeros_like(across)
    x = np.abs(across)
    for number in range(9):
        reach = 0.2 + 0.022 * number - 0.0015 * number**2
        top = -0.355 + 0.066 * number
        middle = top + 0.55 * (x - 0.06) ** 1.0 * (0.25 + 0.05 * number) + 0.9 * np.clip(x - reach, 0, 1) ** 1.4
        inside = _edge(x - 0.045, 0.01) * _edge(0.385 - x, 0.01)
        offset = (down - middle) / 0.0125
        found += (0.085 * np.exp(-(offset**4)) + 0.03 * np.exp(-(((np.abs(offset) - 0.9) / 0.25) ** 2))) * inside
        if number > 1:
            front = top + 0.13 - 0.62 * (x - 0.13)
            offset = (down - front) / 0.014
            found += 0.045 * np.exp(-(offset**4)) * _edge(x - 0.15, 0.03) * _edge(0.36 - x, 0.02)
    return found


def _draw_clavicles(across: Plane, down: Plane) -> Plane:
    x = np.abs(across)
    middle = -0.275 - 0.16 * (x - 0.04) + 0.03 * np.sin((x - 0.04) * 14)
    offset = (down - middle) / 0.0145
    band = 0.15 * np.exp(-(offset**4)) * _edge(x - 0.04, 0.012) * _edge(0.3 - x, 0.02)
    return np.asarray(band)


def _draw_finding(across: Plane, down: Plane, finding: str) -> Plane:
    """In the upper zone of the lung at the picture's left, which is the patient's right."""
    if not finding:
        return np.zeros_like(across)
    distance = np.hypot((across + 0.17) / 0.062, (down + 0.17) / 0.056)
    ragged = 0.12 * np.sin(across * 210 + down * 130) + 0.09 * np.sin(down * 260 - across * 90)
    cloud = 0.3 * np.exp(-((distance + ragged * 0.8) ** 2))
    if finding == "cavity":
        hollow = np.hypot(across + 0.17, down + 0.17)
        cloud += 0.26 * np.exp(-(((hollow - 0.036) / 0.009) ** 2)) - 0.27 * _edge(0.03 - hollow, 0.006)
    return np.asarray(cloud)


def _draw_lateral(across: Plane, down: Plane) -> Plane:
    body = _ellipse(across, down - 0.05, 0.36, 0.52, 0.02)
    lung = _ellipse(across + 0.01, down - 0.0, 0.26, 0.34, 0.02) * _edge(0.25 + 0.35 * across - down, 0.015)
    heart = _ellipse(across + 0.1, down - 0.12, 0.12, 0.13, 0.03, tilt=-0.4)
    spine = _edge(0.05 - np.abs(across - 0.24 + 0.12 * (down - 0.1) ** 2), 0.02) * body
    density = body * 0.85 - 0.5 * lung + 0.3 * heart * lung + 0.22 * spine * (1 + 0.25 * np.sin(down * 62))
    for number in range(8):
        offset = (down + 0.3 - 0.07 * number - 0.32 * across) / 0.012
        density += 0.06 * np.exp(-(offset**4)) * body
    return density


def _ellipse(x: Plane, y: Plane, wide: Plane | float, high: float, soft: float, tilt: float = 0.0) -> Plane:
    turned_x = x * np.cos(tilt) + y * np.sin(tilt)
    turned_y = -x * np.sin(tilt) + y * np.cos(tilt)
    return _edge((1 - np.hypot(turned_x / wide, turned_y / high)) * high, soft)


def _edge(inside: Plane, soft: float) -> Plane:
    """1 well inside, 0 well outside, softly over `soft`."""
    return np.asarray(0.5 + 0.5 * np.tanh(inside / soft * 1.5))


def _enlarge(plane: Plane, side: int) -> Plane:
    """`plane` (square) at `side` x `side`, linearly between its points."""
    if len(plane) == side:
        return plane
    places = np.linspace(0, len(plane) - 1, side, dtype=np.float32)
    low = np.minimum(places.astype(int), len(plane) - 2)
    share = places - low
    rows = plane[low] * (1 - share[:, None]) + plane[low + 1] * share[:, None]
    return np.asarray(rows[:, low] * (1 - share) + rows[:, low + 1] * share, dtype=np.float32)
