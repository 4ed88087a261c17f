"""How letters of other alphabets stand in a machine readable zone (ICAO Doc 9303-3, section 6, tables A-C).

Each letter maps to what may be printed for it, the recommended spelling first; more than one where the
standard leaves a choice or names exceptions by language. Used to ask whether a zone fits a name and to
build specimen zones; never to make a legal name.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Table A: letters whose spelling is not simply the base letter.
_LATIN = {
    "Ä": "AE A", "Å": "AA A", "Æ": "AE", "Ð": "D", "Đ": "D", "Ħ": "H", "Ĳ": "IJ", "Ł": "L",
    "Ŀ": "L", "Ñ": "N NXX", "Ŋ": "N", "Ö": "OE O", "Ø": "OE O", "Œ": "OE", "ẞ": "SS", "ß": "SS",
    "Þ": "TH", "Ŧ": "T", "Ü": "UE UXX U", "ı": "I", "İ": "I", "ĸ": "Q", "Ə": "E A", "Ƣ": "GH",
    "Ʒ": "Z",
}  # fmt: skip

# Table B, with the exceptions for Belarusian, Bulgarian, Macedonian, Serbian and Ukrainian behind the rule.
_CYRILLIC = {
    "А": "A", "Б": "B", "В": "V", "Г": "G H", "Д": "D", "Е": "E IE YE", "Ё": "E IO YO",
    "Ж": "ZH Z", "З": "Z", "И": "I Y", "Й": "I Y", "К": "K", "Л": "L", "М": "M", "Н": "N",
    "О": "O", "П": "P", "Р": "R", "С": "S", "Т": "T", "У": "U", "Ф": "F", "Х": "KH H",
    "Ц": "TS C", "Ч": "CH C", "Ш": "SH S", "Щ": "SHCH SHT", "Ъ": "IE A", "Ы": "Y", "Ь": " Y",
    "Э": "E", "Ю": "IU YU", "Я": "IA YA", "Є": "IE YE", "І": "I", "Ї": "I YI", "Ґ": "G",
    "Ў": "U", "Ђ": "D DJ", "Ѓ": "G GJ", "Ѕ": "DZ", "Ј": "J", "Ћ": "C", "Љ": "LJ", "Њ": "NJ",
    "Ќ": "K KJ", "Џ": "DZ DJ", "Ѫ": "U", "Ѵ": "Y", "Ғ": "G", "Қ": "K", "Ң": "N", "Ө": "O",
    "Ү": "U", "Ұ": "U", "Һ": "H C", "Ә": "A",
}  # fmt: skip

# Table C. ة is XTA, at the end of a name XAH; vowel signs and tatweel are not encoded.
_ARABIC = {
    "ء": "XE", "آ": "XAA", "أ": "XAE", "ؤ": "U", "إ": "I", "ئ": "XI", "ا": "A", "ب": "B",
    "ة": "XAH XTA", "ت": "T", "ث": "XTH", "ج": "J", "ح": "XH", "خ": "XKH", "د": "D", "ذ": "XDH",
    "ر": "R", "ز": "Z", "س": "S", "ش": "XSH", "ص": "XSS", "ض": "XDZ", "ط": "XTT", "ظ": "XZZ",
    "ع": "E", "غ": "G", "ف": "F", "ق": "Q", "ك": "K", "ل": "L", "م": "M", "ن": "N", "ه": "H",
    "و": "W", "ى": "XAY", "ي": "Y", "ٱ": "XXA", "پ": "P", "چ": "XC", "ژ": "XJ", "ک": "XKK",
    "گ": "XGG", "ی": "XYA Y XAY", "ے": "XYB", "ہ": "XXG", "ھ": "XDO", "ٹ": "XXT", "ڈ": "XXD",
    "ڑ": "XXR", "ں": "XNN", "ښ": "XXS", "ځ": "XKE", "څ": "XXH", "ډ": "XDR", "ړ": "XRR",
    "ګ": "XXK", "ڼ": "XXN", "ټ": "XRT", "ې": "Y", "ۍ": "XXY", "ﷲ": "ALLH",
}  # fmt: skip
_ARABIC_SIGNS = frozenset("ًٌٍَُِّْٰـ")

_TABLE = {letter: tuple(part.strip() for part in spellings.split(" ")) for letter, spellings in
          (_LATIN | _CYRILLIC | _ARABIC).items()}  # fmt: skip
_OMITTED = frozenset("'’‘ʼʻ`´.,ʹʺ\u200c\u200d\u200e\u200f\xad") | _ARABIC_SIGNS
_PARTING = frozenset("-‐‑‒–—/_")


class NoSpelling(ValueError):
    """A letter that the tables of Doc 9303 do not hold, as in Chinese or Thai names."""


@lru_cache(maxsize=4096)
def list_spellings(letter: str) -> tuple[str, ...]:
    """What a zone may print for one letter, recommended first; `("",)` for what is left out.

    Raises NoSpelling for a letter outside the tables.
    """
    if letter in _OMITTED:
        return ("",)
    upper = letter.upper() if len(letter.upper()) == 1 else letter
    if "A" <= upper <= "Z":
        return (upper,)
    for form in (letter, upper):
        if form in _TABLE:
            return _TABLE[form]
    base = unicodedata.normalize("NFD", upper)[0]
    if base != upper:
        return list_spellings(base)
    if unicodedata.category(letter) == "Mn":
        return ("",)
    raise NoSpelling(letter)


def split_name(name: str) -> list[str]:
    """The parts of a name that a filler stands between: at spaces and dashes."""
    composed = unicodedata.normalize("NFC", name)
    return "".join(" " if letter in _PARTING else letter for letter in composed).split()


def to_zone_letters(name: str) -> str:
    """A name in the recommended spelling, `<` between its parts: `Müller-Öz` becomes `MUELLER<OEZ`."""
    if name.isascii() and name.replace(" ", "").isalpha():
        return "<".join(name.upper().split())
    spelled = ["".join(list_spellings(letter)[0] for letter in part) for part in split_name(name)]
    return "<".join(part for part in spelled if part)


def is_spelled(part: str, printed: str, *, is_cut: bool = False) -> bool:
    """Whether `printed` spells one part of a name in a way the tables allow; `is_cut` accepts its beginning.

    Follows all spellings at once, letter by letter. Raises NoSpelling.
    """
    reached = {0}
    for letter in part:
        if is_cut and len(printed) in reached:
            return True
        spellings = list_spellings(letter)
        following = set()
        for at in reached:
            for spelling in spellings:
                if printed.startswith(spelling, at):
                    following.add(at + len(spelling))
                elif is_cut and spelling.startswith(printed[at:]):
                    return True
        if not following:
            return False
        reached = following
    return len(printed) in reached
