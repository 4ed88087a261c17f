"""The three-letter codes of a machine readable zone and their countries (ICAO Doc 9303-3, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from clinic.sentence import N_, Sentence


class StateKind(StrEnum):
    """What a code in the place of a country says about its holder."""

    COUNTRY = "country"
    STATELESS = "stateless"
    REFUGEE = "refugee"
    UNSPECIFIED = "unspecified"
    ORGANISATION = "organisation"
    SPECIMEN = "specimen"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class IssuingState:
    """A code as printed, the ISO 3166-1 alpha-3 country if it is one, and what to do where it is none."""

    printed: str
    iso3: str | None
    kind: StateKind
    explanation: Sentence | None = None


# ISO 3166-1 alpha-3, and XKX for Kosovo (user-assigned, used by the European Commission and WHO).
_ISO3 = """
ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS
BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV
CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM
GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN
IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE
LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS
MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK
PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR
SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY
USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE XKX
"""
ISO3 = frozenset(_ISO3.split())

_OTHER_SPELLINGS = {
    "D": "DEU",  # Germany prints one letter
    "GBD": "GBR",  # British overseas territories citizen
    "GBN": "GBR",  # British national (overseas)
    "GBO": "GBR",  # British overseas citizen
    "GBP": "GBR",  # British protected person
    "GBS": "GBR",  # British subject
    "RKS": "XKX",
    "UNK": "XKX",  # resident of Kosovo, documents of the UN mission
    "ROM": "ROU",
    "ZAR": "COD",
    "TMP": "TLS",
}

_WITHOUT_COUNTRY = {
    "XXA": (
        StateKind.STATELESS,
        N_("XXA is a stateless person (1954 Convention); ask for the country of residence."),
    ),
    "XXB": (
        StateKind.REFUGEE,
        N_("XXB is a refugee (1951 Convention); the document states no citizenship, so ask and record it."),
    ),
    "XXC": (
        StateKind.REFUGEE,
        N_("XXC is a refugee outside the 1951 Convention; ask for the citizenship and record it."),
    ),
    "XXX": (
        StateKind.UNSPECIFIED,
        N_("XXX is a person of unspecified citizenship; ask and record what is known."),
    ),
    "UTO": (
        StateKind.SPECIMEN,
        N_("UTO (Utopia) is printed on specimens only, it is no country; look at the document again."),
    ),
}  # fmt: skip

_ORGANISATION = "EUE IAO UNO UNA XAA XAU XBA XCC XCE XCO XCT XDC XEC XES XIM XMP XOM XPO NTZ"
_ORGANISATIONS = frozenset(_ORGANISATION.split())


def to_state(printed: str) -> IssuingState:
    """The meaning of three printed characters, fillers allowed; never raises, an unknown code says so."""
    code = printed.replace("<", "")
    if code in ISO3:
        return IssuingState(code, code, StateKind.COUNTRY)
    if code in _OTHER_SPELLINGS:
        return IssuingState(code, _OTHER_SPELLINGS[code], StateKind.COUNTRY)
    if code in _WITHOUT_COUNTRY:
        kind, text = _WITHOUT_COUNTRY[code]
        return IssuingState(code, None, kind, Sentence(text))
    if code in _ORGANISATIONS:
        text = N_("%(code)s is an organisation, not a country; ask for the citizenship.")
        return IssuingState(code, None, StateKind.ORGANISATION, Sentence(text, {"code": code}))
    text = N_("%(code)s is no country code; compare it with the document and choose the country by hand.")
    return IssuingState(code, None, StateKind.UNKNOWN, Sentence(text, {"code": code or "<<<"}))


def to_printed(iso3: str) -> str:
    """How a state prints itself: `D` for Germany, `RKS` for Kosovo, else the ISO code."""
    return {"DEU": "D", "XKX": "RKS"}.get(iso3, iso3)
