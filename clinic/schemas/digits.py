"""Numbers that stay the digits that were written."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from marshmallow import ValidationError

MOST_DECIMALS = 6
DIGITS = re.compile(rf"-?\d{{1,9}}([.,]\d{{1,{MOST_DECIMALS}}})?")


def read_digits(
    value: Any, minimum: str | None = None, maximum: str | None = None, decimals: int = MOST_DECIMALS
) -> str:
    """A number as the digits that were written, its comma made a point: "0,40" gives "0.40".

    Raises marshmallow's ValidationError when it is no number, outside the limits or has too many decimals.
    """
    text = str(value).strip()
    if not DIGITS.fullmatch(text):
        raise ValidationError(_("Write a number in figures, for example 12.5."))
    text = text.replace(",", ".")
    if "." in text and len(text.split(".")[1]) > decimals:
        raise ValidationError(
            _("Write a whole number.") if decimals == 0
            else ngettext("Write at most %(num)s decimal.", "Write at most %(num)s decimals.", decimals))
    number = Decimal(text)
    if (minimum is not None and number < Decimal(minimum)) or (maximum is not None and number > Decimal(maximum)):
        if minimum is not None and maximum is not None:
            raise ValidationError(_("Must lie between %(low)s and %(high)s.", low=minimum, high=maximum))
        raise ValidationError(_("Must be at least %(low)s.", low=minimum) if minimum is not None
                              else _("Must be at most %(high)s.", high=maximum))
    return text
