"""What a page offers to whoever reads it: its forms with their controls, and its links."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from lxml import html

from tests.fuzz.hostile import HOST, MARK

# The house's ways to say what is wrong: above a form, as a caution to tick, as a notice, beside a file, in a grid.
TELLING = ("govuk-error-summary", "notice--bad", "notice--warn", "films__remark--bad", "autosave--bad",
           "govuk-error-message", "grid__caution", "card--warn")
BUTTONS = ("submit", "image", "button", "reset")
HOLDING = ("form", "div", "section", "fieldset", "tr", "td")


class Control(NamedTuple):
    """One field: a group of radio buttons is one, every checkbox is one of its own."""

    name: str
    kind: str  # the type of an input; select, textarea, radio
    value: str
    options: tuple[str, ...] = ()
    least: str = ""
    most: str = ""
    mode: str = ""  # inputmode
    ident: str = ""  # its id, or that of the first of a group: what a refusal's summary leads to


class Form(NamedTuple):
    """A form, or an element that posts by itself."""

    method: str
    address: str  # path and query
    controls: tuple[Control, ...]
    buttons: tuple[tuple[str, str], ...]  # (name, value) of what may send it
    is_upload: bool
    elsewhere: tuple[tuple[tuple[str, str], str], ...] = ()  # buttons that send it to an address of their own


class Page(NamedTuple):
    """What was read."""

    forms: list[Form] = []
    links: list[str] = []
    says: bool = False  # what is wrong and what to do, in one of the ways of the house
    strange: str = ""  # what a stranger's text has made of the page
    wrong: frozenset[str] = frozenset()  # the ids to which the summary of what is wrong leads
    told: str = ""  # the first thing that is said to be wrong
    flashed: str = ""  # what was refused with a message on the page that follows
    key: str = ""  # of an authenticator app that is being set up


def read_page(content: str, address: str) -> Page:
    """The page that came from `address`; strangers' addresses are left out."""
    if not content.strip():
        return Page()
    # A surrogate or a NUL would be an answer no browser gets: bytes that are not UTF-8 were refused before.
    tree = html.fromstring(content.encode(), parser=html.HTMLParser(encoding="utf-8"))
    own = tree.xpath("//form") + [one for one in tree.xpath("//*[@hx-post]") if one.tag != "form"]
    forms = [form for form in (_read_form(tree, element, address) for element in own) if form is not None]
    forms += [form._replace(address=path, method="POST", buttons=(button,)) for form in list(forms)
              for button, path in form.elsewhere]
    forms += [again for element in tree.xpath("//form[@hx-post]") if (again := _read_hx(tree, element, address))]
    links = [one for one in (_to_own(address, text) for text in tree.xpath("//a/@href")) if one]
    lead = " ".join("".join(tree.xpath("//p[@class='lead']//text()")).split())
    told = [mark for mark in TELLING if tree.xpath(f"//*[contains(concat(' ', @class, ' '), ' {mark} ')]")]
    summary = tree.xpath("//*[contains(@class, 'govuk-error-summary__list')]/li")
    wrong = frozenset(place[1:] for one in summary for place in one.xpath("./a/@href") if place.startswith("#"))
    first = summary or tree.xpath("|".join(f"//*[contains(@class, '{mark}')]" for mark in TELLING[1:]))
    said = " ".join(first[0].text_content().split()) if first else lead
    flashed = [" ".join(one.text_content().split()) for one in tree.xpath(
        "//div[@class='flashes']/div[contains(@class, 'notice--bad')]")]
    key = "".join(tree.xpath("//code[contains(@class, 'sign-in__key')]/text()")).replace(" ", "")
    return Page(forms, links, bool(lead or told), _find_strange(tree), wrong, said, "".join(flashed[:1]), key)


def _find_strange(tree: Any) -> str:
    for one in tree.xpath(f"//{MARK}|//*[@on{MARK}]|//@href|//@src|//@action"):
        if not isinstance(one, str):
            return str(one.tag)
        if one.strip().lower().startswith("javascript:") or urlsplit_safely(one).hostname == HOST:
            return one
    return ""


def urlsplit_safely(place: str) -> SplitResult:
    """The parts of an address; none of one that cannot be read."""
    try:
        return urlsplit(place.strip())
    except ValueError:
        return urlsplit("")


def _read_hx(tree: Any, element: Any, address: str) -> Form | None:
    form, path = _read_form(tree, element, address), _to_own(address, element.get("hx-post"))
    return form._replace(address=path, method="POST") if form and path else None


def _read_form(tree: Any, element: Any, address: str) -> Form | None:
    place = element.get("action") if element.tag == "form" else element.get("hx-post")
    path = _to_own(address, place or "")
    if path is None:
        return None
    around = element if element.tag in HOLDING else next(iter(element.xpath("ancestor::form[1]")), element)
    fields = around.xpath(".//input|.//select|.//textarea|.//button")  # a field that posts by itself sends its form
    if element.get("id"):
        fields += [one for one in tree.xpath("//*[@form]") if one.get("form") == element.get("id")]
    controls, buttons, elsewhere, radios = [], [], [], {}
    for one in fields:
        name, kind = one.get("name") or "", (one.get("type") or "").lower()
        if one.get("hidden") is not None and kind in ("", "text", "email"):  # for a keeper of passwords, not to type in
            kind = "hidden"
        if one.tag == "button" or kind in BUTTONS:
            if one.tag == "button" and kind in ("", "submit"):
                button, other = (name, one.get("value") or ""), one.get("formaction")
                if other is None:
                    buttons.append(button)
                elif own := _to_own(address, other):
                    elsewhere.append((button, own))
            continue
        if not name or one.get("disabled") is not None:
            continue
        if kind == "radio":
            radios.setdefault(name, []).append(one)
            continue
        controls.append(_read_control(one, name, kind))
    for name, group in radios.items():
        chosen = next((one.get("value", "on") for one in group if one.get("checked") is not None), "")
        controls.append(Control(name, "radio", chosen, tuple(one.get("value", "on") for one in group),
                                ident=group[0].get("id") or ""))
    method = (element.get("method") or "get").upper() if element.tag == "form" else "POST"
    is_upload = element.get("enctype") == "multipart/form-data" or any(one.kind == "file" for one in controls)
    return Form(method, path, tuple(controls), tuple(buttons), is_upload, tuple(elsewhere))


def _read_control(one: Any, name: str, kind: str) -> Control:
    ident = one.get("id") or ""
    if one.tag == "select":
        options = tuple(option.get("value", option.text or "") for option in one.xpath(".//option"))
        chosen = one.xpath(".//option[@selected]")
        return Control(name, "select", chosen[0].get("value", "") if chosen else "", options, ident=ident)
    if one.tag == "textarea":
        return Control(name, "textarea", one.text or "", ident=ident)
    if kind == "checkbox":
        value = one.get("value") or "on"
        return Control(name, kind, value if one.get("checked") is not None else "", (value,), ident=ident)
    return Control(name, kind or "text", one.get("value") or "", (), one.get("min") or "", one.get("max") or "",
                   one.get("inputmode") or "", ident)


def _to_own(address: str, place: str) -> str | None:
    parts = urlsplit(urljoin(f"http://localhost{address}", place))
    if parts.scheme != "http" or parts.netloc != "localhost":
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")
