"""The lines at the foot of a passport."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from random import Random
from typing import Any

from clinic.mrz import Layout, MrzUnreadable, build_mrz, find_document_number, mrz_fits_name, parse_mrz
from tests.fuzz.harness import Door, Finding
from tests.fuzz.hostile import draw_text, mutate_text

TODAY = date(2026, 11, 20)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"


class ZoneDoor(Door):
    """A valid zone, damaged; what is read back without a complaint must say what is printed."""

    name, count = "zones", 1500
    least = frozenset({"read", "mismatch", "unreadable"})

    def draw(self, chance: Random, number: int) -> Any:
        text = build_mrz(
            chance.choice(list(Layout)),
            issuing_state=chance.choice(("KEN", "D", "GBR", "UTO", "XXA", "PHL")),
            family_name=chance.choice(("Wanjiru", "Müller-Lüdenscheidt", "O'Neill", "X" * 60)),
            given_names=chance.choice(("", "Grace Njeri", "Peter Omondi")),
            citizenship="KEN",
            number="".join(chance.choices(LETTERS[:36], k=chance.choice((6, 9)))),
            birth=date(chance.randint(1930, 2026), 3, 4),
            sex=chance.choice(("female", "male", "other", "unknown")),
            expires_on=date(chance.randint(2020, 2040), 1, 9),
        )
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            if text and chance.random() < 0.6:
                place = chance.randrange(len(text))
                text = text[:place] + chance.choice(LETTERS) + text[place + 1 :]
            else:
                text = mutate_text(chance, text)
        return draw_text(chance) * 9 if chance.random() < 0.03 else text

    def ask(self, given: Any) -> str:
        find_document_number(given)
        try:
            zone = parse_mrz(given, TODAY)
        except MrzUnreadable as refused:
            str(refused.message)
            return "unreadable"
        for check in zone.checks:
            str(check.explanation.text % check.explanation.values)
            fits = check.printed == check.computed
            if check.ok != fits and check.printed != "<":
                raise Finding(
                    f"check digit {check.which}: {check.printed!r}, computed {check.computed!r}, ok {check.ok}"
                )
        with suppress(ValueError):
            mrz_fits_name(zone, given[:40], given[40:80])
        if not set("".join(zone.lines)) <= set(LETTERS):
            raise Finding("letters that no zone has were read")
        if parse_mrz(zone.text, TODAY).number != zone.number:
            raise Finding("what was read, read again, is another number")
        return "mismatch" if zone.mismatches else "read"
