"""A page's text without what chance may write any word into."""

from __future__ import annotations

import re

_TOKENS = re.compile(r'nonce="[^"]*"|"\.?[\w-]+\.[\w-]{5,8}\.[\w-]{20,}"')  # itsdangerous: words, time, proof
_SEALED = re.compile(r"\bgAAAA[\w-]{40,}")  # Fernet: what was searched for, in an address


def leave_tokens_out(text: str) -> str:
    """The page without nonces and signed or sealed tokens: three letters of them may spell a test's name."""
    return _SEALED.sub("", _TOKENS.sub("", text))
