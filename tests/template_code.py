"""Compiled templates, kept for the life of the test process and shared by the applications of all its tests."""

from __future__ import annotations

from types import CodeType

from jinja2.bccache import Bucket, BytecodeCache


class TemplateCode(BytecodeCache):
    """Code by template name and by the checksum of its source, so a changed template is compiled again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the bucket the code that another application compiled, if there is any."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled now."""
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code
