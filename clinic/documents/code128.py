"""Code 128 (ISO/IEC 15417) as SVG: the bars of labels and letters, in the sets B and C."""

from __future__ import annotations

import re

# Widths of bar, space, bar … of the symbols 0 to 105, six of each; the stop symbol has a last bar more.
_WIDTHS = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222123122123221"
    "223211221132221231213212223112312131311222321122321221312212322112322211212123212321232121111323131123131321"
    "112313132113132311211313231113231311112133112331132131113123113321133121313121211331231131213113213311213131"
    "311123311321331121312113312311332111314111221411431111111224111422121124121421141122141221112214112412122114"
    "122411142112142211241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141"
    "214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214211232"
)
_PATTERNS = [*(_WIDTHS[place:place + 6] for place in range(0, len(_WIDTHS), 6)), "2331112"]
_START_B, _START_C, _TO_C, _TO_B, _STOP = 104, 105, 99, 100, 106
_DIGITS = re.compile(r"(?:\d\d)+")
QUIET = 10  # modules of white on either side
_PAIRS_WORTH = 2  # from so many pairs of digits on set C is shorter at an end of the text, one more inside it


def encode(text: str) -> list[int]:
    """The symbols of `text`, start, check and stop among them. Raises ValueError beyond printable ASCII."""
    if not text or not all(" " <= sign <= "~" for sign in text):
        raise ValueError("Code 128 of printable ASCII only")
    symbols: list[int] = []
    in_c, place = False, 0
    while place < len(text):
        run = _DIGITS.match(text, place)
        pairs = len(run[0]) // 2 if run else 0
        at_end = place == 0 or (run is not None and run.end() == len(text))
        if in_c and pairs:
            symbols.append(int(text[place:place + 2]))
            place += 2
            continue
        if not in_c and pairs >= _PAIRS_WORTH + (0 if at_end else 1):
            symbols.append(_TO_C if symbols else _START_C)
            in_c = True
            continue
        if in_c or not symbols:
            symbols.append(_TO_B if symbols else _START_B)
            in_c = False
        symbols.append(ord(text[place]) - 32)
        place += 1
    check = (symbols[0] + sum(place * symbol for place, symbol in enumerate(symbols[1:], 1))) % 103
    return [*symbols, check, _STOP]


def count_modules(text: str) -> int:
    """The width of the bars with their quiet zones, in modules."""
    return 2 * QUIET + sum(int(width) for symbol in encode(text) for width in _PATTERNS[symbol])


def draw_code128(text: str, height: int = 40) -> str:
    """The bars as an SVG element one unit a module wide; a style sheet gives it its size. It is hidden from readers,
    who find the number in letters beside it."""
    place, bars = QUIET, []
    for symbol in encode(text):
        for index, width in enumerate(_PATTERNS[symbol]):
            if index % 2 == 0:
                bars.append(f"M{place} 0h{width}v{height}h-{width}z")
            place += int(width)
    return (f'<svg class="bars" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {place + QUIET} {height}" '
            f'preserveAspectRatio="none" aria-hidden="true"><path d="{"".join(bars)}"/></svg>')
