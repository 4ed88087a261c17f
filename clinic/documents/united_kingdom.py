"""The United Kingdom's tuberculosis certificate, with the fields of the present electronic one.

Source: ca-au-nz-uk-addendum.md 2.1, "Certificate": no X-ray result, no sputum, no contact or pregnancy mark is printed.
"""

from __future__ import annotations

from typing import Any

from clinic.documents.identity import to_day
from clinic.models import Conclusion

# The three reasons of the electronic system, as its users read them.
NOT_ISSUED = {
    "confirmed-or-suspected-tb": "confirmed or suspected tuberculosis", "testing-postponed": "testing postponed",
    "applicant-withdrew": "the applicant withdrew",
}


def build_united_kingdom(conclusion: Conclusion) -> dict[str, Any]:
    """What the template `documents/uk.html` shows besides the identity; plain values, English.

    Issue and expiry are the rules': from the day of the X-ray, without one from the day of the screening.
    """
    outcome = conclusion.conclusion
    return {
        "issued": outcome["certificate"] == "issue",
        "not_issued": NOT_ISSUED.get(outcome.get("not_issued") or "", ""),
        "issued_on": to_day(outcome["valid_from"]), "expires_on": to_day(outcome["valid_until"]),
    }
