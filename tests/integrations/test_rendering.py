"""What leaves is composed by the module that the authority's channel names, before anything is signed for good."""

from __future__ import annotations

from typing import Any, cast

import pytest

from clinic.errors import Misconfigured
from clinic.models import Authority
from clinic.ports import BuiltDocument, DocumentOrder, PrintedExam
from integrations.registry import list_names, load
from integrations.rendering import render_delivery
from tests.integrations.factory import make_bundle

BUILT = BuiltDocument("b1", make_bundle("b1"), ())
ORDER = cast(DocumentOrder, None)  # this channel takes everything from the built document


def authority(**values: Any) -> Authority:
    return Authority(**{
        "id": "us", "programme": "us", "name": "Test authority", "channel": "fhir_document",
        "endpoint": "http://127.0.0.1:9/us/fhir",
    } | values)  # fmt: skip


def test_document_leaves_as_it_was_signed_with_a_key_of_its_own() -> None:
    rendered = render_delivery(authority(), ORDER, BUILT, "e30..c2ln")(PrintedExam(b"", "", "NBO1"))
    assert rendered.body == BUILT.body
    assert rendered.idempotency_key == "b1"
    assert (rendered.channel, rendered.content_type) == ("fhir_document", "application/fhir+json")


@pytest.mark.parametrize("endpoint", ["", "authority.example/fhir", "ftp://authority.example/", "https://"])
def test_address_that_cannot_be_used_stops_the_signature(endpoint: str) -> None:
    with pytest.raises(Misconfigured, match="Test authority"):
        render_delivery(authority(endpoint=endpoint), ORDER, BUILT, "e30..c2ln")


@pytest.mark.parametrize("channel", ["carrier_pigeon", "", "../dispatcher", "os", "__init__"])
def test_unknown_channel_names_those_that_exist(channel: str) -> None:
    with pytest.raises(Misconfigured, match="fhir_document"):
        render_delivery(authority(channel=channel), ORDER, BUILT, "e30..c2ln")


@pytest.mark.parametrize("name", list_names("authorities"))
def test_every_channel_offers_what_the_dispatcher_calls(name: str) -> None:
    module = load("authorities", name)
    assert all(callable(getattr(module, verb, None)) for verb in ("render", "send", "ask"))
    assert name == module.NAME
