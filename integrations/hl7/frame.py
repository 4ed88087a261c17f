"""MLLP release 1: a message between 0x0B and 0x1C 0x0D, cut out of whatever pieces the network delivers."""

from __future__ import annotations

START, END = b"\x0b", b"\x1c\x0d"
SIZE_LIMIT = 32 * 1024 * 1024  # bytes of one message, a report with pictures included


class FrameTooLarge(Exception):
    """The peer sends more than we take before it ends a message."""


def wrap(message: bytes) -> bytes:
    """The message as it goes over the line."""
    return START + message + END


class FrameReader:
    """Feed it what arrives; it gives each complete message, whatever way the bytes were cut.

    Stray bytes between frames (CR, LF, NUL) are skipped. A frame that begins anew before it ended drops the piece
    before. The end is 0x1C 0x0D; some peers leave the CR before it out, none may leave out the block end.
    """

    def __init__(self, limit: int = SIZE_LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._inside = False
        self._searched = 0  # bytes of the buffer in which no end was found yet

    def feed(self, piece: bytes) -> list[bytes]:
        """The messages completed by `piece`; raises FrameTooLarge."""
        if not self._inside and piece.rfind(START) == 0 < piece.find(END) == len(piece) - len(END) <= self._limit:
            return [piece[len(START) : -len(END)]]  # one message, whole: nearly always
        self._buffer += piece
        messages: list[bytes] = []
        while self._begin() and (message := self._finish()) is not None:
            messages.append(message)
        return messages

    @property
    def is_inside(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._inside

    def _begin(self) -> bool:
        if self._inside:
            return True
        at = self._buffer.find(START)
        if at < 0:
            self._buffer.clear()
            return False
        del self._buffer[: at + 1]
        self._inside, self._searched = True, 0
        return True

    def _finish(self) -> bytes | None:
        at = self._buffer.find(END, max(0, self._searched - 1))
        if at < 0:
            self._searched = len(self._buffer)
            if self._searched > self._limit:
                raise FrameTooLarge(f"more than {self._limit} bytes without an end")
            return None
        message = bytes(self._buffer[:at])
        del self._buffer[: at + len(END)]
        self._inside = False
        if len(message) > self._limit:
            raise FrameTooLarge(f"{len(message)} bytes")
        return message[message.rfind(START) + 1 :]
