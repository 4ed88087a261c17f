"""Composes what will leave for an authority, by the module that its way of receiving names."""

from __future__ import annotations

from clinic.models import Authority
from clinic.ports import BuiltDocument, ComposeDelivery, DocumentOrder
from integrations.registry import load


def render_delivery(
    authority: Authority, order: DocumentOrder, built: BuiltDocument, jws: str
) -> ComposeDelivery:
    """What composes the channel's bytes for `authority`; fills `clinic.ports.ports.render_delivery`.

    Raises Misconfigured when the authority's channel or address is not usable: a mapping fault stops the
    signature, not the queue.
    """
    composer: ComposeDelivery = load("authorities", authority.channel).render(authority, order, built, jws)
    return composer
