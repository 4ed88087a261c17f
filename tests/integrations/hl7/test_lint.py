"""The lint finds what receivers would stumble over, and names no value."""

from __future__ import annotations

import pytest

from clinic.errors import Misconfigured
from integrations.hl7.lint import check

GOOD = (
    "MSH|^~\\&|CLEARWAY|NBO|UKTB|UKVI|20261120083015+0000||ORU^R01^ORU_R01|NBO1|P|2.5.1|||AL|AL||UNICODE UTF-8\r"
    "PID|1||NBO-C-1^^^CLEARWAY^MR||Tesfaye^Hanna||19910105|F\r"
    "OBR|1||NBO-C-1^CLEARWAY|MHA-EXAM^Exam^99CW|||20261120\r"
    "OBX|1|NM|8302-2^Height^LN|1|171.0|cm^cm^UCUM|||||F\r"
)


def test_good_message_passes() -> None:
    check(GOOD)


@pytest.mark.parametrize(("before", "after"), [
    ("|171.0|", "|one seventy|"), ("|171.0|", "|171,0|"), ("|NM|", "||"), ("|||||F", "|||||Q"),
    ("19910105", "1991-01-05"), ("|NBO1|", "||"), ("|NBO1|", "|NBO1234567890123456789|"),
    ("|8302-2^Height^LN|", "||"), ("OBX|1|NM|8302-2^Height^LN|1|171.0|", "OBX|1|SN|8302-2^Height^LN|1|<^x|"),
    ("PID|1", "ZZZ|secret\rPID|1"), ("ORU^R01^ORU_R01", "ORU^R01^ADT_A01"), ("|NM|8302", "|XX|8302"),
    ("OBR|1||NBO-C-1^CLEARWAY|MHA-EXAM^Exam^99CW|||20261120\r", ""),
])  # fmt: skip
def test_planted_fault_is_found_without_naming_a_value(before: str, after: str) -> None:
    assert before in GOOD
    with pytest.raises(Misconfigured) as caught:
        check(GOOD.replace(before, after))
    told = f"{caught.value.message} {caught.value.ids}"
    assert not [word for word in ("Tesfaye", "Hanna", "secret", "seventy", "1991") if word in told]
